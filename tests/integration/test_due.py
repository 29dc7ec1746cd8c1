"""What a tick finds due is what the rule says of each person, though it asks the database and looks at few of them."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from newsroom import NOW, Newsroom, address, papers
from sqlalchemy import event

from newsletter.models import FOREVER, Consent
from newsletter.pipeline import slots, subscribers
from newsletter.pipeline.due import due_now
from newsletter.store import editions
from newsletter.store import subscribers as subscriber_rows

CATCH_UP = timedelta(hours=36)
ZONES = ["Pacific/Kiritimati", "Pacific/Niue", "Europe/Berlin", "Asia/Kathmandu", "UTC", "America/New_York"]
CADENCES = ["daily", "weekdays", "weekly:mon", "weekly:sun"]


async def by_the_rule(room: Newsroom) -> list[tuple[str, date]]:
    """Return who is due for which date, by looking at everyone."""
    now = room.clock.now()
    found = []
    async with room.database.connect() as connection:
        for person in await subscriber_rows.page(connection, state=Consent.CONFIRMED):
            today = slots.local_date(person, now)
            latest = await editions.latest_dates(connection, [person.id], today, now)
            slot = slots.due(person, now, latest.get(person.id), CATCH_UP)
            if slot is not None:
                found.append((person.email, slot.date))
    return sorted(found)


async def due(room: Newsroom) -> list[tuple[str, date]]:
    """Return what a tick finds."""
    found = await due_now(room.database, room.clock.now(), CATCH_UP)
    return sorted((person.email, slot.date) for person, slot in found)


@pytest.mark.parametrize("seed", range(3))
async def test_it_is_what_the_rule_says_of_each_person(room: Newsroom, seed: int) -> None:
    chance = random.Random(seed)
    room.set("ranking", papers=1)
    await room.take_in(*papers(*range(6)))
    for number in range(40):
        room.clock.moment = NOW + timedelta(hours=chance.randrange(-100, 30))
        await room.subscribe(
            f"reader{number}",
            hour=chance.randrange(24),
            timezone=chance.choice(ZONES),
            cadence=chance.choice(CADENCES),
            paused_until=chance.choice([None, None, None, FOREVER, NOW.date(), NOW.date() + timedelta(days=1)]),
        )
        if chance.random() < 0.1:
            await subscribers.remove(room.database, room.clock, address(f"reader{number}"), source="test")
    seen = 0
    for _ in range(25):
        # To and fro, as a clock that is set wrong and right; issues are also made by hand, for days to come.
        room.clock.moment = NOW + timedelta(hours=chance.randrange(-60, 60), minutes=chance.randrange(60))
        expected = await by_the_rule(room)
        assert await due(room) == expected
        seen += len(expected)
        if chance.random() < 0.5:
            for _ in range(3):
                day = room.clock.now().date() + timedelta(days=chance.randrange(-2, 12))
                await room.compose(day, only=address(f"reader{chance.randrange(40)}"))
        elif chance.random() < 0.5:
            await (await room.app.composer()).compose(await due_now(room.database, room.clock.now(), CATCH_UP))
    assert seen > 30


async def test_who_has_their_issue_is_not_even_loaded(room: Newsroom) -> None:
    await room.take_in(*papers(0, 1))
    for number in range(30):
        await room.subscribe(f"reader{number}", hour=7)
    room.clock.moment = NOW.replace(day=3, hour=8)
    await (await room.app.composer()).compose(await due_now(room.database, room.clock.now(), CATCH_UP))
    await room.subscribe("late", hour=9)
    rows = 0

    def count(_: Any, cursor: Any, statement: str, *__: Any) -> None:
        nonlocal rows
        rows += "subscribers.email" in statement

    event.listen(room.database.engine.sync_engine, "after_cursor_execute", count)
    assert await due(room) == []
    assert rows == 0
    room.clock.moment = datetime(2026, 3, 4, 6, 59, tzinfo=UTC)
    assert [email for email, _ in await due(room)] == [address("late")]
    assert rows == 1
