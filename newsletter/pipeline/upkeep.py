"""Set up, upgrade, back up and restore the record."""

from pathlib import Path
from typing import NamedTuple

from newsletter.clock import Clock
from newsletter.store import backup as backups
from newsletter.store import deliveries, schema
from newsletter.store.database import Database


class Migrated(NamedTuple):
    """The revisions of the database before (None: it was empty) and after."""

    before: str | None
    after: str


async def migrate(database: Database, clock: Clock) -> Migrated:
    """Bring the database to the version of this program; safe to repeat."""
    return Migrated(*await schema.migrate(database, clock.now()))


async def backup(database: Database, file: Path) -> dict[str, int]:
    """Write everything to a file while others go on working, and return the rows of each table."""
    return await backups.write(database, file)


async def restore(database: Database, clock: Clock, file: Path) -> dict[str, int]:
    """Fill an empty database from a backup, and return the rows of each table.

    What waited when the backup was made may have been sent since, so it is held as unknown.
    """
    rows = await backups.restore(database, file, clock.now())
    async with database.begin() as connection:
        await deliveries.hold(connection, clock.now(), "It waited when the backup was made, and may be sent since.")
    return rows
