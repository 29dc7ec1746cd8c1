"""A letter becomes bytes that say what was meant, to every parser, whatever the text."""

from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.delivery.message import Letter, build, enclosed
from newsletter.delivery.quoted import encode

LETTER = Letter(
    from_name="Papers for you",
    from_address="papers@newsletter.example",
    to_address="ada@example.org",
    subject="Ten papers",
    message_id="<i7.0a1b2c@newsletter.example>",
    date=datetime(2026, 11, 21, 7, 0, tzinfo=UTC),
    list_id="papers.newsletter.example",
    list_unsubscribe=("https://newsletter.example/u/abc", "mailto:papers@newsletter.example?subject=unsubscribe%20abc"),
    one_click=True,
    html_parts=[encode("<p>One</p>\n"), encode("<p>Two</p>\n")],
    text_parts=[encode("One\n"), encode("Two\n")],
)

# Text in which everything that quoted-printable treats apart comes up often.
pieces = st.lists(
    st.text(
        alphabet=st.one_of(
            st.sampled_from(" \t.=\r\nFrom -_é漢😀\x00\x0b\x85\u2028"), st.characters(exclude_categories=["Cs"])
        ),
        max_size=300,
    ),
    max_size=5,
).map(tuple)


def read(letter: Letter) -> EmailMessage:
    return message_from_bytes(build(letter), policy=default)


def with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    assert part is not None
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return with_line_feeds(payload.decode("utf-8"))


def expected(parts: tuple[str, ...]) -> str:
    text = "".join(with_line_feeds(part) for part in parts)
    return text if not text or text.endswith("\n") else text + "\n"


@given(html=pieces, text=pieces)
@example(html=("." * 300,), text=("From here", "From there " * 20))
@example(html=("a" * 75 + ".b", "a" * 74 + "é"), text=("x" * 76 + "\n" + "y" * 77, " "))
@example(html=("a " * 100 + "\n",), text=("\n\n", "", ".\r.\n.\r\n", "--=_"))
def test_every_body_comes_back_and_every_line_is_safe(html: tuple[str, ...], text: tuple[str, ...]) -> None:
    raw = build(LETTER._replace(html_parts=[*map(encode, html)], text_parts=[*map(encode, text)]))
    message = message_from_bytes(raw, policy=default)

    assert body(message, "html") == expected(html)
    assert body(message, "plain") == expected(text)
    assert message.defects == []
    assert raw.isascii()
    assert raw.endswith(b"\r\n")
    lines = raw.split(b"\r\n")
    assert all(b"\r" not in line and b"\n" not in line for line in lines)
    assert max(len(line) for line in lines[lines.index(b"") :]) <= 76
    assert max(len(line) for line in lines) <= 78
    assert not any(line.startswith((b".", b"From ")) for line in lines)
    assert not any(line.endswith((b" ", b"\t")) for line in lines[lines.index(b"") :])


@given(text=st.text(max_size=400))
def test_a_piece_ends_a_line_so_that_any_join_is_legal(text: str) -> None:
    encoded = encode(text)
    assert encoded == b"" or encoded.endswith(b"\r\n")


def test_a_lone_surrogate_costs_one_character_and_not_the_mail() -> None:
    assert encode("a\ud800b\n") == b"a?b\r\n"


@given(text=st.text(alphabet=st.sampled_from("aF.=~ \t\né"), max_size=100))
@example(text="x" * 75)
@example(text="x" * 76)
@example(text="a ")
def test_a_short_line_that_stands_for_itself_is_what_the_long_way_gives(text: str) -> None:
    # With a line end before it, no text is one short line.
    assert b"\r\n" + encode(text) == encode("\n" + text)


def test_the_headers_of_a_mailing_list() -> None:
    message = read(LETTER)
    assert message["From"] == "Papers for you <papers@newsletter.example>"
    assert message["To"] == "ada@example.org"
    assert message["Subject"] == "Ten papers"
    assert message["Message-ID"] == "<i7.0a1b2c@newsletter.example>"
    assert message["Date"].datetime == LETTER.date
    assert message["MIME-Version"] == "1.0"
    assert message["List-Id"] == "Papers for you <papers.newsletter.example>"
    assert message["List-Unsubscribe"] == (
        "<https://newsletter.example/u/abc>, <mailto:papers@newsletter.example?subject=unsubscribe%20abc>"
    )
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert all(part.get_content_charset() == "utf-8" for part in message.iter_parts())
    assert "Reply-To" not in message
    assert "Auto-Submitted" not in message
    assert len(message.keys()) == len({name.lower() for name in message})


def test_the_same_letter_gives_the_same_bytes_and_another_id_another_boundary() -> None:
    assert build(LETTER) == build(LETTER._replace())
    other = LETTER._replace(message_id="<other@newsletter.example>")
    assert read(other).get_boundary() != read(LETTER).get_boundary()


def test_one_click_needs_an_https_address() -> None:
    message = read(LETTER._replace(list_unsubscribe=("mailto:papers@newsletter.example",)))
    assert message["List-Unsubscribe"] == "<mailto:papers@newsletter.example>"
    assert "List-Unsubscribe-Post" not in message
    assert "List-Unsubscribe-Post" not in read(LETTER._replace(one_click=False))


def test_an_answer_address_a_language_and_a_zone() -> None:
    berlin = timezone(timedelta(hours=1))
    message = read(
        LETTER._replace(reply_to="ed@example.org", language="de", date=datetime(2026, 11, 21, 8, 0, tzinfo=berlin))
    )
    assert message["Reply-To"] == "ed@example.org"
    assert message["Content-Language"] == "de"
    assert message["Date"] == "Sat, 21 Nov 2026 08:00:00 +0100"
    # The same moment, told elsewhere.
    assert read(LETTER)["Date"] == "Sat, 21 Nov 2026 07:00:00 +0000"


def as_shown(text: str) -> str:
    """What a person sees of text in a header: one line, no controls."""
    spaced = "".join(" " if ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u2028\u2029" else c for c in text)
    while "  " in spaced:
        spaced = spaced.replace("  ", " ")
    return spaced.strip(" ")


header_text = st.text(
    alphabet=st.one_of(st.sampled_from(' ,"\\()<>@=?\r\n\0é漢😀'), st.characters(exclude_categories=["Cs"])),
    max_size=200,
)


@given(name=header_text, subject=header_text)
@example(name="", subject="")
@example(name='O"Brien \\ Co, (x)', subject="=?utf-8?q?not_encoded?=")
@example(name="word " * 40, subject="w" * 300)
@example(name="x" * 54, subject="Evil\r\nBcc: everyone@example.org")
def test_names_and_subjects_are_shown_as_written_and_add_no_header(name: str, subject: str) -> None:
    raw = build(LETTER._replace(from_name=name, subject=subject))
    message = message_from_bytes(raw, policy=default)
    head = raw[: raw.index(b"\r\n\r\n")]

    assert message["Subject"] == as_shown(subject)
    # The newer parser of Python 3.11 leaves spaces between encoded words, against RFC 2047 section 6.2.
    display, address = parseaddr(message_from_bytes(raw)["From"].replace("\r\n", ""))
    assert str(make_header(decode_header(display))) == as_shown(name)
    assert address == "papers@newsletter.example"
    assert message.keys() == read(LETTER).keys()
    assert head.isascii()
    assert max(len(line) for line in head.split(b"\r\n")) <= 78
    assert not any(line.strip() == b"" for line in head.split(b"\r\n"))
    assert not any(control in head.replace(b"\r\n", b"") for control in (b"\r", b"\n", b"\0"))


@pytest.mark.parametrize(
    "change",
    [
        {"to_address": "ada@example.org\r\nBcc: eve@example.org"},
        {"to_address": "ada@example.org, eve@example.org"},
        {"to_address": "Ada <ada@example.org>"},
        {"to_address": "ada\0@example.org"},
        {"to_address": "ada"},
        {"from_address": "papers@newsletter.example\nX: y"},
        {"reply_to": "ed@example.org>\r\n"},
        {"message_id": "<a@b.example>\r\nX: y"},
        {"message_id": "a@b.example"},
        {"list_id": "papers\nexample"},
        {"list_unsubscribe": ("https://newsletter.example/u\r\nX: y",)},
        {"list_unsubscribe": ("https://newsletter.example/>,<https://evil.example/",)},
        {"list_unsubscribe": ("javascript:alert(1)",)},
        {"language": "de\r\nX: y"},
        {"date": datetime(2026, 11, 21)},  # noqa: DTZ001 - that it has no zone is the fault
    ],
)
def test_what_would_break_out_of_its_field_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"address|Message-ID|List-Id|URI|field|time zone"):
        build(LETTER._replace(**change))  # type: ignore[arg-type]


def test_an_international_domain_goes_out_in_ascii_and_a_local_part_in_utf_8() -> None:
    assert read(LETTER._replace(to_address="ada@bücher.example"))["To"] == "ada@xn--bcher-kva.example"
    raw = build(LETTER._replace(to_address="zoë@bücher.example"))
    assert "To: zoë@xn--bcher-kva.example\r\n".encode() in raw


def test_a_long_address_to_unsubscribe_at_is_kept_whole() -> None:
    long = "https://newsletter.example/u/" + "t" * 300
    message = read(LETTER._replace(list_unsubscribe=(long, "mailto:papers@newsletter.example")))
    assert message["List-Unsubscribe"].split() == [f"<{long}>,", "<mailto:papers@newsletter.example>"]
    with pytest.raises(ValueError, match="too long"):
        build(LETTER._replace(list_unsubscribe=("https://newsletter.example/" + "t" * 1000,)))


def test_a_part_that_was_not_encoded_is_refused() -> None:
    with pytest.raises(ValueError, match="not encoded"):
        build(LETTER._replace(html_parts=[encode("<p>One</p>\n"), b"a\r\n.\r\nMAIL FROM:<x@y>\r\n"]))


@given(content=st.binary(max_size=3000), html=pieces)
@example(content=b"", html=("x ",))
def test_a_picture_travels_beside_the_html_that_shows_it(content: bytes, html: tuple[str, ...]) -> None:
    picture = enclosed(content, "png", "0a1b@logo.invalid")
    raw = build(LETTER._replace(html_parts=[*map(encode, html)], picture=picture))
    message = message_from_bytes(raw, policy=default)

    assert message.get_content_type() == "multipart/alternative"
    plain, related = message.iter_parts()
    assert plain.get_content_type() == "text/plain"
    # RFC 2387 sections 3.1 and 3.2.
    assert related.get_content_type() == "multipart/related"
    assert related["Content-Type"].params["type"] == "text/html"
    root, shown = related.iter_parts()
    assert root.get_content_type() == "text/html"
    assert body(message, "html") == expected(html)
    assert shown.get_content_type() == "image/png"
    assert shown["Content-ID"] == "<0a1b@logo.invalid>"
    assert shown.get_content_disposition() == "inline"
    assert shown.get_payload(decode=True) == content
    assert all(part.defects == [] for part in message.walk())
    outer, inner = message.get_boundary(), related.get_boundary()
    assert not inner.startswith(outer)
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert not any(line.startswith(b".") for line in raw.split(b"\r\n"))


@pytest.mark.parametrize(
    ("kind", "cid"), [("png\r\nX: y", "a@b"), ("png", "a@b>\r\nX: y"), ("", "a@b"), ("png", "a b@c")]
)
def test_a_picture_has_a_name_that_is_one(kind: str, cid: str) -> None:
    with pytest.raises(ValueError, match="no name of a picture"):
        enclosed(b"", kind, cid)


@given(text=pieces)
def test_a_letter_without_html_is_text_alone(text: tuple[str, ...]) -> None:
    raw = build(LETTER._replace(html_parts=None, text_parts=[*map(encode, text)], picture=b"unused"))
    message = message_from_bytes(raw, policy=default)
    assert message.get_content_type() == "text/plain"
    assert message.get_content_charset() == "utf-8"
    assert body(message, "plain") == expected(text)
    assert message.defects == []
    assert b"unused" not in raw
