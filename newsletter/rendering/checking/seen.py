"""What somebody sees of the HTML of a mail: its words and its links; knows no template.

It goes by attributes and by `style` of the elements themselves, and follows neither style sheets nor colours.
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from newsletter.rendering.checking.elements import VOID

_UNSEEN = frozenset({"head", "style", "script", "title", "template", "noscript"})
_GONE = re.compile(r"(?:^|[;\s])(?:display:none|visibility:(?:hidden|collapse)|opacity:0(?:\.0*)?(?![.\d]))")
_SIZE = re.compile(r"(?:^|;)font(?:-size)?:(?:[^;]*?\s)?([\d.]+)(?:px|pt|em|rem|%|;|/|$|!)")
# What takes no room, or is blank.
_NOTHING = re.compile("[\\s\u00ad\u034f\u180e\u200b-\u200f\u2060\ufeff]+")


@dataclass
class Seen:
    """The words that are shown, the addresses of all links, and those of links that show something."""

    words: str = ""
    links: list[str] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)


def seen(html: str) -> Seen:
    """Return what is seen of HTML."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.seen


@dataclass
class _Open:
    tag: str
    hidden: bool
    tiny: bool
    link: str


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen = Seen()
        self._open = [_Open("", hidden=False, tiny=False, link="")]

    def handle_starttag(self, tag: str, attrs: "list[tuple[str, str | None]]") -> None:
        given = {name: value or "" for name, value in attrs}
        top = self._open[-1]
        style = re.sub(r"\s*([:;])\s*", r"\1", given.get("style", "").lower().strip())
        sizes = _SIZE.findall(style)
        opened = _Open(
            tag,
            hidden=top.hidden or tag in _UNSEEN or "hidden" in given or _GONE.search(style) is not None,
            tiny=not sizes[-1].strip("0.") if sizes else top.tiny,
            link=given.get("href", "") if tag in ("a", "area") else top.link,
        )
        if tag in ("a", "area") and "href" in given:
            self.seen.links.append(given["href"])
        if tag in ("img", "area") and not opened.hidden:
            self._says(given.get("alt", ""), opened)
        if tag not in VOID:
            self._open.append(opened)

    def handle_endtag(self, tag: str) -> None:
        for at in range(len(self._open) - 1, 0, -1):
            if self._open[at].tag == tag:
                del self._open[at:]
                return

    def handle_data(self, data: str) -> None:
        top = self._open[-1]
        if not top.hidden and not top.tiny:
            self._says(data, top)

    def _says(self, words: str, where: _Open) -> None:
        self.seen.words += words
        if where.link and _NOTHING.sub("", words):
            self.seen.shown.add(where.link)
