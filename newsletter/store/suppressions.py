"""Addresses that must not be mailed, kept as HMACs, so that the list outlives the people's data."""

import hmac
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store import schema
from newsletter.store.database import chunks, insert
from newsletter.store.recall import recall
from newsletter.store.tables import subscribers, suppressions


async def add(connection: AsyncConnection, email_key: str, reason: str, now: datetime) -> None:
    """Suppress an address (as it is compared), and take back what waits for it; the first reason stays."""
    row = {
        "address_hmac": _digest(await schema.key(connection, "suppressions"), email_key),
        "reason": reason,
        "at": now,
    }
    await connection.execute(insert(connection, suppressions).values(row).on_conflict_do_nothing())
    await recall(connection, select(subscribers.c.id).where(subscribers.c.email_key == email_key).scalar_subquery())


async def lift(connection: AsyncConnection, email_key: str) -> bool:
    """End the suppression of an address; False if there was none."""
    digest = _digest(await schema.key(connection, "suppressions"), email_key)
    gone = delete(suppressions).where(suppressions.c.address_hmac == digest).returning(suppressions.c.reason)
    return (await connection.execute(gone)).first() is not None


async def among(connection: AsyncConnection, email_keys: Iterable[str]) -> dict[str, str]:
    """Return which of these addresses are suppressed, with the reason."""
    secret = await schema.key(connection, "suppressions")
    found: dict[str, str] = {}
    for part in chunks(email_keys):
        digests = {_digest(secret, email_key): email_key for email_key in part}
        statement = select(suppressions.c.address_hmac, suppressions.c.reason)
        for digest, reason in await connection.execute(statement.where(suppressions.c.address_hmac.in_(digests))):
            found[digests[digest]] = reason
    return found


async def count(connection: AsyncConnection) -> int:
    """Return how many addresses are suppressed."""
    return (await connection.execute(select(func.count()).select_from(suppressions))).scalar_one()


def _digest(secret: bytes, email_key: str) -> str:
    return hmac.digest(secret, email_key.encode(), "sha256").hex()
