"""Addresses that must not be mailed, kept as HMACs, so that the list outlives the people's data."""

import hmac
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Text, bindparam, cast, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store import schema
from newsletter.store.database import chunks, insert
from newsletter.store.ready import POSTGRESQL, SQLITE, Ready
from newsletter.store.recall import recall
from newsletter.store.tables import subscribers, suppressions

_row = select(suppressions.c.address_hmac, suppressions.c.reason)
_AMONG = {
    "sqlite": Ready(
        _row.where(
            suppressions.c.address_hmac.in_(select(func.json_each(bindparam("digests")).table_valued("value").c.value))
        ),
        SQLITE,
    ),
    "postgresql": Ready(
        _row.where(
            suppressions.c.address_hmac.in_(
                select(func.json_array_elements_text(cast(bindparam("digests", type_=Text), JSON)).column_valued())
            )
        ),
        POSTGRESQL,
    ),
}


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
    ready = _AMONG[connection.dialect.name]
    found: dict[str, str] = {}
    for part in chunks(email_keys):
        digests = {_digest(secret, email_key): email_key for email_key in part}
        rows = await connection.exec_driver_sql(ready.text, ready.given({"digests": json.dumps(list(digests))}))
        hits: Sequence[Any] = rows.all()
        found |= {digests[digest]: reason for digest, reason in hits}
    return found


async def count(connection: AsyncConnection) -> int:
    """Return how many addresses are suppressed."""
    return (await connection.execute(select(func.count()).select_from(suppressions))).scalar_one()


def _digest(secret: bytes, email_key: str) -> str:
    return hmac.digest(secret, email_key.encode(), "sha256").hex()
