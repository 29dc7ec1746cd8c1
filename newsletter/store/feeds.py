"""Feeds, whose turn it is to be asked, and how their last look went."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import Consent, Feed, Habits
from newsletter.store.database import exclusively, insert
from newsletter.store.tables import feeds, subscribers

_LONGEST_FAULT = 1000
# arXiv wants three seconds between questions: so many people's searches are asked in five minutes, the others at the
# next look.
MOST_SEARCHES = 100


async def add(connection: AsyncConnection, kind: str, location: str, now: datetime) -> bool:
    """Put a feed on record; False if it was there."""
    row = {"kind": kind, "location": location, "added_at": now}
    statement = insert(connection, feeds).values(row).on_conflict_do_nothing().returning(feeds.c.id)
    return (await connection.execute(statement)).first() is not None


async def remove(connection: AsyncConnection, location: str) -> bool:
    """Forget a feed of everybody and what it answered, its papers stay; False if it was not there."""
    statement = delete(feeds).where(feeds.c.location == location, feeds.c.subscriber_id.is_(None)).returning(feeds.c.id)
    return (await connection.execute(statement)).first() is not None


async def all_of_them(connection: AsyncConnection) -> list[Feed]:
    """Return all feeds, oldest first."""
    return [read(row) for row in await connection.execute(select(feeds).order_by(feeds.c.id))]


async def claim(
    connection: AsyncConnection, now: datetime, until: datetime, *, all_of_them: bool = False
) -> list[Feed]:
    """Return the feeds to be asked now, oldest first, as they were, and let nobody else have them until then.

    These are those that are due; with `all_of_them` also those that are not, and those that are gone. No feed is
    returned whose server wants to be left alone, and of people's own searches those of confirmed people, at most
    `MOST_SEARCHES` locations, the longest waiting first. With a search come all others of its location.
    """
    open_ones = or_(feeds.c.not_before.is_(None), feeds.c.not_before <= now)
    due = or_(feeds.c.next_poll_at.is_(None), feeds.c.next_poll_at <= now)
    due = open_ones if all_of_them else open_ones & feeds.c.gone_at.is_(None) & due
    confirmed = select(subscribers.c.id).where(
        subscribers.c.id == feeds.c.subscriber_id, subscribers.c.state == Consent.CONFIRMED
    )
    everybodys, theirs = feeds.c.subscriber_id.is_(None), feeds.c.subscriber_id.is_not(None) & confirmed.exists()
    waiting = (
        select(feeds.c.location)
        .where(theirs, due)
        .group_by(feeds.c.location)
        .order_by(func.min(func.coalesce(feeds.c.next_poll_at, feeds.c.added_at)), func.min(feeds.c.id))
        .limit(MOST_SEARCHES)
    )
    # One answer is for all who have that search, so whoever claims it has all of them.
    await exclusively(connection, "feeds")
    places = set((await connection.execute(waiting)).scalars())
    places.update((await connection.execute(select(feeds.c.location).where(everybodys, due))).scalars())
    wanted = open_ones & or_(everybodys, theirs) & feeds.c.location.in_(sorted(places))
    rows = await connection.execute(select(feeds).where(wanted).order_by(feeds.c.id).with_for_update())
    found = [read(row) for row in rows]
    if found:
        await connection.execute(
            update(feeds).where(feeds.c.id.in_([feed.id for feed in found])).values(next_poll_at=until)
        )
    return found


async def give_back(connection: AsyncConnection, claimed: Sequence[Feed], until: datetime) -> None:
    """Let those of the feeds that were claimed until then, and not asked, be as they were before."""
    for feed in claimed:
        mine = (feeds.c.id == feed.id) & (feeds.c.next_poll_at == until)
        await connection.execute(update(feeds).where(mine).values(next_poll_at=feed.next_poll_at))


async def went_well(
    connection: AsyncConnection,
    feed_id: int,
    now: datetime,
    *,
    title: str,
    etag: str,
    last_modified: str,
    habits: Habits,
    next_poll_at: datetime,
    not_before: datetime | None = None,
    moved_to: str = "",
) -> None:
    """Note that a feed was read, with the validators for the next look (RFC 9110 section 8.8) and its moment."""
    values = {
        "title": title,
        "etag": etag,
        "last_modified": last_modified,
        "habits": None if habits == Habits() else habits.model_dump(mode="json"),
        "last_success_at": now,
        "last_fault": "",
        "last_fault_at": None,
        "faulty_since": None,
        "told_at": None,
        "gone_at": None,
        "moved_to": moved_to,
        "next_poll_at": next_poll_at,
        "not_before": not_before,
    }
    await connection.execute(update(feeds).where(feeds.c.id == feed_id).values(values))


async def went_wrong(
    connection: AsyncConnection,
    feed_id: int,
    now: datetime,
    fault: str,
    *,
    next_poll_at: datetime,
    not_before: datetime | None = None,
    gone: bool = False,
) -> None:
    """Note why a feed could not be read and when it is asked again; one that is `gone` is not, by itself.

    Where it is, is asked for anew: what it moved to may be what is wrong.
    """
    values = {
        "last_fault": fault[:_LONGEST_FAULT],
        "last_fault_at": now,
        "faulty_since": func.coalesce(feeds.c.faulty_since, now),
        "moved_to": "",
        "next_poll_at": next_poll_at,
        "not_before": not_before,
        "gone_at": func.coalesce(feeds.c.gone_at, now) if gone else None,
    }
    await connection.execute(update(feeds).where(feeds.c.id == feed_id).values(values))


async def put_off(connection: AsyncConnection, feed_id: int, until: datetime) -> None:
    """Note that a feed was not asked, since its host wants to be left alone until then."""
    values = {"next_poll_at": until, "not_before": until}
    await connection.execute(update(feeds).where(feeds.c.id == feed_id).values(values))


async def lasting(connection: AsyncConnection, before: datetime, now: datetime) -> list[Feed]:
    """Return the feeds that have been faulty since that moment, or are gone, and whose fault was not told so far.

    They are noted as told.
    """
    statement = (
        update(feeds)
        .where(feeds.c.told_at.is_(None), or_(feeds.c.faulty_since <= before, feeds.c.gone_at.is_not(None)))
        .values(told_at=now)
        .returning(*feeds.c)
    )
    return sorted((read(row) for row in await connection.execute(statement)), key=lambda feed: feed.id)


def read(row: Row[Any]) -> Feed:
    """Return a row of the table as a feed."""
    known = row._asdict()
    return Feed.model_validate({**known, "habits": known["habits"] or {}})
