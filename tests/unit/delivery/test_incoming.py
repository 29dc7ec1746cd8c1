"""What a mail that came in says of itself, whatever its bytes are."""

import sys
from collections.abc import Callable
from email.message import EmailMessage
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outside import ROOT, load

from newsletter.delivery import bounces
from newsletter.delivery.bounces import mime
from newsletter.delivery.incoming import Arrival, Incoming, Wish, read

BENCH = load(ROOT / "bench" / "bounces.py")


def said(content: bytes, recipient: str = "") -> Incoming:
    return read(Arrival("a mail", content, recipient))


@given(st.binary(max_size=2_000))
def test_whatever_the_bytes_are_something_is_said(content: bytes) -> None:
    assert len(said(content).digest) == 64


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["From", "To", "Subject", "Content-Type", "Message-ID", "Delivered-To", "Auto-Submitted"]),
            st.text(max_size=60) | st.sampled_from(["multipart/mixed; boundary=x", "text/plain; charset=nonsense"]),
        ),
        max_size=8,
    ),
    st.text(max_size=200),
)
def test_whatever_the_fields_are_something_is_said(fields: list[tuple[str, str]], body: str) -> None:
    head = "".join(f"{name}: {value}\n" for name, value in fields)
    assert len(said(f"{head}\n{body}".encode("utf-8", "replace")).digest) == 64


def test_the_surest_recipient_comes_first() -> None:
    content = b"To: Team <t@x.org>, u@x.org\nCc: c@x.org\nX-Original-To: o@x.org\nDelivered-To: d@x.org\n\n"
    assert said(content, "e@x.org").recipients == ("e@x.org", "d@x.org", "o@x.org", "t@x.org", "u@x.org", "c@x.org")


@pytest.mark.parametrize(
    ("subject", "token"),
    [
        ("unsubscribe", ""),
        ("Unsubscribe abcdefgh.ijk_L-m", "abcdefgh.ijk_L-m"),
        ("RE: Fwd: [2]", None),
        ("Re[2]: UNSUBSCRIBE 1f-ABCDEFGHIJKLMNOP", "1f-ABCDEFGHIJKLMNOP"),
        ("=?utf-8?q?unsubscribe_abcdefghi?=", "abcdefghi"),
        ("=?nonsense?q?unsubscribe?=", ""),
        ("unsubscribe\n abcdefghi", "abcdefghi"),
        ("Please unsubscribe me.", ""),
        ("Remove me from your mailing list", ""),
        ("Bitte Newsletter abbestellen", ""),
        ("=?utf-8?b?0J7RgtC/0LjRgdCw0YLRjNGB0Y8=?=", ""),
        ("退订", ""),
        ("remove agents from the list", None),
        ("How do I unsubscribe a friend?", None),
        ("unsubscribe me from this at once", None),
        ("Undelivered: unsubscribe abcdefghi", None),
        ("", None),
    ],
)
def test_a_mail_asks_to_leave_by_its_whole_subject(subject: str, token: str | None) -> None:
    found = said(f"From: ada@example.org\nSubject: {subject}\n\nHello.\n".encode())
    assert (found.leaving, found.token) == (token is not None, token or "")


TAG = "1f-0123456789abcdef"


@pytest.mark.parametrize(
    ("subject", "wish"),
    [
        (f"more {TAG}-3-0123abcd", Wish("more", TAG, mark="3-0123abcd")),
        (f"Re: LESS {TAG.upper()}-12-0123ABCD.", Wish("less", TAG.upper(), mark="12-0123ABCD")),
        (f"pause {TAG}", Wish("pause", TAG)),
        (f"pause {TAG} until 2026-12-24", Wish("pause", TAG, until="2026-12-24")),
        (f"Pause {TAG} for 2 Weeks", Wish("pause", TAG, days=14)),
        (f"pause {TAG} a month", Wish("pause", TAG, days=30)),
        (f"resume {TAG}!", Wish("resume", TAG)),
        (f"more {TAG}", None),
        (f"more {TAG}-3", None),
        (f"more {TAG}-3-0123abc", None),
        (f"more {TAG}-3-0123abcde", None),
        (f"more {TAG}-0-0123abcd", None),
        (f"more {TAG}-3-0123abcd and more", None),
        (f"pause {TAG} 2026-1-1", None),
        (f"pause {TAG} 1000 days", None),
        (f"resume {TAG}-3", None),
        (f"some more {TAG}-3-0123abcd", None),
        (f"Undelivered: more {TAG}-3-0123abcd", None),
        ("more", None),
    ],
)
def test_a_mail_asks_for_something_by_its_whole_subject(subject: str, wish: Wish | None) -> None:
    found = said(f"From: ada@example.org\nSubject: {subject}\n\nHello.\n".encode())
    assert (found.wish, found.leaving) == (wish, False)


@given(st.text(st.sampled_from("more less pause resume until week 0123456789abcdef-:Re"), max_size=80))
def test_a_subject_that_is_nearly_a_command_is_read(subject: str) -> None:
    wish = said(f"Subject: {subject}\n\n".encode()).wish
    assert wish is None or wish.token in subject


@pytest.mark.parametrize("encoding", ["7bit", "base64", "quoted-printable"])
def test_a_mail_asks_to_leave_by_its_first_line(encoding: str) -> None:
    written = EmailMessage()
    written["Subject"] = "Re: Three papers"
    written.set_content("\n  Unsubscribe abcdefghi  \n\nBest,\nAda\n", cte=encoding)
    written.add_alternative("<p>unsubscribe</p>", subtype="html")
    assert said(written.as_bytes()).token == "abcdefghi"


@pytest.mark.parametrize(
    "field",
    ["Auto-Submitted: auto-replied", "Precedence: Bulk", "List-Id: <x.example>", "Return-Path: <>"],
)
def test_what_no_person_wrote_is_known(field: str) -> None:
    assert said(f"{field}\nSubject: unsubscribe\n\n".encode()).automatic
    assert not said(b"Subject: unsubscribe\nAuto-Submitted: no\nReturn-Path: <ada@example.org>\n\n").automatic


def test_message_ids_are_found_in_the_open_and_in_what_is_encoded() -> None:
    inner = EmailMessage()
    inner["Message-ID"] = "<inner@x.org>"
    report = EmailMessage()
    report["Message-ID"] = "<own@x.org>"
    report["References"] = "<referred@x.org>"
    report.set_content("about <named@x.org>")
    report.add_attachment(inner.as_bytes(), maintype="application", subtype="octet-stream", cte="base64")
    assert set(said(report.as_bytes()).quoted) == {"<referred@x.org>", "<named@x.org>", "<inner@x.org>"}


def test_copies_of_a_mail_are_one_and_other_mails_are_others() -> None:
    one = b"From: a@x.org\nMessage-ID: <1@x.org>\n\nThe body.\n"
    copies = (one, one.replace(b"\n", b"\r\n"), b"Received: by y\nDelivered-To: z@x.org\n" + one, one + b"\n")
    assert len({said(copy).digest for copy in copies}) == 1
    others = (one.replace(b"<1@", b"<2@"), one.replace(b"body", b"bodies"), one.replace(b"a@x", b"b@x"))
    assert len({said(other).digest for other in (one, *others)}) == 4


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: " + b"=?utf-8?q?a?= " * 500_000 + b"\n\n",
        b"Subject: " + b"re: " * 1_000_000 + b"\n\n",
        b"To: " + b"a@b,((" * 1_000_000 + b"\n\n",
        b"From: " + b"=?utf-8?q?a?= <a@b>, " * 200_000 + b"\n\n",
        b"Subject: x\n\n" + b"<a@" * 2_000_000,
    ],
    ids=["encoded words", "answers", "comments", "senders", "Message-IDs"],
)
def test_a_mail_that_is_made_to_keep_us_busy_does_not(content: bytes) -> None:
    """Without a bound, some of these take minutes: the tests would hang."""
    assert not said(content).leaving


def calls(work: Callable[[], object]) -> int:
    """Return how many functions were called, in Python or in C."""
    counted = 0

    def count(_frame: FrameType, event: str, _of: Any) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return counted


def reports(mail: Arrival) -> list[bounces.Bounce]:
    return bounces.parse(mail.content or b"")


@pytest.mark.parametrize("work", [read, reports])
@pytest.mark.parametrize("name", BENCH.HOSTILE)
def test_work_ends_with_the_first_half_megabyte(name: str, work: Callable[[Arrival], object]) -> None:
    short, long = BENCH.hostile(name, 1_000_000), BENCH.hostile(name, 8_000_000)
    # What is done only once, such as to look up a charset, is done before.
    work(short)
    assert calls(lambda: work(long)) == calls(lambda: work(short)) < 3_000_000
    assert len(mime.read(long.content).parts) <= 60


def test_no_depth_of_parts_is_too_deep() -> None:
    assert not read(BENCH.nested(200_000)).leaving
    assert calls(lambda: read(BENCH.nested(200_000))) - calls(lambda: BENCH.nested(200_000)) < 10_000


def test_a_forwarded_mail_asks_for_nothing() -> None:
    inner = EmailMessage()
    inner["Subject"] = "unsubscribe"
    inner.set_content("unsubscribe")
    outer = EmailMessage()
    outer["Subject"] = "Fwd: what they wrote"
    outer.add_attachment(inner)
    assert not said(outer.as_bytes()).leaving
