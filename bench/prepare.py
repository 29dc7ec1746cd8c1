"""Put readers on record whose issues are composed and whose mail waits; run as a program in a process of its own.

    python bench/prepare.py FOLDER --subscribers N

FOLDER has the config.toml that names the database. Rows go through the store's own tables, in bulk.
"""

import argparse
import asyncio
import itertools
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from made_up import NOTE, Reader, papers, readers
from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter import config
from newsletter.models import Consent, DeliveryState
from newsletter.store import editions, schema, tables
from newsletter.store import papers as paper_rows
from newsletter.store.database import Database

PAPERS = 100
PART = 5_000
DOMAIN = "papers.example.org"


async def prepare(folder: Path, subscribers: int) -> None:
    """Make the tables and fill them."""
    settings = config.load(folder / "config.toml", {})
    database = Database.at(settings.database.url, folder=folder)
    now = datetime.now(UTC)
    await schema.migrate(database, now)
    known = papers(PAPERS, now=now)
    async with database.begin() as connection:
        ids = await paper_rows.add(connection, [paper_rows.Known(paper, paper.title.lower()) for paper in known], now)
        edition = await editions.ensure(connection, now.date(), "daily", now)
        await editions.note(connection, edition.id, NOTE)
    for part in _parts(readers(subscribers, known)):
        async with database.begin() as connection:
            await add_people(connection, part, now)
            await _add_issues(connection, part, ids, edition.id, now)
    await settle(database)
    await database.close()


async def add_people(connection: AsyncConnection, people: Sequence[Reader], now: datetime) -> None:
    """Put readers on record who confirmed and asked for their topics."""
    await bulk(
        connection,
        tables.subscribers,
        (
            {
                "id": one.number,
                "key": f"{one.number:020x}",
                "email": one.email,
                "email_key": one.email,
                "language": "en",
                "timezone": "Europe/Berlin",
                "cadence": "daily",
                "hour": one.number % 24,
                "state": str(Consent.CONFIRMED),
                "paused_until": None,
                "created_at": now,
                "subscribed_at": now,
            }
            for one in people
        ),
    )
    await bulk(
        connection,
        tables.preferences,
        (
            {"subscriber_id": one.number, "kind": "topic", "name": topic.name, "position": place, "weight": 1.0}
            for one in people
            for place, topic in enumerate(one.topics)
        ),
    )


async def _add_issues(
    connection: AsyncConnection, people: Sequence[Reader], ids: list[int], edition: int, now: datetime
) -> None:
    """Put their issues on record: the issue, the picks, what was received, and the mail that waits."""
    issue = {"edition_id": edition, "empty": False, "composed_at": now}
    await bulk(connection, tables.issues, ({"id": one.number, "subscriber_id": one.number, **issue} for one in people))
    await bulk(
        connection,
        tables.picks,
        (
            {
                "issue_id": one.number,
                "position": position,
                "paper_id": ids[choice.paper],
                "score": choice.score,
                "reason": {name: getattr(choice.reason, name) for name in ("kind", "subject", "words")},
            }
            for one in people
            for position, choice in enumerate(one.choices, start=1)
        ),
    )
    await bulk(
        connection,
        tables.received,
        (
            {"subscriber_id": one.number, "paper_id": ids[choice.paper], "issue_id": one.number}
            for one in people
            for choice in one.choices
        ),
    )
    delivery = {
        "state": str(DeliveryState.QUEUED),
        "attempts": 0,
        "queued_at": now,
        "due_at": now,
        "at": now,
        "enhanced": "",
        "text": "",
    }
    await bulk(
        connection,
        tables.deliveries,
        (
            {
                "id": one.number,
                "issue_id": one.number,
                "subscriber_id": one.number,
                "address": one.email,
                "message_id": f"<{secrets.token_urlsafe(18)}@{DOMAIN}>",
                **delivery,
            }
            for one in people
        ),
    )


async def bulk(connection: AsyncConnection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows in the engine's fastest way that goes through the types of the columns."""
    if connection.dialect.name == "sqlite":
        for part in _parts(rows):
            await connection.execute(table.insert(), part)
        return
    from psycopg.types.json import Jsonb

    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    listed = ", ".join(f'"{name}"' for name in first)
    async with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({listed}) FROM STDIN') as copy:
        for row in itertools.chain([first], rows):
            await copy.write_row([Jsonb(value) if isinstance(value, dict) else value for value in row.values()])


async def settle(database: Database) -> None:
    """Let the engine finish what it would have finished long before the hour of the mail."""
    if database.on_sqlite:
        async with database.connect() as connection:
            await connection.rollback()
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text("VACUUM ANALYZE"))
        await connection.execute(text("CHECKPOINT"))


def _parts(items: Iterable[Any]) -> Iterable[list[Any]]:
    items = iter(items)
    while part := list(itertools.islice(items, PART)):
        yield part


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--subscribers", type=int, required=True)
    options = parser.parse_args()
    asyncio.run(prepare(options.folder, options.subscribers))


if __name__ == "__main__":
    main()
