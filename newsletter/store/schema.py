"""The version of the database: set up, upgraded, and checked before anything else touches it."""

import secrets
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.errors import SchemaError
from newsletter.store import tables
from newsletter.store.database import Database, exclusively, insert

# All revisions of `migrations/versions`, oldest first; a test holds the two together.
REVISIONS = tuple(f"{number:04}" for number in range(1, 22))

KEYS = ("suppressions", "tokens", "tries")
KEY_BYTES = 32


async def migrate(database: Database, now: datetime, *, to: str = "head") -> tuple[str | None, str]:
    """Bring the database to the newest revision and return the revisions before and after; safe to repeat."""
    if database.file is not None:
        database.file.parent.mkdir(parents=True, exist_ok=True)
        # It holds everybody's addresses and the secrets; SQLite gives its other files the same mode.
        database.file.touch(mode=0o600)
    async with database.alter() as connection:
        await exclusively(connection, "schema")
        before = await revision(connection)
        _refuse_newer(database, before)
        await connection.run_sync(_upgrade, to)
        await _ensure_keys(connection, now)
        after = await revision(connection)
    return before, str(after)


async def check(database: Database, *, older: bool = False) -> None:
    """Refuse a database that this program cannot use, with the command that mends it.

    `older` lets one pass that was not migrated so far.
    """
    database.must_exist()
    async with database.connect() as connection:
        found = await revision(connection)
    _refuse_newer(database, found)
    if found is None:
        raise SchemaError(f"The database {database.name} is empty.", next_step="`newsletter migrate` sets it up.")
    if found != REVISIONS[-1] and not older:
        raise SchemaError(
            f"The database {database.name} is of an older version ({found}, not {REVISIONS[-1]}).",
            next_step="`newsletter backup FILE`, then `newsletter migrate` brings it up to date.",
        )


async def revision(connection: AsyncConnection) -> str | None:
    """Return the revision of the database, or None where it has not been set up."""
    if not await connection.run_sync(lambda sync: _has_table(sync, "alembic_version")):
        return None
    return (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()


async def key(connection: AsyncConnection, name: str) -> bytes:
    """Return one of the secrets of this installation."""
    found = (await connection.execute(select(tables.keys.c.secret).where(tables.keys.c.name == name))).scalar()
    if found is None:
        raise SchemaError(f"The key {name} is not in the database.", next_step="`newsletter migrate` makes it.")
    return bytes(found)


def _refuse_newer(database: Database, found: str | None) -> None:
    if found is not None and found not in REVISIONS:
        raise SchemaError(
            f"The database {database.name} was written by a newer program (revision {found}).",
            next_step="Update the program, or `newsletter restore` a backup of the older version.",
        )


def _has_table(connection: Connection, name: str) -> bool:
    return connection.dialect.has_table(connection, name)


def _upgrade(connection: Connection, to: str) -> None:
    # Alembic is large and only needed here.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "newsletter.store:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, to)
    except DBAPIError as error:
        raise SchemaError(
            f"The database could not be brought up to date: {error.orig}.",
            next_step="It is as it was before; restore a backup, or report this with the text above.",
        ) from error


async def _ensure_keys(connection: AsyncConnection, now: datetime) -> None:
    rows = [{"name": name, "secret": secrets.token_bytes(KEY_BYTES), "created_at": now} for name in KEYS]
    await connection.execute(insert(connection, tables.keys).values(rows).on_conflict_do_nothing())
