"""Who is logged in to the operator's page, by digests of what their browsers show."""

from datetime import datetime

from sqlalchemy import delete, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store.database import insert
from newsletter.store.tables import sessions


async def begin(connection: AsyncConnection, digest: str, until: datetime, now: datetime) -> None:
    """Log somebody in until a moment, and forget those whose time is over."""
    await connection.execute(delete(sessions).where(sessions.c.until <= now))
    await connection.execute(insert(connection, sessions).values(digest=digest, until=until))


async def holds(connection: AsyncConnection, digest: str, now: datetime) -> bool:
    """Tell whether somebody is logged in."""
    statement = select(exists().where(sessions.c.digest == digest, sessions.c.until > now))
    return bool((await connection.execute(statement)).scalar_one())


async def end(connection: AsyncConnection, digest: str) -> None:
    """Log somebody out."""
    await connection.execute(delete(sessions).where(sessions.c.digest == digest))
