"""Takes in again what feeds answered, from the record; asks nobody."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from newsletter import feeds
from newsletter.errors import NotFoundError
from newsletter.feeds.fetching import shown
from newsletter.pipeline.owning import NOBODY, owners_of
from newsletter.pipeline.refresh import place_of
from newsletter.pipeline.reporting import IngestReport, Seen
from newsletter.pipeline.taking import Taken, take_in
from newsletter.store import feeds as feed_rows
from newsletter.store import responses
from newsletter.store.database import Database


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
) -> IngestReport:
    """Take in again what feeds answered, or one feed, since a day (UTC); safe to repeat.

    Raises NotFoundError where there is no such feed.
    """
    moment = None if since is None else datetime.combine(since, time(), UTC)
    async with database.connect() as connection:
        feeds_there = await feed_rows.all_of_them(connection)
        # Own searches of one place have one answer, which is kept with one of them.
        known = {feed.location: feed.id for feed in feeds_there if feed.subscriber_id is None}
        if location is not None and place_of(location) not in known:
            raise NotFoundError(f"There is no feed {location}.", next_step="`newsletter feeds list` shows them.")
        feed_id = None if location is None else known[place_of(location)]
        owners = owners_of(feeds_there)
        wanted = await responses.since(connection, moment, feed_id=feed_id)
    seen = Seen()
    taken: list[Taken] = []
    for number, response_id in enumerate(wanted, start=1):
        async with database.connect() as connection:
            response = await responses.load(connection, response_id)
        if response is not None:
            name = shown(response.address)
            parsed = await asyncio.to_thread(feeds.parse, response.data, name=name, today=response.at.date())
            seen.add(parsed.papers)
            whose = owners.get(response.feed_id, NOBODY)
            taken.append(await take_in(database, _Then(response.at), parsed, name, whose))
        progress(number, len(wanted))
    return IngestReport(tuple(taken), seen.count)
