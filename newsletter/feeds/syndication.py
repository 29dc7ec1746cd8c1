"""Atom and RSS, arXiv's fields among them; knows nothing of pages and JSON.

feedparser is given well-formed XML only: its parser for the rest expands entities and backtracks without bounds.
"""

import io
import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Literal

from newsletter.feeds import entries, links, tex
from newsletter.feeds.identity import arxiv_id
from newsletter.feeds.text import Report, clean, clip, from_html
from newsletter.feeds.wellformed import Document, EntityDeclaredError, root_of
from newsletter.models import Link, Paper, ParsedFeed

_ARXIV_TITLE = re.compile(r"\(arXiv:[^()]{5,60}\)\.?\s*$")
_ARXIV_FEED = re.compile(r"(.{1,200}) updates on arXiv\.org")
_ARXIV_HEAD = re.compile(r"\s*arXiv:\S{5,40}\s+(?:Announce\s+Type:\s*[\w-]{1,20}\s+)?(?:Abstract:\s*)?", re.IGNORECASE)
_DOI = re.compile(r"(?:doi:\s*|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/[^\s\"<>]{1,200})", re.IGNORECASE)


def parse(text: str, *, today: date, report: Report) -> ParsedFeed:
    """Return the papers of an Atom or RSS document, those of a damaged or cut one entry by entry.

    A document that declares entities is refused whole.
    """
    layout: Literal["atom", "rss"] = "atom" if root_of(text) == "feed" else "rss"
    try:
        document = Document.of(text, report)
    except EntityDeclaredError:
        report.add("the file", "The feed declares XML entities of its own, which no feed needs, so it was refused.")
        return ParsedFeed(layout=layout)
    feed, found = _read(document, report) if document else ({}, [])
    source = _source(feed)
    papers = []
    for number, entry in found[: entries.MOST_ENTRIES]:
        if one := _paper(entry, f"entry {number}", source, today, report):
            papers.append(one)
    if len(found) > entries.MOST_ENTRIES:
        report.add("the file", f"There are {len(found):,} entries; the first {entries.MOST_ENTRIES:,} were taken.")
    days = [paper.published_on for paper in papers if paper.published_on]
    return ParsedFeed(
        layout=layout,
        title=_name(_text(feed, "title")),
        published_on=_day(feed, today) or max(days, default=None),
        papers=tuple(papers),
    )


def _read(document: Document, report: Report) -> tuple[Any, list[tuple[int, Any]]]:
    """Return the feed's own fields, and each entry that can be read with its number."""
    if document.whole is not None:
        found = _feedparser(document.whole)
        if found is None:
            report.add("the file", "The feed cannot be read: something in it is not as Atom and RSS have it.")
            return {}, []
        return found["feed"], list(enumerate(found["entries"], 1))
    chunks = document.chunks
    found = _feedparser(document.head + "".join(chunk for _, chunk in chunks) + document.end)
    if found is not None and len(found["entries"]) == len(chunks):
        return found["feed"], [(number, entry) for (number, _), entry in zip(chunks, found["entries"], strict=True)]
    # Something in one of them upsets the parser: find out in which.
    read = []
    for number, chunk in chunks:
        alone = _feedparser(document.start + chunk + document.end)
        if alone is None or not alone["entries"]:
            report.add(f"entry {number}", "The entry is not as Atom and RSS have it, so it was left out.")
        else:
            read.append((number, alone["entries"][0]))
    return (found["feed"] if found is not None else {}), read


def _feedparser(text: str) -> Any | None:
    """Return what feedparser reads in well-formed XML, or None where it breaks down."""
    # Imported here: it takes a tenth of a second that most commands need not spend.
    import feedparser

    try:
        # A stream, because bytes are tried as a file name first. What it would clean and resolve is done here.
        return feedparser.parse(
            io.BytesIO(text.encode("utf-8")),
            response_headers={"content-type": "application/xml; charset=utf-8"},
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except Exception:
        # It lets errors of any kind through, such as those of a wrong xml:base.
        return None


def _paper(entry: Any, where: str, source: str, today: date, report: Report) -> Paper | None:
    addresses = [link for link in _dicts(entry, "links") if isinstance(link.get("href"), str)]
    title, abstract = _text(entry, "title"), _abstract(entry)
    ids = (_text(entry, "id"), _text(entry, "link"), *(link["href"] for link in addresses))
    suffix = _ARXIV_TITLE.search(title[-80:])
    found = next(filter(None, map(arxiv_id, ids)), None) or (arxiv_id(suffix.group()) if suffix else None)
    if found:
        abstract = _ARXIV_HEAD.sub("", abstract, count=1) if _ARXIV_HEAD.match(abstract) else abstract
        title = title[: len(title) - len(suffix.group())] if suffix else title
    abstract = from_html(abstract) if len(abstract) <= entries.LONGEST_FIELD else abstract
    return entries.paper(
        where,
        report,
        title=from_html(title),
        abstract=abstract,
        arxiv_id=found[0] if found else None,
        version=found[1] if found else None,
        doi=_doi(entry),
        url=f"https://arxiv.org/abs/{found[0]}" if found else next(filter(None, map(links.safe, _pages(entry))), None),
        links=links.union(_pdf(addresses), links.in_text(abstract[: entries.LONGEST_ABSTRACT])),
        authors=entries.names(where, report, _authors(entry, of_arxiv=bool(found)), entries.MOST_AUTHORS, "authors"),
        keywords=entries.names(
            where,
            report,
            (tag["term"] for tag in _dicts(entry, "tags") if isinstance(tag.get("term"), str)),
            entries.MOST_KEYWORDS,
            "keywords",
        ),
        source=source or ("arXiv" if found else ""),
        published_on=_day(entry, today),
    )


def _abstract(entry: Any) -> str:
    contents = (content["value"] for content in _dicts(entry, "content") if isinstance(content.get("value"), str))
    return _text(entry, "summary") or next(contents, "")


def _authors(entry: Any, *, of_arxiv: bool) -> Iterator[str]:
    """Yield the names; arXiv's feeds give all of them in one element, with TeX and affiliations in brackets."""
    found = [author["name"] for author in _dicts(entry, "authors") if isinstance(author.get("name"), str)]
    for name in found or [_text(entry, "author")]:
        name = from_html(name[: entries.LONGEST_FIELD])
        if of_arxiv:
            yield from tex.accents(_outside_brackets(name)).split(",")
        else:
            yield name


def _outside_brackets(text: str) -> str:
    if "(" not in text:
        return text
    kept, depth = [], 0
    for character in text:
        if character == "(":
            depth += 1
        elif character == ")":
            depth = max(depth - 1, 0)
        elif depth == 0:
            kept.append(character)
    return "".join(kept)


def _doi(entry: Any) -> str | None:
    for key in ("arxiv_doi", "prism_doi", "dc_identifier", "id"):
        if found := _DOI.match(clean(_text(entry, key)[:300])):
            return found[1].rstrip(".,;)")
    return None


def _pages(entry: Any) -> Iterator[str]:
    """Yield where the entry may be read, best first."""
    for link in _dicts(entry, "links"):
        if link.get("rel") == "alternate" and isinstance(link.get("href"), str):
            yield link["href"]
    yield _text(entry, "link")
    yield _text(entry, "id")


def _pdf(addresses: list[dict[str, Any]]) -> tuple[Link, ...]:
    found = (
        links.link(address["href"], "pdf")
        for address in addresses
        if address.get("type") == "application/pdf" or address.get("title") == "pdf"
    )
    return tuple(filter(None, found))


def _source(feed: Any) -> str:
    """Return the name of the source for people: `arXiv cs.AI`, or the feed's own title."""
    title = _name(_text(feed, "title"))
    if found := _ARXIV_FEED.match(title):
        return f"arXiv {found[1]}"
    return "arXiv" if title.lower().startswith("arxiv query") else title


def _name(title: str) -> str:
    return clip(clean(from_html(title[: entries.LONGEST_FIELD])), entries.LONGEST_NAME)


def _day(fields: Any, today: date) -> date | None:
    for key in ("published_parsed", "updated_parsed"):
        # The plain `get`: feedparser's own warns of what it puts in the place of an absent key.
        moment = dict.get(fields, key)
        try:
            day = date(*moment[:3]) if moment else None
        except (TypeError, ValueError):
            continue
        if day := entries.sane(day, today):
            return day
    return None


def _text(fields: Any, key: str) -> str:
    value = dict.get(fields, key)
    return value if isinstance(value, str) else ""


def _dicts(fields: Any, key: str) -> list[dict[str, Any]]:
    value = dict.get(fields, key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
