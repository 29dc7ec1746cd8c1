"""Servers that want to be left alone, or that do not answer; it knows no feed."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import case, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store.database import insert
from newsletter.store.tables import servers


class Server(NamedTuple):
    """What is known of a server.

    `not_before` is until when it asked for silence. `silences` counts how often in a row it was tried and did not
    answer, for which it is left alone until `silent_until`.
    """

    not_before: datetime | None
    silences: int
    silent_until: datetime | None


async def by_name(connection: AsyncConnection, name: str) -> Server | None:
    """Return what is known of a server, if anything is."""
    known = select(servers.c.not_before, servers.c.silences, servers.c.silent_until).where(servers.c.name == name)
    row = (await connection.execute(known)).first()
    return None if row is None else Server(*row)


async def wants_silence(connection: AsyncConnection, name: str, until: datetime) -> None:
    """Note that a server wants to be left alone; of several wishes the longest holds."""
    statement = insert(connection, servers).values(name=name, not_before=until)
    wish = statement.excluded.not_before
    longest = case((servers.c.not_before > wish, servers.c.not_before), else_=wish)
    await connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"not_before": longest}))


async def did_not_answer(connection: AsyncConnection, name: str, silences: int, until: datetime) -> None:
    """Note how often in a row a server has not answered, and until when it is left alone for it."""
    values = {"silences": silences, "silent_until": until}
    statement = insert(connection, servers).values(name=name, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


async def answered(connection: AsyncConnection, name: str) -> None:
    """Note that a server answers."""
    await connection.execute(update(servers).where(servers.c.name == name).values(silences=0, silent_until=None))


async def prune(connection: AsyncConnection, before: datetime) -> None:
    """Forget servers of which nothing was to be noted since that moment."""
    over = [or_(column.is_(None), column < before) for column in (servers.c.not_before, servers.c.silent_until)]
    await connection.execute(delete(servers).where(*over))
