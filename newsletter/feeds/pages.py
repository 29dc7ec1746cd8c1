"""Saved pages of the hub, as text: titles and abstracts in turn; knows nothing of JSON and feeds.

Two layouts exist: lines with blank lines between and a masthead (slogan, `Subscribe`, byline, a date without a year),
and lines without blank ones whose first title is glued to `Subscribe`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from newsletter.feeds import entries, links
from newsletter.feeds.text import Report, clean, clip
from newsletter.models import Paper, ParsedFeed

SOURCE = "Hugging Face Daily Papers"

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?"
_DATE = re.compile(rf"{_MONTH} (?P<day>\d{{1,2}})(?:, ?(?P<year>\d{{4}}))?(?=$|[^\d\s,.:-])", re.IGNORECASE)
_SLOGAN = re.compile(
    r"new|Get trending papers in your email inbox\b.{0,40}|Daily Papers|Trending Papers", re.IGNORECASE
)
_BYLINE = re.compile(r"by ?AK and the research community", re.IGNORECASE)
_SUBSCRIBE = "Subscribe"
_GLUED = re.compile(rf"Daily Papers(?=by ?AK\b)|{_BYLINE.pattern}", re.IGNORECASE)
_MASTHEAD_LINES = 30
_MOST_LINES = 4 * entries.MOST_ENTRIES
_PROBE_LINES = 400
_LONGEST_PARAGRAPH = 2_000
_BROKEN_TURN = 2.5

_END_OF_SENTENCE = re.compile(r"[.!?…][\"'”’)\]}]*$")
_INNER_SENTENCE = re.compile(r"[a-z)][.!?] [A-Z][a-z]")
_ADDRESS_AT_END = re.compile(r"https?://\S+$")


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str


def looks_like_page(text: str) -> bool:
    """Tell whether the beginning of a text has the masthead of a saved page."""
    head = [line.strip() for line in text[:4000].split("\n")[: _MASTHEAD_LINES * 2]]
    return any(line.startswith(_SUBSCRIBE) or _BYLINE.fullmatch(line) for line in head) or (
        sum(1 for line in head if _SLOGAN.fullmatch(line)) > 1
    )


def parse(text: str, *, today: date, report: Report) -> ParsedFeed:
    """Return the papers of a saved page; the date without a year is the latest such day that is not after `today`."""
    lines = list(_lines(text, report))
    published_on, body = _masthead(lines, today, report)
    papers: list[Paper] = []
    for title, abstract in _entries(body, report):
        where = f"line {title.number}"
        if len(papers) >= entries.MOST_ENTRIES:
            report.add(where, f"The page has more than {entries.MOST_ENTRIES:,} papers; the rest was left out.")
            break
        one = entries.paper(
            where,
            report,
            title=title.text,
            abstract=abstract,
            links=links.in_text(abstract),
            source=SOURCE,
            published_on=published_on,
        )
        if one is not None:
            papers.append(one)
    ends_in_abstract = bool(papers) and papers[-1].abstract.endswith(body[-1].text)
    if ends_in_abstract and not text.endswith("\n") and not _is_whole(body[-1].text):
        report.add(f"line {body[-1].number}", "The page ends in the middle of a sentence, so it may have been cut.")
    return ParsedFeed(layout="page", title=SOURCE, published_on=published_on, papers=tuple(papers))


def resembles_page(text: str) -> bool:
    """Tell whether a text without a masthead is titles and abstracts in turn nevertheless."""
    lines = list(_lines(text, Report(), _PROBE_LINES))
    if len(lines) < 2:
        return False
    quiet = Report()
    paired = list(_entries(lines, quiet))
    whole = [abstract for _, abstract in paired if len(abstract) >= 200]
    return bool(whole) and len(whole) * 2 >= len(lines) * 0.7


def _lines(text: str, report: Report, most: int = _MOST_LINES) -> Iterator[_Line]:
    # One by one: a list of the lines of a hostile file would take many times its size.
    at, number = 0, 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        number += 1
        if number > most:
            report.add(f"line {number}", f"The page has more than {most:,} lines; the rest was left out.")
            return
        if end - at > entries.LONGEST_FIELD:
            report.add(f"line {number}", f"The line has {end - at:,} characters, which no abstract has; left out.")
        elif line := clean(text[at:end]):
            yield _Line(number, line)
        at = end + 1


def _masthead(lines: list[_Line], today: date, report: Report) -> tuple[date | None, list[_Line]]:
    """Return the date of the page and the lines after its masthead, any piece of which may be absent."""
    published_on: date | None = None
    subscribed = False
    for place, line in enumerate(lines[:_MASTHEAD_LINES]):
        text = line.text
        if not subscribed and text.startswith(_SUBSCRIBE):
            subscribed = True
            rest = text.removeprefix(_SUBSCRIBE)
            if not rest:
                continue
            if not rest.startswith(" "):
                # The glued layout: what comes next has lost its line.
                return _glued(_Line(line.number, rest), lines[place + 1 :], today, report)
        if _SLOGAN.fullmatch(text) or _BYLINE.fullmatch(text):
            continue
        found = _DATE.fullmatch(text) if published_on is None else None
        if found is None:
            return published_on, lines[place:]
        published_on = _latest(found, line.number, today, report)
    return published_on, lines[_MASTHEAD_LINES:]


def _glued(line: _Line, others: list[_Line], today: date, report: Report) -> tuple[date | None, list[_Line]]:
    rest, published_on = _GLUED.sub("", line.text, count=2), None
    if rest != line.text and (found := _DATE.match(rest)):
        published_on, rest = _latest(found, line.number, today, report), rest[found.end() :]
    if rest:
        return published_on, [_Line(line.number, rest.strip()), *others]
    later, body = _masthead(others, today, report)
    return published_on or later, body


def _latest(found: re.Match[str], number: int, today: date, report: Report) -> date | None:
    """Return the day that is meant: in the year that is named, else the latest one not after today."""
    month, day = _MONTHS.index(found["month"].lower()) + 1, int(found["day"])
    years = [int(found["year"])] if found["year"] else range(today.year, max(today.year - 9, 0), -1)
    for year in years:
        try:
            candidate = date(year, month, day)
        except ValueError:
            continue
        if candidate <= today:
            return candidate
    report.add(f"line {number}", f"{found.group()} is no day that has been, so the page was read without its date.")
    return None


def _entries(lines: list[_Line], report: Report) -> Iterator[tuple[_Line, str]]:
    """Yield each title with its abstract; a line without its other half is reported, and the rest stays in step."""
    title: _Line | None = None
    parts: list[str] = []
    for line, is_abstract in zip(lines, _labels([line.text for line in lines]), strict=True):
        if is_abstract:
            room = sum(map(len, parts)) + len(line.text) <= entries.LONGEST_ABSTRACT
            if title is not None and (not parts or (room and _continues(line.text))):
                parts.append(line.text)
            else:
                report.add(
                    f"line {line.number}",
                    f"The abstract “{clip(line.text, 60)}” stands without a title, so it was left out.",
                )
            continue
        if title is not None:
            yield from _closed(title, parts, report)
        title, parts = line, []
    if title is not None:
        yield from _closed(title, parts, report)


def _closed(title: _Line, parts: list[str], report: Report) -> Iterator[tuple[_Line, str]]:
    if parts:
        yield title, " ".join(parts)
    else:
        report.add(
            f"line {title.number}",
            f"The title “{clip(title.text, 60)}” stands without an abstract, so it was left out.",
        )


def _labels(lines: list[str]) -> list[bool]:
    """Return for each line whether it is an abstract: the cheapest way through, in which they take turns.

    A line has a price as either, by its length and its punctuation, and so has each break of the turn; the best path
    (Viterbi) mends one missing line without moving all that follow.
    """
    prices = [(0.0, _BROKEN_TURN)]
    came_from: list[tuple[bool, bool]] = []
    for line in lines:
        (title, abstract), (as_title, as_abstract) = prices[-1], _prices(line)
        if not came_from:
            came_from.append((False, False))
            prices.append((as_title, _BROKEN_TURN + as_abstract))
            continue
        # What came before this line: a title, or an abstract.
        after_title = (title + _BROKEN_TURN, abstract)
        after_abstract = (title, abstract + _BROKEN_TURN)
        came_from.append((after_title[1] <= after_title[0], after_abstract[1] < after_abstract[0]))
        prices.append((min(after_title) + as_title, min(after_abstract) + as_abstract))
    if not lines:
        return []
    last_title, last_abstract = prices[-1]
    label = last_abstract <= last_title + _BROKEN_TURN
    labels = [label]
    for step in reversed(came_from[1:]):
        label = step[label]
        labels.append(label)
    labels.reverse()
    return labels


def _prices(line: str) -> tuple[float, float]:
    """Return how unlikely a line is as a title, and as an abstract."""
    length = len(line)
    ends = _is_whole(line)
    title = 0.0 if length <= 200 else 2.0 if length <= 300 else 6.0
    title += 1.5 if ends and not line.endswith("?") else 0.0
    title += 1.5 if _INNER_SENTENCE.search(line[:300]) else 0.0
    if length >= 300:
        return title, 0.0
    # Dearer than two breaks of the turn, so that no title is ever the abstract of another.
    return title, (0.5 if length >= 100 else 1.5) + (0.0 if ends and not line.endswith("?") else 2.2 * _BROKEN_TURN)


def _continues(line: str) -> bool:
    """Tell whether a line is one more paragraph of the abstract before it, and not one that lost its title."""
    return len(line) < 200 or (line[0].islower() and len(line) < _LONGEST_PARAGRAPH)


def _is_whole(line: str) -> bool:
    return bool(_END_OF_SENTENCE.search(line[-8:]) or _ADDRESS_AT_END.search(line[-300:]))
