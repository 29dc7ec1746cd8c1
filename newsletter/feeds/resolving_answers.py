"""What Crossref and arXiv answer to a search, beyond what the parsers of feeds know; does no I/O.

https://api.crossref.org: the body is `{"message": {"items": [{"DOI", "title": [...], "author": [...], ...}]}}`, in
which any key may be absent.
"""

import json
import math
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from newsletter.feeds import entries, links
from newsletter.feeds.identity import arxiv_id
from newsletter.feeds.text import Report, clean, decode, from_html
from newsletter.models import Paper, ParsedFeed

SOURCE = "Crossref"
MOST_ITEMS = 100

# Of Crossref's types (https://api.crossref.org/types) those that are a work to read; a component is a figure of one.
_WORKS = frozenset(
    ("journal-article", "proceedings-article", "posted-content", "book-chapter", "report", "dissertation", "monograph")
)
_DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>]{1,200}")
# Abstracts are in JATS (https://jats.nlm.nih.gov), whose `p` and `italic` are near to HTML but for their prefix.
_JATS = re.compile(r"<(/?)jats:")
_HEADING = re.compile(r"<jats:title>[^<]{0,60}</jats:title>")
_TOTAL = re.compile(rb"<(?:\w+:)?totalResults\b[^>]{0,200}>\s*(\d{1,12})\s*<")
_ERROR_ID = re.compile(r"<id>\s*https?://arxiv\.org/api/errors\S{0,300}</id>")
_SUMMARY = re.compile(r"<summary[^>]{0,200}>([^<]{0,500})</summary>")


def crossref(data: bytes, *, today: date) -> ParsedFeed:
    """Return the works of Crossref's answer to a search; an item that cannot be read costs no other."""
    report = Report("Crossref")
    try:
        value = json.loads(decode(data, report), strict=False, parse_int=_integer)
        items = value["message"]["items"]
        if not isinstance(items, list):
            raise TypeError
    except (ValueError, RecursionError, TypeError, KeyError):
        report.add("the answer", "The answer is not what Crossref says to a search.")
        return ParsedFeed(layout="unknown", problems=report.problems())
    found = []
    for number, item in enumerate(items[:MOST_ITEMS], 1):
        if isinstance(item, dict) and _text(item.get("type")) in _WORKS:
            found.append(_work(item, f"item {number}", today, report))
    return ParsedFeed(layout="unknown", title=SOURCE, papers=tuple(filter(None, found)), problems=report.problems())


def total(data: bytes) -> int | None:
    """Return how many results a search at arXiv has in all, as its answer tells; None where it does not."""
    found = _TOTAL.search(data[:20_000])
    return int(found[1]) if found else None


def refusal(data: bytes) -> str:
    """Return what arXiv says is wrong with a search, or nothing: such an answer is an entry titled Error."""
    text = data[:20_000].decode("utf-8", "replace")
    if not _ERROR_ID.search(text):
        return ""
    said = _SUMMARY.search(text)
    return clean(from_html(said[1]))[:300] if said else "it gave no reason"


def _work(item: dict[str, Any], where: str, today: date, report: Report) -> Paper | None:
    doi = _DOI.fullmatch(_text(item.get("DOI")).strip())
    if doi is None:
        return None
    of_arxiv = arxiv_id(f"doi:{doi[0]}")
    given = [name for each in _dicts(item.get("author")) if (name := _author(each))]
    return entries.paper(
        where,
        report,
        title=from_html(_title(item)),
        abstract=from_html(_JATS.sub(r"<\1", _HEADING.sub(" ", _text(item.get("abstract"))[: entries.LONGEST_FIELD]))),
        arxiv_id=of_arxiv[0] if of_arxiv else None,
        doi=None if of_arxiv else doi[0],
        url=f"https://arxiv.org/abs/{of_arxiv[0]}" if of_arxiv else links.safe(f"https://doi.org/{doi[0]}"),
        authors=entries.names(where, report, given, entries.MOST_AUTHORS, "authors"),
        source=SOURCE,
        published_on=_day(item, today),
    )


def _title(item: dict[str, Any]) -> str:
    title, subtitle = _first(item.get("title")), _first(item.get("subtitle"))
    return f"{title}: {subtitle}" if subtitle and subtitle.casefold() not in title.casefold() else title


def _author(author: dict[str, Any]) -> str:
    parts = (_text(author.get("given")), _text(author.get("family")))
    return " ".join(filter(None, parts))[: entries.LONGEST_FIELD] or _text(author.get("name"))[: entries.LONGEST_FIELD]


def _day(item: dict[str, Any], today: date) -> date | None:
    """Return the day of publication, where it is told to the day."""
    for key in ("posted", "published-online", "published", "issued"):
        try:
            year, month, day = item[key]["date-parts"][0]
            if found := entries.sane(date(year, month, day), today):
                return found
        except (KeyError, IndexError, TypeError, ValueError, OverflowError):
            continue
    return None


def _first(value: Any) -> str:
    return next(map(_text, value), "") if isinstance(value, list) else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (each for each in value[: 2 * entries.MOST_AUTHORS] if isinstance(each, dict))


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 19 else math.inf
