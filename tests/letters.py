"""Every look and kind of mail in every language, made once for all tests, and their HTML as a tree."""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

from outside import ROOT

if TYPE_CHECKING:
    from gallery import Mail

VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"}


@cache
def letters() -> "tuple[Mail, ...]":
    """Return every mail that bench/gallery.py makes."""
    sys.path.insert(0, str(ROOT / "bench"))
    try:
        import gallery
    finally:
        sys.path.remove(str(ROOT / "bench"))
    with tempfile.TemporaryDirectory() as folder:
        return tuple(gallery.mails(Path(folder)))


def pages() -> "list[Mail]":
    """Return those that have HTML."""
    return [mail for mail in letters() if mail.rendered.html]


@dataclass
class Node:
    """An element; a text is one without a name."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    words: str = ""
    children: "list[Node]" = field(default_factory=list)

    def all(self, *names: str) -> "Iterator[Node]":
        """Yield the elements below it, in order; of these names alone, if there are any."""
        for child in self.children:
            if child.name and (not names or child.name in names):
                yield child
            yield from child.all(*names)

    @property
    def text(self) -> str:
        """The words in it, as they are read out: an image has its alternative text."""
        if self.name in ("style", "title", "script"):
            return ""
        own = self.attributes.get("alt", "") if self.name == "img" else self.words
        return own + "".join(child.text for child in self.children)

    @property
    def style(self) -> dict[str, str]:
        """Its inline style."""
        pairs = (part.partition(":") for part in self.attributes.get("style", "").split(";"))
        return {name.strip().lower(): value.strip().lower() for name, _, value in pairs if name.strip()}


class _Tree(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Node("")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Node(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, f"</{tag}> in <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(Node("", words=data))


def tree(html: str) -> Node:
    """Return the root of a page in which every element is closed."""
    parser = _Tree()
    parser.feed(html)
    parser.close()
    [root] = parser.open
    return root
