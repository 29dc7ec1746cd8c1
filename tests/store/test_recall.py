"""What changes for a person after their mail was claimed: nobody begins to send it before it is claimed anew."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import FOREVER, Consent, DeliveryState, Subscription
from newsletter.store import deliveries, outcomes, recall, subscribers, suppressions, tables
from newsletter.store.database import Database
from newsletter.store.deliveries import Claimed
from newsletter.store.outcomes import Settled
from store.samples import CONFIRMED, MINUTE, NOW, queue, rows

Change = Callable[[AsyncConnection, int], Awaitable[Any]]
UNTIL = NOW + 10 * MINUTE
SENT = DeliveryState.SENT
LEFT = Subscription(state=Consent.UNSUBSCRIBED, how="by a link", source="", at=NOW)


async def moved(connection: AsyncConnection, number: int) -> None:
    before = (await subscribers.by_ids(connection, [number]))[number]
    new = f"new{number}@example.org"
    await subscribers.change(connection, before.model_copy(update={"email": new}), new)
    await recall.move(connection, number)


async def suppressed(connection: AsyncConnection, number: int) -> None:
    email_key = (await subscribers.email_keys(connection, [number]))[number]
    await suppressions.add(connection, email_key, "it bounced", NOW)


async def paused(connection: AsyncConnection, number: int) -> None:
    await subscribers.pause(connection, number, FOREVER)


async def left(connection: AsyncConnection, number: int) -> None:
    await subscribers.consent(connection, number, LEFT)


async def erased(connection: AsyncConnection, number: int) -> None:
    await subscribers.erase(connection, number)


CHANGES: list[Change] = [moved, suppressed, paused, left, erased]
LASTING: list[Change] = [moved, suppressed, paused, left]


async def claim(database: Database, owner: str, *, at=NOW, **more: Any) -> list[Claimed]:
    async with database.begin() as connection:
        return await deliveries.claim(connection, owner=owner, limit=100, now=at, until=at + 10 * MINUTE, **more)


async def begin(database: Database, owner: str, *ids: int) -> set[int]:
    async with database.begin() as connection:
        return await outcomes.note(connection, owner, (), ids, NOW)


async def do(database: Database, change: Change, number: int) -> None:
    async with database.begin() as connection:
        await change(connection, number)


async def row(database: Database, number: int) -> Any:
    found = {one.id: one for one in await rows(database, tables.deliveries)}
    return found[number]


@pytest.mark.parametrize("change", CHANGES)
async def test_what_was_claimed_before_is_not_begun_and_that_of_others_is(database: Database, change: Change) -> None:
    await queue(database, 3)
    one, two, three = await claim(database, "one")
    await do(database, change, two.subscriber_id)
    assert await begin(database, "one", one.id, two.id, three.id) == {one.id, three.id}


@pytest.mark.parametrize("change", LASTING)
async def test_it_waits_and_is_claimed_anew(database: Database, change: Change) -> None:
    await queue(database, 1)
    (before,) = await claim(database, "one")
    await do(database, change, before.subscriber_id)
    found = await row(database, before.id)
    assert (found.state, found.lease_owner, found.attempts) == ("queued", None, 0)
    (again,) = await claim(database, "two")
    assert again.id == before.id
    to = f"new{before.subscriber_id}@example.org" if change is moved else before.address
    assert again.address == to
    assert await begin(database, "one", before.id) == set()


@pytest.mark.parametrize("change", LASTING)
async def test_what_is_being_sent_stays_with_its_owner_and_its_address(database: Database, change: Change) -> None:
    await queue(database, 1)
    (one,) = await claim(database, "one")
    assert await begin(database, "one", one.id) == {one.id}
    await do(database, change, one.subscriber_id)
    found = await row(database, one.id)
    assert (found.state, found.lease_owner, found.address) == ("sending", "one", one.address)
    async with database.begin() as connection:
        await outcomes.note(connection, "one", [Settled(one.id, SENT, NOW, "sent", 250)], (), NOW)
    await do(database, moved, one.subscriber_id)
    found = await row(database, one.id)
    assert (found.state, found.address) == ("sent", one.address)


async def test_who_asks_for_nothing_else_keeps_their_place(database: Database) -> None:
    """A change of wishes, the end of a pause and a return cost nobody a connection."""
    await queue(database, 1)
    ((number,),) = await rows(database, tables.deliveries, "subscriber_id")
    await do(database, moved, number)
    (one,) = await claim(database, "one")
    async with database.begin() as connection:
        await recall.move(connection, number)
        await subscribers.pause(connection, number, None)
        await subscribers.consent(connection, number, CONFIRMED)
        await suppressions.add(connection, "somebody@else.example", "it bounced", NOW)
    assert await begin(database, "one", one.id) == {one.id}


async def test_the_address_of_another_that_someone_had_before_is_no_bar(database: Database) -> None:
    await queue(database, 2)
    one, two = await claim(database, "one")
    await do(database, moved, one.subscriber_id)
    (one,) = await claim(database, "one")
    async with database.begin() as connection:
        await suppressions.add(connection, "reader1@example.org", "it bounced", NOW)
    assert await begin(database, "one", one.id, two.id) == {one.id, two.id}


# Two copies in one run


async def test_what_a_run_still_holds_is_not_given_to_it_again(database: Database) -> None:
    await queue(database, 3)
    one, two, three = await claim(database, "one")
    await do(database, moved, two.subscriber_id)
    held = [one.id, two.id, three.id]
    assert await claim(database, "one", held=held) == []
    # Its first copy comes to its turn, and is refused; then the run holds it no more.
    assert await begin(database, "one", two.id) == set()
    (again,) = await claim(database, "one", held=[one.id, three.id])
    assert (again.id, again.address) == (two.id, f"new{two.subscriber_id}@example.org")
    assert await begin(database, "one", *held) == set(held)


async def test_what_it_holds_does_not_keep_it_from_the_rest(database: Database) -> None:
    ids = await queue(database, 4)
    held = [one.id for one in await claim(database, "one")][:2]
    async with database.begin() as connection:
        await deliveries.release(connection, "one")
        found = await deliveries.claim(connection, owner="one", limit=2, now=NOW, until=UNTIL, held=held)
    assert [one.id for one in found] == ids[2:]


async def test_a_run_whose_leases_were_ended_by_another_does_not_get_a_second_copy(database: Database) -> None:
    """Its leases ran out while it slept; another run started, took them back, and died."""
    await queue(database, 2)
    one, two = await claim(database, "sleeper")
    async with database.begin() as connection:
        await deliveries.take_back(connection, now=UNTIL)
    await do(database, moved, one.subscriber_id)
    assert await claim(database, "sleeper", at=UNTIL, held=[one.id, two.id]) == []
    assert await begin(database, "sleeper", one.id, two.id) == set()
    assert {each.id for each in await claim(database, "other", at=UNTIL)} == {one.id, two.id}


# What comes at the very same time


@pytest.mark.parametrize("change", LASTING)
async def test_a_change_while_the_claim_is_being_made_ends_the_new_lease(new_database, change: Change) -> None:
    """On PostgreSQL alone: SQLite has one writer at a time."""
    database = Database.at(new_database("postgresql"))
    await queue(database, 1)
    async with database.begin() as claiming:
        (one,) = await deliveries.claim(claiming, owner="one", limit=1, now=NOW, until=UNTIL)
        changing = asyncio.create_task(do(database, change, one.subscriber_id))
        done, _ = await asyncio.wait([changing], timeout=0.3)
        assert not done, "it waits for the claim"
    await changing
    assert await begin(database, "one", one.id) == set()
    await database.close()


@pytest.mark.parametrize("change", CHANGES)
async def test_a_claim_while_the_change_is_being_made_passes_over(new_database, change: Change) -> None:
    database = Database.at(new_database("postgresql"))
    await queue(database, 1)
    ((person_id,),) = await rows(database, tables.deliveries, "subscriber_id")
    async with database.begin() as changing:
        await change(changing, person_id)
        assert await claim(database, "one") == []
    await database.close()


@pytest.mark.parametrize("change", LASTING)
async def test_of_a_beginning_and_a_change_at_once_the_first_counts(new_database, change: Change) -> None:
    database = Database.at(new_database("postgresql"))
    await queue(database, 2)
    one, two = await claim(database, "one")
    async with database.begin() as beginning:
        assert await outcomes.note(beginning, "one", (), [one.id], NOW) == {one.id}
        late = asyncio.create_task(do(database, change, one.subscriber_id))
        await asyncio.wait([late], timeout=0.1)
    await late
    found = await row(database, one.id)
    assert (found.state, found.lease_owner, found.address) == ("sending", "one", one.address)
    async with database.begin() as changing:
        await change(changing, two.subscriber_id)
        late_too = asyncio.create_task(begin(database, "one", two.id))
        await asyncio.wait([late_too], timeout=0.1)
    assert await late_too == set()
    await database.close()


async def test_mail_that_follows_is_that_of_its_owner_alone(database: Database) -> None:
    await queue(database, 2)
    one, two = await claim(database, "one")
    await do(database, moved, one.subscriber_id)
    async with database.begin() as connection:
        people = await subscribers.by_ids(connection, [two.subscriber_id])
        new = people[two.subscriber_id].model_copy(update={"email": "two@example.org"})
        # As by a process that knows nothing of mail.
        await subscribers.change(connection, new, new.email)
        await recall.follow(connection, "other", [one.id, two.id])
    assert (await row(database, two.id)).address == two.address
    async with database.begin() as connection:
        await recall.follow(connection, "one", [one.id, two.id])
    assert (await row(database, two.id)).address == "two@example.org"
    assert await begin(database, "one", one.id, two.id) == {two.id}
