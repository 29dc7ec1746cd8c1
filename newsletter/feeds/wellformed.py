"""XML that is safe to hand to a feed parser: whole where it is well-formed, else its sound entries one by one.

Knows the frame of Atom and RSS (root, channel, entries), not what stands in it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from html.entities import html5
from typing import Any, Self
from xml.parsers import expat

from newsletter.feeds.entries import LONGEST_ENTRY, MOST_ENTRIES
from newsletter.feeds.text import Report

_ROOT = re.compile(r"<(?P<tag>(?:[A-Za-z]{1,20}:)?(?P<name>feed|rss|RDF))\b[^<>]{0,8000}>")
_ENTRY = re.compile(r"<(?P<end>/?)(?P<tag>(?:[A-Za-z]{1,20}:)?(?:entry|item))(?=[\s>/])")
_DECLARATION = re.compile(r"\s*<\?xml[^<>]{0,300}\?>\s*")
# XML 1.0 section 2.2
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_BARE_AMPERSAND = re.compile(r"&(?!(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|\w{1,40});)")
_BARE_LESS = re.compile(r"<(?![A-Za-z/!?])")
_REFERENCE = re.compile(r"&(#?\w{1,40});")
# Where the root element must begin, and end.
_FRAME = 20_000
_OF_XML = ("amp", "lt", "gt", "quot", "apos")


class EntityDeclaredError(Exception):
    """The document declares entities of its own: they serve to blow up (billion laughs) or to read files."""


def root_of(text: str) -> str:
    """Return the name of the root element of a feed (`feed`, `rss`, `RDF`), or nothing."""
    found = _ROOT.search(text[:_FRAME])
    return found["name"] if found else ""


@dataclass(frozen=True, slots=True)
class Document:
    """A feed in parts: what stands before the entries, each sound entry with its number, what closes the frame.

    `whole` is the document itself where it is well-formed, and None where entries had to be left out.
    """

    whole: str | None
    start: str
    head: str
    end: str
    chunks: tuple[tuple[int, str], ...] = ()

    @property
    def around(self) -> str:
        """What stands around the entries, well-formed; the entries too where the whole is."""
        return self.head + self.end if self.whole is None else self.whole

    @classmethod
    def of(cls, text: str, report: Report) -> Self | None:
        """Return the parts of a document, or None where not even its frame can be found.

        Raises EntityDeclaredError where it declares entities.
        """
        text = _NOT_XML.sub("", _DECLARATION.sub("", text, count=1))
        root = _ROOT.search(text[:_FRAME])
        if root is None:
            return None
        if "<!ENTITY" in text[: root.start()]:
            raise EntityDeclaredError
        # A large document is never parsed whole: what is nested millions deep would take all memory.
        if len(text) <= LONGEST_ENTRY:
            if (fault := _fault(text)) is None:
                return cls(whole=text, start="", head="", end="")
            report.add("the file", f"The feed is damaged ({fault}); the entries that are whole were taken.")
        elif f"</{root['tag']}" not in text[-_FRAME:]:
            report.add("the file", "The feed breaks off before its end; the entries that are whole were taken.")
        return cls._apart(text, root, report)

    @classmethod
    def _apart(cls, text: str, root: re.Match[str], report: Report) -> Self:
        first = _ENTRY.search(text)
        head = text[root.start() : first.start() if first else len(text)]
        in_channel = head.count("<channel") > head.count("</channel")
        start = root.group() + ("<channel>" if in_channel else "")
        end = ("</channel>" if in_channel else "") + f"</{root['tag']}>"
        if len(head) > LONGEST_ENTRY or _fault(head + end) is not None:
            head = start
        return cls(whole=None, start=start, head=head, end=end, chunks=tuple(_sound(text, start, end, report)))


def _sound(text: str, start: str, end: str, report: Report) -> Iterator[tuple[int, str]]:
    outside = len(text)
    for number, (chunk, is_cut) in enumerate(_chunks(text), 1):
        where = f"entry {number}"
        outside -= len(chunk)
        if number > MOST_ENTRIES:
            report.add(where, f"There are more than {MOST_ENTRIES:,} entries; the rest was left out.")
            return
        if len(chunk) > LONGEST_ENTRY:
            report.add(where, f"The entry has {len(chunk):,} characters, which no paper has; it was left out.")
        elif _fault(f"{start}{chunk}{end}") is None:
            yield number, chunk
        elif (fault := _fault(f"{start}{(mended := _mended(chunk))}{end}")) is None:
            yield number, mended
        elif is_cut:
            report.add(where, "The file ends or breaks off in the middle of this entry, so it was left out.")
        else:
            report.add(where, f"The entry is not well-formed XML ({fault}), so it was left out.")
    if outside > LONGEST_ENTRY:
        report.add("the file", f"{outside:,} characters stand outside of its entries; they were left out.")


def _chunks(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the text of each entry, and whether its end is missing."""
    begun: re.Match[str] | None = None
    for tag in _ENTRY.finditer(text):
        if not tag["end"]:
            if begun is not None:
                yield text[begun.start() : tag.start()], True
            begun = tag
        elif begun is not None and tag["tag"] == begun["tag"]:
            yield text[begun.start() : text.find(">", tag.end()) + 1], False
            begun = None
    if begun is not None:
        yield text[begun.start() :], True


def _mended(chunk: str) -> str:
    """Return an entry without the slips that are unambiguous: HTML's entities, `R&D`, `p < 0.05`."""
    chunk = _BARE_LESS.sub("&lt;", _BARE_AMPERSAND.sub("&amp;", chunk))
    return _REFERENCE.sub(_reference, chunk)


def _reference(found: re.Match[str]) -> str:
    name = found[1]
    if name in _OF_XML:
        return found[0]
    if not name.startswith("#"):
        return escape(html5.get(f"{name};", f"&{name};"), quote=False)
    try:
        character = chr(int(f"0{name[1:]}", 0) if name[1:2] in "xX" else int(name[1:]))
    except (ValueError, OverflowError):
        return ""
    return "" if _NOT_XML.match(character) else found[0]


def _fault(text: str) -> str | None:
    """Return what is wrong with XML in the words of expat, or None for well-formed XML with bound prefixes."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.EntityDeclHandler = _refuse
    try:
        # Lone surrogates are gone, so this encodes.
        parser.Parse(text, True)
    except expat.ExpatError as error:
        return f"{expat.ErrorString(error.code)}, line {error.lineno}"
    return None


def _refuse(*_: Any) -> None:
    raise EntityDeclaredError
