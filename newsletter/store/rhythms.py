"""When people want their mail: the rhythms that there are, and who has no issue of the slot that came for theirs."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Integer, Select, String, and_, column, or_, select, values
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import Consent
from newsletter.store.database import chunks
from newsletter.store.editions import OF_ISSUES
from newsletter.store.tables import editions, issues, subscribers
from newsletter.store.types import UtcDateTime

# Nobody's own calendar is further ahead of another's; what a clock that was ahead composed counts for so many days.
AHEAD = timedelta(days=7)

# Four values each, well below what SQLite allows in a statement.
_PART = 5_000


class Rhythm(NamedTuple):
    """A cadence at an hour in a time zone."""

    timezone: str
    cadence: str
    hour: int


class Come(NamedTuple):
    """The slot that came for a rhythm: its date, its moment, and the date that it is there now."""

    rhythm: Rhythm
    day: date
    at: datetime
    today: date


async def rhythms(connection: AsyncConnection) -> list[Rhythm]:
    """Return the rhythms of the people who may be mailed."""
    statement = select(subscribers.c.timezone, subscribers.c.cadence, subscribers.c.hour).distinct()
    rows = await connection.execute(statement.where(subscribers.c.state == Consent.CONFIRMED))
    return [Rhythm(*row) for row in rows]


async def without_issue(connection: AsyncConnection, come: Sequence[Come], now: datetime) -> list[int]:
    """Return the ids of the confirmed people of these rhythms who have no issue of the slot that came, nor a later one.

    Who paused over it, or subscribed after it, is left out. Of issues of days to come those count that were composed
    later than now, as `editions.latest_dates` has it.
    """
    by_day: dict[tuple[date, date], list[Come]] = defaultdict(list)
    for one in come:
        by_day[one.day, one.today].append(one)
    found: list[int] = []
    for (slot, today), ours in by_day.items():
        for part in chunks(ours, _PART):
            found += (await connection.execute(_without_issue(slot, today, part, now))).scalars()
    return sorted(found)


def _without_issue(slot: date, today: date, come: Sequence[Come], now: datetime) -> Select[int]:
    came = values(
        column("timezone", String), column("cadence", String), column("hour", Integer), column("at", UtcDateTime)
    )
    came_for = came.data([(*one.rhythm, one.at) for one in come]).cte("came")
    counts = or_(
        editions.c.date.between(slot, today),
        and_(editions.c.date > today, editions.c.date <= today + AHEAD, issues.c.composed_at > now),
    )
    # Gathered once, edition by edition: to look at each person's issues one by one takes longer every day.
    had = (
        select(issues.c.subscriber_id)
        .join(editions, editions.c.id == issues.c.edition_id)
        .where(editions.c.date >= slot, counts, OF_ISSUES)
        .distinct()
        .subquery()
    )
    theirs = and_(
        subscribers.c.timezone == came_for.c.timezone,
        subscribers.c.cadence == came_for.c.cadence,
        subscribers.c.hour == came_for.c.hour,
        subscribers.c.subscribed_at <= came_for.c.at,
    )
    return (
        select(subscribers.c.id)
        .join(came_for, theirs)
        .outerjoin(had, had.c.subscriber_id == subscribers.c.id)
        .where(subscribers.c.state == Consent.CONFIRMED, had.c.subscriber_id.is_(None))
        .where(or_(subscribers.c.paused_until.is_(None), subscribers.c.paused_until <= slot))
    )
