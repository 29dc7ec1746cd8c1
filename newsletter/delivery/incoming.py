"""What a mail that came in says of itself: to whom it came, from whom, whether it asks to leave; decides nothing."""

import email
import hashlib
import re
from collections.abc import Iterable, Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from typing import NamedTuple

# A report larger than this holds an attachment that nobody sent; it is left where it is, and told.
LARGEST = 10_000_000


class Arrival(NamedTuple):
    """One mail that came in.

    `name` tells people where it is. `content` is None for one of more than LARGEST bytes. `recipient` is that of the
    envelope, where it is known.
    """

    name: str
    content: bytes | None
    recipient: str = ""


class Incoming(NamedTuple):
    """What a mail says of itself.

    `recipients` are all addresses that it may have come to, the surest first. `leaving` says that it asks to
    unsubscribe, `token` with what proof. `automatic` tells that no person wrote it. `quoted` are the Message-IDs in it
    but its own. `digest` is equal for all copies of it.
    """

    recipients: tuple[str, ...]
    sender: str
    leaving: bool
    token: str
    automatic: bool
    quoted: tuple[str, ...]
    digest: str


# What servers note of the envelope (RFC 5321 has no field for it), then what the writer had in mind.
_RECIPIENTS = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "To", "Cc")

# All that programs put before a subject when they answer or forward, in the languages of Outlook.
_PREFIX = r"(?:(?:re|aw|antw|sv|vs|ref|rif|res|odp|fwd?|wg|tr|rv|vb)\s*(?:\[\d+\])?\s*[:\uff1a]\s*)*"
_LEAVING = re.compile(rf"{_PREFIX}unsubscribe(?:\s+(?P<token>[A-Za-z0-9_.~-]{{8,400}}))?[\s.!]*", re.IGNORECASE)

_MESSAGE_ID = re.compile(rb"<[^<>\s@]{1,250}@[^<>\s@]{1,250}>")
_MOST_QUOTED = 50

# The email package takes time that grows with the square of a field, and anyone can write one.
_LONGEST_FIELD = 4_000
_MOST_FIELDS = 20

# What is the same in all copies of one mail: fields that are added on the way are left out.
_IDENTITY = ("Message-ID", "Date", "From", "To", "Subject")


def read(arrival: Arrival) -> Incoming:
    """Return what a mail says of itself; whatever the bytes are, something is returned."""
    content = (arrival.content or b"").replace(b"\r\n", b"\n")
    message = email.message_from_bytes(content)
    asked = _LEAVING.fullmatch(_header(message, "Subject")) or _LEAVING.fullmatch(_first_line(message))
    named = [arrival.recipient, *_addresses(message, _RECIPIENTS)]
    return Incoming(
        recipients=tuple(dict.fromkeys(filter(None, named))),
        sender=_sender(message),
        leaving=asked is not None,
        token=(asked["token"] or "") if asked else "",
        automatic=_automatic(message),
        quoted=tuple(_quoted(message, content)),
        digest=_digest(message, content),
    )


def _header(message: Message, name: str) -> str:
    raw = str(message.get(name, ""))[:_LONGEST_FIELD]
    try:
        decoded = str(make_header(decode_header(raw)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        decoded = raw
    return " ".join(decoded.split())


def _addresses(message: Message, names: Iterable[str]) -> list[str]:
    fields = [str(value)[:_LONGEST_FIELD] for name in names for value in message.get_all(name, [])[:_MOST_FIELDS]]
    try:
        return [address for _, address in getaddresses(fields) if "@" in address]
    except RecursionError:
        # Comments within comments.
        return []


def _sender(message: Message) -> str:
    found = _addresses(message, ["From"])
    # RFC 5322 section 3.6.2 allows several; then nobody knows who asks.
    return found[0] if len(found) == 1 else ""


def _automatic(message: Message) -> bool:
    # RFC 3834 section 5; what older programs write; RFC 5321 section 4.5.5: a null return path.
    submitted = str(message.get("Auto-Submitted", "no")).partition(";")[0].strip().lower()
    precedence = str(message.get("Precedence", "")).strip().lower()
    return (
        submitted != "no"
        or precedence in ("bulk", "junk", "list", "auto_reply")
        or "List-Id" in message
        or str(message.get("Return-Path", "")).strip() == "<>"
    )


def _first_line(message: Message) -> str:
    for part in message.walk():
        if part.get_content_type() == "text/plain":
            lines = (line.strip() for line in _decoded(part).decode("utf-8", "replace").splitlines())
            return " ".join(next(filter(None, lines), "").split())
    return ""


def _decoded(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _quoted(message: Message, content: bytes) -> Iterator[str]:
    # The head of what came back most often stands in the open; some servers encode the part that it is in.
    encoded = (
        _decoded(part)
        for part in message.walk()
        if not part.is_multipart() and str(part.get("Content-Transfer-Encoding", "")).strip().lower() == "base64"
    )
    own = str(message.get("Message-ID", "")).strip().encode("utf-8", "replace")
    seen = {own}
    for data in (content, *encoded):
        for found in _MESSAGE_ID.findall(data):
            if found not in seen and len(seen) <= _MOST_QUOTED:
                seen.add(found)
                yield found.decode("ascii", "replace")


def _digest(message: Message, content: bytes) -> str:
    made = hashlib.sha256()
    for name in _IDENTITY:
        made.update(f"{name}: {message.get(name, '')}\n".encode("utf-8", "replace"))
    made.update(content.partition(b"\n\n")[2].rstrip())
    return made.hexdigest()
