"""The editor's note: Markdown made safe, as HTML and as plain text; knows nothing of mails."""

import re
from html import escape, unescape
from html.parser import HTMLParser
from typing import Any

import nh3
from markdown import Markdown

from newsletter.rendering.prose import clean_lines, width, wrap

TAGS = {
    "a", "blockquote", "br", "code", "em", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "strong",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
CODE_STYLE = "white-space:pre-wrap"
SCHEMES = {"http", "https", "mailto"}
DROPPED = {"script", "style", "title", "textarea"}
BLOCKS = {"blockquote", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "table", "ul"}

EXTENSIONS = ["fenced_code", "sane_lists", "tables", "toc"]
CONFIGURED: dict[str, dict[str, Any]] = {"tables": {"use_align_attribute": True}, "toc": {"baselevel": 2}}

_ITEM = re.compile(r"( *)(?:[-*+]|\d{1,9}[.])[ \t]+\S")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_PICTURE = re.compile(r'<img(?: alt="([^"]*)")?>')
_NO_LINK = re.compile(r"<a>(.*?)</a>", re.DOTALL)
_HEADING = re.compile(r"<(/?)h([2-6])>")


def to_html(markdown: str) -> str:
    """Return safe HTML of a note in Markdown: no images, no styles, links to http, https and mailto only.

    Of an image its description stays, of a link that leads elsewhere its words. Headings begin with h2, for the mail
    has its own h1, and leave no level out, as the author may.
    """
    safe = _NO_LINK.sub(r"\1", _PICTURE.sub(_described, _cleaned(markdown)))
    return _stepped(safe).strip()


def refused(markdown: str) -> tuple[int, int]:
    """Return how many images, and how many links that lead nowhere in a mail, a note shows as plain words."""
    safe = _cleaned(markdown)
    return len(_PICTURE.findall(safe)), len(_NO_LINK.findall(safe))


def _described(found: re.Match[str]) -> str:
    return escape(unescape(found[1] or ""))


def _cleaned(markdown: str) -> str:
    converter = Markdown(extensions=EXTENSIONS, extension_configs=CONFIGURED)
    return nh3.clean(
        converter.convert(_nested(clean_lines(markdown))),
        tags=TAGS | {"img"},
        clean_content_tags=DROPPED,
        attributes={"a": {"href"}, "img": {"alt"}, "ol": {"start"}, "td": {"align"}, "th": {"align"}},
        # Here and not in the templates, so that a mail without code says nothing that clients may not know.
        set_tag_attribute_values={"pre": {"style": CODE_STYLE}},
        url_schemes=SCHEMES,
        url_relative="deny",
        link_rel=None,
        strip_comments=True,
    )


def _nested(markdown: str) -> str:
    """Return Markdown whose points within points stand in by four spaces each, as the converter wants them.

    Two or three are what people write, and what CommonMark (section 5.2) takes.
    """
    lines: list[str] = []
    open_at: list[int] = []
    fence = ""
    for line in markdown.split("\n"):
        mark = _FENCE.match(line)
        if fence or mark:
            closes = fence and line.strip().startswith(fence) and not line.strip().strip(fence[0])
            fence = "" if closes else fence or (mark[1] if mark else "")
        elif found := _ITEM.match(line):
            at = len(found[1])
            while open_at and open_at[-1] >= at:
                open_at.pop()
            if (open_at and at - open_at[-1] >= 2) or (not open_at and at < 4):
                line = "    " * len(open_at) + line[at:]
                open_at.append(at)
            elif open_at:
                line = "    " * (len(open_at) - 1) + line[at:]
        elif line and not line[0].isspace() and lines and not lines[-1].strip():
            open_at.clear()
        lines.append(line)
    return "\n".join(lines)


def to_text(markdown: str, columns: int = 72) -> str:
    """Return the same note as plain text, wrapped to so many columns."""
    reader = _Reader(columns)
    reader.feed(to_html(markdown))
    reader.close()
    return reader.text()


def _stepped(html: str) -> str:
    """Return HTML whose headings go down by one level at a time, from h2 on (WCAG 2.2 technique H42)."""
    above: list[int] = []

    def level(match: re.Match[str]) -> str:
        if not match[1]:
            while above and above[-1] >= int(match[2]):
                above.pop()
            above.append(int(match[2]))
        return f"<{match[1]}h{min(1 + len(above), 6)}>"

    return _HEADING.sub(level, html)


class _Reader(HTMLParser):
    """Writes the HTML of a note as text, block by block."""

    def __init__(self, columns: int) -> None:
        super().__init__(convert_charrefs=True)
        self._columns = columns
        self._written = ""
        self._in_list = False
        self._words = ""
        self._lists: list[int | None] = []
        self._marker = ""
        self._quotes = 0
        self._links: list[tuple[str, int]] = []
        self._verbatim = False
        self._rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a block, a list or a link."""
        if tag in BLOCKS:
            self._end_block()
        if tag == "ol":
            self._lists.append(int(dict(attrs).get("start") or 1) if _is_number(dict(attrs).get("start")) else 1)
        elif tag == "ul":
            self._lists.append(None)
        elif tag == "li":
            self._marker = self._next_marker()
        elif tag == "blockquote":
            self._quotes += 1
        elif tag == "pre":
            self._verbatim = True
        elif tag == "hr":
            self._write("* * *", tight=False)
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._words = ""
        elif tag == "br":
            self._words += "\n"
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self._words)))

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened; an address that its link's words do not show follows them."""
        if tag in ("td", "th") and self._rows:
            self._rows[-1].append(" ".join(self._words.split()))
            self._words = ""
        elif tag == "table":
            self._words, self._verbatim = _table(self._rows, self._columns), True
            self._rows = []
        if tag in BLOCKS:
            self._end_block()
        if tag in ("ol", "ul") and self._lists:
            self._lists.pop()
            self._in_list = bool(self._lists)
        elif tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)
        elif tag in ("pre", "table"):
            self._verbatim = False
        elif tag == "a" and self._links:
            address, start = self._links.pop()
            if address and self._words[start:].strip() not in (address, address.removeprefix("mailto:")):
                self._words += f" ({address.removeprefix('mailto:')})"

    def handle_data(self, data: str) -> None:
        """Take in words."""
        self._words += data if self._verbatim else data.replace("\n", " ")

    def text(self) -> str:
        """Return what was written."""
        self._end_block()
        return self._written

    def _next_marker(self) -> str:
        if not self._lists or (number := self._lists[-1]) is None:
            return "- "
        self._lists[-1] = number + 1
        return f"{number}. "

    def _end_block(self) -> None:
        words, self._words = self._words, ""
        if not words.strip():
            return
        marker, self._marker = self._marker, ""
        # A point within a point stands in by two columns, and so does what follows in a point.
        margin = "  " * (len(self._lists) - 1 if marker else len(self._lists))
        indent = len(marker)
        if self._verbatim:
            lines = words.strip("\n").split("\n")
        else:
            lines = [
                line
                for part in words.strip().split("\n")
                for line in wrap(
                    part, self._columns - 2 * self._quotes - len(margin), first=indent, indent=indent
                ).split("\n")
            ]
        lines[0] = marker + lines[0]
        self._write("\n".join("> " * self._quotes + margin + line for line in lines), tight=bool(marker))

    def _write(self, block: str, *, tight: bool) -> None:
        """Add a block after an empty line, or close to the one before it if both are points of a list."""
        gap = "\n" if tight and self._in_list else "\n\n"
        self._written += (gap if self._written else "") + block
        self._in_list = tight


def _table(rows: list[list[str]], columns: int) -> str:
    """Return a table as lines, its cells below one another where they fit into so many columns."""
    count = max(map(len, rows), default=0)
    widths = [max(width(row[at]) if at < len(row) else 0 for row in rows) for at in range(count)]
    fits = sum(widths) + 3 * (count - 1) <= columns
    lines = (
        " | ".join(cell + " " * (widths[at] - width(cell) if fits else 0) for at, cell in enumerate(row)).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def _is_number(value: str | None) -> bool:
    return value is not None and value.isascii() and value.isdigit()
