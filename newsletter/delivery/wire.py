"""The form in which content may follow DATA: CRLF line ends and doubled dots; knows nothing of what it says."""

import re

_LINE_END = re.compile(rb"\r\n|\r|\n")
_NOT_LINE_ENDS = bytes(set(range(256)) - {10, 13})


class Ready(bytes):
    """Content whose maker answers for its form: every line ends with CRLF, none begins with a dot, the body is ASCII.

    To look through a body once more would take as long as to make it, so only its head is looked at.
    """

    __slots__ = ()


def transparent(content: bytes) -> bytes:
    """Return content as it follows DATA; what has that form already is returned as it is.

    Every line end becomes CRLF and dots are doubled where they begin a line, so nothing in the content can end it early
    (RFC 5321 sections 2.3.8 and 4.5.2).
    """
    if type(content) is Ready and content.endswith(b"\r\n") and not content.startswith(b"."):
        fields = head(content)
        # As many pairs side by side as there are halves: none of them is parted by anything.
        if fields.count(b"\r\n") * 2 == len(fields.translate(None, _NOT_LINE_ENDS)) and b"\n." not in fields:
            return content
    lines = len(content.splitlines())
    if not content.endswith(b"\r\n") or content.count(b"\n") != lines or content.count(b"\r") != lines:
        content = _LINE_END.sub(b"\r\n", content)
        if not content.endswith(b"\r\n"):
            content += b"\r\n"
    if content.startswith(b".") or b"\n." in content:
        content = (b"\n" + content).replace(b"\n.", b"\n..")[1:]
    return content


def head(content: bytes) -> bytes:
    """Return the header fields of a message, whole lines; all of it where no empty line ends them."""
    end = content.find(b"\r\n\r\n")
    return content if end < 0 else content[: end + 2]


def is_ascii(content: bytes) -> bool:
    """Tell whether a message as `transparent` gives it is ASCII throughout."""
    return (head(content) if type(content) is Ready else content).isascii()
