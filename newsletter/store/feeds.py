"""Feeds and how their last look went."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import Feed
from newsletter.store.database import insert
from newsletter.store.tables import feeds


async def add(connection: AsyncConnection, kind: str, location: str, now: datetime) -> bool:
    """Put a feed on record; False if it was there."""
    row = {"kind": kind, "location": location, "added_at": now}
    statement = insert(connection, feeds).values(row).on_conflict_do_nothing().returning(feeds.c.id)
    return (await connection.execute(statement)).first() is not None


async def remove(connection: AsyncConnection, location: str) -> bool:
    """Forget a feed, its papers stay; False if it was not there."""
    statement = delete(feeds).where(feeds.c.location == location).returning(feeds.c.id)
    return (await connection.execute(statement)).first() is not None


async def all_of_them(connection: AsyncConnection) -> list[Feed]:
    """Return all feeds, oldest first."""
    return [_feed(row) for row in await connection.execute(select(feeds).order_by(feeds.c.id))]


async def went_well(
    connection: AsyncConnection, feed_id: int, now: datetime, *, title: str, etag: str, last_modified: str
) -> None:
    """Note that a feed was read, with the validators for the next look (RFC 9110 section 8.8)."""
    values = {
        "title": title,
        "etag": etag,
        "last_modified": last_modified,
        "last_success_at": now,
        "last_fault": "",
        "last_fault_at": None,
    }
    await connection.execute(update(feeds).where(feeds.c.id == feed_id).values(values))


async def went_wrong(connection: AsyncConnection, feed_id: int, now: datetime, fault: str) -> None:
    """Note why a feed could not be read."""
    await connection.execute(
        update(feeds).where(feeds.c.id == feed_id).values(last_fault=fault[:1000], last_fault_at=now)
    )


def _feed(row: Row[Any]) -> Feed:
    return Feed(
        id=row.id,
        kind=row.kind,
        location=row.location,
        title=row.title,
        etag=row.etag,
        last_modified=row.last_modified,
        added_at=row.added_at,
        last_success_at=row.last_success_at,
        last_fault=row.last_fault,
        last_fault_at=row.last_fault_at,
    )
