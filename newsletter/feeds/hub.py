"""The hub's JSON of daily papers; knows nothing of pages and feeds.

The layout is the body of `https://huggingface.co/api/daily_papers`: a list of entries with a `paper` in each. Any key
may be absent or of the wrong type.
"""

import json
import math
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from newsletter.feeds import entries, links
from newsletter.feeds.identity import arxiv_id
from newsletter.feeds.text import Report, clean, clip
from newsletter.models import Link, Paper, ParsedFeed

SOURCE = "Hugging Face Daily Papers"
HUB = "https://huggingface.co/papers/"

_OPENS = re.compile(r"\s*(?:\[\s*[\[{\"'\]]|\{\s*[\"'}])")
_PYTHON = re.compile(r"\s*[\[{]\s*\{?\s*'")
_NEXT_ENTRY = re.compile(r"\}\s{0,80},\s{0,80}(?=\{\s{0,80}\")")
_SLUG = re.compile(r"[\w.-]{1,80}\Z", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# What mending a damaged list may cost, in its own length and in tries.
_MOST_REREAD = 4
_MOST_TRIES = 2_000
_LONGEST_SUMMARY = 2_000


def looks_like_json(text: str) -> bool:
    """Tell whether a text begins as a list or an object of JSON, or of Python."""
    return _OPENS.match(text[:1000]) is not None


def parse(text: str, *, today: date, report: Report) -> ParsedFeed:
    """Return the papers of the hub's JSON, those of a damaged or cut list as far as they can be read."""
    papers: list[Paper] = []
    days: list[date] = []
    for number, entry in enumerate(_entries(text, report), 1):
        if number > entries.MOST_ENTRIES:
            report.add(
                f"entry {number}", f"There are more than {entries.MOST_ENTRIES:,} entries; the rest is left out."
            )
            break
        if not isinstance(entry, dict):
            report.add(f"entry {number}", "The entry is no object with a paper in it, so it was left out.")
            continue
        fields = _Fields(entry, f"entry {number}", report)
        paper = fields.object("paper") or fields
        if one := _paper(fields, paper, today, report):
            papers.append(one)
            days += [day for day in (_day(paper.text("submittedOnDailyAt"), today),) if day]
    return ParsedFeed(layout="hub-json", title=SOURCE, published_on=max(days, default=None), papers=tuple(papers))


class _Fields:
    """An object of JSON, read key by key; a value of the wrong type is reported and taken as absent."""

    def __init__(self, value: Any, where: str, report: Report) -> None:
        self._value: dict[str, Any] = value if isinstance(value, dict) else {}
        self.where = where
        self._report = report

    def text(self, *keys: str) -> str:
        """Return the text under the first key that has one, or nothing."""
        for key in keys:
            value = self._of_type(key, str, "text")
            if value and value.strip():
                return str(value)
        return ""

    def count(self, key: str) -> int:
        """Return a number of something, or 0."""
        value = self._value.get(key)
        if value is None:
            return 0
        # A truth value counts as an int in Python, and a number may be NaN or infinite.
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if is_number and 0 <= value <= entries.HIGHEST_COUNT:
            return int(value)
        self._report.add(self.where, f"{key} is no number of anything, so it was read as 0.")
        return 0

    def list(self, key: str) -> list[Any]:
        """Return a list, or an empty one."""
        return self._of_type(key, list, "a list") or []

    def object(self, key: str) -> "_Fields | None":
        """Return an object, or None."""
        value = self._of_type(key, dict, "an object")
        return None if value is None else _Fields(value, self.where, self._report)

    def _of_type(self, key: str, kind: type, what: str) -> Any:
        value = self._value.get(key)
        if value is None or isinstance(value, kind):
            return value
        self._report.add(self.where, f"{key} is not {what}, so it was passed over.")
        return None


def _paper(entry: _Fields, paper: _Fields, today: date, report: Report) -> Paper | None:
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


def _summary(paper: _Fields) -> str:
    return clip(clean(paper.text("ai_summary")), _LONGEST_SUMMARY)


def _links(paper: _Fields, page: str | None, abstract: str, report: Report) -> tuple[Link, ...]:
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


def _entries(text: str, report: Report) -> Iterator[Any]:
    try:
        value = _decoder().decode(text)
    except (ValueError, RecursionError) as error:
        if _PYTHON.match(text[:1000]):
            report.add("the file", "This is Python text in place of JSON; write it with json.dump and not with print.")
            return
        report.add(_place(error), f"The JSON is damaged ({_what(error)}); the entries that can be read were taken.")
        yield from _mended(text, report)
        return
    found = _list(value)
    if found is None:
        report.add("the file", "The JSON has no list of papers in it.")
        return
    yield from found


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


def _mended(text: str, report: Report) -> Iterator[Any]:
    """Yield the whole entries of a damaged list; the cost stays in proportion to its length."""
    decoder = _decoder()
    to_reread, tries = _MOST_REREAD * len(text), _MOST_TRIES
    at = text.find("{", text.find("[") + 1)
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            end = at + 1
            tries -= 1
            to_reread -= error.pos - at if isinstance(error, json.JSONDecodeError) else len(text) // 100
            if tries < 0 or to_reread < 0:
                report.add(f"character {at}", "The JSON is too damaged to go on; what follows was left out.")
                return
            if _may_be_entry(text, at):
                report.add(f"character {at}", f"An entry cannot be read ({_what(error)}), so it was left out.")
        else:
            if isinstance(value, dict) and ("paper" in value or "summary" in value):
                yield value
        following = _NEXT_ENTRY.search(text, end - 1)
        at = following.end() if following else -1


def _may_be_entry(text: str, at: int) -> bool:
    """Tell apart an entry from the objects in it, such as authors, which are of no interest alone."""
    head = text[at : at + 4000]
    return '"paper"' in head or '"summary"' in head


def _decoder() -> json.JSONDecoder:
    # Strict would refuse a raw line end in a text.
    return json.JSONDecoder(strict=False, parse_int=_integer)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 19 else math.inf


def _place(error: Exception) -> str:
    return f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "the file"


def _what(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return error.msg if isinstance(error, json.JSONDecodeError) else "a value that cannot be"
