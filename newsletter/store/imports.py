"""Which days of a source's past are on record as a whole."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store.database import insert
from newsletter.store.tables import imported_days


async def days(connection: AsyncConnection, source: str, *, since: date, until: date) -> set[date]:
    """Return the days of a source that were taken in, both ends among them."""
    statement = select(imported_days.c.day).where(
        imported_days.c.source == source, imported_days.c.day >= since, imported_days.c.day <= until
    )
    return set((await connection.execute(statement)).scalars())


async def keep(connection: AsyncConnection, source: str, day: date, now: datetime, *, entries: int, new: int) -> None:
    """Write down that a day was taken in, whoever else does so too."""
    statement = insert(connection, imported_days).values(source=source, day=day, entries=entries, new=new, done_at=now)
    await connection.execute(statement.on_conflict_do_nothing())
