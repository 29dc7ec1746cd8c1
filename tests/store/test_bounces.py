"""Reports on record: each once, and the moves of deliveries under guards, whatever else happens at that moment."""

import asyncio
from datetime import timedelta

import pytest

from newsletter.errors import StoreError
from newsletter.models import Delivery, DeliveryState
from newsletter.store import bounces, deliveries, outcomes, tables
from newsletter.store.bounces import Report
from newsletter.store.database import Database
from newsletter.store.outcomes import Settled
from store.samples import MINUTE, NOW, queue, rows

HARD = Report("a" * 64, "hard", "5.1.1", "nobody there")


async def sending(database: Database) -> Delivery:
    """Put one delivery on its way and return it."""
    (number,) = await queue(database, 1)
    async with database.begin() as connection:
        await deliveries.claim(connection, owner="one", limit=1, now=NOW, until=NOW + MINUTE)
        await outcomes.note(connection, "one", (), [number], NOW)
    return await locked(database, number)


async def locked(database: Database, number: int) -> Delivery:
    """Return a delivery."""
    async with database.begin() as connection:
        found = await bounces.lock(connection, delivery_id=number)
        assert found is not None
        return found


async def come_back(database: Database, delivery: Delivery, state: DeliveryState = DeliveryState.BOUNCED) -> bool:
    """Move a delivery as a report does."""
    async with database.begin() as connection:
        found = await bounces.lock(connection, delivery_id=delivery.id)
        assert found is not None
        return await bounces.came_back(connection, found, state, HARD, NOW)


@pytest.mark.parametrize("late", [DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.DEFERRED])
async def test_the_answer_of_the_server_comes_too_late_for_what_came_back(
    database: Database, late: DeliveryState
) -> None:
    delivery = await sending(database)
    assert await come_back(database, delivery)
    async with database.begin() as connection:
        settled = Settled(delivery.id, late, NOW, "rejected" if late == "failed" else str(late), 550, "5.1.1", "no")
        await outcomes.note(connection, "one", [settled], (), NOW + MINUTE)
        assert await deliveries.take_back(connection, now=NOW + 2 * MINUTE, resend=True) == 0
        assert await deliveries.claim(connection, owner="two", limit=9, now=NOW, until=NOW) == []
        assert await deliveries.queue_again(connection, [delivery.id], NOW) == 0
    found = await locked(database, delivery.id)
    assert (found.state, found.text) == (DeliveryState.BOUNCED, "nobody there")
    assert len(await rows(database, tables.received)) == 1


async def test_of_a_report_and_an_answer_at_once_the_report_stays(database: Database) -> None:
    delivery = await sending(database)

    async def answer() -> None:
        async with database.begin() as connection:
            await outcomes.note(
                connection, "one", [Settled(delivery.id, DeliveryState.SENT, NOW, "sent", 250, "", "Kept")], (), NOW
            )

    await asyncio.gather(answer(), come_back(database, delivery))
    assert (await locked(database, delivery.id)).state is DeliveryState.BOUNCED


async def test_a_complaint_stands_above_a_bounce_and_not_the_other_way_round(database: Database) -> None:
    delivery = await sending(database)
    assert await come_back(database, delivery)
    assert await come_back(database, delivery, DeliveryState.COMPLAINED)
    assert not await come_back(database, delivery)
    assert (await locked(database, delivery.id)).state is DeliveryState.COMPLAINED


async def test_a_report_is_kept_once_for_a_delivery(database: Database) -> None:
    delivery = await sending(database)

    async def note() -> bool:
        async with database.begin() as connection:
            return await bounces.note(connection, delivery, HARD, NOW)

    assert sorted(await asyncio.gather(*(note() for _ in range(4)))) == [False, False, False, True]
    async with database.begin() as connection:
        assert await bounces.note(connection, delivery, HARD._replace(digest="b" * 64), NOW)
        assert len(await bounces.since(connection, delivery, NOW)) == 2
        assert await bounces.since(connection, delivery, NOW + timedelta(seconds=1)) == []


async def test_a_report_of_no_kind_is_refused(database: Database) -> None:
    delivery = await sending(database)
    with pytest.raises(StoreError, match="breaks a rule"):
        async with database.begin() as connection:
            await bounces.note(connection, delivery, HARD._replace(kind="late"), NOW)  # type: ignore[arg-type]


async def test_a_delivery_is_found_by_its_message_id(database: Database) -> None:
    delivery = await sending(database)
    async with database.begin() as connection:
        assert await bounces.lock(connection, message_id=delivery.message_id) == delivery
        assert await bounces.lock(connection, message_id="<other@example.org>") is None
