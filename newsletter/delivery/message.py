"""A letter to the bytes of RFC 5322 that are sent; knows nothing of templates, servers or the database."""

import re
from base64 import encodebytes
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from newsletter.delivery import headers
from newsletter.delivery.quoted import SOFT_BREAK, Quoted
from newsletter.delivery.wire import Ready

_HEAD = b"\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
_PLAIN, _HTML = _HEAD % b"plain", _HEAD % b"html"
_RELATED = b'\r\nContent-Type: multipart/related; type="text/html";\r\n boundary="%s"\r\n\r\n'
_PICTURE = (
    b"\r\nContent-Type: image/%(kind)s\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <%(cid)s>\r\n"
    b'Content-Disposition: inline; filename="logo.%(kind)s"\r\n\r\n'
)
_SUBTYPE = re.compile(r"[a-z]{1,20}")
_CID = re.compile(r"[A-Za-z0-9.-]{1,40}@[A-Za-z0-9.-]{1,40}")


class Letter(NamedTuple):
    """All that makes one reader's message.

    `message_id` stands in its angle brackets, `list_id` and the URIs of `list_unsubscribe` (mailto, https) without
    them; `date` is aware; `language` is a tag of RFC 5646. `feedback_id` has three identifiers and the sender's with
    colons between, `complaints_to` is where receivers report complaints, and an `automatic` letter is one that nobody
    wrote, such as a confirmation: it must not be answered by programs. `in_reply_to` is the Message-ID of what it
    answers. The bodies are in parts that `quoted.encode` gave, to be joined as they are; without `html_parts` the
    letter is text alone. `picture` is what `enclosed` gave, for the HTML to show.
    """

    from_name: str
    from_address: str
    to_address: str
    subject: str
    message_id: str
    date: datetime
    list_id: str
    html_parts: Sequence[bytes] | None
    text_parts: Sequence[bytes]
    list_name: str = ""
    list_unsubscribe: tuple[str, ...] = ()
    one_click: bool = False
    reply_to: str | None = None
    language: str = ""
    feedback_id: str = ""
    complaints_to: str | None = None
    precedence: str = ""
    automatic: bool = False
    in_reply_to: str = ""
    picture: bytes = b""


def enclosed(content: bytes, kind: str, cid: str) -> bytes:
    """Return a picture as a part of messages, for `Letter.picture`: made once, it is the same in all of them.

    `kind` is the subtype of its media type; `cid:` and `cid` are its address in the HTML (RFC 2392). Raises ValueError
    for one with characters that such a name has not.
    """
    if not _SUBTYPE.fullmatch(kind) or not _CID.fullmatch(cid):
        raise ValueError("this is no name of a picture")
    head = _PICTURE % {b"kind": kind.encode(), b"cid": cid.encode()}
    return head + encodebytes(content).replace(b"\n", b"\r\n")


def build(letter: Letter) -> bytes:
    """Return the whole message, ready for DATA: CRLF everywhere, no line that begins with a dot, lines of at most 78.

    The same letter gives the same bytes. Control characters in names and in the subject become spaces; in an address,
    an identifier or a URI they raise ValueError, and so does a part that `quoted.encode` did not give. The bytes are
    ASCII, unless an address has a local part beyond it.
    """
    kinds = [*map(type, letter.html_parts or ()), *map(type, letter.text_parts)]
    if kinds.count(Quoted) != len(kinds):
        raise ValueError("a part of the body was not encoded")
    whole = b"".join(
        (
            headers.bare_address("To", letter.to_address),
            _subject(letter.subject),
            headers.date(letter.date),
            headers.message_id(letter.message_id),
            headers.answers(letter.in_reply_to) if letter.in_reply_to else b"",
            headers.list_unsubscribe(letter.list_unsubscribe, one_click=letter.one_click),
            _shared(
                letter.from_name,
                letter.from_address,
                letter.reply_to,
                letter.list_name or letter.from_name,
                letter.list_id,
                letter.language,
                letter.feedback_id,
                letter.complaints_to,
                letter.precedence,
                automatic=_automatic(letter),
            ),
            *_content(letter.text_parts, letter.html_parts, letter.picture, letter.message_id),
        )
    )
    return Ready(whole)


def _content(text: Sequence[bytes], html: Sequence[bytes] | None, picture: bytes, message_id: str) -> tuple[bytes, ...]:
    """Return the fields that say what the content is, and the content."""
    if html is None:
        # No boundary follows whose line break would not be of the text.
        return _PLAIN[2:], *_ended(text)[:-1]
    boundary = _boundary(message_id)
    if picture:
        # RFC 2387: the HTML comes first, so it is the root. No boundary begins with the other, "r" is no digit of it.
        inner = b"=_r" + boundary[2:]
        shown: tuple[bytes, ...] = (
            _RELATED % inner, b"--", inner, _HTML, *_ended(html), b"--", inner, picture, b"--", inner, b"--\r\n"
        )  # fmt: skip
    else:
        shown = (_HTML, *_ended(html))
    return (
        b'Content-Type: multipart/alternative;\r\n boundary="', boundary, b'"\r\n\r\n',
        b"--", boundary, _PLAIN, *_ended(text), b"--", boundary, *shown, b"--", boundary, b"--\r\n",
    )  # fmt: skip


def _ended(parts: Sequence[bytes]) -> tuple[bytes, ...]:
    # A body must not end in a soft line break, so a hard one follows where the text has none (RFC 2045 section 6.7).
    last = next((part for part in reversed(parts) if part), b"")
    return *parts, b"\r\n" if last.endswith(SOFT_BREAK) else b"", b"\r\n"


def _boundary(message_id: str) -> bytes:
    # "=_" cannot occur in quoted-printable (RFC 2045 section 6.7).
    return b"=_" + blake2b(message_id.encode("utf-8", "replace"), digest_size=12).hexdigest().encode()


@lru_cache(maxsize=64)
def _shared(
    from_name: str,
    from_address: str,
    reply_to: str | None,
    list_name: str,
    list_id: str,
    language: str,
    feedback_id: str,
    complaints_to: str | None,
    precedence: str,
    *,
    automatic: str,
) -> bytes:
    fields = [
        headers.mailbox("From", from_name, from_address),
        headers.list_id(list_name, list_id) if list_id else b"",
        b"MIME-Version: 1.0\r\n",
    ]
    if reply_to:
        fields.append(headers.bare_address("Reply-To", reply_to))
    if language:
        fields.append(headers.token("Content-Language", language))
    if feedback_id:
        fields.append(headers.feedback_id(feedback_id))
    if complaints_to:
        fields.append(headers.complaints_to(complaints_to))
    if precedence:
        fields.append(headers.token("Precedence", precedence))
    if automatic:
        fields.append(headers.token("Auto-Submitted", automatic))
    return b"".join(fields)


def _automatic(letter: Letter) -> str:
    # RFC 3834 section 5: what answers one mail is told from what answers none.
    return "" if not letter.automatic else "auto-replied" if letter.in_reply_to else "auto-generated"


@lru_cache(maxsize=256)
def _subject(value: str) -> bytes:
    return headers.text("Subject", value)
