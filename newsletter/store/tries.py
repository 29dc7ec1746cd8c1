"""How often something was tried of late, counted in the database so that all processes count as one; no address."""

import hmac
from datetime import datetime, timedelta

from sqlalchemy import case, delete
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store import schema
from newsletter.store.database import insert
from newsletter.store.tables import tries


async def count(connection: AsyncConnection, what: str, whose: str, now: datetime, within: timedelta) -> int:
    """Count one try more, and return how many there were since the first one that is not older than `within`.

    One statement, so that two at once count as two. `whose` is kept as a keyed hash alone.
    """
    name = await digest(connection, what, whose)
    over = tries.c.since <= now - within
    statement = insert(connection, tries).values(name=name, number=1, since=now)
    counted = statement.on_conflict_do_update(
        index_elements=["name"],
        set_={
            "number": case((over, 1), else_=tries.c.number + 1),
            "since": case((over, now), else_=tries.c.since),
        },
    )
    return int((await connection.execute(counted.returning(tries.c.number))).scalar_one())


async def digest(connection: AsyncConnection, what: str, whose: str) -> str:
    """Return what stands for somebody on record: the same for the same, and nothing to be read from."""
    return hmac.digest(await schema.key(connection, "tries"), f"{what} {whose}".encode(), "sha256").hex()


async def prune(connection: AsyncConnection, before: datetime) -> int:
    """Delete what began to be counted before a moment, and return how much that was."""
    return (await connection.execute(delete(tries).where(tries.c.since < before))).rowcount
