"""What arXiv announced while nobody read it, and what it has not announced so far; asks nobody.

Its document has the last announcement alone: one that is not read before the next comes has to be asked for elsewhere.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from newsletter.feeds import calendars
from newsletter.feeds.sources import Request, arxiv
from newsletter.models import Feed, ParsedFeed
from newsletter.pipeline.days import Brought
from newsletter.store import arrivals
from newsletter.store.database import Database

# Who was away for longer starts anew: nobody wants to be told of so much.
LONGEST = timedelta(days=31)
_DAY = timedelta(days=1)


async def missed(
    database: Database, feed: Feed, parsed: ParsedFeed, now: datetime, holidays: Collection[date]
) -> list[Request]:
    """Return what is asked for the announcements between the last that was read and the one that was read now."""
    if feed.kind != "arxiv" or feed.last_success_at is None:
        return []
    today = calendars.day_of(feed.kind, now)
    last = calendars.day_of(feed.kind, feed.last_success_at)
    async with database.connect() as connection:
        # What was read by a look that did not end well is read, but what it was to ask for is not.
        read = await arrivals.newest(connection, feed.id, last)
    # A category may well have nothing on a day: what was looked at since is asked for once.
    after = max(read or date.min, last - _DAY, today - LONGEST)
    before = min(parsed.published_on or today, today)
    days = calendars.announced(after, before, skip_days=parsed.skip_days, holidays=holidays)
    return arxiv.missed(feed, days)


async def is_awaited(
    database: Database, feed: Feed, brought: Brought, now: datetime, holidays: Collection[date]
) -> bool:
    """Tell whether an announcement should be there by now and is not: arXiv is late, and says nothing of when."""
    if feed.kind != "arxiv":
        return False
    today = calendars.day_of(feed.kind, now)
    if now < calendars.expected(today) or calendars.closed(
        feed.kind, today, skip_days=feed.habits.skip_days, holidays=holidays
    ):
        return False
    async with database.connect() as connection:
        read = await arrivals.newest(connection, feed.id, today)
    return max(filter(None, (read, brought.newest)), default=date.min) < today
