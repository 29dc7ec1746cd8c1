"""Bytes to text, and text to clean text; knows nothing of papers or layouts."""

import html
import re
import unicodedata
from collections.abc import Iterable

from newsletter.models import Problem

MOST_PROBLEMS = 500

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")
# Codecs whose decoding is linear and yields text; Python knows others that are or do neither.
_CODECS = re.compile(
    r"(iso-?8859-\d{1,2}|latin-?1|windows-12\d\d|cp12\d\d|koi8-[ru]|gb2312|gbk|gb18030|big5|euc-(jp|kr)|shift_jis)$"
)
_BINARY = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"%PDF": "PDF", b"SQLite format 3": "SQLite"}

# Each undecodable byte stands for what it is in Windows-1252, the usual wrong encoding.
_FOREIGN_BYTES = {0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)}

# Controls, lone surrogates, non-characters, and marks that reorder or hide text in a mail.
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ud800-\udfff"
    "\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff]"
)
_TAG = re.compile(
    r"</?(?P<name>a|abbr|article|b|blockquote|br|center|cite|code|dd|del|div|dl|dt|em|figcaption|figure|font|footer|"
    r"h[1-6]|header|hr|i|iframe|img|ins|kbd|li|mark|ol|p|pre|q|s|section|small|span|strong|sub|sup|table|tbody|td|th|"
    r"thead|tr|tt|u|ul|var)\b[^<>]*>",
    re.IGNORECASE,
)
_INLINE_NAMES = "a abbr b cite code del em font i ins kbd mark q s small span strong sub sup tt u var"
_INLINE = frozenset(_INLINE_NAMES.split())
_SILENT = re.compile(r"<(script|style|template|noscript)\b|<!--", re.IGNORECASE)


class Report:
    """Collects problems, so many and no more."""

    def __init__(self, name: str = "") -> None:
        self._name = name
        self._problems: list[Problem] = []
        self._left_out = 0

    def add(self, where: str, what: str) -> None:
        """Note that something (`what`, a sentence) is wrong at a place such as `entry 3`."""
        if len(self._problems) >= MOST_PROBLEMS:
            self._left_out += 1
            return
        self._problems.append(Problem(where=f"{self._name}, {where}" if self._name else where, what=what))

    def problems(self) -> tuple[Problem, ...]:
        """Return the problems in their order; those beyond the limit are counted in a last one."""
        if not self._left_out:
            return tuple(self._problems)
        more = Problem(where=self._name or "the file", what=f"{self._left_out} more problems are not listed.")
        return (*self._problems, more)


def binary_format(data: bytes) -> str:
    """Return the name of a binary format that the bytes are in (`gzip`, `zip`, `PDF`, `SQLite`), or nothing."""
    return next((name for magic, name in _BINARY.items() if data.startswith(magic)), "")


def decode(data: bytes, report: Report) -> str:
    """Return the text of the bytes, whatever their encoding, with `\\n` as the only line end.

    A byte order mark counts first, then NULs that show UTF-16, then the encoding that an XML declaration names, then
    UTF-8, in which each byte that does not fit is read as Windows-1252. Characters that were guessed are reported.
    """
    text = _decode(data, report)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def _decode(data: bytes, report: Report) -> str:
    for mark, codec in _BOMS:
        if data.startswith(mark):
            return _utf8(data[3:], report) if codec == "utf-8" else _known(data[len(mark) :], codec, report)
    if codec := _utf16_without_mark(data):
        return _known(data, codec, report)
    declared = _DECLARED.match(data)
    name = declared.group(1).decode("ascii").lower() if declared else ""
    return _known(data, name, report) if _CODECS.match(name) else _utf8(data, report)


def _utf8(data: bytes, report: Report) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        report.add(
            f"byte {error.start}",
            "The text is not UTF-8; the bytes that do not fit were read as Windows-1252. Save it as UTF-8.",
        )
    return data.decode("utf-8", "surrogateescape").translate(_FOREIGN_BYTES)


def _known(data: bytes, codec: str, report: Report) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        report.add(f"byte {error.start}", f"The text is not {codec.upper()} throughout; what does not fit is lost.")
    except LookupError:
        return _utf8(data, report)
    return data.decode(codec, "replace")


def _utf16_without_mark(data: bytes) -> str:
    head = data[:4000]
    if len(head) < 8:
        return ""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if odd > len(head) * 0.35 and even < len(head) * 0.05:
        return "utf-16-le"
    if even > len(head) * 0.35 and odd < len(head) * 0.05:
        return "utf-16-be"
    return ""


def clean(text: str) -> str:
    """Return the text in one line: spaces folded, NFC, no control characters, lone surrogates or direction marks."""
    if text.isascii() and text.replace("\n", " ").isprintable():
        return " ".join(text.split())
    text = " ".join(_UNWANTED.sub("", text).split())
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def clip(text: str, most: int) -> str:
    """Return the text cut after a word so that it has `most` characters at most, an ellipsis among them."""
    if len(text) <= most:
        return text
    head = text[: most - 1]
    return (head[: head.rfind(" ")] if " " in head[most // 2 :] else head).rstrip() + "…"


def from_html(markup: str) -> str:
    """Return what a reader sees of HTML; text that merely holds `<` and `&` stays as it is."""
    if "<" in markup:
        markup = _TAG.sub(_tag_to_space, "".join(_audible(markup)))
    return html.unescape(markup) if "&" in markup else markup


def _tag_to_space(tag: re.Match[str]) -> str:
    return "" if tag["name"].lower() in _INLINE else " "


def _audible(markup: str) -> Iterable[str]:
    """Yield the parts of HTML outside scripts, styles and comments."""
    lower = markup.lower()
    at = 0
    while silent := _SILENT.search(markup, at):
        yield markup[at : silent.start()]
        end = "-->" if silent.group(1) is None else f"</{silent.group(1).lower()}"
        found = lower.find(end, silent.end())
        if found < 0:
            return
        at = found + len(end) if end == "-->" else max(lower.find(">", found) + 1, found + len(end))
    yield markup[at:]
