"""A letter to the bytes of RFC 5322 that are sent; knows nothing of templates, servers or the database."""

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


class Letter(NamedTuple):
    """All that makes one reader's message.

    `message_id` stands in its angle brackets, `list_id` and the URIs of `list_unsubscribe` (mailto, https) without
    them; `date` is aware; `language` is a tag of RFC 5646. `feedback_id` has three identifiers and the sender's with
    colons between, `complaints_to` is where receivers report complaints, and an `automatic` letter is one that nobody
    wrote, such as a confirmation: it must not be answered by programs. The bodies are in parts that `quoted.encode`
    gave, to be joined as they are.
    """

    from_name: str
    from_address: str
    to_address: str
    subject: str
    message_id: str
    date: datetime
    list_id: str
    html_parts: Sequence[bytes]
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


def build(letter: Letter) -> bytes:
    """Return the whole message, ready for DATA: CRLF everywhere, no line that begins with a dot, lines of at most 78.

    The same letter gives the same bytes. Control characters in names and in the subject become spaces; in an address,
    an identifier or a URI they raise ValueError, and so does a part that `quoted.encode` did not give. The bytes are
    ASCII, unless an address has a local part beyond it.
    """
    if not {*map(type, letter.html_parts), *map(type, letter.text_parts)} <= {Quoted}:
        raise ValueError("a part of the body was not encoded")
    boundary = _boundary(letter.message_id)
    whole = b"".join(
        (
            headers.bare_address("To", letter.to_address),
            _subject(letter.subject),
            headers.date(letter.date),
            headers.message_id(letter.message_id),
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
                automatic=letter.automatic,
            ),
            b'Content-Type: multipart/alternative;\r\n boundary="',
            boundary,
            b'"\r\n\r\n',
            *_part(boundary, _PLAIN, letter.text_parts),
            *_part(boundary, _HTML, letter.html_parts),
            b"--",
            boundary,
            b"--\r\n",
        )
    )
    return Ready(whole)


def _part(boundary: bytes, head: bytes, parts: Sequence[bytes]) -> tuple[bytes, ...]:
    # A body must not end in a soft line break, so a hard one follows where the text has none (RFC 2045 section 6.7).
    last = next((part for part in reversed(parts) if part), b"")
    return b"--", boundary, head, *parts, b"\r\n\r\n" if last.endswith(SOFT_BREAK) else b"\r\n"


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
    automatic: bool,
) -> bytes:
    fields = [
        headers.mailbox("From", from_name, from_address),
        headers.list_id(list_name, list_id),
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
        # RFC 3834 section 5.
        fields.append(headers.token("Auto-Submitted", "auto-generated"))
    return b"".join(fields)


@lru_cache(maxsize=256)
def _subject(value: str) -> bytes:
    return headers.text("Subject", value)
