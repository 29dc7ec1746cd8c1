"""What each feed brought on its days, held against its weekdays and the calendar: a holiday is no fault."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock
from newsletter.config import Feeds as FeedSettings
from newsletter.feeds import bands, calendars
from newsletter.feeds.sources.asking import query_of
from newsletter.models import Feed, Paper, ParsedFeed
from newsletter.pipeline.taking import Taken
from newsletter.store import arrivals
from newsletter.store import feeds as feed_rows
from newsletter.store.arrivals import Arrived
from newsletter.store.database import Database

log = structlog.get_logger()

_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)
# What is kept: the weeks that count, and two more.
KEPT = (bands.MOST_WEEKS + 2) * _WEEK
# After so many days nobody wants to hear of one any more; what stands in status for longer is a fault, or usual by now.
LATE = _WEEK


class Quiet(NamedTuple):
    """A day on which a feed brought nothing, or far fewer than it does on such a weekday, and has no excuse."""

    location: str
    title: str
    day: date
    verdict: Literal["few", "nothing"]
    number: int
    usual: int

    def __str__(self) -> str:
        """Return it as a sentence for people."""
        what = "Nothing" if self.verdict == "nothing" else f"Only {self.number:,}"
        return f"{what} came from {self.location} on {self.day:%A}, {self.day}; about {self.usual:,} are usual."


class Brought:
    """What one look at a feed brought, by the days of its source."""

    def __init__(self, feed: Feed, now: datetime) -> None:
        self._feed = feed
        self._now = now
        self._days: dict[date, tuple[int, int]] = {}

    def add(self, parsed: ParsedFeed, taken: Taken, day: date | None) -> None:
        """Count what an answer held; `day` is the one that was asked for, if one was."""
        today = calendars.day_of(self._feed.kind, self._now)
        if day is None:
            day = today
            dated = parsed.published_on
            # A document of announcements is of the day that it bears, however long it stays there.
            if self._feed.kind == "arxiv" and dated is not None and today - _WEEK < dated < today:
                day = dated
        entries, new = self._days.get(day, (0, 0))
        # What a first look found of the past came on no day of this record.
        past = sum(_is_past(paper, day) for paper in parsed.papers)
        self._days[day] = (entries + len(parsed.papers), new + min(taken.new, len(parsed.papers) - past))

    @property
    def newest(self) -> date | None:
        """The latest day of which there was an answer, if only that it has nothing."""
        return max(self._days, default=None)

    async def note(self, connection: AsyncConnection, *, well: bool) -> None:
        """Put it on record, and where all went `well`, that the feed was asked today and had no more than that."""
        if self._feed.kind == "file":
            return
        today = {calendars.day_of(self._feed.kind, self._now): (0, 0)} if well else {}
        for day, (entries, new) in (today | self._days).items():
            await arrivals.note(connection, self._feed.id, day, entries=entries, new=new, asked_at=self._now)


def _is_past(paper: Paper, day: date) -> bool:
    return paper.first_seen_at is not None and paper.first_seen_at.date() < day


async def judge(database: Database, clock: Clock, settings: FeedSettings) -> list[Quiet]:
    """Judge the days that are over and were not judged, and return those to tell of; each is told in the log, once.

    Of a feed that is broken nothing is said: that is told apart.
    """
    now = clock.now()
    quiet: list[Quiet] = []
    async with database.connect() as connection:
        if not any(_is_ready(feed, one, now) for feed, one in await _open(connection)):
            return []
    async with database.begin() as connection:
        for feed, one in await _open(connection):
            if not _is_ready(feed, one, now):
                continue
            verdict, usual = await _verdict(connection, feed, one, now, settings)
            if await arrivals.judge(connection, one, verdict, usual) and verdict in ("few", "nothing"):
                quiet.append(_quiet(feed, one._replace(verdict=verdict, usual=usual)))
        await arrivals.prune(connection, now.date() - KEPT)
    if quiet:
        # What fetches is slow to import, and most commands do without.
        from newsletter.feeds.fetching import shown
    for day in quiet:
        log.warning(
            "nothing came" if day.verdict == "nothing" else "far less came than usual",
            location=shown(day.location),
            day=day.day.isoformat(),
            weekday=f"{day.day:%A}",
            number=day.number,
            usual=day.usual,
        )
    return quiet


async def standing(database: Database, clock: Clock) -> list[Quiet]:
    """Return the feeds whose last day that counts was out of the usual."""
    async with database.connect() as connection:
        known = {feed.id: feed for feed in await feed_rows.all_of_them(connection)}
        found = await arrivals.standing(connection, clock.now().date() - LATE)
    return _all_quiet(known, found)


async def to_mail(database: Database, clock: Clock) -> tuple[list[Arrived], list[Quiet]]:
    """Return the days that no mail told the operator of; from now on one has, unless `arrivals.not_told`."""
    now = clock.now()
    async with database.begin() as connection:
        known = {feed.id: feed for feed in await feed_rows.all_of_them(connection)}
        found = await arrivals.to_tell(connection, now.date() - LATE, now)
    return found, _all_quiet(known, found)


async def _open(connection: AsyncConnection) -> list[tuple[Feed, Arrived]]:
    found = await arrivals.unjudged(connection)
    known = {feed.id: feed for feed in await feed_rows.all_of_them(connection)} if found else {}
    return [(known[one.feed_id], one) for one in found if one.feed_id in known]


def _is_ready(feed: Feed, one: Arrived, now: datetime) -> bool:
    """Tell whether a day of a feed can be judged: it is over, and the feed was asked for the rest of it."""
    over = calendars.settled(feed.kind, one.day)
    if now < over:
        return False
    if one.day < now.date() - LATE:
        return True
    if feed.faulty_since is not None:
        return False
    if feed.kind in ("web", "search"):
        # What comes later counts for the day on which it comes.
        return True
    return one.asked_at >= over or now >= over + _DAY


async def _verdict(
    connection: AsyncConnection, feed: Feed, one: Arrived, now: datetime, settings: FeedSettings
) -> tuple[str, int | None]:
    """Return what is to be said of a day, and what is usual where that is known."""
    if calendars.closed(feed.kind, one.day, skip_days=feed.habits.skip_days, holidays=settings.holidays):
        return "closed", None
    before = [one.day - weeks * _WEEK for weeks in range(1, bands.MOST_WEEKS + 1)]
    seen = await arrivals.of_days(connection, feed.id, before)
    usual = bands.band([_count(feed, day) for day in seen])
    if usual is None or one.day < now.date() - LATE:
        return "unknown", None
    return bands.judged(_count(feed, one), usual), round(usual.middle)


def _count(feed: Feed, one: Arrived) -> int:
    """Return what counts of a day: what stood there, or of a feed that goes on and on, what was new."""
    by_day = feed.kind == "arxiv" or (
        feed.kind == "hub" and not query_of(feed.location).keys() & {"date", "week", "month", "sort"}
    )
    return one.entries if by_day else one.new


def _all_quiet(known: Mapping[int, Feed], found: list[Arrived]) -> list[Quiet]:
    return [_quiet(known[one.feed_id], one) for one in found if one.feed_id in known]


def _quiet(feed: Feed, one: Arrived) -> Quiet:
    verdict: Literal["few", "nothing"] = "nothing" if one.verdict == "nothing" else "few"
    return Quiet(feed.location, feed.title, one.day, verdict, _count(feed, one), one.usual or 0)
