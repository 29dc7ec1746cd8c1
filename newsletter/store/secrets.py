"""The secret that links are signed with, and those of before that are read; that of suppressions never changes."""

import secrets
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store import schema
from newsletter.store.database import exclusively, insert
from newsletter.store.tables import keys

TOKENS = "tokens"


async def in_use(connection: AsyncConnection, now: datetime) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the secret that signs, and those that are only read any more, the newest first."""
    older = select(keys.c.secret).where(keys.c.until > now).order_by(keys.c.until.desc(), keys.c.name)
    found = (await connection.execute(older)).scalars()
    return await schema.key(connection, TOKENS), tuple(map(bytes, found))


async def rotate(connection: AsyncConnection, now: datetime, until: datetime) -> int:
    """Sign with a new secret from now on, and return how many of before are read.

    That of before is read until a moment; those whose time is over are deleted.
    """
    await exclusively(connection, "secrets")
    await connection.execute(
        update(keys).where(keys.c.name == TOKENS).values(name=f"{TOKENS} {secrets.token_hex(8)}", until=until)
    )
    # Whoever rotates twice may have given the first less time than is left of it.
    await connection.execute(delete(keys).where(keys.c.until <= now))
    await connection.execute(
        insert(connection, keys).values(name=TOKENS, secret=secrets.token_bytes(schema.KEY_BYTES), created_at=now)
    )
    return int((await connection.execute(select(func.count()).where(keys.c.until.is_not(None)))).scalar_one())
