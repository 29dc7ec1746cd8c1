"""Bytes of a mail into its header fields and the parts that are not multiparts; knows nothing of reports.

The standard library's parser keeps no bound on time or depth over hostile input, so this one reads a limited part of
the mail, to a limited depth, in time that grows with the length only.
"""

import base64
import binascii
import quopri
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header

# Reports say what they have to say before they quote; what lies beyond is the returned message.
MOST_BYTES = 512 * 1024
_MOST_FIELDS = 400
_MOST_PARTS = 60
_DEEPEST = 8
_LONGEST_FIELD = 8_000

_FIELD = re.compile(rb"([\x21-\x39\x3b-\x7e]{1,76})[ \t]*:(.*)", re.DOTALL)
_PARAMETER = re.compile(
    r'[;\s]\s*([a-z0-9!#$%&\'*+.^_`|~-]{1,40})\s*=\s*(?:"([^"]{0,200})"|([^\s;]{1,200}))', re.IGNORECASE
)
_LINE_START = re.compile(rb"^--([^\s]{1,70})[ \t]*\r?$", re.MULTILINE)
_ENCODED_WORD = re.compile(r"=\?[^?\s]{1,40}\?[bq]\?", re.IGNORECASE)
# Python knows codecs that are slow, that warn, or that are no charsets at all; these are the ones that mail uses.
_CHARSETS = re.compile(
    r"utf-?8|us-ascii|iso-?8859-\d{1,2}|windows-\d{3,4}|cp\d{3,4}|iso-2022-(jp(-[12])?|kr)|euc-(jp|kr)|shift[_-]jis|"
    r"gb2312|gbk|gb18030|big5|koi8-[ru]",
    re.IGNORECASE,
)

Fields = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Part:
    """One part that is not a multipart: its type in lower case, its fields, and its text in Unicode."""

    type: str
    fields: Fields
    text: str

    def first(self, name: str) -> str:
        """Return the first field of that name (lower case), or nothing."""
        return next(iter(self.fields.get(name, ())), "")


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail: its own fields, its type, and the parts in their order."""

    fields: Fields
    type: str
    parts: tuple[Part, ...]

    def first(self, name: str) -> str:
        """Return the first field of that name (lower case), or nothing."""
        return next(iter(self.fields.get(name, ())), "")


def read(raw: bytes) -> Mail:
    """Return a mail from its first 512 kB; never raises, and what is broken is read as text."""
    raw = bytes(raw[:MOST_BYTES]).replace(b"\r\n", b"\n").replace(b"\r", b"\n").lstrip(b"\n")
    if raw.startswith((b"From ", b">From ")):
        raw = raw.partition(b"\n")[2]
    fields, body = split(raw)
    parts = tuple(part for part, _ in zip(_leaves(fields, body, 0), range(_MOST_PARTS), strict=False))
    return Mail(fields, _type(fields)[0], parts)


def split(raw: bytes) -> tuple[Fields, bytes]:
    """Return the header fields (names in lower case, values unfolded) and what follows the first empty line."""
    # Field lines end at the first line that is neither a field nor the continuation of one.
    found: dict[str, list[str]] = {}
    position, count, name = 0, 0, ""
    while position < len(raw):
        end = raw.find(b"\n", position)
        end = len(raw) if end < 0 else end
        line = raw[position:end]
        if not line.strip():
            position = end + 1
            break
        if line[:1] in b" \t" and name:
            values = found[name]
            if len(values[-1]) < _LONGEST_FIELD:
                values[-1] += " " + _header_text(line.strip())
        elif (field := _FIELD.fullmatch(line[:_LONGEST_FIELD])) and count < _MOST_FIELDS:
            name = field[1].decode("ascii").lower()
            found.setdefault(name, []).append(_header_text(field[2].strip()))
            count += 1
        elif count == 0:
            break
        position = end + 1
    return {key: tuple(values) for key, values in found.items()}, raw[position:]


def words(value: str) -> str:
    """Return a field's value with its encoded words (RFC 2047) decoded, as far as they can be."""
    if not _ENCODED_WORD.search(value):
        return value
    try:
        pieces = decode_header(value[:2_000])
        return "".join(text if isinstance(text, str) else decode(text, charset or "") for text, charset in pieces)
    except (ValueError, binascii.Error, LookupError, MessageError):
        return value


def decode(data: bytes, charset: str) -> str:
    """Return text from bytes in the charset that they claim, in UTF-8 where they are, else in Latin-1."""
    if b"\x1b$" in data or b"\x1b(" in data:
        charset = "iso-2022-jp"
    if _CHARSETS.fullmatch(charset) and charset.lower() not in ("us-ascii", "utf-8", "utf8"):
        try:
            return data.decode(charset, "replace")
        except LookupError:
            pass
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("utf-8" if charset.lower().startswith("utf") else "latin-1", "replace")


def _header_text(data: bytes) -> str:
    return decode(data, "")


def _type(fields: Fields) -> tuple[str, dict[str, str]]:
    value = " ".join(next(iter(fields.get("content-type", ())), "")[:_LONGEST_FIELD].split())[:2_000]
    kind = next(iter(value.partition(";")[0].lower().split()), "")
    parameters = {match[1].lower(): match[2] or match[3] or "" for match in _PARAMETER.finditer(value)}
    return (kind if "/" in kind else "text/plain"), parameters


def _leaves(fields: Fields, body: bytes, depth: int) -> Iterator[Part]:
    kind, parameters = _type(fields)
    if kind.startswith("multipart/") and depth < _DEEPEST:
        boundary = parameters.get("boundary", "").encode("utf-8", "replace")
        pieces = _pieces(body, boundary) or _pieces(body, _guessed(body))
        if pieces:
            for piece in pieces:
                # A part that has no fields of its own starts with an empty line (RFC 2046 section 5.1).
                inner, content = ({}, piece[1:]) if piece.startswith(b"\n") else split(piece)
                yield from _leaves(inner, content, depth + 1)
            return
        kind = "text/plain"
    yield Part(kind, fields, decode(_unencoded(fields, body), parameters.get("charset", "")))


def _pieces(body: bytes, boundary: bytes) -> list[bytes]:
    # RFC 2046 section 5.1.1: the delimiter stands at the start of a line; what stands before the first is a preamble.
    if not boundary:
        return []
    delimiter = b"\n--" + boundary
    body = b"\n" + body
    pieces: list[bytes] = []
    start = body.find(delimiter)
    while start >= 0 and len(pieces) < _MOST_PARTS:
        after = start + len(delimiter)
        if body[after : after + 2] == b"--":
            break
        line_end = body.find(b"\n", after)
        if line_end < 0:
            break
        following = body.find(delimiter, line_end)
        pieces.append(body[line_end + 1 : following if following >= 0 else len(body)])
        start = following
    return pieces


def _guessed(body: bytes) -> bytes:
    found = _LINE_START.search(body[:20_000])
    return found[1] if found else b""


def _unencoded(fields: Fields, body: bytes) -> bytes:
    encoding = next(iter(fields.get("content-transfer-encoding", ())), "").strip().lower()
    if encoding == "base64":
        clean = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
        clean = clean[: len(clean) - (len(clean) % 4 == 1)]
        return base64.b64decode(clean + b"=" * (-len(clean) % 4))
    if encoding == "quoted-printable":
        return quopri.decodestring(body)
    return body
