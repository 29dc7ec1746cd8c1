"""Connections and transactions: all or nothing, durable, reads of one moment, and faults told in sentences."""

import asyncio
import contextlib
import os
import random
import sqlite3
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.errors import ConflictError, SettingsError, StoreError
from newsletter.store import database as database_module
from newsletter.store import editions, papers, schema, subscribers, tables
from newsletter.store.database import Database, chunks
from store.samples import CONFIRMED, NOW, add_people, killed, known, person, rows


@pytest.fixture
async def sqlite(new_database: Any) -> AsyncIterator[Database]:
    """A migrated SQLite database."""
    database = Database.at(new_database("sqlite"))
    yield database
    await database.close()


@pytest.fixture
async def postgresql(new_database: Any) -> AsyncIterator[Database]:
    """A migrated PostgreSQL database."""
    database = Database.at(new_database("postgresql"))
    yield database
    await database.close()


async def value(connection: AsyncConnection, statement: str) -> Any:
    return (await connection.execute(text(statement))).scalar()


def said(connection_or_engine: Any) -> list[str]:
    """Keep what is said to the engine from now on."""
    heard: list[str] = []

    def listen(_connection, _cursor, statement, _parameters, _context, _many) -> None:
        heard.append(statement)

    event.listen(connection_or_engine, "before_cursor_execute", listen)
    return heard


# Where the database is


def test_a_file_is_beside_the_settings_unless_its_path_is_absolute(tmp_path: Path) -> None:
    assert Database.at("sqlite:///news.db", folder=tmp_path).file == tmp_path / "news.db"
    assert Database.at(f"sqlite:///{tmp_path}/other.db", folder=Path("/elsewhere")).file == tmp_path / "other.db"
    assert Database.at("postgresql://ada@example.org/news").file is None


def test_the_name_of_a_database_holds_no_password() -> None:
    database = Database.at("postgresql://ada:secret@db.example.org/news", password="other")
    assert database.name == "postgresql://ada:***@db.example.org/news"
    assert database.url.password == "other"
    assert Database.at("postgresql://ada:own@db.example.org/news").url.password == "own"


@pytest.mark.parametrize("url", ["postgresql://ada@example.org:port/news", "nonsense"])
def test_an_address_that_is_none_is_a_fault_of_the_settings(url: str) -> None:
    with pytest.raises(SettingsError, match=r"database\.url"):
        Database.at(url)


# Transactions


async def test_a_transaction_is_kept_whole_or_not_at_all(database: Database) -> None:
    async with database.begin() as connection:
        await add_people(connection, 2)
    async with killed(database) as connection:
        await add_people(connection, 3, start=10)
        assert await subscribers.counts(connection) == {"confirmed": 5}
    async with database.connect() as connection:
        assert await subscribers.counts(connection) == {"confirmed": 2}


async def test_what_breaks_a_rule_of_the_tables_is_no_conflict(database: Database) -> None:
    async with database.begin() as connection:
        (number,) = await add_people(connection, 1)
    broken = tables.subscribers.update().where(tables.subscribers.c.id == number)
    for values in ({"hour": 24}, {"state": "wished"}, {"email": None}):
        with pytest.raises(StoreError, match="breaks a rule") as caught:
            async with database.begin() as connection:
                await connection.execute(broken.values(values))
        assert not isinstance(caught.value, ConflictError)
        assert "reader1" not in str(caught.value).lower()


async def test_no_value_of_a_row_is_in_the_words_of_an_error(database: Database) -> None:
    one, key = person(1)
    async with database.begin() as connection:
        await subscribers.add(connection, [(one, key)], CONFIRMED)
    with pytest.raises(ConflictError) as caught:
        async with database.begin() as connection:
            await subscribers.add(connection, [(person(2, key=one.key)[0], "other@example.org")], CONFIRMED)
    cause = caught.value.__cause__
    assert cause is not None
    assert "other@example.org" not in f"{caught.value} {cause}"


async def test_a_read_sees_one_moment_throughout(database: Database) -> None:
    async with database.begin() as connection:
        await add_people(connection, 1)
    async with database.connect() as reading:
        assert await subscribers.counts(reading) == {"confirmed": 1}
        async with database.begin() as writing:
            await add_people(writing, 5, start=10)
            await papers.add(writing, [known(1)], NOW)
        assert await subscribers.counts(reading) == {"confirmed": 1}
        assert await papers.count(reading) == 0
    async with database.connect() as reading:
        assert await subscribers.counts(reading) == {"confirmed": 6}


async def test_readers_do_not_keep_a_writer_waiting(database: Database) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(4):
            reading = await stack.enter_async_context(database.connect())
            assert await papers.count(reading) == 0
        async with database.begin() as connection:
            await papers.add(connection, [known(1)], NOW)


async def test_a_transaction_that_reads_first_can_still_write(database: Database) -> None:
    """On SQLite a plain BEGIN that reads and then writes is refused if another wrote in between."""

    async def count_up(number: int) -> None:
        async with database.begin() as connection:
            seen = await papers.count(connection)
            await asyncio.sleep(0)
            await papers.add(connection, [known(number, title=f"{number} after {seen}")], NOW)

    await asyncio.gather(*(count_up(number) for number in range(8)))
    async with database.connect() as connection:
        assert await papers.count(connection) == 8


async def test_sqlite_locks_for_writing_at_once_and_for_reading_not(sqlite: Database) -> None:
    heard = said(sqlite.engine.sync_engine)
    async with sqlite.begin() as connection:
        await papers.count(connection)
    async with sqlite.connect() as connection:
        await papers.count(connection)
    async with sqlite.begin() as connection:
        await papers.count(connection)
    begun = [statement for statement in heard if statement.startswith("BEGIN")]
    assert begun == ["BEGIN IMMEDIATE", "BEGIN", "BEGIN IMMEDIATE"]
    assert heard[0] == "BEGIN IMMEDIATE", "nothing is said before"


async def test_postgresql_reads_without_writing_and_writes_again_afterwards(postgresql: Database) -> None:
    for _ in range(3):
        async with postgresql.connect() as connection:
            assert await value(connection, "SHOW transaction_isolation") == "repeatable read"
            assert await value(connection, "SHOW transaction_read_only") == "on"
        with pytest.raises(StoreError, match="cannot be written"):
            async with postgresql.connect() as connection:
                await papers.add(connection, [known(1)], NOW)
        async with postgresql.begin() as connection:
            assert await value(connection, "SHOW transaction_isolation") == "read committed"
            assert await value(connection, "SHOW transaction_read_only") == "off"
    assert postgresql.engine.sync_engine.pool.checkedout() == 0


async def test_what_was_committed_is_on_disk(sqlite: Database, postgresql: Database) -> None:
    async with sqlite.begin() as connection:
        assert await value(connection, "PRAGMA synchronous") == 2
        assert await value(connection, "PRAGMA journal_mode") == "wal"
        assert await value(connection, "PRAGMA foreign_keys") == 1
    async with postgresql.begin() as connection:
        assert await value(connection, "SHOW synchronous_commit") == "on"


@pytest.mark.parametrize(
    ("setting", "default", "ours"),
    [
        ("synchronous_commit", "off", "on"),
        ("synchronous_commit", "remote_apply", "remote_apply"),
        ("default_transaction_isolation", "serializable", "read committed"),
    ],
)
async def test_another_default_of_the_server_does_not_weaken_a_commit(
    postgresql: Database, setting: str, default: str, ours: str
) -> None:
    async with postgresql.begin() as connection:
        name = postgresql.url.database
        await connection.execute(text(f"ALTER DATABASE \"{name}\" SET {setting} = '{default}'"))
    await postgresql.close()
    async with postgresql.begin() as connection:
        shown = "transaction_isolation" if "isolation" in setting else setting
        assert await value(connection, f"SHOW {shown}") == ours
    async with postgresql.connect() as connection:
        assert await value(connection, "SHOW transaction_isolation") == "repeatable read"


async def test_a_deadlock_is_a_conflict(postgresql: Database) -> None:
    async with postgresql.begin() as connection:
        first, second = await add_people(connection, 2)
    together = asyncio.Barrier(2)

    async def change(*order: int) -> None:
        async with postgresql.begin() as connection:
            await connection.execute(text("SET LOCAL deadlock_timeout = '10ms'"))
            await subscribers.pause(connection, order[0], NOW.date())
            await together.wait()
            await subscribers.pause(connection, order[1], NOW.date())

    done = await asyncio.gather(change(first, second), change(second, first), return_exceptions=True)
    assert [type(result) for result in done if result is not None] == [ConflictError]


async def test_a_task_that_is_cancelled_leaves_nothing_and_breaks_nothing(database: Database) -> None:
    chance = random.Random(7)
    threads = threading.active_count()
    started = asyncio.Event()

    async def write(number: int) -> None:
        async with database.begin() as connection:
            started.set()
            await add_people(connection, 3, start=number * 10)
            await papers.add(connection, [known(number)], NOW)

    for round_number in range(12):
        tasks = [asyncio.create_task(write(round_number * 5 + number)) for number in range(5)]
        started.clear()
        await started.wait()
        for _ in range(chance.randrange(60)):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    async with database.begin() as connection:
        await papers.add(connection, [known(1000)], NOW)
    async with database.connect() as connection:
        people = sum((await subscribers.counts(connection)).values())
        assert people == 3 * (await papers.count(connection) - 1)
    assert database.engine.sync_engine.pool.checkedout() == 0
    await database.close()
    await _threads_end(threads)


# Faults


async def test_a_locked_file_is_told_in_a_sentence(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.05)
    database = Database(sqlite.url)
    with _locked(sqlite.file), pytest.raises(StoreError, match=r"locked by another process\. Wait"):
        async with database.begin() as connection:
            await papers.count(connection)
    async with database.begin() as connection:
        assert await papers.count(connection) == 0
    await database.close()


@pytest.mark.parametrize("content", [b"This is a text of some length, and no database.\n" * 100, b"SQLite format 3\0"])
async def test_a_file_that_is_no_database_is_told_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    threads = threading.active_count()
    file = tmp_path / "notes.txt"
    file.write_bytes(content)
    database = Database.at(f"sqlite:///{file}")
    for act in (schema.check(database), schema.migrate(database, NOW)):
        with pytest.raises(StoreError, match=r"notes\.txt is no database\. Look at database\.url"):
            await act
    await database.close()
    await _threads_end(threads)
    assert file.read_bytes() == content


async def test_a_folder_in_place_of_a_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    database = Database.at(f"sqlite:///{tmp_path}")
    threads = threading.active_count()
    with pytest.raises(StoreError, match="cannot be opened"):
        await schema.check(database)
    await database.close()
    await _threads_end(threads)


async def test_a_file_that_may_not_be_written_is_told_in_a_sentence(migrated_file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "newsletter.db"
        file.write_bytes(migrated_file.read_bytes())
        file.chmod(0o444)
        Path(folder).chmod(0o555)
        database = Database.at(f"sqlite:///{file}")
        try:
            with _as_nobody(), pytest.raises(StoreError, match=r"cannot be written\. Look at the rights"):
                async with database.begin() as connection:
                    await papers.add(connection, [known(1)], NOW)
        finally:
            await database.close()
            Path(folder).chmod(0o700)


async def test_a_full_disk_is_told_in_a_sentence_and_leaves_nothing_half(sqlite: Database) -> None:
    async with sqlite.begin() as connection:
        await value(connection, "PRAGMA max_page_count = 1")
    with pytest.raises(StoreError, match=r"disk of the database .* is full\. Make room"):
        async with sqlite.begin() as connection:
            await papers.add(connection, [known(number, abstract="x" * 9000) for number in range(50)], NOW)
    assert await rows(sqlite, tables.papers) == []


@pytest.mark.parametrize(
    "url",
    ["postgresql://ada:secret@127.0.0.1:1/news", "postgresql:///news?host=/nowhere", "postgresql://db.invalid/news"],
)
async def test_a_server_that_is_not_there_is_told_in_a_sentence(url: str) -> None:
    database = Database.at(url)
    with pytest.raises(StoreError, match="does not answer as it should") as caught:
        await schema.check(database)
    assert caught.value.next_step
    assert "secret" not in str(caught.value)
    await database.close()


async def test_a_database_that_the_server_does_not_have_is_told_in_a_sentence(postgresql: Database) -> None:
    database = Database(postgresql.url.set(database="not_there"))
    with pytest.raises(StoreError, match='"not_there" does not exist'):
        await schema.check(database)
    await database.close()


async def test_a_server_that_ends_a_connection_costs_one_transaction(postgresql: Database) -> None:
    async def cut_off(connection: AsyncConnection) -> None:
        backend = await value(connection, "SELECT pg_backend_pid()")
        async with postgresql.begin() as other:
            await other.execute(text("SELECT pg_terminate_backend(:backend, 2000)"), {"backend": backend})
        await papers.add(connection, [known(1)], NOW)

    with pytest.raises(StoreError, match="does not answer as it should"):
        async with postgresql.begin() as connection:
            await cut_off(connection)
    async with postgresql.begin() as connection:
        assert await papers.count(connection) == 0


async def test_too_many_transactions_at_once_are_told_in_a_sentence(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = database.engine.sync_engine.pool
    monkeypatch.setattr(pool, "_timeout", 0.01)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(15):
            await stack.enter_async_context(database.connect())
        with pytest.raises(StoreError, match="All connections"):
            async with database.connect():
                pass


# Small things


async def test_a_moment_is_kept_to_the_microsecond_and_in_utc(database: Database) -> None:
    there = datetime(2026, 7, 1, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=-9, minutes=-30)))
    async with database.begin() as connection:
        edition = await editions.ensure(connection, there.date(), "daily", there)
    assert edition.created_at == there
    assert edition.created_at.utcoffset() == timedelta(0)
    with pytest.raises(Exception, match="without a time zone"):
        async with database.begin() as connection:
            await editions.ensure(connection, there.date(), "weekdays", there.replace(tzinfo=None))


def test_a_series_is_cut_into_lists_that_fit() -> None:
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks([], 2)) == []


async def test_more_than_a_statement_can_hold_is_asked_in_parts(database: Database) -> None:
    many = range(1, 33_000)
    async with database.connect() as connection:
        assert await papers.find(connection, [str(number) for number in many], []) == []
        assert await subscribers.by_ids(connection, many) == {}


async def _threads_end(before: int) -> None:
    """Wait for the threads of SQLite connections, which end a moment after these are closed."""
    for _ in range(500):
        if threading.active_count() > before:
            await asyncio.sleep(0.01)
    assert threading.active_count() <= before, "a connection was left open"


@contextlib.contextmanager
def _locked(file: Path | None) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(str(file), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextlib.contextmanager
def _as_nobody() -> Iterator[None]:
    """Give up what lets root write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
