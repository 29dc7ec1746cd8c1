"""Quoted-printable of text in pieces that can be joined in any order; knows nothing of headers or messages."""

import re
from collections import OrderedDict

# RFC 2045 section 6.7: at most 76 characters in a line, the "=" of a soft line break among them.
WIDTH = 76
SOFT_BREAK = b"=\r\n"

_LINE_END = re.compile(r"\r\n|\r|\n")
# Rule 2: printable ASCII but "=" stands for itself; so do space and tab, but not at the end of a line (rule 3).
_UNSAFE = re.compile(rb"[^\t\n -<>-~]")
_ESCAPES = {bytes([octet]): b"=%02X" % octet for octet in range(256)}


def encode(text: str) -> bytes:
    """Return a piece of text in quoted-printable UTF-8, with all line ends as CRLF.

    The piece starts in the first column, and ends with a line end: the text's own or a soft one. So pieces can be
    joined as they are, and none makes a line of another longer. No line begins with a dot, so that dots need not be
    doubled (RFC 5321 section 4.5.2) and a signature holds, nor with "From " (RFC 2049 section 3).
    """
    data = _LINE_END.sub("\n", text).encode("utf-8", "replace")
    lines = _UNSAFE.sub(_escape, data).split(b"\n")
    encoded = [_hard(line) for line in lines[:-1]]
    if lines[-1]:
        encoded.append(_folded(lines[-1], WIDTH - 1) + SOFT_BREAK)
    return b"".join(encoded)


class Pieces:
    """Encodes pieces of text, and keeps what it encoded for the next reader, up to a number of bytes.

    What is shorter than `shortest` characters is not kept: it is a reader's own, and quickly encoded.
    """

    def __init__(self, *, room: int = 16_000_000, shortest: int = 256) -> None:
        self._room = room
        self._shortest = shortest
        self._used = 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def encode(self, text: str) -> bytes:
        """Return `encode(text)`."""
        if len(text) < self._shortest:
            return encode(text)
        known = self._kept.get(text)
        if known is not None:
            self._kept.move_to_end(text)
            return known
        encoded = encode(text)
        self._kept[text] = encoded
        self._used += _weight(text, encoded)
        while self._used > self._room:
            self._used -= _weight(*self._kept.popitem(last=False))
        return encoded


def _weight(text: str, encoded: bytes) -> int:
    return len(text) + len(encoded)


def _escape(found: re.Match[bytes]) -> bytes:
    return _ESCAPES[found[0]]


def _hard(line: bytes) -> bytes:
    if line[-1:] in (b" ", b"\t"):
        line = line[:-1] + _ESCAPES[line[-1:]]
    return _folded(line, WIDTH) + b"\r\n"


def _folded(line: bytes, room: int) -> bytes:
    """Break a line softly; its last part has at most `room` characters."""
    if len(line) <= room and line[:1] not in (b".", b"F"):
        return line
    parts = []
    start = 0
    while True:
        if line.startswith((b".", b"From "), start):
            line = line[:start] + _ESCAPES[line[start : start + 1]] + line[start + 1 :]
        if len(line) - start <= room:
            parts.append(line[start:])
            return SOFT_BREAK.join(parts)
        end = start + WIDTH - 1
        # An escape stays whole.
        if line[end - 1] == ord("="):
            end -= 1
        elif line[end - 2] == ord("="):
            end -= 2
        parts.append(line[start:end])
        start = end
