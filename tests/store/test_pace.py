"""The pace is on record: one state a name, taken by one process at a time."""

import asyncio
from datetime import UTC, datetime, timedelta

from newsletter.store import pace
from newsletter.store.database import Database

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


async def write(database: Database, states: dict[str, pace.State], now: datetime = NOW) -> None:
    async with database.begin() as connection:
        await pace.lock(connection, states, now)
        await pace.write(connection, states, now)


async def read(database: Database, *names: str) -> dict[str, pace.State]:
    async with database.connect() as connection:
        return await pace.states(connection, names)


async def test_a_state_comes_back_as_it_was_to_the_last_digit(database: Database) -> None:
    state = {
        "window_messages": [[1772442000.123456789, 3], [1772442072.0, 40]],
        "until": 0.1 + 0.2,
        "clock": ["b", 1.5],
    }
    await write(database, {"": state, "example.org": {}})
    assert await read(database, "", "example.org", "other.example") == {"": state, "example.org": {}}
    async with database.begin() as connection:
        assert await pace.lock(connection, ["", "new.example"], NOW) == {"": state, "new.example": {}}


async def test_two_that_add_to_one_state_lose_nothing(database: Database) -> None:
    async def add() -> None:
        for _ in range(10):
            async with database.begin() as connection:
                states = await pace.lock(connection, ["b.example", "", "a.example"], NOW)
                for state in states.values():
                    state["number"] = state.get("number", 0) + 1
                await pace.write(connection, states, NOW)

    await asyncio.gather(add(), add(), add())
    found = await read(database, "", "a.example", "b.example")
    assert [state["number"] for state in found.values()] == [30, 30, 30]


async def test_who_backs_off_is_found_among_many(database: Database) -> None:
    many = {f"d{number}.example": {"per_minute": [[1.0, 1]]} for number in range(300)}
    await write(database, many | {"slow.example": {"until": 5.0, "pause": 60.0}, "eased.example": {"pause": 0.0}})
    async with database.connect() as connection:
        assert await pace.backing_off(connection) == {"slow.example": {"until": 5.0, "pause": 60.0}}


async def test_what_is_long_over_is_forgotten(database: Database) -> None:
    old = {"": {"a": 1}, "old.example": {"a": 1}, "slow.example": {"pause": 60.0}, "eased.example": {"pause": 0.0}}
    await write(database, old, NOW - timedelta(days=3))
    await write(database, {"new.example": {"a": 1}})
    async with database.begin() as connection:
        await pace.forget(connection, NOW - timedelta(days=2))
    found = await read(database, *old, "new.example")
    # Whose domain once got too much is forgotten like the rest, since no pause lasts longer than a day.
    assert set(found) == {"", "new.example"}
