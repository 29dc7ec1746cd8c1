"""The public archive: what was popular on each day that had an edition, once that day is over."""

from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock
from newsletter.config import Archive as ArchiveSettings
from newsletter.config import Newsletter
from newsletter.errors import NotFoundError
from newsletter.models import Paper
from newsletter.store import archive
from newsletter.store.database import Database

# Days on a page, and in the feed.
PAGE = 30
IN_FEED = 14


class Day(NamedTuple):
    """A day with its popular papers; `over` is the moment at which it ended."""

    date: date
    papers: list[Paper]
    over: datetime


class ClosedError(NotFoundError):
    """There is no public archive, or it has no such day."""


class Archive:
    """What anybody may see, if the operator wants it; all raise ClosedError otherwise."""

    def __init__(self, database: Database, clock: Clock, newsletter: Newsletter, settings: ArchiveSettings) -> None:
        self._database = database
        self._clock = clock
        self._zone = ZoneInfo(newsletter.timezone)
        self._settings = settings

    @property
    def open(self) -> bool:
        """Whether there is a public archive."""
        return self._settings.public

    async def days(self, before: date | None = None) -> tuple[list[date], date | None]:
        """Return the days with an edition, newest first, and that before which it goes on."""
        self._must_be_open()
        async with self._database.connect() as connection:
            found = await archive.days(connection, before=self._first_hidden(before), limit=PAGE + 1)
        return found[:PAGE], found[PAGE - 1] if len(found) > PAGE else None

    async def day(self, day: date) -> Day:
        """Return a day with what was popular."""
        self._must_be_open()
        async with self._database.connect() as connection:
            next_day = self._first_hidden(day + timedelta(days=1) if day < date.max else None)
            if await archive.days(connection, before=next_day, limit=1) != [day]:
                raise ClosedError("There is no public edition of that day.")
            return await self._day(connection, day)

    async def newest(self) -> list[Day]:
        """Return the last days with what was popular, newest first."""
        self._must_be_open()
        async with self._database.connect() as connection:
            found = await archive.days(connection, before=self._first_hidden(None), limit=IN_FEED)
            return [await self._day(connection, day) for day in found]

    async def _day(self, connection: AsyncConnection, day: date) -> Day:
        since, until = self._begins(day), self._begins(day + timedelta(days=1))
        found = await archive.popular(connection, since=since, until=until, limit=self._settings.papers)
        return Day(day, found, until)

    def _begins(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone)

    def _first_hidden(self, wanted: date | None) -> date:
        today = self._clock.now().astimezone(self._zone).date()
        return today if wanted is None else min(wanted, today)

    def _must_be_open(self) -> None:
        if not self.open:
            raise ClosedError("There is no public archive.", next_step="archive.public of the settings opens it.")
