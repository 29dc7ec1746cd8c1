"""People, papers and deliveries to test the store with."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import Consent, Paper, Pick, Reason, Subscriber, Subscription
from newsletter.store import editions, papers, subscribers
from newsletter.store.database import Database
from newsletter.store.editions import Draft
from newsletter.store.papers import Known
from newsletter.store.tables import deliveries

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)
TODAY = NOW.date()
TOMORROW = TODAY + timedelta(days=1)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

CONFIRMED = Subscription(state=Consent.CONFIRMED, how="by the operator", source="a list on paper", at=NOW)


def known(number: int, **fields: Any) -> Known:
    """A paper that is not on record so far."""
    values: dict[str, Any] = {"title": f"Paper {number}", "arxiv_id": f"2603.{number:05}", **fields}
    title_key = values.pop("title_key", None) or values["title"].casefold().replace(" ", "")
    return Known(Paper(**values), title_key)


def person(number: int, **fields: Any) -> tuple[Subscriber, str]:
    """Someone who is not on record so far, and their address as it is compared."""
    email = fields.pop("email", f"Reader{number}@Example.org")
    values: dict[str, Any] = {
        "id": 0,
        "key": f"key-{number}",
        "email": email,
        "language": "en",
        "timezone": "Europe/Berlin",
        "cadence": "daily",
        "hour": 7,
        "state": Consent.CONFIRMED,
        "created_at": NOW,
        "subscribed_at": NOW,
        **fields,
    }
    return Subscriber(**values), email.casefold()


async def add_papers(connection: AsyncConnection, *new: Known, at: datetime = NOW) -> list[Paper]:
    """Take papers in and return them as they are on record."""
    ids = await papers.add(connection, new, at)
    found = await papers.by_ids(connection, ids)
    return [found[number] for number in ids]


async def add_people(connection: AsyncConnection, count: int, *, start: int = 1) -> list[int]:
    """Take people in and return their ids."""
    new = [person(number) for number in range(start, start + count)]
    added = await subscribers.add(connection, new, CONFIRMED)
    return [added[email_key] for _, email_key in new]


def draft(subscriber_id: int, *chosen: Paper, name: str = "") -> Draft:
    """An issue with papers for someone."""
    picks = tuple(
        Pick(position=position, paper=paper, score=1 / position, reason=Reason(kind="topic", subject="lora"))
        for position, paper in enumerate(chosen, start=1)
    )
    named = name or f"{subscriber_id}-{'-'.join(str(paper.id) for paper in chosen)}"
    return Draft(subscriber_id, f"reader{subscriber_id}@example.org", f"<{named}@example.org>", picks)


async def compose(
    connection: AsyncConnection, *drafts: Draft, day: date = TODAY, cadence: str = "daily", at: datetime = NOW
) -> int:
    """Put issues on record and return their edition."""
    edition = await editions.ensure(connection, day, cadence, at)
    await editions.compose(connection, edition.id, drafts, at)
    return edition.id


async def queue(database: Database, count: int) -> list[int]:
    """Put deliveries of one paper to as many people into the queue, and return their ids."""
    async with database.begin() as connection:
        (paper,) = await add_papers(connection, known(1))
        people = await add_people(connection, count)
        await compose(connection, *(draft(number, paper) for number in people))
        return list((await connection.execute(select(deliveries.c.id).order_by(deliveries.c.id))).scalars())


class KilledError(Exception):
    """What a kill is to a transaction: it never ends."""


@contextlib.asynccontextmanager
async def killed(database: Database) -> AsyncIterator[AsyncConnection]:
    """A transaction of a process that dies before its end."""
    with contextlib.suppress(KilledError):
        async with database.begin() as connection:
            yield connection
            raise KilledError


async def rows(database: Database, table: Any, *columns: str) -> Sequence[Any]:
    """Return what a table holds, in the order of its key."""
    chosen = [table.c[name] for name in columns] or [table]
    async with database.connect() as connection:
        return (await connection.execute(select(*chosen).order_by(*table.primary_key.columns))).all()
