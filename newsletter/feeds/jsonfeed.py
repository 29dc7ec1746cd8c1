"""JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/); knows nothing of the hub's JSON."""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from newsletter.feeds import dois, entries, links, loose_json
from newsletter.feeds.identity import arxiv_id
from newsletter.feeds.loose_json import Fields
from newsletter.feeds.text import Report, clean, clip, from_html
from newsletter.models import Link, Paper, ParsedFeed

_VERSION = re.compile(r"\"version\"\s{0,80}:\s{0,80}\"https?:\\?/\\?/(?:www\.)?jsonfeed\.org\\?/version\\?/")
_ITEMS = re.compile(r"\"items\"\s{0,80}:\s{0,80}\[")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MARKS = ('"title"', '"content_text"', '"content_html"')


def is_json_feed(text: str) -> bool:
    """Tell whether a text of JSON names itself a JSON Feed; quotes inside of texts are escaped, so no text does."""
    return _VERSION.search(text) is not None


def parse(text: str, *, today: date, report: Report, address: str = "") -> ParsedFeed:
    """Return the papers of a JSON Feed, those of a damaged or cut one item by item.

    `address` is where it is from: relative ones in it count from there.
    """
    value, is_whole = loose_json.whole(text, report)
    feed = Fields(value, "the feed", report)
    title = clip(clean(feed.text("title")), entries.LONGEST_NAME)
    items: Iterable[Any] = feed.list("items") if is_whole else _mended(text, report)
    papers: list[Paper] = []
    number = 0
    for number, item in enumerate(items, 1):
        where = f"entry {number}"
        if number > entries.MOST_ENTRIES:
            report.add(where, f"There are more than {entries.MOST_ENTRIES:,} entries; the rest was left out.")
            break
        if not isinstance(item, dict):
            report.add(where, "The entry is no object, so it was left out.")
        elif one := _paper(Fields(item, where, report), title, today, report, address):
            papers.append(one)
    days = [paper.published_on for paper in papers if paper.published_on]
    return ParsedFeed(
        layout="json-feed",
        title=title,
        published_on=max(days, default=None),
        papers=tuple(papers),
        entries=number,
        next_page=links.absolute(address, feed.text("next_url")),
    )


def _mended(text: str, report: Report) -> Iterator[Any]:
    begins = _ITEMS.search(text)
    if begins is None:
        return iter(())
    return loose_json.mended(text, begins.end(), report, is_entry=_is_item, marks=_MARKS)


def _is_item(value: dict[str, Any]) -> bool:
    return "id" in value or any(mark.strip('"') in value for mark in _MARKS)


def _paper(item: Fields, source: str, today: date, report: Report, address: str) -> Paper | None:
    identifier = item.text("id")
    pages = [links.absolute(address, item.text(key)) or "" for key in ("url", "external_url")]
    found = next(filter(None, map(arxiv_id, (identifier, *pages))), None)
    abstract = item.text("content_text")
    if not abstract and (markup := item.text("content_html")):
        abstract = from_html(markup) if len(markup) <= entries.LONGEST_FIELD else markup
    abstract = abstract or item.text("summary")
    safe = filter(None, map(links.safe, (*pages, identifier)))
    return entries.paper(
        item.where,
        report,
        title=item.text("title"),
        abstract=abstract,
        arxiv_id=found[0] if found else None,
        version=found[1] if found else None,
        doi=dois.in_identifier(identifier) or next(filter(None, map(dois.in_address, (*pages, identifier))), None),
        url=f"https://arxiv.org/abs/{found[0]}" if found else next(safe, None),
        links=links.union(_pdf(item, address), links.in_text(abstract[: entries.LONGEST_ABSTRACT])),
        authors=entries.names(item.where, report, _authors(item), entries.MOST_AUTHORS, "authors"),
        summary=clip(clean(item.text("summary")), entries.LONGEST_SUMMARY)
        if item.text("content_text", "content_html")
        else "",
        keywords=entries.names(
            item.where,
            report,
            (word for word in item.list("tags") if isinstance(word, str)),
            entries.MOST_KEYWORDS,
            "keywords",
        ),
        source=source,
        published_on=_day(item, today),
    )


def _authors(item: Fields) -> Iterator[str]:
    """Yield the names; version 1.0 has one `author`, 1.1 a list of `authors`."""
    found = [author for author in item.list("authors") if isinstance(author, dict)]
    for author in found:
        if isinstance(name := author.get("name"), str):
            yield name
    if not found and (one := item.object("author")):
        yield one.text("name")


def _pdf(item: Fields, address: str) -> tuple[Link, ...]:
    found = (
        links.link(links.absolute(address, each.get("url")), "pdf")
        for each in item.list("attachments")
        if isinstance(each, dict) and each.get("mime_type") == "application/pdf"
    )
    return tuple(filter(None, found))


def _day(item: Fields, today: date) -> date | None:
    # RFC 3339: the day stands first.
    for key in ("date_published", "date_modified"):
        found = _DAY.match(item.text(key))
        try:
            day = entries.sane(date.fromisoformat(found.group()), today) if found else None
        except ValueError:
            continue
        if day:
            return day
    return None
