"""A connection in a thread of its own, where whole transactions run at once; it knows no table.

A statement on an async connection costs the event loop several waits, and each wait costs more than the statement. Here
a transaction is one wait, however many statements it has.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, CursorResult, Dialect, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store.database import Database

Result = TypeVar("Result")


class Aside:
    """Runs transactions one after the other; use it as an async context manager.

    Its connections are opened when they are first needed, and again after a failure. A transaction whose caller was
    cancelled comes to its end all the same, before the next one.
    """

    def __init__(self, database: Database, *, writes: bool) -> None:
        self._database = database
        self._writes = writes
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._connections: dict[bool, Connection] = {}

    async def __aenter__(self) -> "Aside":
        return self

    async def __aexit__(self, *_: object) -> None:
        closed = asyncio.wrap_future(self._thread.submit(self._drop))
        self._thread.shutdown(wait=False)
        await closed

    async def run(
        self, work: Callable[[AsyncConnection], Coroutine[Any, Any, Result]], *, alone: bool = False
    ) -> Result:
        """Run a transaction and return what `work` gave; it may await nothing but statements on its connection.

        With `alone`, each statement is a transaction, which spares a single one the words around it.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transaction, work, alone)

    def _transaction(self, work: Callable[[AsyncConnection], Coroutine[Any, Any, Result]], alone: bool) -> Result:
        with self._database.translated():
            try:
                connection = self._connections.get(alone)
                if connection is None:
                    connection = self._database.open_direct(writes=self._writes, alone=alone)
                    self._connections[alone] = connection
                with _nothing_open(connection) if alone else connection.begin():
                    return _ended(work(cast("AsyncConnection", _Direct(connection))))
            except DBAPIError:
                self._drop()
                raise

    def _drop(self) -> None:
        connections, self._connections = self._connections, {}
        for connection in connections.values():
            with contextlib.suppress(DBAPIError):
                connection.close()


class _Direct:
    """What the functions of this package need of a connection; it has its result when it returns."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.dialect: Dialect = connection.dialect

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        return self._connection.execute(statement, parameters)

    async def exec_driver_sql(self, statement: str, parameters: Any = None) -> "_Answer":
        # To hand it over by way of SQLAlchemy takes longer than the statement.
        driver: Any = self._connection.connection.dbapi_connection
        faults: Any = self.dialect.loaded_dbapi.Error
        try:
            return _Answer(driver.execute(statement, parameters))
        except faults as error:
            # It is closed as it is, and nothing more is asked of a server that may be gone.
            self._connection.invalidate(error)
            raise cast("DBAPIError", DBAPIError.instance(None, None, error, faults, hide_parameters=True)) from error


class _Answer:
    """What a driver's cursor has, under the names that a result has."""

    def __init__(self, cursor: Any) -> None:
        self.rowcount: int = cursor.rowcount
        self.all = cursor.fetchall

    def scalar(self) -> Any:
        """Return the first value, and let go of all others."""
        rows = self.all()
        return rows[0][0] if rows else None


@contextlib.contextmanager
def _nothing_open(connection: Connection) -> Iterator[None]:
    """End what reading may have begun where each statement that writes is a transaction."""
    try:
        yield
    finally:
        if connection.in_transaction():
            connection.rollback()


def _ended(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine that never has to wait."""
    try:
        work.send(None)
    except StopIteration as end:
        return cast("Result", end.value)
    work.close()
    raise RuntimeError("a transaction aside awaits nothing but its statements")
