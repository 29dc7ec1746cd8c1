"""SQLite's driver for the event loop, with one wait a statement where aiosqlite has four; it knows no table.

aiosqlite makes a cursor, executes, fetches and closes in the thread of the connection, and the event loop waits for
each. Here a statement with its rows is one call, which halves what a small one costs. A near connection asks the
thread only for what may have to wait, for another writer or for the disk, and runs all else in the event loop: a call
to a thread costs more than a small statement, and far more where others want the processor (docs/decisions/0030).
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, TypeVar

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_dbapi
from sqlalchemy.ext.asyncio import AsyncConnection

Result = TypeVar("Result")

# So many rows are fetched with the statement; of one that has more, the rest is fetched as it is asked for.
AT_ONCE = 500

# Seconds after which who wants to write tries again.
TRY_AGAIN = 0.002

# How a transaction begins that waits until no other one writes (https://sqlite.org/lang_transaction.html).
BEGIN_WRITING = "BEGIN IMMEDIATE"


def driver(*, near: bool = False) -> AsyncAdapt_aiosqlite_dbapi:
    """Return what SQLAlchemy takes in place of the module aiosqlite; its connections are `near` or not."""
    module: Any = SimpleNamespace(**{**vars(aiosqlite), "connect": partial(_connect, near)})
    return AsyncAdapt_aiosqlite_dbapi(module, sqlite3)


def driver_of(connection: AsyncConnection) -> "_Connection | None":
    """Return the connection to SQLite that is below one in a transaction; None if it is to another engine."""
    # What runs aside has no such connection.
    below = getattr(connection, "sync_connection", None)
    found = None if below is None else below.connection.driver_connection
    return found if isinstance(found, _Connection) else None


def _connect(near: bool, database: str, **options: Any) -> aiosqlite.Connection:
    # SQLAlchemy lets several threads use it; here they take turns.
    return _Connection(lambda: sqlite3.connect(database, **options), near)


class _Connection(aiosqlite.Connection):
    def __init__(self, connector: Callable[[], sqlite3.Connection], near: bool) -> None:
        super().__init__(connector, AT_ONCE)
        self._near = near
        self._writes = False

    def cursor(self) -> Any:
        """Return a cursor that is made once it is used."""
        return _Cursor(self)

    async def at_once(self, work: Callable[[], Result], *, waits: bool = False) -> Result:
        """Do work: here if this connection is near and nothing has to be waited for, else in its thread."""
        if self._near and not waits:
            return work()
        result: Result = await self._execute(work)  # type: ignore[no-untyped-call]
        return result

    async def rows(self, statement: str, parameters: Any) -> list[Any]:
        """Return the rows of a statement that gives few."""
        direct = self._conn
        return await self.at_once(lambda: direct.execute(statement, parameters).fetchall())

    async def begin_writing(self, work: Callable[[], Result]) -> Result:
        """Do the work that begins to write, once no other connection writes."""
        self._writes = True
        return await (self._tried(work) if self._near else self.at_once(work))

    async def _tried(self, work: Callable[[], Result]) -> Result:
        """Try until it is free; SQLite itself would sleep ever longer, and miss the moments between two commits."""
        (milliseconds,) = self._conn.execute("PRAGMA busy_timeout").fetchone()
        end = time.monotonic() + milliseconds / 1000
        self._conn.execute("PRAGMA busy_timeout = 0")
        try:
            while True:
                try:
                    return work()
                except sqlite3.OperationalError as error:
                    # The lowest octet says what it is, the others why: as that another process mends what a kill
                    # left (https://sqlite.org/rescode.html).
                    if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                        raise
                await asyncio.sleep(TRY_AGAIN)
        finally:
            self._conn.execute(f"PRAGMA busy_timeout = {milliseconds}")

    async def commit(self) -> None:
        """End the transaction; what was written is on the disk then."""
        waits, self._writes = self._writes, False
        await self.at_once(self._conn.commit, waits=waits)

    async def rollback(self) -> None:
        """Take back what was written."""
        self._writes = False
        await self.at_once(self._conn.rollback)

    @property
    def direct(self) -> sqlite3.Connection:
        """The connection itself, for that thread."""
        return self._conn


class _Cursor:
    """What SQLAlchemy uses of a cursor."""

    arraysize = AT_ONCE

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        # Open as long as there may be more rows.
        self._open: sqlite3.Cursor | None = None
        self.description: Any = None
        self.lastrowid: Any = None
        self._rowcount = -1

    async def __aenter__(self) -> "_Cursor":
        return self

    async def execute(self, statement: str, parameters: Any = ()) -> None:
        """Run a statement, and fetch the first of its rows."""
        direct = self._connection.direct
        do = self._connection.begin_writing if statement == BEGIN_WRITING else self._connection.at_once
        await do(lambda: self._begin(direct.execute(statement, parameters)))

    async def executemany(self, statement: str, parameters: Sequence[Any]) -> None:
        """Run a statement for each of many rows."""
        direct = self._connection.direct
        await self._connection.at_once(lambda: self._begin(direct.executemany(statement, parameters)))

    async def fetchone(self) -> Any:
        """Return the next row, or None."""
        return next(iter(await self.fetchmany(1)), None)

    async def fetchmany(self, size: int = AT_ONCE) -> list[Any]:
        """Return the next rows."""
        opened = self._open
        if not self._rows and opened is not None:
            self._rows = await self._connection.at_once(lambda: opened.fetchmany(size))
        found, self._rows = self._rows[:size], self._rows[size:]
        return found

    async def fetchall(self) -> list[Any]:
        """Return all rows that are left."""
        found, self._rows = self._rows, []
        opened = self._open
        if opened is not None:
            found += await self._connection.at_once(opened.fetchall)
            await self.close()
        return found

    async def close(self) -> None:
        """Let go of a statement that has not come to its end."""
        opened, self._open = self._open, None
        if opened is not None:
            self._rowcount = opened.rowcount
            await self._connection.at_once(opened.close)

    @property
    def rowcount(self) -> int:
        """How many rows were changed; a statement that gives rows has counted once all of them were fetched."""
        return self._rowcount if self._open is None else self._open.rowcount

    def _begin(self, cursor: sqlite3.Cursor) -> None:
        self.description = cursor.description
        self.lastrowid = cursor.lastrowid
        self._rows = cursor.fetchmany(AT_ONCE) if self.description else []
        if len(self._rows) == AT_ONCE:
            self._open = cursor
            return
        self._rowcount = cursor.rowcount
        cursor.close()
