"""Sign-ups on their way: asked for, mailed about, confirmed; and the words that people saw."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import Consent
from newsletter.store.database import insert
from newsletter.store.tables import signups, subscribers, wordings


class Signup(NamedTuple):
    """What somebody asked for: the address as it is compared and as it was written, wishes, and what is evidence."""

    email_key: str
    email: str
    wishes: Mapping[str, Any]
    source: str
    at: datetime


async def put(connection: AsyncConnection, asked: Signup) -> None:
    """Put a sign-up on record in place of an earlier one; one that was confirmed this moment is left."""
    row = {**asked._asdict(), "wishes": dict(asked.wishes), "state": "asked"}
    statement = insert(connection, signups).values(row)
    anew = {name: statement.excluded[name] for name in row if name != "email_key"}
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["email_key"], set_=anew, where=signups.c.state != "confirmed")
    )


async def in_state(connection: AsyncConnection, state: str, *, limit: int = 100) -> list[Signup]:
    """Return the oldest sign-ups in a state."""
    statement = select(signups).where(signups.c.state == state).order_by(signups.c.at, signups.c.email_key)
    return [_signup(row) for row in await connection.execute(statement.limit(limit))]


async def take(connection: AsyncConnection, email_key: str, *states: str) -> Signup | None:
    """Return the sign-up for an address if it is in one of the states, and keep others from it meanwhile."""
    mine = select(signups).where(signups.c.email_key == email_key, signups.c.state.in_(states))
    row = (await connection.execute(mine.with_for_update())).first()
    return None if row is None else _signup(row)


async def find(connection: AsyncConnection, email_key: str) -> Signup | None:
    """Return the sign-up for an address."""
    row = (await connection.execute(select(signups).where(signups.c.email_key == email_key))).first()
    return None if row is None else _signup(row)


async def move(connection: AsyncConnection, email_key: str, state: str) -> None:
    """Bring a sign-up to a state."""
    await connection.execute(update(signups).where(signups.c.email_key == email_key).values(state=state))


async def drop(connection: AsyncConnection, email_key: str) -> None:
    """Delete a sign-up."""
    await connection.execute(delete(signups).where(signups.c.email_key == email_key))


async def prune(connection: AsyncConnection, before: datetime) -> list[int]:
    """Delete sign-ups of before a moment, and return who never confirmed and asked for nothing since then."""
    await connection.execute(delete(signups).where(signups.c.at < before))
    asked = exists().where(signups.c.email_key == subscribers.c.email_key)
    never = select(subscribers.c.id).where(
        subscribers.c.state == Consent.UNCONFIRMED,
        # Who was a subscriber once has a past, which is theirs.
        subscribers.c.subscribed_at.is_(None),
        subscribers.c.created_at < before,
        ~asked,
    )
    return list((await connection.execute(never.order_by(subscribers.c.id).with_for_update())).scalars())


async def keep_wording(connection: AsyncConnection, version: str, words: str, now: datetime) -> None:
    """Keep words that people see under their version, once."""
    row = {"version": version, "words": words, "at": now}
    await connection.execute(insert(connection, wordings).values(row).on_conflict_do_nothing())


def _signup(row: Any) -> Signup:
    return Signup(row.email_key, row.email, row.wishes, row.source, row.at)
