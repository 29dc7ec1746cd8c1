"""What each feed brought on each of its days, and what was found of it; judges nothing."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store.database import insert
from newsletter.store.tables import arrivals

_ALARMING = ("few", "nothing")


class Arrived(NamedTuple):
    """What a feed brought on a day of its own.

    `entries` is what it had of that day at most, `new` how many papers were not on record, `asked_at` when it was last
    asked on that day or for it. `verdict` is None until the day was judged, and `usual` what there usually is.
    """

    feed_id: int
    day: date
    entries: int
    new: int
    asked_at: datetime
    verdict: str | None = None
    usual: int | None = None


async def note(
    connection: AsyncConnection, feed_id: int, day: date, *, entries: int, new: int, asked_at: datetime
) -> None:
    """Note what one look brought of a day; of entries the most that a look found counts, new papers add up."""
    row = {"feed_id": feed_id, "day": day, "entries": entries, "new": new, "asked_at": asked_at}
    first = insert(connection, arrivals).values(row).on_conflict_do_nothing().returning(arrivals.c.day)
    if (await connection.execute(first)).first() is not None:
        return
    old = (await connection.execute(select(arrivals).where(_is(feed_id, day)).with_for_update())).one()
    values = {
        "entries": max(old.entries, entries),
        "new": old.new + new,
        "asked_at": max(old.asked_at, asked_at),
    }
    await connection.execute(update(arrivals).where(_is(feed_id, day)).values(values))


async def unjudged(connection: AsyncConnection) -> list[Arrived]:
    """Return the days that were not judged, oldest first."""
    wanted = select(arrivals).where(arrivals.c.verdict.is_(None)).order_by(arrivals.c.day, arrivals.c.feed_id)
    return [_arrived(row) for row in await connection.execute(wanted)]


async def of_days(connection: AsyncConnection, feed_id: int, days: Sequence[date]) -> list[Arrived]:
    """Return what a feed brought on those of some days on which it was not closed, the latest first."""
    wanted = select(arrivals).where(
        arrivals.c.feed_id == feed_id, arrivals.c.day.in_(days), arrivals.c.verdict.is_distinct_from("closed")
    )
    return [_arrived(row) for row in await connection.execute(wanted.order_by(arrivals.c.day.desc()))]


async def newest(connection: AsyncConnection, feed_id: int, until: date) -> date | None:
    """Return the latest day up to one on which a feed had anything."""
    wanted = select(func.max(arrivals.c.day)).where(
        arrivals.c.feed_id == feed_id, arrivals.c.entries > 0, arrivals.c.day <= until
    )
    found: date | None = (await connection.execute(wanted)).scalar_one()
    return found


async def judge(connection: AsyncConnection, one: Arrived, verdict: str, usual: int | None) -> bool:
    """Note what was found of a day; False if another was faster, or the feed brought more of it meanwhile."""
    same = and_(
        _is(one.feed_id, one.day),
        arrivals.c.verdict.is_(None),
        arrivals.c.entries == one.entries,
        arrivals.c.new == one.new,
    )
    statement = update(arrivals).where(same).values(verdict=verdict, usual=usual).returning(arrivals.c.day)
    return (await connection.execute(statement)).first() is not None


async def standing(connection: AsyncConnection, since: date) -> list[Arrived]:
    """Return for each feed its latest day that was judged and not closed, if that was out of the usual, since a day."""
    latest = (
        select(arrivals.c.feed_id, func.max(arrivals.c.day).label("day"))
        .where(arrivals.c.verdict.is_not(None), arrivals.c.verdict != "closed")
        .group_by(arrivals.c.feed_id)
        .subquery()
    )
    wanted = (
        select(arrivals)
        .join(latest, and_(latest.c.feed_id == arrivals.c.feed_id, latest.c.day == arrivals.c.day))
        .where(arrivals.c.verdict.in_(_ALARMING), arrivals.c.day >= since)
        .order_by(arrivals.c.feed_id)
    )
    return [_arrived(row) for row in await connection.execute(wanted)]


async def to_tell(connection: AsyncConnection, since: date, now: datetime) -> list[Arrived]:
    """Return the days since one that were out of the usual and that no mail has, and note that one has them now."""
    statement = (
        update(arrivals)
        .where(arrivals.c.verdict.in_(_ALARMING), arrivals.c.told_at.is_(None), arrivals.c.day >= since)
        .values(told_at=now)
        .returning(*arrivals.c)
    )
    found = [_arrived(row) for row in await connection.execute(statement)]
    return sorted(found, key=lambda one: (one.day, one.feed_id))


async def not_told(connection: AsyncConnection, found: Iterable[Arrived]) -> None:
    """Note that the mail with these days did not leave."""
    days = [_is(one.feed_id, one.day) for one in found]
    if days:
        await connection.execute(update(arrivals).where(or_(*days)).values(told_at=None))


async def prune(connection: AsyncConnection, before: date) -> int:
    """Forget the days before one, and return how many they were."""
    gone = await connection.execute(delete(arrivals).where(arrivals.c.day < before).returning(arrivals.c.day))
    return len(gone.all())


def _is(feed_id: int, day: date) -> ColumnElement[bool]:
    return and_(arrivals.c.feed_id == feed_id, arrivals.c.day == day)


def _arrived(row: Row[Any]) -> Arrived:
    return Arrived(row.feed_id, row.day, row.entries, row.new, row.asked_at, row.verdict, row.usual)
