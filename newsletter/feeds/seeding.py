"""When papers count as seen first that come later than on their day: a source's past, and days made up; pure."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from statistics import median

from newsletter.models import FeedKind, Paper, ParsedFeed

# What a feed without dates may have as new: as many as stand in an issue.
UNDATED = 10
_A_DAY = timedelta(days=1)


class FirstLook:
    """What a source gives that was never read, answer after answer; nobody is to get its past as new.

    Of answers for days, the newest day first, all of the first day that has papers are new.
    """

    def __init__(self, kind: FeedKind, window: timedelta) -> None:
        self._kind = kind
        self._window = window
        self._newest: date | None = None

    def seeded(self, parsed: ParsedFeed, today: date, day: date | None) -> ParsedFeed:
        """Return an answer, for a `day` if its source is asked day by day, with first sights of what is past."""
        if parsed.papers and self._newest is None:
            self._newest = day
        if day != self._newest:
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


def late(parsed: ParsedFeed, day: date) -> ParsedFeed:
    """Return what is taken in after its day (UTC), with papers that were seen first at the end of that day."""
    papers = (paper.model_copy(update={"first_seen_at": _end(day)}) for paper in parsed.papers)
    return parsed.model_copy(update={"papers": tuple(papers)})


def made_up(parsed: ParsedFeed, missed: Sequence[date], slept: Collection[date]) -> ParsedFeed:
    """Return papers of announcements that were `missed`, on the days that were `slept` over with first sights of then.

    A paper is of the first of these days after it was handed in. The days have an order, the oldest first.
    """
    papers = []
    for paper in parsed.papers:
        handed_in = paper.published_on or missed[0]
        day = next((day for day in missed if handed_in < day), missed[-1])
        papers.append(paper.model_copy(update={"first_seen_at": _end(day)}) if day in slept else paper)
    return parsed.model_copy(update={"papers": tuple(papers)})


def _end(day: date) -> datetime:
    return datetime.combine(day + _A_DAY, time(), UTC) - timedelta(seconds=1)
