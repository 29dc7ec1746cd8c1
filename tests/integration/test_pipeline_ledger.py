"""What the ledger says is on disk when it says so; a second connection looks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from newsroom import NOW, Newsroom, beside, ended, papers
from sqlalchemy import text

from newsletter.errors import StoreError
from newsletter.models import Delivery, DeliveryState, Outcome
from newsletter.pipeline.ledger import Ledger
from newsletter.store import deliveries
from newsletter.store.aside import Aside
from newsletter.store.database import Database
from newsletter.store.outcomes import Settled

OWNER = "place/1/owner"


def judge(outcome: Outcome, now: datetime) -> Settled:
    states = {"sent": DeliveryState.SENT, "deferred": DeliveryState.DEFERRED, "rejected": DeliveryState.FAILED}
    return Settled(outcome.delivery_id, states[outcome.result], None, outcome.result, outcome.code)


async def claimed(room: Newsroom, count: int) -> list[Delivery]:
    """Put deliveries on record and lease them to the owner."""
    await room.take_in(*papers(0, 1))
    for number in range(count):
        await room.subscribe(f"reader{number}")
    await room.compose()
    async with room.database.begin() as connection:
        return await deliveries.claim(connection, owner=OWNER, limit=count, now=NOW, until=NOW + timedelta(minutes=1))


@asynccontextmanager
async def ledger(room: Newsroom) -> AsyncIterator[Ledger]:
    async with Aside(room.database, writes=True) as store, Ledger(store, room.clock, OWNER, judge) as book:
        yield book


@pytest.fixture
async def second(database_url: str) -> AsyncIterator[Database]:
    """Another connection to the same database, as another process has it."""
    database = Database.at(database_url)
    yield database
    await database.close()


async def state(database: Database, number: int) -> str:
    async with database.connect() as connection:
        found = await connection.execute(text("SELECT state FROM deliveries WHERE id = :id"), {"id": number})
        return str(found.scalar_one())


async def test_a_sending_is_on_disk_when_it_returns(room: Newsroom, second: Database) -> None:
    found = await claimed(room, 3)
    async with ledger(room) as book:
        for delivery in found:
            assert await state(second, delivery.id) == "queued"
            assert await book.sending(delivery.id)
            assert await state(second, delivery.id) == "sending"


async def test_an_outcome_is_on_disk_when_the_next_sending_returns(room: Newsroom, second: Database) -> None:
    found = await claimed(room, 4)
    results = ["sent", "deferred", "rejected", "sent"]
    expected = ["sent", "deferred", "failed", "sent"]
    async with ledger(room) as book:
        before = None
        for place, (delivery, result) in enumerate(zip(found, results, strict=True)):
            assert await book.sending(delivery.id)
            if before is not None:
                assert await state(second, before.id) == expected[place - 1]
            book.outcome(Outcome(delivery.id, result, 250))
            before = delivery
    assert [await state(second, delivery.id) for delivery in found] == expected
    assert book.results == {DeliveryState.SENT: 2, DeliveryState.DEFERRED: 1, DeliveryState.FAILED: 1}


async def test_many_connections_at_once_each_have_their_order(room: Newsroom, second: Database) -> None:
    found = await claimed(room, 24)

    async def connection(own: list[Delivery]) -> None:
        before = None
        for delivery in own:
            assert await book.sending(delivery.id)
            assert await state(second, delivery.id) == "sending"
            if before is not None:
                assert await state(second, before.id) == "sent"
            book.outcome(Outcome(delivery_id=delivery.id, result="sent", code=250))
            before = delivery

    async with ledger(room) as book:
        await asyncio.gather(*(connection(found[start::4]) for start in range(4)))
    assert {await state(second, delivery.id) for delivery in found} == {"sent"}


async def test_what_waits_goes_into_one_commit(small_room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await claimed(small_room, 12)
    commits = 0
    run = Aside.run

    async def counted(store: Aside, work: Any, **how: bool) -> Any:
        nonlocal commits
        commits += 1
        return await run(store, work, **how)

    monkeypatch.setattr(Aside, "run", counted)
    async with ledger(small_room) as book:
        assert all(await asyncio.gather(*(book.sending(delivery.id) for delivery in found)))
        assert commits <= 2
        for delivery in found:
            book.outcome(Outcome(delivery_id=delivery.id, result="sent", code=250))
    assert commits <= 4
    assert set((await small_room.states()).values()) == {"sent"}


async def test_what_another_took_over_is_not_ours_to_send(room: Newsroom) -> None:
    (ours, theirs) = await claimed(room, 2)
    async with room.database.begin() as connection:
        later = NOW + timedelta(hours=1)
        await deliveries.take_back(connection, now=later, dead=[])
        taken = await deliveries.claim(
            connection, owner="place/2/other", limit=1, now=NOW, until=later + timedelta(minutes=1)
        )
    assert [delivery.id for delivery in taken] == [ours.id]
    async with ledger(room) as book:
        assert not await book.sending(ours.id)
        # Its lease is nobody's any more.
        assert not await book.sending(theirs.id)


async def test_what_was_not_begun_is_given_back_without_an_attempt(room: Newsroom, second: Database) -> None:
    (one, two) = await claimed(room, 2)
    async with ledger(room) as book:
        assert await book.sending(one.id)
        book.release(one.id)
        book.release(two.id)
    rows = await room.rows("SELECT state, attempts, lease_owner FROM deliveries")
    assert [tuple(row) for row in rows] == [("queued", 0, None), ("queued", 0, None)]


async def test_what_is_put_off_waits_for_its_time(room: Newsroom) -> None:
    (one, two, three) = await claimed(room, 3)
    async with ledger(room) as book:
        assert await book.sending(one.id)
        book.postpone(one.id, 90)
        book.postpone(two.id, 90)
        # It was said before: what is put off is not begun by what comes with it.
        book.postpone(three.id, 30.5)
        assert not await book.sending(three.id)
    found = {record.delivery.id: record.delivery for record in await room.records()}
    pauses = [(found[one.id].due_at - room.clock.now()).total_seconds() for one in (one, two, three)]
    assert pauses == [90, 90, 30.5]
    assert {(delivery.state, delivery.attempts) for delivery in found.values()} == {(DeliveryState.QUEUED, 0)}
    assert (await room.rows("SELECT count(lease_owner) FROM deliveries"))[0][0] == 0


async def test_a_failure_reaches_everyone_who_waits_and_whoever_comes_after(room: Newsroom) -> None:
    found = await claimed(room, 5)
    await room.say("ALTER TABLE deliveries RENAME TO gone")
    answers: list[Any] = []

    async def use() -> None:
        async with ledger(room) as book:
            waiting = [book.sending(delivery.id) for delivery in found[:3]]
            await asyncio.wait(waiting, timeout=10)
            answers.extend(task.exception() if task.done() else task.cancel() for task in waiting)
            with pytest.raises(StoreError):
                await book.sending(found[3].id)
            with pytest.raises(StoreError):
                book.outcome(Outcome(delivery_id=found[3].id, result="sent", code=250))
            with pytest.raises(StoreError):
                book.release(found[4].id)
            with pytest.raises(StoreError):
                book.settle(Settled(found[4].id, DeliveryState.SUPPRESSED, NOW, "suppressed"))

    async with beside(use()) as run:
        with pytest.raises(StoreError):
            await ended(run)
    assert [type(answer) for answer in answers] == [StoreError] * 3


async def test_a_failure_at_the_very_end_is_told(room: Newsroom) -> None:
    (found,) = await claimed(room, 1)

    async def use() -> None:
        async with ledger(room) as book:
            assert await book.sending(found.id)
            await room.say("ALTER TABLE deliveries RENAME TO gone")
            book.outcome(Outcome(delivery_id=found.id, result="sent", code=250))

    async with beside(use()) as run:
        with pytest.raises(StoreError):
            await ended(run)


async def test_a_message_begins_once_however_often_it_is_asked_and_wherever_the_clock_stands(room: Newsroom) -> None:
    (one,) = await claimed(room, 1)
    async with ledger(room) as book:
        assert [await book.sending(one.id) for _ in range(4)] == [True, False, False, False]
