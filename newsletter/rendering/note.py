"""The editor's note: Markdown made safe, as HTML and as plain text; knows nothing of mails."""

import re
from html.parser import HTMLParser

import nh3
from markdown import Markdown

from newsletter.rendering.prose import clean_lines, wrap

TAGS = {
    "a", "blockquote", "br", "code", "em", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "strong", "ul",
}  # fmt: skip
CODE_STYLE = "white-space:pre-wrap"
SCHEMES = {"http", "https", "mailto"}
DROPPED = {"script", "style", "title", "textarea"}
BLOCKS = {"blockquote", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre", "ul", "li"}

_HEADING = re.compile(r"<(/?)h([2-6])>")


def to_html(markdown: str) -> str:
    """Return safe HTML of a note in Markdown: no images, no styles, links to http, https and mailto only.

    Headings begin with h2, for the mail has its own h1, and leave no level out, as the author may.
    """
    converter = Markdown(extensions=["toc", "sane_lists"], extension_configs={"toc": {"baselevel": 2}})
    safe = nh3.clean(
        converter.convert(clean_lines(markdown)),
        tags=TAGS,
        clean_content_tags=DROPPED,
        attributes={"a": {"href"}, "ol": {"start"}},
        # Here and not in the templates, so that a mail without code says nothing that clients may not know.
        set_tag_attribute_values={"pre": {"style": CODE_STYLE}},
        url_schemes=SCHEMES,
        url_relative="deny",
        link_rel=None,
        strip_comments=True,
    )
    return _stepped(safe).strip()


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
        elif tag == "br":
            self._words += "\n"
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self._words)))

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened; an address that its link's words do not show follows them."""
        if tag in BLOCKS:
            self._end_block()
        if tag in ("ol", "ul") and self._lists:
            self._lists.pop()
            self._in_list = bool(self._lists)
        elif tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)
        elif tag == "pre":
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
        indent = len(marker) if self._lists else 0
        if self._verbatim:
            lines = words.strip("\n").split("\n")
        else:
            lines = [
                line
                for part in words.strip().split("\n")
                for line in wrap(part, self._columns - 2 * self._quotes, first=indent, indent=indent).split("\n")
            ]
        lines[0] = marker + lines[0]
        self._write("\n".join("> " * self._quotes + line for line in lines), tight=bool(marker))

    def _write(self, block: str, *, tight: bool) -> None:
        """Add a block after an empty line, or close to the one before it if both are points of a list."""
        gap = "\n" if tight and self._in_list else "\n\n"
        self._written += (gap if self._written else "") + block
        self._in_list = tight


def _is_number(value: str | None) -> bool:
    return value is not None and value.isascii() and value.isdigit()
