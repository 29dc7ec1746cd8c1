"""The feeds that a page of HTML names (`<link rel="alternate">`); knows nothing of what is in them."""

import html
import re
from typing import NamedTuple

from newsletter.feeds import links
from newsletter.feeds.text import clean, clip

# The head of a page; what comes later is no head.
_LONGEST = 500_000
_MOST = 20
_TYPES = frozenset(
    {
        "application/rss+xml",
        "application/atom+xml",
        "application/feed+json",
        "application/rdf+xml",
        "application/xml",
        "text/xml",
    }
)
_LONGEST_TITLE = 200
# A quoted value may have brackets. What stands in a comment, or where HTML knows no elements, names nothing.
_ELEMENT = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<raw>script|style|template|textarea|title)\b.*?(?:</(?P=raw)\s*>|\Z)"
    r"|<(?P<tag>link|base)\b(?P<attributes>(?:[^<>\"']++|\"[^\"]{0,2000}\"|'[^']{0,2000}'){0,60}+)>",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = re.compile(r"([a-z-]{2,20})\s{0,9}=\s{0,9}(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)


class Alternate(NamedTuple):
    """A feed that a page names: where it is, and what the page calls it."""

    url: str
    title: str


def alternates(markup: str, address: str) -> tuple[Alternate, ...]:
    """Return the feeds that a page at an address names, each once; those of comments only where there are no others."""
    base, found = address, dict[str, Alternate]()
    for element in _ELEMENT.finditer(markup[:_LONGEST]):
        if not element["tag"]:
            continue
        given = {
            name.lower(): html.unescape(a or b or c) for name, a, b, c in _ATTRIBUTE.findall(element["attributes"])
        }
        url = links.absolute(base, given.get("href", ""))
        if element["tag"].lower() == "base":
            base = url or base
        elif url and _is_feed(given):
            found.setdefault(url, Alternate(url, clip(clean(given.get("title", "")), _LONGEST_TITLE)))
    others = [one for one in found.values() if "comment" not in one.title.lower()]
    return tuple(others or found.values())[:_MOST]


def _is_feed(given: dict[str, str]) -> bool:
    kind = given.get("type", "").partition(";")[0].strip().lower()
    return kind in _TYPES and "alternate" in given.get("rel", "").lower().split()
