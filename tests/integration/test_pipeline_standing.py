"""Who gets no mail on a day is told why, in one sentence."""

from datetime import date

from newsroom import Newsroom, address, papers

from newsletter.pipeline import subscribers
from newsletter.pipeline.standing import obstacle, waiting
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


async def test_what_waits_is_told_with_why_it_will_not_go(small_room: Newsroom) -> None:
    room = small_room
    await room.take_in(*papers(0, 1))
    for name in ("ada", "later", "paused", "gone", "barred"):
        await room.subscribe(name)
    await room.compose()
    await room.say("UPDATE deliveries SET state = 'deferred' WHERE address = 'later@example.org'")
    await subscribers.pause(room.database, address("paused"), None)
    await subscribers.remove(room.database, room.clock, address("gone"), source="test")
    async with room.database.begin() as connection:
        await suppressions.add(connection, address("barred"), "it bounced", room.clock.now())
    found = [one async for one in waiting(room.database, room.clock.now())]
    assert {one.record.delivery.address.partition("@")[0]: one.obstacle for one in found} == {
        "ada": "",
        "later": "",
        "paused": "they have paused",
        "gone": "they are unsubscribed",
        "barred": "they must not be mailed: it bounced",
    }
    (one,) = [one async for one in waiting(room.database, room.clock.now(), email=address("later"))]
    assert (one.record.delivery.state, len(one.record.titles)) == ("deferred", 2)
    # As the run that follows then does.
    await room.say("UPDATE deliveries SET due_at = queued_at")
    assert (await room.deliver()).states == {"caught": 2, "suppressed": 3}
