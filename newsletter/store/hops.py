"""SQLite's driver for the event loop, with one wait a statement where aiosqlite has four; it knows no table.

aiosqlite makes a cursor, executes, fetches and closes in the thread of the connection, and the event loop waits for
each. Here a statement with its rows is one call, which halves what a small one costs (docs/decisions/0030).
"""

import sqlite3
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, TypeVar

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_dbapi

Result = TypeVar("Result")

# So many rows are fetched with the statement; of one that has more, the rest is fetched as it is asked for.
AT_ONCE = 500


def driver() -> AsyncAdapt_aiosqlite_dbapi:
    """Return what SQLAlchemy takes in place of the module aiosqlite."""
    module: Any = SimpleNamespace(**{**vars(aiosqlite), "connect": _connect})
    return AsyncAdapt_aiosqlite_dbapi(module, sqlite3)


def _connect(database: str, **options: Any) -> aiosqlite.Connection:
    return _Connection(lambda: sqlite3.connect(database, **options), AT_ONCE)


class _Connection(aiosqlite.Connection):
    def cursor(self) -> Any:
        """Return a cursor that is made once it is used."""
        return _Cursor(self)

    async def at_once(self, work: Callable[[], Result]) -> Result:
        """Do work in the thread of this connection."""
        result: Result = await self._execute(work)  # type: ignore[no-untyped-call]
        return result

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
        await self._connection.at_once(lambda: self._begin(direct.execute(statement, parameters)))

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
