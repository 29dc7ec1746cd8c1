"""What is signed verifies with another program, whatever it holds, and no more once anything that counts is changed."""

import asyncio
import re
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import cache

import dkim as dkimpy
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.delivery import dkim_keys, quoted
from newsletter.delivery.dkim import OVERSIGNED, SIGNED, Seal
from newsletter.delivery.dkim_keys import Key
from newsletter.delivery.message import Letter, build

DOMAIN = "newsletter.example"
NOW = datetime(2026, 11, 21, 7, 30, tzinfo=UTC)

LETTER = Letter(
    from_name="Papers for you",
    from_address="papers@newsletter.example",
    to_address="ada@example.org",
    subject="Ten papers, and a subject that is longer than a line, so that it has to be folded somewhere",
    message_id="<i7.0a1b2c@newsletter.example>",
    date=datetime(2026, 11, 21, 7, 0, tzinfo=UTC),
    list_id="papers.newsletter.example",
    list_unsubscribe=("https://newsletter.example/u/abc", "mailto:papers@newsletter.example?subject=unsubscribe%20abc"),
    one_click=True,
    html_parts=tuple(map(quoted.encode, ("<p>.</p>\n", ".\n..\n", "<p>blanks  in   a row </p>  \n\n\n"))),
    text_parts=tuple(map(quoted.encode, ("One\n", "Zwei é 漢 \n"))),
    reply_to="editor@newsletter.example",
    language="en",
    feedback_id="2026-11-21:daily:papers:newsletterexamp",
    complaints_to="complaints@newsletter.example",
    precedence="bulk",
    automatic=True,
)


class Clock:
    """A clock that stands still."""

    def now(self) -> datetime:
        return NOW


@cache
def rsa() -> Key:
    return dkim_keys.make("rsa", "one")


@cache
def ed25519() -> Key:
    return dkim_keys.make("ed25519", "two")


def sealed(content: bytes, *keys: Key, domain: str = DOMAIN) -> bytes:
    """Return the message with the signatures of these keys."""

    async def whole() -> bytes:
        with Seal(domain, keys, Clock()) as seal:
            made = seal.seal(content)
            return made if isinstance(made, bytes) else await made

    return asyncio.run(whole())


def verified(content: bytes, *keys: Key, domain: str = DOMAIN) -> list[bool]:
    """Return what dkimpy says of each signature."""
    records = {f"{record.name}.".encode(): record.value.encode() for record in published(keys, domain)}
    message = dkimpy.DKIM(content)
    found: list[bool] = []
    for place in range(len(keys)):
        try:
            found.append(message.verify(place, dnsfunc=lambda name, timeout=5: records.get(name)))
        except dkimpy.DKIMException:
            found.append(False)
    return found


def published(keys: Sequence[Key], domain: str) -> list[dkim_keys.Record]:
    return [dkim_keys.record(key, domain) for key in keys]


def signature(content: bytes) -> dict[str, str]:
    """Return the tags of the first signature, without blanks."""
    field = re.match(rb"DKIM-Signature:((?:.|\r\n )*)\r\n", content)
    assert field is not None
    words = b"".join(field[1].split()).decode()
    return dict(tag.split("=", 1) for tag in words.split(";"))


def test_a_letter_has_two_signatures_that_verify() -> None:
    content = sealed(build(LETTER), rsa(), ed25519())
    assert content.endswith(build(LETTER))
    assert content.count(b"DKIM-Signature:") == 2
    assert verified(content, rsa(), ed25519()) == [True, True]


def test_the_signature_says_who_when_and_how() -> None:
    tags = signature(sealed(build(LETTER), ed25519()))
    assert {name: tags[name] for name in ("v", "a", "c", "d", "s", "t")} == {
        "v": "1",
        "a": "ed25519-sha256",
        "c": "relaxed/simple",
        "d": DOMAIN,
        "s": "two",
        "t": str(int(NOW.timestamp())),
    }
    # Neither an end of its life nor a length of the body: both let others do what the signature is to prevent.
    assert tags.keys() == {"v", "a", "c", "d", "s", "t", "h", "bh", "b"}


def test_all_that_a_letter_has_is_covered() -> None:
    content = build(LETTER)
    names = {line.partition(b":")[0].decode() for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n")}
    fields = {name for name in names if not name.startswith(" ")}
    covered = signature(sealed(content, ed25519()))["h"].split(":")
    assert fields <= set(covered)
    assert {"From", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID", "CFBL-Address"} <= fields
    assert all(covered.count(name) == (name in fields) + (name in OVERSIGNED) for name in (*OVERSIGNED, *SIGNED))


@pytest.mark.parametrize("name", OVERSIGNED)
@pytest.mark.parametrize("first", [True, False])
def test_none_of_what_readers_go_by_can_be_added(name: str, first: bool) -> None:
    content = sealed(build(LETTER), rsa(), ed25519())
    field = f"{name}: someone@example.net\r\n".encode()
    head, _, body = content.partition(b"\r\n\r\n")
    changed = field + content if first else head + b"\r\n" + field + b"\r\n" + body
    assert verified(changed, rsa(), ed25519()) == [False, False]


@pytest.mark.parametrize("name", ["Received", "Return-Path", "Sender", "X-Spam-Score", "ARC-Seal"])
def test_what_relays_add_does_no_harm(name: str) -> None:
    content = f"{name}: someone@example.net\r\n".encode() + sealed(build(LETTER), rsa(), ed25519())
    assert verified(content, rsa(), ed25519()) == [True, True]


def test_a_relay_may_fold_fields_anew() -> None:
    content = sealed(build(LETTER), rsa(), ed25519())
    head, _, body = content.partition(b"\r\n\r\n")
    unfolded = head.replace(b"\r\n ", b"\t ").replace(b"\r\nSubject: ", b"\r\nSUBJECT:\r\n\t")
    assert unfolded != head
    assert verified(unfolded + b"\r\n\r\n" + body, rsa(), ed25519()) == [True, True]


@pytest.mark.parametrize("domain", ["a.de", f"{'a' * 60}.{'b' * 60}.example"])
def test_lines_are_short_and_end_as_they_should(domain: str) -> None:
    content = sealed(build(LETTER), rsa(), ed25519(), domain=domain)
    lines = content[: -len(build(LETTER))].split(b"\r\n")[:-1]
    assert all(len(line) <= 78 or b" " not in line.strip() for line in lines)
    assert all(line.startswith((b"DKIM-Signature: ", b" ")) for line in lines)
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|[ \t]\r\n", content)
    assert verified(content, rsa(), ed25519(), domain=domain) == [True, True]


def test_a_message_of_nobody_is_not_signed() -> None:
    with pytest.raises(ValueError, match="From"):
        sealed(b"To: ada@example.org\r\n\r\nHello\r\n", ed25519())


def test_what_pythons_own_package_writes_verifies_too() -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "papers@newsletter.example", "ada@example.org", "Grüße " * 20
    message.set_content("Naïve.\n\n\n" * 30)
    message.add_alternative("<p>Naïve</p>", subtype="html")
    content = message.as_bytes().replace(b"\n", b"\r\n")
    assert verified(sealed(content, rsa(), ed25519()), rsa(), ed25519()) == [True, True]


async def test_the_loop_goes_on_while_rsa_signs() -> None:
    with Seal(DOMAIN, [rsa()], Clock(), threads=2) as seal:
        made = [seal.seal(build(LETTER)) for _ in range(4)]
        assert not any(isinstance(one, bytes) for one in made)
        contents = await asyncio.gather(*(one for one in made if isinstance(one, Awaitable)))
    # RSA as RFC 6376 has it is deterministic.
    assert len(contents) == 4
    assert len(set(contents)) == 1


def test_ed25519_is_signed_at_once() -> None:
    assert isinstance(Seal(DOMAIN, [ed25519()], Clock()).seal(build(LETTER)), bytes)


words = st.text(
    alphabet=st.one_of(st.sampled_from("  \t.:;=<>@%é漢"), st.characters(min_codepoint=33, max_codepoint=126)),
    min_size=1,
    max_size=40,
)
# Folded anywhere before a blank, as long as no line is blank (RFC 5322 section 3.2.2 has that as obsolete).
values = words.map(lambda text: re.sub(r"(?<=\S)([ \t]+)(?=\S)", "\r\n\\1", text))
names = st.sampled_from([name for name in (*OVERSIGNED, *SIGNED) if name != "From"] + ["X-Other", "Received", "X-%d"])
lines = st.one_of(st.sampled_from([".", "..", "", "", " ", " x ", "\t", "From me", "=2E", "é"]), words)


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Draw a message: its fields, each ended, and its body."""
    fields = [
        f"{draw(names)}:{draw(st.sampled_from(['', ' ', '  ']))}{draw(values)}" for _ in range(draw(st.integers(0, 8)))
    ]
    fields.insert(draw(st.integers(0, len(fields))), f"From: {draw(values)}")
    body = "\r\n".join(draw(st.lists(lines, max_size=8)))
    return "".join(f"{field}\r\n" for field in fields).encode(), body.encode()


@given(messages())
@example((b"From: a@b.c\r\n", b""))
@example((b"From: a@b.c\r\n", b"\r\n"))
@example((b"From: a@b.c\r\n", b"\r\n\r\n\r\n"))
@example((b"From: a@b.c\r\n", b"no end"))
@example((b"from:  a@b.c \t \r\nX:\r\n", b" \r\n.\r\n \r\n\r\n"))
def test_whatever_is_signed_verifies(message: tuple[bytes, bytes]) -> None:
    head, body = message
    assert verified(sealed(head + b"\r\n" + body, rsa(), ed25519()), rsa(), ed25519()) == [True, True]


@given(messages(), st.data())
def test_a_changed_byte_of_the_body_is_noticed(message: tuple[bytes, bytes], data: st.DataObject) -> None:
    head, body = message[0], message[1] + b"\r\nThe end.\r\n"
    content = sealed(head + b"\r\n" + body, rsa(), ed25519())
    place = len(content) - 1 - data.draw(st.integers(0, len(body) - 1))
    assert verified(with_another(content, place), rsa(), ed25519()) == [False, False]


@given(st.data())
def test_a_changed_byte_of_a_covered_field_is_noticed(data: st.DataObject) -> None:
    plain = build(LETTER)
    content = sealed(plain, rsa(), ed25519())
    start = len(content) - len(plain)
    # Blanks and the case of a field's name count for nothing in the relaxed form.
    values = [
        start + place
        for found in re.finditer(
            rb"^[!-9;-~]+:((?:.|\r\n )*)\r\n", plain.partition(b"\r\n\r\n")[0] + b"\r\n", re.MULTILINE
        )
        for place in range(*found.span(1))
        if not plain[place : place + 1].isspace()
    ]
    assert verified(with_another(content, data.draw(st.sampled_from(values))), rsa(), ed25519()) == [False, False]


@given(st.integers(0, 10_000))
def test_a_changed_byte_of_a_signature_is_noticed(number: int) -> None:
    content = sealed(build(LETTER), ed25519())
    made = re.search(rb"\r\n b=((?:.|\r\n )*)\r\n", content)
    assert made is not None
    # The last digit before the padding holds bits that count for nothing.
    places = [place for place in range(*made.span(1)) if content[place : place + 1].isalnum()][:-1]
    assert verified(with_another(content, places[number % len(places)]), ed25519()) == [False]


def with_another(content: bytes, place: int) -> bytes:
    """Return the same with another byte at a place."""
    other = b"x" if content[place : place + 1] != b"x" else b"y"
    return content[:place] + other + content[place + 1 :]
