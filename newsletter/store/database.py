"""Connections and transactions on SQLite and PostgreSQL; driver errors end here."""

import contextlib
import itertools
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, NullPool, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from newsletter.errors import ConflictError, SchemaError, SettingsError, StoreError, UnkeepableError
from newsletter.store.hops import BEGIN_WRITING, driver

Item = TypeVar("Item")

BUSY_SECONDS = 30
CONNECT_SECONDS = 10

# What a transaction that is run again may get past: a key or reference that another one made or took away, an order
# that cannot be kept, a deadlock (PostgreSQL, appendix A).
CONFLICTS = ("23503", "23505", "40001", "40P01")

# SQLite allows 32,766 values in a statement; lists are cut well below that.
CHUNK = 5_000


class Database:
    """One database; `begin` for what writes, `connect` for what reads.

    `url` is that of the settings (`sqlite:///FILE` or `postgresql://...`), with FILE made absolute. A `near` one is for
    small statements: on SQLite they run in the event loop, which waits meanwhile.
    """

    def __init__(self, url: URL, *, near: bool = False) -> None:
        self.url = url
        self.engine = _engine(url, near=near)
        self._near = near and self.on_sqlite
        self._far: Database | None = None

    @classmethod
    def at(cls, url: str, *, folder: Path = Path(), password: str | None = None, near: bool = False) -> "Database":
        """Return the database that the settings name; nothing is opened or created so far."""
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError) as error:
            raise SettingsError(
                "database.url is not the address of a database.",
                next_step="It looks like sqlite:///FILE or postgresql://USER@HOST/NAME.",
            ) from error
        if parsed.drivername == "sqlite":
            return cls(
                parsed.set(drivername="sqlite+aiosqlite", database=str(folder.absolute() / str(parsed.database))),
                near=near,
            )
        if password is not None:
            parsed = parsed.set(password=password)
        return cls(parsed.set(drivername="postgresql+psycopg"))

    @property
    def on_sqlite(self) -> bool:
        """Whether the engine is SQLite."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database."""
        return Path(str(self.url.database)) if self.on_sqlite else None

    @property
    def name(self) -> str:
        """The name of the database as an operator knows it, without a password."""
        return str(self.file) if self.on_sqlite else self.url.set(drivername="postgresql").render_as_string()

    @contextlib.asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that writes: all of it is kept durably at the end, or nothing."""
        with self.translated():
            async with self.engine.connect() as connection:
                await connection.execution_options(newsletter_writes=True)
                async with connection.begin():
                    yield connection

    @contextlib.asynccontextmanager
    async def alter(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that changes tables; one may be rebuilt without losing the rows that refer to it."""
        with self.translated():
            async with self.engine.connect() as connection:
                await connection.execution_options(newsletter_writes=True, newsletter_alters=True)
                try:
                    async with connection.begin():
                        yield connection
                finally:
                    if self.on_sqlite:
                        # Its foreign keys are off.
                        await connection.invalidate()

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that only reads, and sees one moment of the database throughout."""
        with self.translated():
            async with self.engine.connect() as connection:
                if not self.on_sqlite:
                    await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                async with connection.begin():
                    yield connection

    def open_direct(self, *, writes: bool, alone: bool = False) -> Connection:
        """Return a connection that blocks, for a thread of its own, with the transactions of `begin` or `connect`.

        With `alone`, each statement is a transaction.
        """
        connection = self._direct().connect()
        if alone:
            return connection.execution_options(isolation_level="AUTOCOMMIT", newsletter_alone=True)
        if self.on_sqlite:
            return connection.execution_options(newsletter_writes=writes)
        if writes:
            return connection
        return connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    async def leave_no_trace(self) -> None:
        """Bring what was deleted out of the files beside that of SQLite, as far as nobody reads there just now."""
        if not self.on_sqlite:
            return
        with self.translated():
            async with self.engine.connect() as connection:
                # Outside of a transaction, where SQLite wants it.
                driver: Any = (await connection.get_raw_connection()).driver_connection
                cursor = await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                await cursor.close()

    def far(self) -> "Database":
        """Return this database for statements that take long; it is closed with this one."""
        if not self._near:
            return self
        if self._far is None:
            self._far = Database(self.url)
        return self._far

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()
        if self._far is not None:
            await self._far.close()

    def must_exist(self) -> None:
        """Refuse an SQLite file that is not there, since opening it would create an empty one."""
        if self.file is not None and not self.file.exists():
            raise SchemaError(
                f"There is no database at {self.file} so far.", next_step="`newsletter migrate` creates it."
            )

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what a driver raises into errors of ours."""
        try:
            yield
        except DBAPIError as error:
            raise _sentence(self.name, error) from error
        except PoolTimeoutError as error:
            raise StoreError(
                f"All connections to {self.name} are in use.", next_step="Try again once other work has ended."
            ) from error

    def _direct(self) -> Engine:
        # Nothing is pooled: whoever opens such a connection keeps it.
        if not self.on_sqlite:
            return _prepared(create_engine(self.url, poolclass=NullPool, **_postgresql(self.url)), _prepare_postgresql)
        url = self.url.set(drivername="sqlite")
        arguments = {"timeout": BUSY_SECONDS, "check_same_thread": False}
        engine = create_engine(url, hide_parameters=True, poolclass=NullPool, connect_args=arguments)
        return _prepared(engine, _prepare_sqlite)


def insert(connection: AsyncConnection, table: Table) -> Any:
    """Return the engine's own INSERT, which knows `on_conflict_do_nothing`."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


async def exclusively(connection: AsyncConnection, what: str) -> None:
    """Wait until no other transaction does the same thing; SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:what))"), {"what": f"newsletter.{what}"})


def chunks(items: Iterable[Item], size: int = CHUNK) -> Iterator[list[Item]]:
    """Cut a series into lists that fit into one statement."""
    series = iter(items)
    while part := list(itertools.islice(series, size)):
        yield part


def _engine(url: URL, *, near: bool) -> AsyncEngine:
    if url.get_backend_name() != "sqlite":
        try:
            engine = create_async_engine(url, pool_size=5, max_overflow=10, pool_pre_ping=True, **_postgresql(url))
        except ModuleNotFoundError as error:
            raise StoreError(
                "PostgreSQL needs a driver that is not installed.",
                next_step="Install the package with its extra: paper-newsletter[postgres].",
            ) from error
        _prepared(engine.sync_engine, _prepare_postgresql)
        return engine
    options = {"timeout": BUSY_SECONDS}
    engine = create_async_engine(url, module=driver(near=near), hide_parameters=True, connect_args=options)
    _prepared(engine.sync_engine, _prepare_sqlite)
    event.listen(engine.sync_engine, "invalidate", _unlock_sqlite)
    return engine


def _postgresql(url: URL) -> dict[str, Any]:
    return {
        "hide_parameters": True,
        # What waits and then looks again at a row relies on it, whatever the default of the server.
        "isolation_level": "READ COMMITTED",
        "connect_args": {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_SECONDS},
    }


def _prepared(engine: Engine, prepare: Callable[[Any, Any], None]) -> Engine:
    event.listen(engine, "connect", prepare)
    if prepare is _prepare_sqlite:
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not begin transactions by itself: `_begin_sqlite` does.
    connection.isolation_level = None
    # SQLite's own knows the letters of English only.
    connection.create_function("lower", 1, str.lower, deterministic=True)
    cursor = connection.cursor()
    # What is deleted is overwritten, so that the data of an erased person do not stay in the file.
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    # It stays with the file; two that make the file at once cannot both set it, and need not.
    with contextlib.suppress(sqlite3.OperationalError):
        cursor.execute("PRAGMA journal_mode=WAL")
    cursor.close()


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # A commit that is acknowledged before it is on disk could bring a mail twice (PostgreSQL, "Asynchronous Commit").
    cursor.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    cursor.close()
    connection.commit()


def _begin_sqlite(connection: Any) -> None:
    options = connection.get_execution_options()
    if options.get("newsletter_alone", False):
        return
    if options.get("newsletter_alters", False):
        # To drop a table deletes its rows first, and with them what refers to them: https://sqlite.org/lang_droptable.html
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    # A transaction that starts by reading and then writes could find that another one wrote in between.
    connection.exec_driver_sql(BEGIN_WRITING if options.get("newsletter_writes", False) else "BEGIN")


def _unlock_sqlite(connection: Any, _record: Any, _error: BaseException | None) -> None:
    # A connection that is given up in the midst of a statement, since its task was cancelled, is closed by SQLite only
    # once the statement is gone, and keeps the whole database locked until then.
    connection.rollback()


def _sentence(name: str, error: DBAPIError) -> StoreError:
    cause = error.orig if error.orig is not None else error
    # What PostgreSQL says in detail holds the row, and so perhaps an address.
    words = " ".join(str(cause).partition("DETAIL:")[0].split()).rstrip(".")
    if getattr(cause, "sqlstate", None) in CONFLICTS or words.startswith(("UNIQUE", "FOREIGN KEY")):
        return ConflictError("Another process wrote the same thing first.", next_step="Try again.")
    # PostgreSQL, appendix A, class 22: data exceptions. psycopg refuses a NUL by itself.
    if (getattr(cause, "sqlstate", None) or "").startswith("22") or isinstance(error, DataError):
        return UnkeepableError(f"The database {name} cannot keep a value: {words[:300]}.")
    if isinstance(error, IntegrityError):
        return StoreError(f"The database {name} refused a row that breaks a rule of its tables.")
    if "locked" in words:
        return StoreError(
            f"The database {name} is locked by another process.",
            next_step="Wait until that has ended, and try again.",
        )
    if "disk is full" in words or "No space left" in words:
        return StoreError(f"The disk of the database {name} is full.", next_step="Make room, and run this again.")
    if "readonly" in words or "read-only" in words:
        return StoreError(f"The database {name} cannot be written.", next_step="Look at the rights of the file.")
    if "unable to open" in words:
        return StoreError(
            f"The database {name} cannot be opened.",
            next_step="Look at database.url in the settings, and at the rights of that file and its folder.",
        )
    if "malformed" in words:
        return StoreError(
            f"The database {name} is damaged.",
            next_step="Move it away, and `newsletter restore` the latest backup in its place.",
        )
    if "not a database" in words:
        return StoreError(f"{name} is no database.", next_step="Look at database.url in the settings.")
    return StoreError(
        f"The database {name} does not answer as it should: {words[:300]}.",
        next_step="Once it does, run this again; nothing is lost.",
    )
