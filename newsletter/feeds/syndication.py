"""Atom and RSS, arXiv's fields among them; knows nothing of pages and JSON.

feedparser is given well-formed XML only: its parser for the rest expands entities and backtracks without bounds.
"""

import io
import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Literal

from newsletter.feeds import creators, dois, entries, frame, links, mastheads, tex
from newsletter.feeds.identity import arxiv_id
from newsletter.feeds.text import Report, clean, clip, from_html
from newsletter.feeds.wellformed import Document, EntityDeclaredError, root_of
from newsletter.models import Link, Paper, ParsedFeed

_ARXIV_TITLE = re.compile(r"\(arXiv:[^()]{5,60}\)\.?\s*$")
_ARXIV_FEED = re.compile(r"(.{1,200}) updates on arXiv\.org")
_ARXIV_HEAD = re.compile(r"\s*arXiv:\S{5,40}\s+(?:Announce\s+Type:\s*[\w-]{1,20}\s+)?(?:Abstract:\s*)?", re.IGNORECASE)
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_OPENSEARCH_EMPTY = "arXiv sent an empty page though it has {total:,} results, as it does at times; ask it again later."
# arXiv's manual of its query API, section 3.4: an entry titled Error in place of the results.
_ARXIV_FAULT = re.compile(r"https?://arxiv\.org/api/errors\b", re.IGNORECASE)
_FEED_FAULT = re.compile(r"feed error for query", re.IGNORECASE)
_REPLACED = ("replace", "replace-cross")


def parse(text: str, *, today: date, report: Report, address: str = "") -> ParsedFeed:
    """Return the papers of an Atom or RSS document, those of a damaged or cut one entry by entry.

    `address` is where it is from: relative ones in it count from there (RFC 4287 section 2), those of RSS from the link
    of the channel, unless it names a base of its own.

    A document that declares entities is refused whole.
    """
    layout: Literal["atom", "rss"] = "atom" if root_of(text) == "feed" else "rss"
    try:
        document = Document.of(text, report)
    except EntityDeclaredError:
        report.add("the file", "The feed declares XML entities of its own, which no feed needs, so it was refused.")
        return ParsedFeed(layout=layout)
    around = frame.read(document.around, address) if document else frame.Frame()
    base = links.absolute(address, around.link) or address
    feed, found = _read(document, report) if document else ({}, [])
    if said := _refusal(feed, found):
        report.add("the file", f"arXiv answers: {said}")
        return ParsedFeed(layout="unknown", said=said)
    source = _source(feed)
    papers: list[Paper] = []
    updates: list[Paper] = []
    for number, entry in found[: entries.MOST_ENTRIES]:
        if one := _paper(entry, f"entry {number}", source, today, report, base):
            kind = clean(_text(entry, "arxiv_announce_type")).lower()
            (updates if kind in _REPLACED else papers).append(one)
    if len(found) > entries.MOST_ENTRIES:
        report.add("the file", f"There are {len(found):,} entries; the first {entries.MOST_ENTRIES:,} were taken.")
    if not found and around.total is not None and around.start < around.total:
        report.add("the file", _OPENSEARCH_EMPTY.format(total=around.total))
    days = [paper.published_on for paper in papers if paper.published_on]
    return ParsedFeed(
        layout=layout,
        title=_name(_text(feed, "title")),
        published_on=_day(feed, today) or max(days, default=None),
        papers=tuple(papers),
        updates=tuple(updates),
        entries=found[-1][0] if found else 0,
        total=around.total,
        ttl=around.ttl,
        skip_days=around.skip_days,
        skip_hours=around.skip_hours,
        next_page=around.next_page,
    )


def _refusal(feed: Any, found: list[tuple[int, Any]]) -> str:
    """Return what arXiv says in place of an answer, as a sentence, or nothing."""
    said = ""
    if len(found) == 1 and _ARXIV_FAULT.match(_text(found[0][1], "id").strip()):
        said = _text(found[0][1], "summary") or "an error without a word"
    elif not found and _FEED_FAULT.match(_text(feed, "title").strip()):
        said = _text(feed, "subtitle") or _text(feed, "title")
    said = clip(clean(from_html(said[: entries.LONGEST_FIELD])), entries.LONGEST_NAME)
    return f"{said.rstrip('.')}." if said else ""


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
        # A stream, because bytes are tried as a file name first. What it would clean and resolve is done here:
        # with a base of ours it would make addresses of ids too.
        return feedparser.parse(
            io.BytesIO(text.encode("utf-8")),
            response_headers={"content-type": "application/xml; charset=utf-8"},
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except Exception:
        # It lets errors of any kind through, such as those of a wrong xml:base.
        return None


def _paper(entry: Any, where: str, source: str, today: date, report: Report, base: str) -> Paper | None:
    addresses = [link for link in _dicts(entry, "links") if isinstance(link.get("href"), str)]
    title, abstract = _text(entry, "title"), _abstract(entry)
    places = (
        _text(entry, "id"),
        _text(entry, "link"),
        *(link["href"] for link in addresses),
        _text(entry, "prism_url"),
    )
    suffix = _ARXIV_TITLE.search(title[-80:])
    ids = (*places, _text(entry, "dc_identifier"), _text(entry, "prism_doi"), suffix.group() if suffix else "")
    found = next(filter(None, map(arxiv_id, ids)), None)
    if found:
        abstract = _ARXIV_HEAD.sub("", abstract, count=1) if _ARXIV_HEAD.match(abstract) else abstract
        title = title[: len(title) - len(suffix.group())] if suffix else title
    authors = entries.names(where, report, _authors(entry, of_arxiv=bool(found)), entries.MOST_AUTHORS, "authors")
    if len(abstract) <= entries.LONGEST_FIELD:
        abstract = from_html(abstract if found else mastheads.without(abstract, authors))
    said = f"{abstract[: entries.LONGEST_ABSTRACT]} {_text(entry, 'arxiv_comment')[: entries.LONGEST_NAME * 5]}"
    return entries.paper(
        where,
        report,
        title=from_html(title),
        abstract=abstract,
        arxiv_id=found[0] if found else None,
        version=found[1] if found else None,
        doi=_doi(entry, places),
        url=f"https://arxiv.org/abs/{found[0]}" if found else next(filter(None, _pages(entry, base)), None),
        links=links.union(_pdf(addresses, base), links.in_text(said)),
        authors=authors,
        organization="".join(
            entries.names(where, report, [_name(_text(entry, "arxiv_affiliation"))], 1, "organizations")
        ),
        keywords=entries.names(where, report, _categories(entry), entries.MOST_KEYWORDS, "keywords"),
        source=source or ("arXiv" if found else ""),
        published_on=_day(entry, today),
    )


def _categories(entry: Any) -> Iterator[str]:
    """Yield the categories, arXiv's primary one first."""
    primary = dict.get(entry, "arxiv_primary_category")
    for tag in ([primary] if isinstance(primary, dict) else []) + _dicts(entry, "tags"):
        if isinstance(tag.get("term"), str):
            yield tag["term"]


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
        elif len(found) > 1:
            yield name
        else:
            yield from creators.apart([clean(name)])


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


def _doi(entry: Any, places: tuple[str, ...]) -> str | None:
    fields = (_text(entry, key) for key in ("arxiv_doi", "prism_doi", "dc_identifier", "id"))
    found = (
        *map(dois.in_identifier, map(clean, fields)),
        *map(dois.in_address, places),
        dois.in_text(_text(entry, "dc_source")),
    )
    # What arXiv itself registers for a paper says no more than its id.
    return next((doi for doi in found if doi and not doi.lower().startswith("10.48550/arxiv.")), None)


def _pages(entry: Any, base: str) -> Iterator[str | None]:
    """Yield where the entry may be read, best first."""
    for link in _dicts(entry, "links"):
        if link.get("rel") == "alternate":
            yield links.absolute(base, link.get("href"))
    # What an id would be relative to is not said, and most that look so are none.
    by_id = dict.get(entry, "guidislink") is True
    yield links.safe(_text(entry, "link")) if by_id else links.absolute(base, _text(entry, "link"))
    yield links.safe(_text(entry, "id"))


def _pdf(addresses: list[dict[str, Any]], base: str) -> tuple[Link, ...]:
    found = (
        links.link(links.absolute(base, address["href"]), "pdf")
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
    found = _ISO_DAY.match(_text(fields, "prism_publicationdate"))
    try:
        return entries.sane(date.fromisoformat(found.group()), today) if found else None
    except ValueError:
        return None


def _text(fields: Any, key: str) -> str:
    value = dict.get(fields, key)
    return value if isinstance(value, str) else ""


def _dicts(fields: Any, key: str) -> list[dict[str, Any]]:
    value = dict.get(fields, key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
