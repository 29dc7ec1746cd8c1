"""Who gets no mail on a day is told why, in one sentence."""

from datetime import date

from newsroom import Newsroom, address, papers

from newsletter.pipeline import subscribers
from newsletter.pipeline.standing import obstacle
from newsletter.store import suppressions

MONDAY = date(2026, 3, 2)


async def told(room: Newsroom, name: str, day: date | None = None) -> str:
    person = await subscribers.find(room.database, address(name))
    return await obstacle(room.database, person, room.clock.now(), day)


async def test_nothing_stands_in_the_way_of_who_is_due(small_room: Newsroom) -> None:
    await small_room.subscribe("ada")
    assert await told(small_room, "ada") == ""


async def test_each_obstacle_is_named(small_room: Newsroom) -> None:
    for name in ("paused", "away", "gone", "barred"):
        await small_room.subscribe(name)
    await small_room.subscribe("weekly", cadence="weekly:fri")
    await subscribers.pause(small_room.database, address("paused"), None)
    await subscribers.pause(small_room.database, address("away"), date(2026, 3, 9))
    await subscribers.remove(small_room.database, small_room.clock, address("gone"), source="test")
    async with small_room.database.begin() as connection:
        await suppressions.add(connection, address("barred"), "it bounced", small_room.clock.now())
    assert (await told(small_room, "paused", MONDAY)).endswith("is paused until they are resumed.")
    assert (await told(small_room, "away", MONDAY)).endswith("is paused until 2026-03-09.")
    assert await told(small_room, "away", date(2026, 3, 9)) == ""
    assert (await told(small_room, "gone", MONDAY)).endswith("is unsubscribed.")
    assert (await told(small_room, "barred", MONDAY)).endswith("must not be mailed: it bounced.")
    assert (await told(small_room, "weekly", MONDAY)).endswith("gets mail weekly:fri, and 2026-03-02 is a Monday.")
    assert await told(small_room, "weekly", date(2026, 3, 6)) == ""


async def test_who_has_their_issue_is_told_apart(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(0, 1))
    await small_room.subscribe("ada", "violin")
    await small_room.compose()
    assert (await told(small_room, "ada")).endswith("has their issue of 2026-03-02.")
