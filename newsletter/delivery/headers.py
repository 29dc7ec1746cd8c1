"""Header fields as bytes, encoded and folded; knows the syntax of fields and nothing of bodies or sending."""

import re
from base64 import b64encode
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from newsletter.delivery.addresses import on_the_wire

# RFC 5322 section 2.1.1: at most 78 characters should stand in a line, and at most 998 may.
WIDTH = 78
LONGEST = 998

# RFC 2047 section 2: a line with an encoded word has at most 76 characters. 39 bytes are 52 in base64, with the frame
# of the encoded word 64; the longest name of a field that carries text takes 12.
_BYTES_IN_A_WORD = 39

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SPACES = re.compile(r" {2,}")
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+>")
# Others write all that is printable.
_FOREIGN_ID = re.compile(r"<[!-;=?A-~]{1,250}@[!-;=?A-~]{1,250}>")
_LIST_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_TOKEN = re.compile(r"[A-Za-z0-9-]+")
# Gmail: up to three identifiers and the SenderId, which has 5 to 15 characters.
_FEEDBACK_ID = re.compile(r"([A-Za-z0-9._-]*:){3}[A-Za-z0-9._-]{5,15}")
_URI = r"(?:mailto|https?):[!#-;=?-Z_a-z~\[\]]+"
_URIS = re.compile(rf"<{_URI}>(?:,\r\n <{_URI}>)*")


def text(name: str, value: str) -> bytes:
    """Return a field of free text, such as Subject; control characters become spaces."""
    words = visible(value)
    if _is_plain(words) and (lines := _folded(words, len(name) + 2)) is not None:
        return _field(name, lines)
    return _field(name, "\r\n ".join(_encoded_words(words)))


def mailbox(name: str, display: str, address: str) -> bytes:
    """Return a field with one address, such as From; raises ValueError for an address that cannot stand in a header."""
    return _field(name, _named(name, visible(display), f"<{on_the_wire(address)}>"))


def bare_address(name: str, address: str) -> bytes:
    """Return a field with one address and no name, such as To."""
    return _field(name, _broken(name, on_the_wire(address)))


def message_id(value: str) -> bytes:
    """Return Message-ID; `value` stands in its angle brackets (RFC 5322 section 3.6.4)."""
    if not _ID.fullmatch(value):
        raise ValueError("a Message-ID looks like <left@domain>")
    return _field("Message-ID", _broken("Message-ID", value))


def answers(message_id: str) -> bytes:
    """Return In-Reply-To and References for what answers a message (RFC 5322 section 3.6.4).

    `message_id` is another program's, in its angle brackets; raises ValueError for one that cannot stand in a header.
    """
    if not _FOREIGN_ID.fullmatch(message_id):
        raise ValueError("a Message-ID looks like <left@domain>")
    return b"".join(_field(name, _broken(name, message_id)) for name in ("In-Reply-To", "References"))


def date(value: datetime) -> bytes:
    """Return Date (RFC 5322 section 3.6.1); `value` is aware."""
    if value.tzinfo is None:
        raise ValueError("the date of a message needs a time zone")
    # With its offset: the same second may be written in another zone.
    return _date(value.isoformat(timespec="seconds"))


@lru_cache(maxsize=16)
def _date(second: str) -> bytes:
    return _field("Date", format_datetime(datetime.fromisoformat(second)))


def token(name: str, value: str) -> bytes:
    """Return a field whose value is one word, such as Content-Language."""
    if not _TOKEN.fullmatch(value):
        raise ValueError(f"the field {name} takes one word of letters, digits and hyphens")
    return _field(name, value)


def list_id(display: str, value: str) -> bytes:
    """Return List-Id (RFC 2919 section 2); `value` is the identifier without angle brackets."""
    if not _LIST_ID.fullmatch(value):
        raise ValueError("a List-Id looks like papers.example.org")
    return _field("List-Id", _named("List-Id", visible(display), f"<{value}>"))


def list_unsubscribe(uris: tuple[str, ...], *, one_click: bool) -> bytes:
    """Return List-Unsubscribe (RFC 2369), and with it List-Unsubscribe-Post where RFC 8058 section 3.1 allows it."""
    if not uris:
        return b""
    value = ",\r\n ".join([f"<{uri}>" for uri in uris])
    if not _URIS.fullmatch(value):
        raise ValueError("an address to unsubscribe at is a mailto or https URI in ASCII")
    field = _field("List-Unsubscribe", _broken("List-Unsubscribe", value))
    if one_click and "<https:" in value:
        field += b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    return field


def feedback_id(value: str) -> bytes:
    """Return Feedback-ID, by which Gmail counts complaints: three identifiers and the sender's, with colons between."""
    if not _FEEDBACK_ID.fullmatch(value):
        raise ValueError("a Feedback-ID looks like campaign:customer:kind:sender")
    return _field("Feedback-ID", _broken("Feedback-ID", value))


def complaints_to(address: str) -> bytes:
    """Return CFBL-Address, which asks for complaints as reports in ARF (RFC 9477 section 3.1.1)."""
    return _field("CFBL-Address", _broken("CFBL-Address", f"{on_the_wire(address)}; report=arf"))


def visible(value: str) -> str:
    """Return text for people in one line: controls and line ends as spaces, no spaces around or in a row."""
    # A lone surrogate has no UTF-8.
    whole = value.encode("utf-8", "replace").decode("utf-8")
    return _SPACES.sub(" ", _CONTROL.sub(" ", whole)).strip(" ")


def _field(name: str, value: str) -> bytes:
    line = f"{name}: {value}\r\n".encode()
    if len(line) > LONGEST and any(len(part) > LONGEST for part in line.split(b"\r\n")):
        raise ValueError(f"the field {name} is too long for a header")
    return line


def _broken(name: str, value: str) -> str:
    """Put a value that cannot be folded within on a line of its own where it is long."""
    first = value.partition("\r\n")[0]
    return f"\r\n {value}" if len(name) + 2 + len(first) > WIDTH else value


def _named(name: str, display: str, bracketed: str) -> str:
    if not display:
        return _broken(name, bracketed)
    room = WIDTH - len(name) - 2
    phrase = display if _PHRASE.fullmatch(display) else '"' + re.sub(r'(["\\])', r"\\\1", display) + '"'
    if not _is_plain(display) or len(phrase) > room:
        phrase = "\r\n ".join(_encoded_words(display))
    last = phrase.rpartition("\r\n")[2]
    used = len(last) if last != phrase else len(name) + 2 + len(phrase)
    between = " " if used + 1 + len(bracketed) <= WIDTH - 2 else "\r\n "
    return f"{phrase}{between}{bracketed}"


def _is_plain(words: str) -> bool:
    # "=?" would be read as the start of an encoded word.
    return words.isascii() and "=?" not in words


def _folded(words: str, used: int) -> str | None:
    """Fold plain text before its spaces; None where one word alone is too long for a line."""
    lines, line = [], ""
    for word in words.split(" "):
        longer = f"{line} {word}" if line else word
        if used + len(longer) <= WIDTH:
            line = longer
            continue
        lines.append(line)
        line, used = word, 1
        if not lines[-1] or len(word) + 1 > WIDTH:
            return None
    return "\r\n ".join([*lines, line])


def _encoded_words(words: str) -> list[str]:
    """Return RFC 2047 encoded words in UTF-8; none ends within a character (section 5)."""
    chunks: list[bytes] = []
    chunk = b""
    for character in words:
        encoded = character.encode()
        if len(chunk) + len(encoded) > _BYTES_IN_A_WORD:
            chunks.append(chunk)
            chunk = b""
        chunk += encoded
    chunks.append(chunk)
    return [f"=?utf-8?B?{b64encode(part).decode()}?=" for part in chunks]
