"""The hub's JSON of daily papers; knows nothing of pages and feeds.

The layout is the body of `https://huggingface.co/api/daily_papers`: a list of entries with a `paper` in each. Any key
may be absent or of the wrong type.
"""

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from newsletter.feeds import entries, links, loose_json
from newsletter.feeds.identity import arxiv_id
from newsletter.feeds.loose_json import Fields
from newsletter.feeds.text import Report, clean, clip
from newsletter.models import Link, Paper, ParsedFeed

SOURCE = "Hugging Face Daily Papers"
HUB = "https://huggingface.co/papers/"

_SLUG = re.compile(r"[\w.-]{1,80}\Z", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def parse(text: str, *, today: date, report: Report) -> ParsedFeed:
    """Return the papers of the hub's JSON, those of a damaged or cut list as far as they can be read."""
    papers: list[Paper] = []
    days: list[date] = []
    value, is_whole = loose_json.whole(text, report)
    found = _list(value) if is_whole else _mended(text, report)
    if found is None:
        return _nothing(value, report)
    number = 0
    for number, entry in enumerate(found, 1):
        if number > entries.MOST_ENTRIES:
            report.add(
                f"entry {number}", f"There are more than {entries.MOST_ENTRIES:,} entries; the rest is left out."
            )
            break
        if not isinstance(entry, dict):
            report.add(f"entry {number}", "The entry is no object with a paper in it, so it was left out.")
            continue
        fields = Fields(entry, f"entry {number}", report)
        paper = fields.object("paper") or fields
        if one := _paper(fields, paper, today, report):
            papers.append(one)
            days += [day for day in (_day(paper.text("submittedOnDailyAt"), today),) if day]
    return ParsedFeed(
        layout="hub-json", title=SOURCE, published_on=max(days, default=None), papers=tuple(papers), entries=number
    )


def _paper(entry: Fields, paper: Fields, today: date, report: Report) -> Paper | None:
    where = paper.where
    identifier = paper.text("id").strip()
    found = arxiv_id(identifier)
    abstract = paper.text("summary") or entry.text("summary")
    page = f"{HUB}{identifier}" if _SLUG.match(identifier) else None
    organization = paper.object("organization") or entry.object("organization")
    authors = [author for author in paper.list("authors") if isinstance(author, dict)]
    named = (author.get("name") for author in authors if author.get("hidden") is not True)
    return entries.paper(
        where,
        report,
        title=paper.text("title") or entry.text("title"),
        abstract=abstract,
        arxiv_id=found[0] if found else None,
        version=found[1] if found else None,
        url=f"https://arxiv.org/abs/{found[0]}" if found else page,
        links=_links(paper, page, abstract, report),
        authors=entries.names(
            where, report, (name for name in named if isinstance(name, str)), entries.MOST_AUTHORS, "authors"
        ),
        organization="".join(
            entries.names(where, report, [organization.text("fullname", "name")], 1, "organizations")
            if organization
            else ()
        ),
        summary=_summary(paper),
        keywords=entries.names(
            where,
            report,
            (word for word in paper.list("ai_keywords") if isinstance(word, str)),
            entries.MOST_KEYWORDS,
            "keywords",
        ),
        source=SOURCE,
        published_on=_day(paper.text("publishedAt") or entry.text("publishedAt"), today),
        votes=paper.count("upvotes"),
        comments=entry.count("numComments"),
        stars=paper.count("githubStars"),
    )


def _summary(paper: Fields) -> str:
    return clip(clean(paper.text("ai_summary")), entries.LONGEST_SUMMARY)


def _links(paper: Fields, page: str | None, abstract: str, report: Report) -> tuple[Link, ...]:
    """Return the code, the project's page, the hub's page of the paper, and what the abstract links to."""
    found = []
    for key, kind in (("githubRepo", "code"), ("projectPage", "")):
        if address := paper.text(key):
            if one := links.link(address.strip(), kind):
                found.append(one)
            else:
                report.add(paper.where, f"{key} is no http or https address, so it was left out.")
    if one := links.link(page, "paper"):
        found.append(one)
    return links.union(tuple(found), links.in_text(abstract[: entries.LONGEST_ABSTRACT]))


def _day(text: str, today: date) -> date | None:
    found = _DAY.match(text)
    try:
        return entries.sane(date.fromisoformat(found.group()), today) if found else None
    except ValueError:
        return None


def _mended(text: str, report: Report) -> Iterable[Any]:
    return loose_json.mended(text, text.find("[") + 1, report, is_entry=_is_entry, marks=('"paper"', '"summary"'))


def _nothing(value: Any, report: Report) -> ParsedFeed:
    said = loose_json.words_of(value)
    if value is not None:
        report.add("the file", "The JSON has no list of papers in it" + (f"; it says: {said!r}." if said else "."))
    return ParsedFeed(layout="unknown", said=said)


def _is_entry(value: dict[str, Any]) -> bool:
    return "paper" in value or "summary" in value


def _list(value: Any) -> list[Any] | None:
    """Return the list of entries: the value itself, or what an object around it holds."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return None
    if "paper" in value or ("title" in value and "summary" in value):
        return [value]
    named = [value[key] for key in ("data", "papers", "daily_papers", "results", "items") if key in value]
    return next((each for each in [*named, *value.values()] if isinstance(each, list)), None)
