"""Deliveries: who may move them from which state to which, and what goes with each move."""

import itertools
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from newsletter.models import Attempt, Delivery, DeliveryState
from newsletter.store import deliveries, history, outcomes, papers, subscribers, suppressions, tables
from newsletter.store.database import Database
from newsletter.store.outcomes import Settled
from store.samples import (
    LONG_AGO,
    MINUTE,
    NOW,
    TODAY,
    TOMORROW,
    add_papers,
    add_people,
    compose,
    draft,
    killed,
    known,
    queue,
)

LEASE = 10 * MINUTE
MOMENTS = itertools.count()
SENT = DeliveryState.SENT


async def claim(database: Database, owner: str, *, limit: int = 100, at=NOW) -> list[int]:
    async with database.begin() as connection:
        found = await deliveries.claim(connection, owner=owner, limit=limit, now=at, until=at + LEASE)
    return [delivery.id for delivery in found]


async def begin(database: Database, owner: str, *ids: int, at=NOW) -> set[int]:
    async with database.begin() as connection:
        # No two calls have one moment.
        return await outcomes.note(connection, owner, (), ids, at + next(MOMENTS) * timedelta(microseconds=1))


async def settle(database: Database, owner: str, *settled: Settled, at=NOW) -> None:
    async with database.begin() as connection:
        await outcomes.note(connection, owner, settled, (), at)


async def take_back(database: Database, *, at, **how) -> int:
    async with database.begin() as connection:
        return await deliveries.take_back(connection, now=at, **how)


async def look(database: Database, delivery_id: int) -> Delivery:
    async with database.connect() as connection:
        (record,) = await history.records(connection, ids=[delivery_id])
    return record.delivery


async def received(database: Database, delivery_id: int) -> set[int]:
    one = await look(database, delivery_id)
    async with database.connect() as connection:
        return (await papers.received_by(connection, [one.subscriber_id], since=LONG_AGO))[one.subscriber_id]


def sent(delivery_id: int) -> Settled:
    return Settled(delivery_id, SENT, NOW, "sent", 250, "2.0.0", "Ok: queued")


def failed(delivery_id: int) -> Settled:
    return Settled(delivery_id, DeliveryState.FAILED, NOW, "rejected", 550, "5.1.1", "No such user")


def deferred(delivery_id: int, until) -> Settled:
    return Settled(delivery_id, DeliveryState.DEFERRED, until, "deferred", 451, "4.7.1", "Try later")


async def test_a_claim_takes_what_is_due_oldest_first_and_leaves_it_queued(database: Database) -> None:
    ids = await queue(database, 5)
    async with database.begin() as connection:
        table = tables.deliveries
        await connection.execute(update(table).where(table.c.id == ids[4]).values(due_at=NOW - MINUTE))
        await connection.execute(update(table).where(table.c.id == ids[0]).values(due_at=NOW + MINUTE))
        found = await deliveries.claim(connection, owner="one", limit=2, now=NOW, until=NOW + LEASE)
    assert [one.id for one in found] == [ids[1], ids[4]]
    assert {(await look(database, one.id)).state for one in found} == {DeliveryState.QUEUED}
    assert await claim(database, "two") == [ids[2], ids[3]]
    assert await claim(database, "two") == []
    assert await claim(database, "two", at=NOW + MINUTE) == [ids[0]]
    async with database.connect() as connection:
        assert await deliveries.owners(connection) == {"one", "two"}


async def test_a_claim_for_one_person_takes_theirs_only(database: Database) -> None:
    ids = await queue(database, 3)
    theirs = (await look(database, ids[1])).subscriber_id
    async with database.begin() as connection:
        until = NOW + LEASE
        found = await deliveries.claim(connection, owner="one", limit=9, now=NOW, until=until, only=theirs)
    assert [one.id for one in found] == [ids[1]]
    assert await claim(database, "two") == [ids[0], ids[2]]


async def test_a_lease_that_ran_out_is_taken_by_another(database: Database) -> None:
    (number,) = await queue(database, 1)
    assert await claim(database, "one") == [number]
    assert await claim(database, "two", at=NOW + LEASE - MINUTE) == []
    assert await claim(database, "two", at=NOW + LEASE) == [number]
    assert await begin(database, "one", number) == set(), "it is no longer theirs"
    assert await begin(database, "two", number) == {number}


async def test_a_lease_that_is_renewed_lasts_longer(database: Database) -> None:
    first, second = await queue(database, 2)
    await claim(database, "one", limit=1)
    await claim(database, "two", limit=1)
    async with database.begin() as connection:
        await deliveries.renew(connection, "one", NOW + 3 * LEASE)
    assert await claim(database, "three", at=NOW + 2 * LEASE) == [second]
    assert await claim(database, "three", at=NOW + 3 * LEASE) == [first]
    # Nobody takes over from themselves what they still hold.
    assert await claim(database, "four", at=NOW + 3 * LEASE) == [second]


async def test_sending_is_begun_by_the_owner_and_once(database: Database) -> None:
    first, second, third = await queue(database, 3)
    await claim(database, "one", limit=2)
    assert await begin(database, "two", first) == set()
    assert await begin(database, "one", first, second, third) == {first, second}
    assert await begin(database, "one", first) == set()
    one = await look(database, first)
    assert (one.state, one.attempts) == (DeliveryState.SENDING, 1)
    assert await begin(database, "one") == set()


async def test_an_outcome_is_written_with_what_the_server_said(database: Database) -> None:
    first, second, third = await queue(database, 3)
    await claim(database, "one")
    await begin(database, "one", first, second, third)
    caught = Settled(third, DeliveryState.CAUGHT, NOW, "caught", 250)
    await settle(database, "one", sent(first), failed(second), caught, at=NOW + MINUTE)
    one, other = await look(database, first), await look(database, second)
    assert (one.state, one.attempts, one.code, one.enhanced, one.text) == (SENT, 1, 250, "2.0.0", "Ok: queued")
    assert one.at == NOW + MINUTE
    assert (other.state, other.code, other.text) == (DeliveryState.FAILED, 550, "No such user")
    assert (await look(database, third)).state is DeliveryState.CAUGHT
    async with database.connect() as connection:
        assert await deliveries.owners(connection) == set()
        assert await deliveries.counts(connection) == {"sent": 1, "failed": 1, "caught": 1}
        assert await deliveries.counts(connection, day=TODAY) == {"sent": 1, "failed": 1, "caught": 1}
        assert await deliveries.counts(connection, day=TOMORROW) == {}
        assert await history.attempts_of(connection, first) == []
        assert await history.attempts_of(connection, second) == [
            Attempt(number=1, at=NOW + MINUTE, result="rejected", code=550, enhanced="5.1.1", text="No such user")
        ]


async def test_a_refusal_before_the_body_counts_as_an_attempt_but_a_suppression_does_not(database: Database) -> None:
    first, second = await queue(database, 2)
    await claim(database, "one")
    barred = Settled(second, DeliveryState.SUPPRESSED, NOW, "suppressed", text="They have paused.")
    await settle(database, "one", failed(first), barred)
    assert (await look(database, first)).attempts == 1
    other = await look(database, second)
    assert (other.state, other.attempts, other.text) == (DeliveryState.SUPPRESSED, 0, "They have paused.")
    async with database.connect() as connection:
        assert len(await history.attempts_of(connection, first)) == 1
        assert await history.attempts_of(connection, second) == []


async def test_papers_are_free_again_if_and_only_if_mail_ended_undelivered(database: Database) -> None:
    states = dict(zip(await queue(database, len(DeliveryState)), DeliveryState, strict=True))
    await claim(database, "one")
    await settle(database, "one", *(Settled(number, state, NOW, "whatever") for number, state in states.items()))
    free = {state for number, state in states.items() if not await received(database, number)}
    assert free == {DeliveryState.FAILED, DeliveryState.SUPPRESSED}


async def test_a_failure_and_the_release_of_its_papers_are_one(database: Database) -> None:
    (number,) = await queue(database, 1)
    await claim(database, "one")
    async with killed(database) as connection:
        await outcomes.note(connection, "one", [failed(number)], (), NOW)
        assert await deliveries.counts(connection) == {"failed": 1}
    assert (await look(database, number)).state is DeliveryState.QUEUED
    assert await received(database, number)
    async with database.connect() as connection:
        assert await history.attempts_of(connection, number) == []


async def test_what_is_deferred_comes_back_at_its_time(database: Database) -> None:
    (number,) = await queue(database, 1)
    await claim(database, "one")
    await begin(database, "one", number)
    later = NOW + timedelta(hours=1)
    await settle(database, "one", deferred(number, later))
    async with database.connect() as connection:
        assert await deliveries.next_due(connection) == later
    assert await claim(database, "two", at=later - MINUTE) == []
    assert await claim(database, "two", at=later) == [number]
    assert await begin(database, "two", number, at=later) == {number}
    await settle(database, "two", sent(number))
    one = await look(database, number)
    assert (one.state, one.attempts) == (SENT, 2)
    async with database.connect() as connection:
        assert await deliveries.next_due(connection) is None


async def test_an_answer_that_comes_late_counts_for_what_is_unknown(database: Database) -> None:
    first, second = await queue(database, 2)
    await claim(database, "one")
    await begin(database, "one", first, second)
    assert await take_back(database, at=NOW + LEASE) == 2
    assert (await look(database, first)).state is DeliveryState.UNKNOWN
    await settle(database, "one", sent(first), failed(second))
    assert (await look(database, first)).state is SENT
    # Only a yes is sure to be about this very message; a refusal frees no papers of what may have arrived.
    assert (await look(database, second)).state is DeliveryState.UNKNOWN
    assert await received(database, first)
    assert await received(database, second)


async def test_what_may_have_arrived_once_ends_as_unknown_and_frees_nothing(database: Database) -> None:
    (number,) = await queue(database, 1)
    await claim(database, "one")
    await begin(database, "one", number)
    await take_back(database, at=NOW + LEASE, resend=True)
    await claim(database, "two", at=NOW + LEASE)
    await settle(database, "two", failed(number))
    assert (await look(database, number)).state is DeliveryState.UNKNOWN
    assert await received(database, number)


async def test_a_doubt_that_comes_after_the_end_takes_no_papers_back(database: Database) -> None:
    """They were given back with the failure, and may be in another mail by now."""
    (number,) = await queue(database, 1)
    await claim(database, "one")
    await settle(database, "one", failed(number))
    await settle(database, "late", Settled(number, DeliveryState.UNKNOWN, NOW, "unknown"))
    await settle(database, "late", failed(number))
    assert (await look(database, number)).state is DeliveryState.FAILED
    assert await received(database, number) == set()


async def test_what_waits_is_held_by_who_cannot_know_what_became_of_it(database: Database) -> None:
    first, second, third = await queue(database, 3)
    await claim(database, "one", limit=2)
    await begin(database, "one", first)
    async with database.begin() as connection:
        assert await deliveries.hold(connection, NOW, "A restore.") == 3
        assert set((await deliveries.lock(connection, [first, second, third])).values()) == {DeliveryState.UNKNOWN}


async def test_an_answer_that_comes_late_is_never_written_over_the_work_of_another(database: Database) -> None:
    (number,) = await queue(database, 1)
    await claim(database, "one")
    await begin(database, "one", number)
    await take_back(database, at=NOW + LEASE, resend=True)
    await settle(database, "one", failed(number))
    assert (await look(database, number)).state is DeliveryState.QUEUED, "it is nobody's"
    await claim(database, "two", at=NOW + LEASE)
    await settle(database, "one", failed(number))
    assert (await look(database, number)).state is DeliveryState.QUEUED, "it is the other's"
    await begin(database, "two", number)
    await settle(database, "one", failed(number))
    assert (await look(database, number)).state is DeliveryState.SENDING
    await settle(database, "two", sent(number))
    await settle(database, "one", failed(number))
    await settle(database, "two", failed(number))
    assert (await look(database, number)).state is SENT
    assert await received(database, number)


async def test_what_a_dead_process_held_is_free_and_what_it_was_sending_is_unknown(database: Database) -> None:
    first, second, third = await queue(database, 3)
    await claim(database, "dead", limit=2)
    await claim(database, "alive")
    await begin(database, "dead", first)
    assert await take_back(database, at=NOW) == 0
    assert await take_back(database, at=NOW, dead=["dead", "never seen"]) == 1
    one = await look(database, first)
    assert one.state is DeliveryState.UNKNOWN
    assert "on its way" in one.text
    async with database.connect() as connection:
        assert [attempt.result for attempt in await history.attempts_of(connection, first)] == ["unknown"]
        assert await deliveries.owners(connection) == {"alive"}
    assert await received(database, first)
    assert await claim(database, "two") == [second]
    assert await take_back(database, at=NOW, dead=["dead"]) == 0
    assert third


async def test_with_resend_it_is_queued_again_under_its_message_id(database: Database) -> None:
    (number,) = await queue(database, 1)
    before = await look(database, number)
    await claim(database, "dead")
    await begin(database, "dead", number)
    assert await take_back(database, at=NOW + MINUTE, dead=["dead"], resend=True) == 0
    after = await look(database, number)
    assert (after.state, after.message_id) == (DeliveryState.QUEUED, before.message_id)
    assert (after.due_at, after.attempts) == (NOW + MINUTE, 1)
    assert await claim(database, "two", at=NOW + MINUTE) == [number]


async def test_a_lease_is_given_back_on_what_was_not_begun(database: Database) -> None:
    first, second, third, fourth = await queue(database, 4)
    await claim(database, "one", limit=3)
    await claim(database, "two")
    await begin(database, "one", first)
    async with database.begin() as connection:
        await deliveries.release(connection, "one", [second, fourth])
    assert await claim(database, "three") == [second]
    async with database.begin() as connection:
        await deliveries.release(connection, "one")
    assert await claim(database, "three") == [third]
    assert (await look(database, first)).state is DeliveryState.SENDING


async def test_what_is_known_not_to_have_left_is_queued_again_and_does_not_count(database: Database) -> None:
    (number,) = await queue(database, 1)
    await claim(database, "one")
    await begin(database, "one", number)
    async with database.begin() as connection:
        await deliveries.release(connection, "two", [number])
    assert (await look(database, number)).state is DeliveryState.SENDING
    async with database.begin() as connection:
        await deliveries.release(connection, "one", [number])
    one = await look(database, number)
    assert (one.state, one.attempts) == (DeliveryState.QUEUED, 0)
    assert await claim(database, "two") == [number]


REPEATABLE = {
    DeliveryState.CAUGHT,
    DeliveryState.DEFERRED,
    DeliveryState.FAILED,
    DeliveryState.SUPPRESSED,
    DeliveryState.UNKNOWN,
}


async def test_only_what_did_not_arrive_is_queued_again(database: Database) -> None:
    states = dict(zip(await queue(database, len(DeliveryState)), DeliveryState, strict=True))
    async with database.begin() as connection:
        table = tables.deliveries
        for number, state in states.items():
            await connection.execute(update(table).where(table.c.id == number).values(state=state))
        repeated = await deliveries.queue_again(connection, [*states, 999], NOW + MINUTE)
    assert repeated == len(REPEATABLE)
    for number, state in states.items():
        one = await look(database, number)
        assert one.state is (DeliveryState.QUEUED if state in REPEATABLE else state)
        assert (one.due_at, one.queued_at) == ((NOW + MINUTE,) * 2 if state in REPEATABLE else (NOW, NOW))


async def test_a_failed_delivery_is_queued_again_with_its_papers(database: Database) -> None:
    (number,) = await queue(database, 1)
    before = await received(database, number)
    await claim(database, "one")
    await settle(database, "one", failed(number))
    one = await look(database, number)
    async with database.begin() as connection:
        assert await papers.take_again(connection, one.issue_id, one.subscriber_id)
        assert await deliveries.queue_again(connection, [number], NOW) == 1
    assert await received(database, number) == before
    assert await claim(database, "two") == [number]


@pytest.mark.parametrize("result", ["sent", "deferred"])
async def test_an_answer_for_an_erased_person_costs_the_others_nothing(database: Database, result: str) -> None:
    first, second = await queue(database, 2)
    await claim(database, "one")
    await begin(database, "one", first, second)
    erased = (await look(database, first)).subscriber_id
    async with database.begin() as connection:
        await subscribers.erase(connection, erased)
    state = SENT if result == "sent" else DeliveryState.DEFERRED
    await settle(database, "one", *(Settled(number, state, NOW, result) for number in (first, second)))
    assert (await look(database, second)).state is state


async def test_the_records_tell_edition_titles_and_server_in_parts(database: Database) -> None:
    async with database.begin() as connection:
        one, other, third = await add_papers(connection, known(1), known(2), known(3))
        first, second = await add_people(connection, 2)
        await compose(connection, draft(first, third, one), draft(second, other))
        await compose(connection, draft(first, other), day=TOMORROW, cadence="weekdays")
        found = await history.records(connection)
        assert [(record.edition, record.cadence, record.titles) for record in found] == [
            (TODAY, "daily", ("Paper 3", "Paper 1")),
            (TODAY, "daily", ("Paper 2",)),
            (TOMORROW, "weekdays", ("Paper 2",)),
        ]
        ids = [record.delivery.id for record in found]
        assert await history.records(connection, limit=2) == found[:2]
        assert await history.records(connection, after=ids[1]) == found[2:]
        assert await history.records(connection, day=TOMORROW) == found[2:]
        assert await history.records(connection, subscriber_id=first) == [found[0], found[2]]
        assert await history.records(connection, ids=[ids[2], ids[0]]) == [found[0], found[2]]
        assert await history.records(connection, ids=[]) == []
        assert await history.records(connection, state=DeliveryState.QUEUED, limit=1) == found[:1]
        assert await history.records(connection, state=SENT) == []


async def test_a_long_list_of_outcomes_is_written_at_once(database: Database) -> None:
    ids = await queue(database, 300)
    await claim(database, "one", limit=300)
    assert await begin(database, "one", *ids) == set(ids)
    await settle(database, "one", *(failed(number) if number % 2 else sent(number) for number in ids))
    async with database.connect() as connection:
        assert await deliveries.counts(connection) == {"sent": 150, "failed": 150}
        assert await deliveries.counts(connection, day=TODAY) == {"sent": 150, "failed": 150}


def dead(delivery_id: int, address: str) -> Settled:
    return failed(delivery_id)._replace(suppress="refused for good (5.1.1)", email_key=address)


async def test_a_dead_address_is_suppressed_in_the_transaction_of_its_failure(database: Database) -> None:
    first, second = await queue(database, 2)
    await claim(database, "one")
    address = (await look(database, first)).address
    async with killed(database) as connection:
        await outcomes.note(connection, "one", [dead(first, address)], (), NOW)
        assert await suppressions.among(connection, [address]) == {address: "refused for good (5.1.1)"}
    async with database.connect() as connection:
        assert await suppressions.count(connection) == 0
    # It belongs to someone, and is suppressed all the same; the other is not.
    await settle(database, "one", dead(first, address), failed(second))
    async with database.connect() as connection:
        assert await suppressions.among(connection, [address]) == {address: "refused for good (5.1.1)"}
        assert await suppressions.count(connection) == 1


async def test_who_lost_the_lease_suppresses_nobody(database: Database) -> None:
    (number,) = await queue(database, 1)
    await claim(database, "one")
    await settle(database, "two", dead(number, "reader@example.org"))
    async with database.connect() as connection:
        assert await suppressions.count(connection) == 0


async def test_what_is_put_off_is_due_later_and_has_no_attempt(database: Database) -> None:
    first, second = await queue(database, 2)
    await claim(database, "one")
    await begin(database, "one", first)
    later = NOW + timedelta(hours=2)
    async with database.begin() as connection:
        await deliveries.release(connection, "two", [first, second], due_at=later)
        assert await deliveries.owners(connection) == {"one"}
        await deliveries.release(connection, "one", [first, second], due_at=later)
    for number in (first, second):
        one = await look(database, number)
        assert (one.state, one.attempts, one.due_at) == (DeliveryState.QUEUED, 0, later)
    assert await claim(database, "two", at=later - MINUTE) == []
    assert await claim(database, "two", at=later) == [first, second]


async def test_what_is_said_twice_of_one_delivery_is_taken_in_its_order(database: Database) -> None:
    (number,) = await queue(database, 1)
    await claim(database, "one")
    await begin(database, "one", number)
    lost = Settled(number, DeliveryState.UNKNOWN, NOW, "unknown")
    await settle(database, "one", lost, sent(number))
    assert (await look(database, number)).state is SENT


async def test_a_lease_that_nobody_can_have_set_is_not_believed(database: Database) -> None:
    """A clock that was ahead by a year left it; no process would ever take the mail over."""
    (number,) = await queue(database, 1)
    async with database.begin() as connection:
        await deliveries.claim(connection, owner="ahead", limit=1, now=NOW, until=NOW + timedelta(days=365))
    assert await claim(database, "two", at=NOW) == [number]


async def test_the_clock_of_the_database_tells_when_a_lease_ends(new_database) -> None:
    """Two machines with clocks an hour apart: neither takes what the other holds."""
    database = Database.at(new_database("postgresql"))
    (number,) = await queue(database, 1)
    ahead = NOW + timedelta(hours=1)
    async with database.begin() as connection:
        found = await deliveries.claim(connection, owner="one", limit=1, now=NOW, until=LEASE)
        assert [one.id for one in found] == [number]
    async with database.begin() as connection:
        assert not await deliveries.claim(connection, owner="two", limit=1, now=ahead, until=LEASE)
        assert not await deliveries.take_back(connection, now=ahead, its_clock=True)
        assert await deliveries.owners(connection) == {"one"}
        await deliveries.renew(connection, "one", LEASE)
        left = await connection.execute(text("SELECT leased_until - now() FROM deliveries"))
        assert left.scalar_one() == LEASE
        # Time passes there.
        await connection.execute(text("UPDATE deliveries SET leased_until = now()"))
    async with database.begin() as connection:
        found = await deliveries.claim(connection, owner="two", limit=1, now=NOW, until=LEASE)
        assert [one.id for one in found] == [number]
    await database.close()
