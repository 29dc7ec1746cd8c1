"""When papers count as seen first that come later than on their day: a source's past, and days made up; pure."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from statistics import median

from newsletter.feeds import calendars
from newsletter.models import Feed, FeedKind, Paper, ParsedFeed

# What a feed without dates may have as new: as many as stand in an issue.
UNDATED = 10
_A_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


class FirstLook:
    """What a source gives that was never read, answer after answer; nobody is to get its past as new.

    Of answers for days, the newest day first, all of the first day that has papers are new: that day is `newest`.
    """

    def __init__(self, kind: FeedKind, window: timedelta) -> None:
        self._kind = kind
        self._window = window
        self.newest: date | None = None

    def seeded(self, parsed: ParsedFeed, today: date, day: date | None) -> ParsedFeed:
        """Return an answer, for a `day` if its source is asked day by day, with first sights of what is past."""
        if parsed.papers and self.newest is None:
            self.newest = day
        if day != self.newest:
            papers = [past(paper, today, self._window) for paper in parsed.papers]
        else:
            whole_day = self._kind == "arxiv" or day is not None
            papers = seeded(parsed.papers, today, self._window, whole_day=whole_day)
        return parsed.model_copy(update={"papers": tuple(papers)})


def seeded(papers: Sequence[Paper], today: date, window: timedelta, *, whole_day: bool = False) -> list[Paper]:
    """Return the papers of a source that was never read: those that are not to come as new have an earlier first sight.

    All of a `whole_day` are new, such as an announcement of arXiv: when a paper was written says nothing there of when
    it is told. Of others the newest are, as many as the source usually has on a day by the dates of its entries. What
    is older than the `window` of choosing by its own date is not new, and has that date; what else is left out is dated
    just before the window.
    """
    if whole_day:
        return list(papers)
    edge = today - window - _A_DAY
    new = set(_newest(papers, edge))
    return [paper if place in new else past(paper, today, window) for place, paper in enumerate(papers)]


def past(paper: Paper, today: date, window: timedelta) -> Paper:
    """Return a paper as one of the past: first seen on its own day, or just before the window if that is later."""
    edge = today - window - _A_DAY
    day = min(paper.published_on or edge, edge)
    return paper.model_copy(update={"first_seen_at": datetime.combine(day, time(), UTC)})


def _newest(papers: Sequence[Paper], edge: date) -> list[int]:
    """Return the places of the newest papers, as many as a usual day has."""
    days = Counter(paper.published_on for paper in papers if paper.published_on is not None)
    most = max(1, round(median(days.values()))) if days else UNDATED
    fresh = [place for place, paper in enumerate(papers) if paper.published_on is None or paper.published_on > edge]
    # What has no date stays in the order of its feed, behind what has one.
    return sorted(fresh, key=lambda place: papers[place].published_on or date.min, reverse=True)[:most]


def dated(parsed: ParsedFeed, feed: Feed, asked: date | None, now: datetime) -> ParsedFeed:
    """Return what a source told, with the day of what it told of late: that counts as seen first at the end of its day.

    So it is the same whether the source, or all of ours, was away on that day or not. The day is the one that was
    `asked` for, that of an announcement of arXiv, or that of an entry of a feed if it was read on that day or before it
    for the last time. What is of no such day, or of today, counts from now on.
    """
    days = [_day_of(paper, parsed, feed, asked, now) for paper in parsed.papers]
    if not any(days):
        return parsed
    papers = (_late(paper, day) if day else paper for paper, day in zip(parsed.papers, days, strict=True))
    return parsed.model_copy(update={"papers": tuple(papers)})


def _day_of(paper: Paper, parsed: ParsedFeed, feed: Feed, asked: date | None, now: datetime) -> date | None:
    """Return the day of a paper, if that is known and over."""
    today = calendars.day_of(feed.kind, now)
    day, since = None, today - _WEEK
    if asked is not None:
        day, since = asked, date.min
    elif feed.kind == "arxiv":
        # A document of announcements is of the day that it bears, however long it stays there.
        day = parsed.published_on
    elif feed.kind == "web" and feed.last_success_at is not None:
        day, since = paper.published_on, feed.last_success_at.astimezone(UTC).date()
    return day if day is not None and since <= day < today else None


def made_up(parsed: ParsedFeed, missed: Sequence[date]) -> ParsedFeed:
    """Return papers of announcements that were `missed`, the oldest first, each seen first at the end of its day.

    A paper is of the first of these days after it was handed in.
    """
    papers = []
    for paper in parsed.papers:
        handed_in = paper.published_on or missed[0]
        papers.append(_late(paper, next((day for day in missed if handed_in < day), missed[-1])))
    return parsed.model_copy(update={"papers": tuple(papers)})


def _late(paper: Paper, day: date) -> Paper:
    end = datetime.combine(day + _A_DAY, time(), UTC) - timedelta(seconds=1)
    return paper.model_copy(update={"first_seen_at": end})
