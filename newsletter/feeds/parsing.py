"""Bytes to papers: which layout it is, and that no input whatever costs more than itself; does no I/O."""

import re
from datetime import date

from newsletter.feeds import hub, jsonfeed, loose_json, pages, syndication
from newsletter.feeds.text import Report, binary_format, clean, decode
from newsletter.feeds.wellformed import root_of
from newsletter.models import ParsedFeed

_HTML = re.compile(r"\s*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_BINARY_SHARE = 0.05
_LONGEST_WORDS = 200


def parse(data: bytes, *, name: str = "", today: date, address: str = "") -> ParsedFeed:
    """Return the papers of a file or response, in the order of the source, and every problem met.

    The layout is recognised from the bytes: saved pages, the hub's JSON, JSON Feed, Atom, RSS. `name` is put before the
    place of each problem; `today` is what dates without a year are counted back from;
    `address` is where a response is from, for what is relative in it. Nothing is ever raised: an entry that cannot be
    read is a problem in the report and costs no other entry.
    """
    report = Report(name)
    try:
        parsed = _parse(data, today, report, address)
    except Exception as error:
        # The last resort, since a newsletter must go out whatever one of its sources sends.
        report.add("the file", f"The file cannot be read ({type(error).__name__}), so nothing was taken from it.")
        parsed = ParsedFeed(layout="unknown")
    return parsed.model_copy(update={"problems": report.problems()})


def _parse(data: bytes, today: date, report: Report, address: str) -> ParsedFeed:
    nothing = ParsedFeed(layout="unknown")
    if not data.strip(b" \t\r\n\x00"):
        report.add("the file", "The file is empty.")
        return nothing
    if kind := binary_format(data):
        report.add("the file", f"This is a {kind} file and no text; unpack or export it first.")
        return nothing
    text = decode(data, report)
    if root_of(text) and text.lstrip("\ufeff \n\t\x00").startswith("<"):
        return syndication.parse(text, today=today, report=report, address=address)
    if loose_json.looks_like_json(text):
        bare = text.lstrip("\ufeff \n\t\x00")
        if jsonfeed.is_json_feed(text):
            return jsonfeed.parse(bare, today=today, report=report, address=address)
        return hub.parse(bare, today=today, report=report)
    if pages.looks_like_page(text) or pages.resembles_page(text):
        return pages.parse(text, today=today, report=report)
    said = _said(text)
    report.add("the file", _unknown(text, said))
    return ParsedFeed(layout="unknown", said=said)


def _said(text: str) -> str:
    """Return the words that a server wrote in place of a feed, such as `Rate exceeded.`, or nothing."""
    if len(text) > _LONGEST_WORDS or "<" in text:
        return ""
    words = clean(text)
    return words if sum(map(str.isalpha, words)) * 2 > len(words) else ""


def _unknown(text: str, said: str) -> str:
    if _HTML.match(text[:1000]):
        return "This is HTML; save the page as text, or take its feed."
    head = text[:4000]
    controls = sum(1 for character in head if character < " " and character not in "\n\t\f")
    if controls > _BINARY_SHARE * len(head):
        return "This is not text."
    words = f"; it says: {said!r}" if said else ""
    return (
        f"This is none of what is read here: a saved page of daily papers, the hub's JSON, Atom, RSS, JSON Feed{words}."
    )
