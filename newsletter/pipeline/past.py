"""Fills the archive from a source's past, a day at a time; an interrupted call is gone on with by the next."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

import structlog

from newsletter.clock import Clock
from newsletter.errors import FeedError, UsageError
from newsletter.feeds import past as sources
from newsletter.feeds.resolving import Ask, BusyError
from newsletter.models import Paper, ParsedFeed, Problem
from newsletter.pipeline.taking import Taken, take_in
from newsletter.store import imports
from newsletter.store.database import Database

log = structlog.get_logger()

# A fault is tried again after these seconds.
PAUSES = (5.0, 20.0)


class Imported(NamedTuple):
    """What a call brought.

    `days` were taken in now, `before` by earlier calls, and `left` are not, because of `fault`. `entries` counts what
    the days held, `new` the papers that were not on record, `merged` those that became better known.
    """

    source: str
    days: int = 0
    before: int = 0
    left: int = 0
    entries: int = 0
    new: int = 0
    merged: int = 0
    problems: tuple[Problem, ...] = ()
    fault: str = ""


class Importing:
    """One call; `report` tells at any time what it brought so far."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        source: str,
        since: date,
        until: date | None = None,
        *,
        bases: Mapping[str, str] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._clock = clock
        self._past = sources.named(source)
        self._bases = sources.BASES if bases is None else bases
        self._sleep = sleep
        yesterday = clock.now().date() - timedelta(days=1)
        self._since, self._until = since, until or yesterday
        if self._until > yesterday:
            raise UsageError(
                f"{self._until} is not over so far, so it has no past.",
                next_step="Name an earlier day with --until; `newsletter feeds refresh` brings what is new.",
            )
        if self._since > self._until:
            raise UsageError(f"{since} is after {self._until}.", next_step="Name the earlier day with --since.")
        self.report = Imported(self._past.name)

    async def run(self, ask: Ask, *, progress: Callable[[int, int], None] = lambda _done, _of: None) -> Imported:
        """Take in the days that are not on record, the latest first, until all are or the source wants a pause."""
        wanted = sources.days(self._past, self._since, self._until)
        async with self._database.connect() as connection:
            done = await imports.days(connection, self._past.name, since=self._since, until=self._until)
        left = [day for day in wanted if day not in done]
        self.report = self.report._replace(before=len(wanted) - len(left), left=len(left))
        progress(self.report.before, len(wanted))
        for day in left:
            try:
                parsed = await self._day(ask, day)
            except FeedError as error:
                self.report = self.report._replace(fault=str(error))
                log.warning("import stopped", source=self._past.name, day=day.isoformat(), fault=str(error))
                break
            await self._keep(day, parsed)
            progress(self.report.before + self.report.days, len(wanted))
        return self.report

    async def _keep(self, day: date, parsed: ParsedFeed) -> None:
        taken: Taken = await take_in(self._database, self._clock, parsed, self._past.name)
        # After the papers: a day that is taken in twice changes nothing, one that is left out is never seen again.
        async with self._database.begin() as connection:
            await imports.keep(
                connection, self._past.name, day, self._clock.now(), entries=taken.entries, new=taken.new
            )
        old = self.report
        self.report = old._replace(
            days=old.days + 1,
            left=old.left - 1,
            entries=old.entries + taken.entries,
            new=old.new + taken.new,
            merged=old.merged + taken.merged,
            problems=(*old.problems, *taken.refused),
        )

    async def _day(self, ask: Ask, day: date) -> ParsedFeed:
        """Return all that the source has of a day."""
        page: sources.Page | None = sources.first_page(self._past, day, bases=self._bases)
        papers: dict[str, Paper] = {}
        problems: list[Problem] = []
        while page is not None:
            before = len(papers)
            parsed, page = await self._patiently(ask, day, page)
            papers |= {paper.arxiv_id or paper.title: paper for paper in parsed.papers}
            problems += parsed.problems
            if len(papers) == before:
                # A server that knows no pages gives the same again.
                break
        # What came in on a day counts for that day: it is for learning, and must not come to readers as new.
        moment = datetime.combine(day, time(), UTC)
        dated = tuple(paper.model_copy(update={"first_seen_at": moment}) for paper in papers.values())
        return ParsedFeed(layout="unknown", papers=dated, problems=tuple(dict.fromkeys(problems)))

    async def _patiently(self, ask: Ask, day: date, page: sources.Page) -> tuple[ParsedFeed, sources.Page | None]:
        """Ask for a page, and again after a fault that may pass; who asks for a pause is left alone at once."""
        for pause in (*PAUSES, None):
            try:
                data = await ask(page.url)
                # In a thread: a long answer must not hold up what else the process does.
                parsed = await asyncio.to_thread(sources.read, self._past, data, today=self._clock.now().date())
                return parsed, sources.next_page(self._past, day, page, data, parsed, bases=self._bases)
            except BusyError:
                raise
            except FeedError:
                if pause is None:
                    raise
                await self._sleep(pause)
        raise AssertionError("the last try returns or raises")
