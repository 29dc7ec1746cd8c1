"""Many workers at once: each delivery is handed to exactly one of them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import event, text, update

from newsletter.models import DeliveryState
from newsletter.store import deliveries, outcomes, tables
from newsletter.store.database import Database
from newsletter.store.outcomes import Settled
from store.samples import MINUTE, NOW, queue

WORKERS = ("one", "two", "three", "four")
UNTIL = NOW + 10 * MINUTE


@pytest.fixture
async def workers(database_url: str) -> AsyncIterator[dict[str, Database]]:
    """Four processes, as far as the database can tell: each has connections of its own."""
    opened = {name: Database.at(database_url) for name in WORKERS}
    yield opened
    for database in opened.values():
        await database.close()


async def take(database: Database, owner: str, limit: int, at=NOW) -> list[int]:
    async with database.begin() as connection:
        found = await deliveries.claim(connection, owner=owner, limit=limit, now=at, until=at + 10 * MINUTE)
    return [delivery.id for delivery in found]


async def take_all(
    database: Database, owner: str, limit: int, at=NOW, together: asyncio.Barrier | None = None
) -> list[int]:
    """Claim until nothing is left; a claim that came away empty is made again, for rows that others had locked."""
    taken = await take(database, owner, limit, at)
    if together is not None:
        await together.wait()
    empty = 0
    while empty < 3:
        part = await take(database, owner, limit, at)
        assert len(part) <= limit
        taken += part
        empty = 0 if part else empty + 1
    return taken


async def test_each_of_500_deliveries_goes_to_exactly_one_of_four_claimers(workers: dict[str, Database]) -> None:
    ids = await queue(workers["one"], 500)
    together = asyncio.Barrier(4)
    limits = zip(workers.items(), (7, 8, 9, 10), strict=True)
    claims = [take_all(database, name, limit, together=together) for (name, database), limit in limits]
    taken = await asyncio.gather(*claims)
    assert Counter(number for part in taken for number in part) == Counter(ids)
    assert all(taken), "each of them got some"


async def test_leases_that_ran_out_go_to_exactly_one_of_four_claimers(workers: dict[str, Database]) -> None:
    ids = await queue(workers["one"], 200)
    await take_all(workers["one"], "dead", 100)
    claims = [take_all(database, name, 9, UNTIL) for name, database in workers.items()]
    taken = await asyncio.gather(*claims)
    assert Counter(number for part in taken for number in part) == Counter(ids)


async def test_four_workers_send_500_deliveries_once_each(workers: dict[str, Database]) -> None:
    ids = await queue(workers["one"], 500)
    sent: Counter[int] = Counter()

    async def work(owner: str, database: Database) -> None:
        while part := await take(database, owner, 20):
            async with database.begin() as connection:
                begun = await outcomes.note(connection, owner, (), part, NOW)
            sent.update(begun)
            async with database.begin() as connection:
                await deliveries.renew(connection, owner, UNTIL)
                settled = [Settled(number, DeliveryState.SENT, NOW, "sent", 250) for number in begun]
                await outcomes.note(connection, owner, settled, (), NOW)
            async with database.begin() as connection:
                await deliveries.take_back(connection, now=NOW)

    await asyncio.gather(*(work(name, database) for name, database in workers.items()))
    for name, database in workers.items():
        await work(name, database)
    assert sent == Counter(ids)
    async with workers["one"].connect() as connection:
        assert await deliveries.counts(connection) == {"sent": 500}


async def test_a_claim_does_not_wait_for_one_that_is_under_way(new_database) -> None:
    """On PostgreSQL alone: SQLite has one writer at a time."""
    database = Database.at(new_database("postgresql"))
    ids = await queue(database, 30)
    async with database.begin() as first, database.begin() as second:
        await second.execute(text("SET LOCAL lock_timeout = '2s'"))
        claims = [
            await deliveries.claim(connection, owner="one", limit=10, now=NOW, until=UNTIL)
            for connection in (first, second)
        ]
    assert [[delivery.id for delivery in claim] for claim in claims] == [ids[:10], ids[10:20]]
    await database.close()


async def test_leases_are_kept_and_ended_without_waiting_for_what_is_being_settled(new_database) -> None:
    """Two transactions that wait for each other's rows would be a deadlock."""
    database = Database.at(new_database("postgresql"))
    ids = await queue(database, 20)
    await take(database, "one", 20)
    async with database.begin() as settling:
        failed = [Settled(number, DeliveryState.SENT, NOW, "sent") for number in ids[:10]]
        await outcomes.note(settling, "one", failed, (), NOW)
        async with database.begin() as connection:
            await connection.execute(text("SET LOCAL lock_timeout = '2s'"))
            await deliveries.renew(connection, "one", UNTIL + MINUTE)
            assert await deliveries.take_back(connection, now=UNTIL, dead=["one"]) == 0
    async with database.connect() as connection:
        assert await deliveries.counts(connection) == {"sent": 10, "queued": 10}
    assert await take(database, "two", 20) == ids[10:]
    await database.close()


async def test_a_claim_reads_what_waits_and_not_the_whole_past(database: Database) -> None:
    ids = await queue(database, 400)
    async with database.begin() as connection:
        past = update(tables.deliveries).where(tables.deliveries.c.id.not_in(ids[:5]))
        await connection.execute(past.values(state=DeliveryState.SENT))
        await connection.execute(text("ANALYZE"))
    said: list[tuple[str, object]] = []

    def listen(_connection, _cursor, statement, parameters, _context, _many) -> None:
        if statement.startswith("WITH"):
            said.append((statement, parameters))

    event.listen(database.engine.sync_engine, "before_cursor_execute", listen)
    assert await take(database, "one", 2) == ids[:2]
    event.remove(database.engine.sync_engine, "before_cursor_execute", listen)
    ((statement, parameters),) = said
    explain = "EXPLAIN QUERY PLAN" if database.on_sqlite else "EXPLAIN"
    async with database.begin() as connection:
        if not database.on_sqlite:
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = str((await connection.exec_driver_sql(f"{explain} {statement}", parameters)).all())
    assert "ix_deliveries_waiting" in plan
    if not database.on_sqlite:
        assert "CTE chosen" in plan, "a subquery could be run several times"
