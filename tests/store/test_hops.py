"""A statement on SQLite and its rows are one wait, and what SQLAlchemy sees of them is what it saw before."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.errors import StoreError
from newsletter.store.database import BUSY_SECONDS, Database
from newsletter.store.hops import AT_ONCE

numbers = Table("numbers", MetaData(), Column("number", Integer, primary_key=True), Column("word", Text))


@pytest.fixture(params=[False, True], ids=["far", "near"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database with one table and twice as many rows as are fetched at once, and one more."""
    opened = Database.at("sqlite:///numbers.db", folder=tmp_path, near=request.param)
    async with opened.begin() as connection:
        await connection.run_sync(numbers.metadata.create_all)
        await connection.execute(insert(numbers), [{"number": one, "word": str(one)} for one in range(2 * AT_ONCE + 1)])
    yield opened
    await opened.close()


@pytest.mark.parametrize("most", [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 2 * AT_ONCE, 2 * AT_ONCE + 1])
async def test_all_rows_come_in_order_however_many(database: Database, most: int) -> None:
    statement = select(numbers.c.number).order_by(numbers.c.number).limit(most)
    async with database.connect() as connection:
        assert list((await connection.execute(statement)).scalars()) == list(range(most))
        streamed = await connection.stream(statement, execution_options={"yield_per": 7})
        assert [number async for number in streamed.scalars()] == list(range(most))
        first = (await connection.execute(statement)).first()
        assert first == ((0,) if most else None)


async def test_what_a_statement_changed_is_counted(database: Database) -> None:
    async with database.begin() as connection:
        for most in (0, 3, AT_ONCE, 2 * AT_ONCE):
            changed = update(numbers).where(numbers.c.number < most).values(word="x")
            assert (await connection.execute(changed)).rowcount == most
            returned = await connection.execute(changed.returning(numbers.c.number))
            assert sorted(returned.scalars()) == list(range(most))
        added = await connection.execute(insert(numbers).values(number=-1, word="y"))
        assert added.inserted_primary_key == (-1,)


async def test_a_stream_that_is_given_up_leaves_nothing_locked(database: Database) -> None:
    async with database.connect() as connection:
        streamed = await connection.stream(select(numbers), execution_options={"yield_per": 5})
        assert await streamed.first() == (0, "0")
    async with database.begin() as connection:
        await connection.execute(text("DELETE FROM numbers"))
    async with database.connect() as connection:
        assert (await connection.execute(select(numbers))).first() is None


async def test_a_fault_is_told_as_ever_and_the_connection_goes_on(database: Database) -> None:
    for wrong in ("SELECT nothing FROM numbers", "INSERT INTO numbers VALUES (0, 'again')"):
        with pytest.raises(StoreError):
            async with database.begin() as connection:
                await connection.execute(text(wrong))
    async with database.connect() as connection:
        assert (await connection.execute(select(numbers.c.word).where(numbers.c.number == 0))).scalar_one() == "0"


async def test_who_is_cancelled_in_a_statement_leaves_nothing_locked(database: Database) -> None:
    endless = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT max(i) FROM n"
    )

    async def ask() -> None:
        async with database.begin() as connection:
            await connection.execute(endless)

    asking = asyncio.create_task(ask())
    await asyncio.sleep(0.05)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    async with database.begin() as connection:
        await connection.execute(update(numbers).values(word="z"))


async def test_several_at_once_do_not_get_each_others_rows(database: Database) -> None:
    async def ask(least: int) -> list[int]:
        async with database.connect() as connection:
            statement = select(numbers.c.number).where(numbers.c.number >= least).order_by(numbers.c.number)
            return list((await connection.execute(statement)).scalars())

    asked = range(0, 2 * AT_ONCE, 71)
    assert await asyncio.gather(*map(ask, asked)) == [list(range(least, 2 * AT_ONCE + 1)) for least in asked]


async def test_who_waits_for_another_writer_lets_the_event_loop_go_on(database: Database) -> None:
    order = []

    async def write() -> None:
        async with database.begin() as connection:
            await connection.execute(update(numbers).values(word="second"))
        order.append("written")

    async with database.begin() as connection:
        await connection.execute(update(numbers).values(word="first"))
        writing = asyncio.create_task(write())
        await asyncio.sleep(0.1)
        order.append("gone on")
    await writing
    assert order == ["gone on", "written"]
    async with database.connect() as connection:
        assert set((await connection.execute(select(numbers.c.word))).scalars()) == {"second"}


@pytest.fixture
async def near(tmp_path: Path) -> AsyncIterator[Database]:
    """The same database, near."""
    opened = Database.at("sqlite:///numbers.db", folder=tmp_path, near=True)
    yield opened
    await opened.close()


async def patience(near: Database, milliseconds: int | None = None) -> int:
    """Return how long a connection waits for other writers, after setting it if that is given."""
    async with near.connect() as connection:
        raw: Any = (await connection.get_raw_connection()).driver_connection
        if milliseconds is not None:
            await raw.rows(f"PRAGMA busy_timeout = {milliseconds}", ())
        return int((await raw.rows("PRAGMA busy_timeout", ()))[0][0])


async def test_who_gives_up_to_wait_for_another_writer_leaves_nothing_changed(
    database: Database, near: Database
) -> None:
    before = await patience(near)

    async def write() -> None:
        async with near.begin() as connection:
            await connection.execute(update(numbers).values(word="never"))

    async with database.begin():
        writing = asyncio.create_task(write())
        await asyncio.sleep(0.05)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
    assert await patience(near) == before == 1000 * BUSY_SECONDS
    async with near.begin() as connection:
        await connection.execute(update(numbers).values(word="now"))
    async with database.connect() as connection:
        assert set((await connection.execute(select(numbers.c.word))).scalars()) == {"now"}


async def test_a_writer_that_never_ends_is_told(database: Database, near: Database) -> None:
    await patience(near, 50)
    async with database.begin():
        with pytest.raises(StoreError, match="locked by another process"):
            async with near.begin():
                raise AssertionError("two of them write")
    assert await patience(near) == 50
    async with near.begin() as connection:
        await connection.execute(update(numbers).values(word="later"))


async def test_who_waits_waits_too_while_another_process_mends_what_a_kill_left(
    database: Database, near: Database
) -> None:
    """SQLite says that with a code of its own, and no test can make it do so."""
    tried = []

    def begin() -> str:
        tried.append(len(tried))
        if len(tried) < 3:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY_RECOVERY
            raise error
        return "begun"

    async with near.connect() as connection:
        raw: Any = (await connection.get_raw_connection()).driver_connection
        assert await raw.begin_writing(begin) == "begun"
    assert len(tried) == 3


@pytest.mark.parametrize("is_near", [False, True])
async def test_a_near_one_is_asked_in_the_event_loop_itself(tmp_path: Path, is_near: bool) -> None:
    database = Database.at("sqlite:///threads.db", folder=tmp_path, near=is_near)

    async def thread(connection: AsyncConnection) -> int:
        raw: Any = (await connection.get_raw_connection()).driver_connection
        await raw.create_function("thread", 0, threading.get_ident)
        return int((await connection.execute(text("SELECT thread()"))).scalar_one())

    try:
        for transaction in (database.connect, database.begin):
            async with transaction() as connection:
                assert (await thread(connection) == threading.get_ident()) is is_near
        async with database.far().connect() as connection:
            assert await thread(connection) != threading.get_ident()
    finally:
        await database.close()


async def test_what_takes_long_is_asked_of_another_connection(database: Database) -> None:
    far = database.far()
    assert far.far() is far
    async with far.connect() as connection:
        assert (await connection.execute(select(numbers.c.word).where(numbers.c.number == 7))).scalar_one() == "7"
