"""Takes in again what feeds answered, from the record; asks nobody."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from newsletter import feeds
from newsletter.errors import NotFoundError
from newsletter.feeds import seeding
from newsletter.feeds.fetching import shown
from newsletter.feeds.works import Shelf
from newsletter.models import Feed, ParsedFeed
from newsletter.pipeline.owning import NOBODY, owners_of
from newsletter.pipeline.refresh import WINDOW_DAYS, place_of
from newsletter.pipeline.reporting import IngestReport, Seen
from newsletter.pipeline.taking import Taken, take_in
from newsletter.store import feeds as feed_rows
from newsletter.store import responses
from newsletter.store.database import Database
from newsletter.store.responses import Kept, Response

# A look at a feed takes no longer: then another may begin (polls.LEASE).
A_LOOK = timedelta(minutes=10)


@dataclass(frozen=True)
class _Then:
    """The clock as it stood when an answer came: a paper that is new to the record came in at that moment."""

    moment: datetime

    def now(self) -> datetime:
        """Return that moment."""
        return self.moment


async def replay(
    database: Database,
    *,
    since: date | None = None,
    location: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
    window_days: int = WINDOW_DAYS,
) -> IngestReport:
    """Take in again what feeds answered, or one feed, since a day (UTC); safe to repeat.

    What the first answers of a feed have of its past counts for days before the last `window_days`
    (ranking.window_days), as at a first look, so that nobody gets it as new; so does what an answer before that day
    had. Raises NotFoundError where there is no such feed.
    """
    moment = None if since is None else datetime.combine(since, time(), UTC)
    async with database.connect() as connection:
        feeds_there = await feed_rows.all_of_them(connection)
        # Own searches of one place have one answer, which is kept with one of them.
        known = {feed.location: feed.id for feed in feeds_there if feed.subscriber_id is None}
        if location is not None and place_of(location) not in known:
            raise NotFoundError(f"There is no feed {location}.", next_step="`newsletter feeds list` shows them.")
        feed_id = None if location is None else known[place_of(location)]
        wanted = await responses.since(connection, moment, feed_id=feed_id)
        kept = await responses.kept(connection, feed_id=feed_id)
    again = _Again(database, feeds_there, kept, wanted, timedelta(days=window_days))
    for number, response_id in enumerate(again.order, start=1):
        await again.take(response_id)
        progress(number, len(again.order))
    return IngestReport(tuple(again.taken), again.seen.count)


class _Again:
    """Answers of feeds that are taken in as they were when they came."""

    def __init__(
        self, database: Database, known: Sequence[Feed], kept: Sequence[Kept], wanted: Sequence[int], window: timedelta
    ) -> None:
        self._database = database
        self._owners = owners_of(known)
        self._looks = {feed.id: seeding.FirstLook(feed.kind, window) for feed in known}
        # When an entry of a feed was late is not known any more: only its last look is on record.
        self._feeds = {feed.id: feed.model_copy(update={"last_success_at": None}) for feed in known}
        self._window = window
        self._wanted = frozenset(wanted)
        self._first = _of_first_looks(kept)
        self._before = _answers_before(kept, self._wanted)
        concerned = {one.feed_id for one in kept if one.id in self._wanted}
        first = [one.id for one in kept if one.id in self._first and one.feed_id in concerned]
        # A first look is gone through as it was, whatever is wanted of it: its newest day is new.
        self.order = (*first, *(number for number in wanted if number not in self._first))
        self.seen = Seen()
        self.taken: list[Taken] = []

    async def take(self, response_id: int) -> None:
        """Take an answer in, if it is wanted and was not pruned meanwhile."""
        if (response := await self._load(response_id)) is None:
            return
        parsed = await _parsed(response)
        self.seen.add(parsed.papers if response_id in self._wanted else ())
        if response_id in self._first and response.feed_id in self._looks:
            parsed = self._looks[response.feed_id].seeded(parsed, response.at.date(), response.day)
        elif response.feed_id in self._feeds:
            parsed = seeding.dated(parsed, self._feeds[response.feed_id], response.day, response.at)
        if response_id in self._before and response_id not in self._first:
            parsed = await self._with_past(parsed, self._before[response_id], response.at.date())
        if response_id in self._wanted:
            whose = self._owners.get(response.feed_id, NOBODY)
            taken = await take_in(self._database, _Then(response.at), parsed, shown(response.address), whose)
            self.taken.append(taken)

    async def _with_past(self, parsed: ParsedFeed, before: int, today: date) -> ParsedFeed:
        """Return an answer in which what stood in the one before it is of the past."""
        if (earlier := await self._load(before)) is None:
            return parsed
        there = Shelf()
        for paper in (await _parsed(earlier)).papers:
            there.take(paper)
        papers = (seeding.past(one, today, self._window) if there.knows(one) else one for one in parsed.papers)
        return parsed.model_copy(update={"papers": tuple(papers)})

    async def _load(self, response_id: int) -> Response | None:
        async with self._database.connect() as connection:
            return await responses.load(connection, response_id)


async def _parsed(response: Response) -> ParsedFeed:
    name, today = shown(response.address), response.at.date()
    return await asyncio.to_thread(feeds.parse, response.data, name=name, today=today, address=response.address)


def _of_first_looks(kept: Sequence[Kept]) -> frozenset[int]:
    """Return the ids of what each feed answered at the first look that is on record; a look asks each address once."""
    began: dict[int, datetime] = {}
    asked: set[tuple[int, str]] = set()
    first: set[int] = set()
    for one in kept:
        place = one.feed_id, one.address
        if one.at - began.setdefault(one.feed_id, one.at) < A_LOOK and place not in asked:
            first.add(one.id)
        asked.add(place)
    return frozenset(first)


def _answers_before(kept: Sequence[Kept], wanted: frozenset[int]) -> dict[int, int]:
    """Return for the first wanted answer of an address the last one before it, if there is one, by their ids."""
    last: dict[tuple[int, str], int] = {}
    before: dict[int, int] = {}
    for one in kept:
        place = one.feed_id, one.address
        if one.id in wanted and place in last and last[place] not in wanted:
            before[one.id] = last[place]
        last[place] = one.id
    return before
