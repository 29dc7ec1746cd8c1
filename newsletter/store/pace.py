"""How fast mail went out lately: a state for all mail and one for each domain, which processes share."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store.database import chunks, insert
from newsletter.store.tables import pace

State = dict[str, Any]


async def lock(connection: AsyncConnection, names: Iterable[str], now: datetime) -> dict[str, State]:
    """Return the states of these names, empty where there was none; nobody else has them until the transaction ends."""
    found: dict[str, State] = {}
    # In one order for all processes: two that wait for each other are a deadlock.
    for part in chunks(sorted(names)):
        new = [{"name": name, "state": {}, "at": now} for name in part]
        await connection.execute(insert(connection, pace).on_conflict_do_nothing(index_elements=["name"]), new)
        statement = select(pace.c.name, pace.c.state).where(pace.c.name.in_(part)).order_by(pace.c.name)
        found.update((name, dict(state)) for name, state in await connection.execute(statement.with_for_update()))
    return found


async def write(connection: AsyncConnection, states: Mapping[str, State], now: datetime) -> None:
    """Write states that were locked in this transaction."""
    rows = [{"name": name, "state": state, "at": now} for name, state in sorted(states.items())]
    statement = insert(connection, pace)
    replaced = {"state": statement.excluded.state, "at": statement.excluded.at}
    for part in chunks(rows):
        await connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=replaced), part)


async def backing_off(connection: AsyncConnection) -> dict[str, State]:
    """Return the states of the domains that said they got too much."""
    statement = select(pace.c.name, pace.c.state).where(pace.c.state["pause"].as_float() > 0)
    return {name: dict(state) for name, state in await connection.execute(statement)}


async def states(connection: AsyncConnection, names: Iterable[str]) -> dict[str, State]:
    """Return the states of those of these names that have one."""
    found: dict[str, State] = {}
    for part in chunks(names):
        statement = select(pace.c.name, pace.c.state).where(pace.c.name.in_(part))
        found.update((name, dict(state)) for name, state in await connection.execute(statement))
    return found


async def drop(connection: AsyncConnection, name: str) -> None:
    """Delete the state of one domain."""
    await connection.execute(delete(pace).where(pace.c.name == name))


async def forget(connection: AsyncConnection, before: datetime) -> None:
    """Delete the states of domains that were written last before a moment."""
    await connection.execute(delete(pace).where(pace.c.at < before, pace.c.name != ""))
