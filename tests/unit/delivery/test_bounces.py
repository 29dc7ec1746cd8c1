"""Reports of many systems say whom they are about, and how bad it is; what is no report gives nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from bounce_reports import ADA, SAMPLES, Sample, arf, dsn, group, plain
from hypothesis import given, settings
from hypothesis import strategies as st
from outside import ROOT, load

from newsletter.delivery.bounces import Bounce, parse
from newsletter.delivery.bounces.address import of_field
from newsletter.delivery.bounces.kind import judge, status


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])
def test_a_report_names_addresses_and_kinds(sample: Sample) -> None:
    assert [(bounce.address, bounce.kind) for bounce in parse(sample.raw)] == sample.found


def test_a_report_keeps_code_words_and_the_address_that_was_mailed() -> None:
    fields = (
        "Original-Recipient: rfc822;alias@example.org\nFinal-Recipient: rfc822; ada@example.org\nAction: failed\n"
        "Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 <ada@example.org>:\n  user\tunknown\n"
    )
    assert parse(dsn(fields)) == [
        Bounce(ADA, "hard", "5.1.1", "550 5.1.1 <ada@example.org>: user unknown", original_address="alias@example.org")
    ]


def test_a_warning_of_a_delay_does_not_count() -> None:
    [bounce] = parse(dsn(group(ADA, "4.4.1", "timed out", action="delayed")))
    assert bounce.delayed
    assert not bounce.counts
    [failed] = parse(dsn(group(ADA, "4.4.7", "timed out")))
    assert failed.counts


def test_of_two_words_on_one_address_the_final_and_milder_one_stays() -> None:
    delay, gone, full = group(ADA, "4.4.1", action="delayed"), group(ADA, "5.1.1"), group(ADA, "5.2.2")
    for fields, kind in ((delay + gone, "hard"), (gone + delay, "hard"), (gone + full, "soft"), (full + gone, "soft")):
        [bounce] = parse(dsn(fields))
        assert (bounce.kind, bounce.delayed) == (kind, False)


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        ("abuse", True),
        ("fraud", True),
        ("opt-out", True),
        ("other", True),
        ("not-spam", False),
        ("auth-failure", False),
    ],
)
def test_a_complaint_counts_where_a_reader_made_it(kind: str, counts: bool) -> None:
    [bounce] = parse(arf(f"Feedback-Type: {kind}\nOriginal-Rcpt-To: {ADA}\n"))
    assert (bounce.kind, bounce.feedback, bounce.counts) == ("complaint", kind, counts)


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        # A code of its own against words, and words against a code.
        ("5.1.1", "", "hard"),
        ("5.1.2", "", "hard"),
        ("5.1.10", "", "hard"),
        ("5.0.0", "", "soft"),
        ("5.2.2", "", "soft"),
        ("5.7.1", "", "soft"),
        ("", "", "soft"),
        ("5.1.1", "550 5.1.1 mailbox over quota", "soft"),
        ("5.1.1", "550 5.1.1 your host is on our blocklist", "soft"),
        ("5.7.1", "550 5.7.1 user unknown", "soft"),
        ("5.1.1", "550 5.7.1 no thanks", "soft"),
        ("4.1.1", "450 4.1.1 no such user", "soft"),
        ("5.2.2", "552 5.2.2 no such user", "soft"),
        ("", "450 user unknown", "soft"),
        # The reader
        ("", "550 5.1.1 there is no account by that name", "hard"),
        ("5.0.0", "554 this user doesn't have an example.org account", "hard"),
        ("5.0.0", "The account you tried to reach does not exist (in reply to RCPT TO command)", "hard"),
        ("5.0.0", "User ada is not listed in the directory", "hard"),
        ("", "Host or domain name not found", "hard"),
        ("", "Unrouteable address", "hard"),
        ("5.4.4", "the domain does not accept mail", "hard"),
        # The reader, but it may pass
        ("5.2.1", "550 the account is disabled", "soft"),
        ("", "550 account temporarily suspended", "soft"),
        ("", "La boîte aux lettres est pleine", "soft"),
        # Us
        ("", "553 sorry, that domain isn't in my list of allowed rcpthosts", "soft"),
        ("", "501 sender address rejected: domain not found", "soft"),
        ("", "550 SMTP error after MAIL FROM:<a@example.net>: domain does not exist", "soft"),
        ("", "554 message refused: SPF check failed", "soft"),
        ("", "550 relaying denied", "soft"),
        ("", "452 too many recipients this hour", "soft"),
        ("", "554 message too large", "soft"),
        ("", "550 reverse DNS lookup failed", "soft"),
        # The way
        ("", "connect to mx.example.org: Connection refused", "soft"),
        ("", "retry timeout exceeded", "soft"),
        ("4.4.3", "Host not found, try again", "soft"),
        ("5.4.6", "mail loop", "soft"),
        # Without a code, or after the text was seen, the words may be a filter's.
        ("5.0.0", "550 The account you tried to reach does not exist", "soft"),
        ("", "550 User unknown", "soft"),
        ("5.0.0", "550 User unknown", "soft"),
        ("5.0.0", "550 User unknown (in reply to RCPT TO command)", "hard"),
        ("5.0.0", "550 User unknown (in reply to end of DATA command)", "soft"),
    ],
)
def test_words_and_codes_are_weighed(code: str, words: str, kind: str) -> None:
    assert judge(code or status("", words), words) == kind


def test_what_is_said_around_may_only_soften() -> None:
    assert judge("5.1.1", "550 5.1.1 user unknown", "the mailbox is full") == "soft"
    assert judge("5.7.1", "550 5.7.1 blocked", "user unknown") == "soft"


@pytest.mark.parametrize(
    ("field", "words", "found"),
    [
        ("5.1.1", "", "5.1.1"),
        ("5.1.1 (no such mailbox)", "", "5.1.1"),
        ("5.0.0", "550 5.7.26 unauthenticated", "5.7.26"),
        ("5.7.1", "550 5.1.1 unknown", "5.7.1"),
        ("", "host 192.0.2.1 said: 550-5.2.1 off", "5.2.1"),
        ("", "no mailbox (#5.1.1)", "5.1.1"),
        ("", "from 5.1.1.7 and 4.16.55.1", ""),
        ("broken", "", ""),
    ],
)
def test_the_most_telling_code_is_kept(field: str, words: str, found: str) -> None:
    assert status(field, words) == found


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "x-unknown", "punycode"])
def test_parts_are_decoded(encoding: str, charset: str) -> None:
    from base64 import encodebytes
    from quopri import encodestring

    fields = group(ADA, "5.1.1", "550 5.1.1 user unknown").encode()
    body = {"base64": encodebytes, "quoted-printable": encodestring, "8bit": bytes}[encoding](fields)
    raw = (
        b"From: postmaster@example.org\nContent-Type: multipart/mixed; boundary=a\n\n--a\n"
        b'Content-Type: multipart/report;\n\tboundary="b b"\n\n--b b\nContent-Type: message/delivery-status; charset='
        + f"{charset}\nContent-Transfer-Encoding: {encoding}\n\n".encode()
        + body
        + b"\n--b b--\n--a--\n"
    )
    assert [(bounce.address, bounce.kind) for bounce in parse(raw)] == [(ADA, "hard")]


REAL = [sample.raw for sample in SAMPLES if sample.raw]


@given(st.binary(max_size=2_000))
def test_any_bytes_give_a_list(raw: bytes) -> None:
    assert isinstance(parse(raw), list)


@given(
    raw=st.sampled_from(REAL),
    edits=st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 40), st.binary(max_size=20)), max_size=12),
)
@settings(max_examples=300)
def test_a_report_that_was_mangled_gives_well_formed_values(raw: bytes, edits: list[tuple[int, int, bytes]]) -> None:
    for at, length, put in edits:
        at %= len(raw) or 1
        raw = raw[:at] + put + raw[at + length :]
    for bounce in parse(raw):
        assert bounce.kind in ("hard", "soft", "complaint")
        assert bounce.reason.isprintable()
        assert len(bounce.reason) <= 300
        assert bounce.address.count("@") <= 2
        assert not any(sign.isspace() for sign in bounce.address)


def nested(depth: int) -> bytes:
    """Return multiparts inside each other."""
    return (
        b"".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n".encode() for n in range(depth))
        + group(ADA, "5.1.1").encode()
    )


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "nested": lambda size: nested(size // 50),
    "one boundary": lambda size: b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * (size // 4),
    "one field": lambda size: b"Subject: " + b" x" * (size // 2),
    "folded": lambda size: b"Content-Type: multipart/mixed;" + b"\n " * (size // 2),
    "fields": lambda size: b"A: b\n" * (size // 5),
    "spaces in a type": lambda size: b"Content-Type: multipart/mixed;" + b" " * size + b"\n\nx",
    "at signs": lambda size: plain("could not be delivered\n" + "@a" * (size // 2)),
    "one line": lambda size: plain("could not be delivered to " + "a" * size),
    "addresses": lambda size: plain(
        "could not be delivered\n" + "".join(f"<a{n}@b.org>:\n" for n in range(size // 12))
    ),
    "groups": lambda size: dsn("".join(group(f"a{n}@b.org", "5.1.1", "550 no") for n in range(size // 80))),
    "words": lambda size: dsn(group(ADA, "5.0.0", "user " * (size // 5))),
    "no spaces": lambda size: dsn(group(ADA, "5.0.0", "user" * (size // 4))),
    "tags": lambda size: (
        b"From: postmaster@a.org\nSubject: failure\nContent-Type: text/html\n\n" + b"<style<p" * (size // 8)
    ),
    "json": lambda size: plain('{"Recipients":' + "[" * size),
    "number": lambda size: plain('{"Recipients": ' + "9" * size + "}"),
    "encoded words": lambda size: plain("failed", subject="=?utf-8?b?=?" * (size // 12)),
    "zeros": bytes,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_work_is_bounded_whatever_the_form(name: str) -> None:
    # What grew with the square of the length would not come to an end here.
    found = parse(HOSTILE[name](1_000_000))
    assert len(found) <= 100


def test_fifty_megabytes_cost_what_half_a_megabyte_costs() -> None:
    report = dsn(group(ADA, "5.1.1"))
    assert parse(report + b"x" * 50_000_000) == parse(report)


def test_real_reports_are_read_as_another_library_reads_them(shared: Path) -> None:
    folder = shared / "bench" / "bounces"
    if not folder.is_dir():
        pytest.skip("needs the reports of ../shared/bench/bounces")
    measure = load(ROOT / "bench" / "bounces.py")
    result = measure.score(folder / "sisimai", measure.truth(folder / "sisimai.jsonl"))
    assert result.share("addresses found", "addresses") >= 0.98
    assert result.share("kinds right", "addresses") >= 0.95
    assert result.share("soft called hard", "soft") < 0.02
    assert result.share("complaints known", "complaints") == 1
    assert result.share("automatic silent", "automatic") == 1


@pytest.fixture(scope="session")
def real_reports(shared: Path) -> list[bytes]:
    """The real reports, for mangling."""
    folder = shared / "bench" / "bounces" / "sisimai"
    if not folder.is_dir():
        pytest.skip("needs the reports of ../shared/bench/bounces")
    return [path.read_bytes() for path in sorted(folder.glob("*.eml"))]


@given(data=st.data())
@settings(max_examples=200)
def test_real_reports_that_were_mangled_do_no_harm(real_reports: list[bytes], data: st.DataObject) -> None:
    raw = data.draw(st.sampled_from(real_reports))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw)))
        put = data.draw(st.binary(max_size=12) | st.sampled_from([b"\n\n", b"\n--", b"\x00", b"Content-Type: ", b"=?"]))
        raw = raw[:at] + put + raw[at + data.draw(st.integers(0, 200)) :]
    assert all(bounce.kind in ("hard", "soft", "complaint") for bounce in parse(raw))


def test_an_address_of_letters_beyond_ascii_is_read_whole() -> None:
    # RFC 6533 section 3: the type is utf-8, and the domain may be in its own letters.
    assert of_field("utf-8; jörg@bücher.example") == "jörg@bücher.example"
    assert of_field("rfc822; ada@example.org") == "ada@example.org"
