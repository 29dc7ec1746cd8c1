"""Quoted-printable of text in pieces that can be joined in any order; knows nothing of headers or messages."""

import re
from binascii import a2b_qp, b2a_qp

# RFC 2045 section 6.7: at most 76 characters in a line, the "=" of a soft line break among them.
WIDTH = 76
SOFT_BREAK = b"=\r\n"

_LINE_END = re.compile(r"\r\n|\r|\n")
# Rule 2: printable ASCII but "=" stands for itself; so do space and tab, but not at the end of a line (rule 3).
_SAFE = bytes([9, 10, *range(32, 127)])
_ESCAPES = {bytes([octet]): b"=%02X" % octet for octet in range(256)}


class Quoted(bytes):
    """A piece as `encode` makes it; nothing else makes one, so it needs no second look before it is sent."""

    __slots__ = ()


def encode(text: str) -> Quoted:
    """Return a piece of text in quoted-printable UTF-8, with all line ends as CRLF.

    The piece starts in the first column, and ends with a line end: the text's own or a soft one. So pieces can be
    joined as they are, and none makes a line of another longer. No line begins with a dot, so that dots need not be
    doubled (RFC 5321 section 4.5.2) and a signature holds, nor with "From " (RFC 2049 section 3).
    """
    if not text:
        return Quoted()
    # Most of what is a reader's own is one short line that stands for itself.
    if len(text) < WIDTH and text.isascii() and text.isprintable() and "=" not in text and text[0] not in ".F":
        return Quoted(text.encode() + SOFT_BREAK)
    return _any(text)


def decode(pieces: bytes) -> str:
    """Return the text of pieces in a row, its line ends as LF."""
    return a2b_qp(pieces).decode("utf-8", "replace").replace("\r\n", "\n")


def _any(text: str) -> Quoted:
    if "\r" in text:
        text = _LINE_END.sub("\n", text)
    octets = text.encode("utf-8", "replace")
    if "\n" not in text and text[-1] not in " \t":
        # The standard library folds a line in a tenth of the time, but lets dots and "From " begin one.
        line = b2a_qp(octets)
        room = WIDTH - (len(line) - line.rfind(b"\n"))
        if room >= 0 and line[0] not in b".F" and b"\n." not in line and b"\nF" not in line:
            return Quoted(line.replace(b"\n", b"\r\n") + SOFT_BREAK)
    lines = _escaped(octets).split(b"\n")
    encoded = [_hard(line) for line in lines[:-1]]
    if lines[-1]:
        encoded.append(_folded(lines[-1], WIDTH - 1) + SOFT_BREAK)
    return Quoted(b"".join(encoded))


def _escaped(data: bytes) -> bytes:
    # Escapes begin with it, so it comes first. A pattern would cost more: it asks of each octet whether it is safe.
    data = data.replace(b"=", _ESCAPES[b"="])
    for octet in set(data.translate(None, _SAFE)):
        unsafe = bytes([octet])
        data = data.replace(unsafe, _ESCAPES[unsafe])
    return data


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
