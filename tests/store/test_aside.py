"""A thread of its own: transactions come whole or not at all there, one after the other, as they were asked for."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.errors import StoreError
from newsletter.store.aside import Aside
from newsletter.store.database import Database

Work = Callable[[AsyncConnection], Coroutine[Any, Any, Any]]


@pytest.fixture
async def aside(database: Database) -> AsyncIterator[Aside]:
    async with Aside(database, writes=True) as aside:
        yield aside


def said(*statements: str, who: str = "") -> Work:
    async def work(connection: AsyncConnection) -> Any:
        found: Any = None
        for statement in statements:
            found = await connection.execute(text(statement), {"who": who} if ":who" in statement else {})
        return found.scalar_one() if found is not None and found.returns_rows else None

    return work


NOTE = "INSERT INTO suppressions VALUES (:who, 'test', '2026-03-02 09:00:00.000000')"
COUNT = "SELECT count(*) FROM suppressions"


async def counted(database: Database) -> int:
    async with database.connect() as connection:
        return int((await connection.execute(text(COUNT))).scalar_one())


async def test_a_transaction_is_kept_when_it_returns(aside: Aside, database: Database) -> None:
    assert await aside.run(said(NOTE, COUNT, who="one")) == 1
    assert await aside.run(said(NOTE, COUNT, who="two")) == 2
    assert await counted(database) == 2


async def test_a_transaction_that_fails_leaves_nothing_and_the_next_one_works(aside: Aside, database: Database) -> None:
    with pytest.raises(StoreError):
        await aside.run(said(NOTE, "SELECT * FROM nowhere", who="one"))
    assert await counted(database) == 0
    assert await aside.run(said(NOTE, COUNT, who="two")) == 1


async def test_whoever_is_cancelled_does_not_break_a_transaction_in_two(aside: Aside, database: Database) -> None:
    first = asyncio.create_task(aside.run(said(NOTE, who="one")))
    await asyncio.sleep(0)
    first.cancel()
    assert await aside.run(said(NOTE, COUNT, who="two")) == 2
    assert await counted(database) == 2


async def test_a_connection_that_reads_cannot_write_on_a_server(new_database) -> None:
    """On PostgreSQL alone: SQLite knows no such transaction."""
    database = Database.at(new_database("postgresql"))
    async with Aside(database, writes=False) as reader:
        assert await reader.run(said(COUNT)) == 0
        with pytest.raises(StoreError):
            await reader.run(said(NOTE, who="one"))
    await database.close()


async def test_a_transaction_waits_for_nothing_but_its_statements(aside: Aside, database: Database) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(text(NOTE), {"who": "one"})
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="nothing but its statements"):
        await aside.run(work)
    assert await counted(database) == 0
