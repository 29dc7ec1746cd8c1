"""Editions and issues: one a slot, one a person, written whole or not at all."""

import asyncio
from datetime import date, timedelta

import pytest

from newsletter.errors import ConflictError
from newsletter.models import DeliveryState, Edition, Paper, Reason
from newsletter.store import deliveries, editions, issues, outcomes, papers, subscribers, tables
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
    rows,
)


async def test_a_slot_has_one_edition(database: Database) -> None:
    async with database.begin() as connection:
        first = await editions.ensure(connection, TODAY, "daily", NOW)
        assert await editions.ensure(connection, TODAY, "daily", NOW + MINUTE) == first
        other = await editions.ensure(connection, TODAY, "weekly:mon", NOW)
        assert await editions.find(connection, TODAY, "daily") == first
        assert await editions.find(connection, TOMORROW, "daily") is None
    assert first == Edition(id=first.id, date=TODAY, cadence="daily", created_at=NOW)
    assert other.id != first.id


async def test_a_slot_has_one_edition_even_if_many_make_it_at_once(database: Database) -> None:
    async def make() -> int:
        async with database.begin() as connection:
            return (await editions.ensure(connection, TODAY, "daily", NOW)).id

    assert len(set(await asyncio.gather(*(make() for _ in range(8))))) == 1


async def test_a_note_is_kept_with_its_edition(database: Database) -> None:
    async with database.begin() as connection:
        edition = await editions.ensure(connection, TODAY, "daily", NOW)
        await editions.note(connection, edition.id, "# Héllo\n\nworld")
        found = await editions.find(connection, TODAY, "daily")
    assert found == edition.model_copy(update={"note": "# Héllo\n\nworld"})


async def test_an_issue_comes_back_as_it_was_composed(database: Database) -> None:
    async with database.begin() as connection:
        one, other, third = await add_papers(connection, known(1), known(2), known(3))
        reader, nobody = await add_people(connection, 2)
        wanted = draft(reader, third, one)
        reason = Reason(kind="topic", subject="low-rank adaptation", words=("LoRA", "adapters"))
        chosen = (wanted.picks[0]._replace(reason=reason), wanted.picks[1])
        await compose(connection, wanted._replace(picks=chosen), draft(nobody))
        kept = issues.Known()
        kept.papers[str(other.id)] = other
        issue_id = await editions.issue_of(connection, reader, TODAY)
        assert issue_id is not None
        loaded = await issues.load(connection, [issue_id, issue_id, 999], kept)
        assert list(loaded) == [issue_id]
        issue, standing = loaded[issue_id]
        assert issue.picks == tuple(pick._replace(score=None) for pick in chosen)
        assert (await issues.scored(connection, issue)).picks == chosen
        person = (await subscribers.by_ids(connection, [reader]))[reader]
        assert issue.recipient == (person.id, person.email, person.language, person.links, person.look or "")
        keys = await subscribers.email_keys(connection, [reader])
        assert standing == (person.state, person.paused_until, person.timezone, keys[reader])
        assert issue.edition == await editions.find(connection, TODAY, "daily")
        assert kept.papers == {str(paper.id): paper for paper in (one, other, third)}
        assert await editions.issue_of(connection, nobody, TODAY) is None
        assert await editions.issue_of(connection, reader, TOMORROW) is None
        delivery = await deliveries.by_issue(connection, issue_id)
        assert delivery is not None
        assert (delivery.state, delivery.message_id, delivery.address) == (
            DeliveryState.QUEUED,
            wanted.message_id,
            wanted.address,
        )
        assert await deliveries.by_issue(connection, 999) is None


async def test_composing_counts_what_it_wrote_and_passes_over_who_has_an_issue(database: Database) -> None:
    async with database.begin() as connection:
        one, other = await add_papers(connection, known(1), known(2))
        first, second, third = await add_people(connection, 3)
        edition = await editions.ensure(connection, TODAY, "daily", NOW)
        assert await editions.compose(connection, edition.id, [], NOW) == (0, 0)
        assert await editions.compose(connection, edition.id, [draft(first, one), draft(second)], NOW) == (1, 1)
        again = [draft(first, other), draft(third, one, other)]
        assert await editions.compose(connection, edition.id, again, NOW) == (1, 0)
        had = await papers.received_by(connection, [first, second, third], since=LONG_AGO)
        assert had == {first: {one.id}, second: set(), third: {one.id, other.id}}
        assert await deliveries.counts(connection) == {"queued": 2}


async def test_someone_named_twice_gets_the_first_of_both(database: Database) -> None:
    async with database.begin() as connection:
        one, other = await add_papers(connection, known(1), known(2))
        (reader,) = await add_people(connection, 1)
        edition = await editions.ensure(connection, TODAY, "daily", NOW)
        drafts = [draft(reader, one), draft(reader, other)]
        assert await editions.compose(connection, edition.id, drafts, NOW) == (1, 0)
        assert (await papers.received_by(connection, [reader], since=LONG_AGO))[reader] == {one.id}


async def test_an_empty_issue_gives_way_to_one_with_papers(database: Database) -> None:
    async with database.begin() as connection:
        (paper,) = await add_papers(connection, known(1))
        (reader,) = await add_people(connection, 1)
        edition = await editions.ensure(connection, TODAY, "daily", NOW)
        assert await editions.compose(connection, edition.id, [draft(reader)], NOW) == (0, 1)
        assert await editions.compose(connection, edition.id, [draft(reader)], NOW) == (0, 1)
        assert await editions.settled(connection, TODAY, "daily", empty_counts=True) == {reader}
        assert await editions.settled(connection, TODAY, "daily", empty_counts=False) == set()
        assert await editions.compose(connection, edition.id, [draft(reader, paper)], NOW) == (1, 0)
        assert await editions.compose(connection, edition.id, [draft(reader)], NOW) == (0, 0)
        assert await editions.settled(connection, TODAY, "daily", empty_counts=False) == {reader}
        assert await editions.settled(connection, TODAY, "weekly:mon", empty_counts=True) == set()
    assert len(await rows(database, tables.issues)) == 1


async def test_a_paper_that_went_to_them_already_leaves_nothing_of_the_whole_block(database: Database) -> None:
    async with database.begin() as connection:
        one, other = await add_papers(connection, known(1), known(2))
        first, second = await add_people(connection, 2)
        await compose(connection, draft(first, one))
    with pytest.raises(ConflictError):
        async with database.begin() as connection:
            await compose(connection, draft(second, other), draft(first, other, one), day=TOMORROW)
    async with database.connect() as connection:
        assert await editions.find(connection, TOMORROW, "daily") is None
        assert await editions.settled(connection, TOMORROW, "daily", empty_counts=True) == set()
        had = await papers.received_by(connection, [first, second], since=LONG_AGO)
        assert had == {first: {one.id}, second: set()}
        assert await deliveries.counts(connection) == {"queued": 1}


@pytest.mark.parametrize("table", ["picks", "received", "deliveries"])
async def test_an_issue_is_never_there_without_its_picks_papers_and_delivery(database: Database, table: str) -> None:
    async with database.begin() as connection:
        (paper,) = await add_papers(connection, known(1))
        (reader,) = await add_people(connection, 1)
    async with killed(database) as connection:
        await compose(connection, draft(reader, paper))
        assert (await connection.execute(tables.metadata.tables[table].select())).all()
    for left in (tables.editions, tables.issues, tables.picks, tables.received, tables.deliveries):
        assert await rows(database, left) == []


async def test_people_who_are_composed_for_at_once_get_one_issue_each(database: Database) -> None:
    async with database.begin() as connection:
        one, other = await add_papers(connection, known(1), known(2))
        readers = await add_people(connection, 40)
        edition = await editions.ensure(connection, TODAY, "daily", NOW)

    async def composer(paper: Paper, order: list[int]) -> int:
        async with database.begin() as connection:
            drafts = [draft(reader, paper) for reader in order]
            written, _ = await editions.compose(connection, edition.id, drafts, NOW)
            return written

    orders = [(one, readers), (other, readers[::-1]), (one, readers[20:] + readers[:20]), (other, readers[5:15])]
    assert sum(await asyncio.gather(*(composer(*order) for order in orders))) == 40
    async with database.connect() as connection:
        had = await papers.received_by(connection, readers, since=LONG_AGO)
        assert {len(papers) for papers in had.values()} == {1}
        assert await deliveries.counts(connection) == {"queued": 40}


async def test_the_same_paper_in_two_editions_at_once_goes_out_in_one(database: Database) -> None:
    async with database.begin() as connection:
        (paper,) = await add_papers(connection, known(1))
        (reader,) = await add_people(connection, 1)

    async def composer(day: date) -> bool:
        try:
            async with database.begin() as connection:
                await compose(connection, draft(reader, paper, name=str(day)), day=day)
                await asyncio.sleep(0)
        except ConflictError:
            return False
        return True

    days = [TODAY + timedelta(days=number) for number in range(4)]
    assert sorted(await asyncio.gather(*(composer(day) for day in days))) == [False, False, False, True]


async def test_the_latest_slot_of_each_person_is_known(database: Database) -> None:
    async with database.begin() as connection:
        one, other = await add_papers(connection, known(1), known(2))
        first, second, third = await add_people(connection, 3)
        await compose(connection, draft(first, one), day=TOMORROW)
        await compose(connection, draft(first, other), draft(second), day=TODAY)
        assert await editions.latest_dates(connection, [first, second, third], TOMORROW, NOW) == {
            first: TOMORROW,
            second: TODAY,
        }
        # What is dated after the day that is asked for does not count.
        assert await editions.latest_dates(connection, [first, second], TODAY, NOW) == {first: TODAY, second: TODAY}
        # But it was composed later than now: the clock stepped back.
        before = NOW - timedelta(seconds=1)
        assert await editions.latest_dates(connection, [first], TODAY, before) == {first: TOMORROW}
        # A clock that was ahead by more than a week was wrong.
        long_before = TODAY - timedelta(days=8)
        assert await editions.latest_dates(connection, [first], long_before, before) == {}
        assert await editions.latest_dates(connection, [], TODAY, NOW) == {}


async def test_the_summaries_tell_how_the_mail_of_each_edition_stands(database: Database) -> None:
    ids = await queue(database, 3)
    async with database.begin() as connection:
        await deliveries.claim(connection, owner="one", limit=1, now=NOW, until=NOW + MINUTE)
        sent = Settled(ids[0], DeliveryState.SENT, NOW, "sent", 250)
        await outcomes.note(connection, "one", [sent], (), NOW)
        (other,) = await add_people(connection, 1, start=50)
        await compose(connection, draft(other), day=TODAY)
        await editions.ensure(connection, TOMORROW, "weekdays", NOW)
        newest, older = await editions.summaries(connection)
        assert (newest.edition.date, newest.empty, newest.states) == (TOMORROW, 0, {})
        assert (older.edition.date, older.empty, older.states) == (TODAY, 1, {"queued": 2, "sent": 1})
        assert await editions.summaries(connection, limit=1) == [newest]
        assert await editions.summaries(connection, day=TODAY) == [older]
        assert await editions.summaries(connection, day=TODAY + timedelta(days=9)) == []


async def test_what_a_run_keeps_of_papers_and_reasons_has_an_end(database: Database) -> None:
    async with database.begin() as connection:
        found = await add_papers(connection, *(known(number) for number in range(1, 9)))
        readers = await add_people(connection, 4)
        await compose(connection, *(draft(one, *found[2 * place : 2 * place + 2]) for place, one in enumerate(readers)))
        kept = issues.Known(papers=3, reasons=1)
        for place, reader in enumerate(readers):
            issue_id = await editions.issue_of(connection, reader, TODAY)
            assert issue_id is not None
            ((issue, _),) = (await issues.load(connection, [issue_id], kept)).values()
            assert [pick.paper for pick in issue.picks] == found[2 * place : 2 * place + 2]
            assert len(kept.papers) <= 3
            assert len(kept._reasons) <= 1
