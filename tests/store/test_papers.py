"""Papers: taken in once, found again, merged, and chosen from."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text, update

from newsletter.errors import ConflictError, StoreError
from newsletter.models import DeliveryState, Feedback, Link
from newsletter.store import deliveries, finding, issues, merging, outcomes, papers, subscribers, tables
from newsletter.store.database import Database
from newsletter.store.outcomes import Settled
from store.samples import (
    LONG_AGO,
    MINUTE,
    NOW,
    TOMORROW,
    add_papers,
    add_people,
    compose,
    draft,
    known,
    rows,
)

WHOLE = known(
    7,
    title="Größe ist nicht alles: 100 % of_the 'Σ' \\ scale",
    abstract="日本語 and 🙂",
    doi="10.1/x",
    version=3,
    url="https://arxiv.org/abs/2603.00007",
    links=(
        Link(kind="code", url="https://example.org/code"),
        Link(kind="pdf", url="https://example.org/pdf", said=True),
    ),
    authors=("Ada Lovelace", "Émilie du Châtelet"),
    organization="An institute",
    summary="In short.",
    keywords=("scale", "size"),
    source="a page",
    published_on=date(2026, 2, 28),
    votes=41,
    comments=2,
    stars=1234,
)


async def test_a_paper_comes_back_as_it_was_taken_in(database: Database) -> None:
    async with database.begin() as connection:
        (number,) = await papers.add(connection, [WHOLE], NOW)
    async with database.connect() as connection:
        found = (await papers.by_ids(connection, [number, number]))[number]
    assert found == WHOLE.paper.model_copy(update={"id": number, "first_seen_at": NOW, "taken_at": NOW})


async def test_links_of_an_earlier_version_count_as_said_since_nobody_knows_who_gave_them(database: Database) -> None:
    async with database.begin() as connection:
        (number,) = await papers.add(connection, [WHOLE], NOW)
        before = [["code", "https://example.org/code"]]
        await connection.execute(update(tables.papers).where(tables.papers.c.id == number).values(links=before))
        found = (await papers.by_ids(connection, [number]))[number]
    assert found.links == (Link(kind="code", url="https://example.org/code", said=True),)


async def test_a_thousand_papers_get_their_ids_in_their_order(database: Database) -> None:
    new = [known(number) for number in range(1200)]
    async with database.begin() as connection:
        ids = await papers.add(connection, new, NOW)
        found = await papers.by_ids(connection, ids)
        assert await papers.count(connection) == 1200
    assert [found[number].title for number in ids] == [one.paper.title for one in new]


async def test_papers_are_found_by_id_or_title_oldest_first_and_once(database: Database) -> None:
    async with database.begin() as connection:
        first, second, third = await papers.add(connection, [known(1), known(2, arxiv_id=None), known(3)], NOW)
        found = await papers.find(connection, ["2603.00003", "2603.00001", "9999.00001"], ["paper2", "paper1"])
        assert await papers.find(connection, [], []) == []
    assert [one.paper.id for one in found] == [first, second, third]
    assert [one.title_key for one in found] == ["paper1", "paper2", "paper3"]


async def test_papers_are_written_anew_and_keep_their_marks_and_first_day(database: Database) -> None:
    async with database.begin() as connection:
        first, second = await papers.add(connection, [known(1), known(2)], NOW)
        await papers.mark(connection, first, hidden=True, pinned=True)
        changed = [
            papers.Known(WHOLE.paper.model_copy(update={"id": first}), "another title"),
            papers.Known(known(2, votes=5).paper.model_copy(update={"id": second}), "paper2"),
        ]
        await papers.change(connection, changed)
        await papers.change(connection, [])
        found = await papers.by_ids(connection, [first, second])
        assert [one.paper.id for one in await papers.find(connection, [], ["another title"])] == [first]
    kept = {"id": first, "first_seen_at": NOW, "taken_at": NOW, "hidden": True, "pinned": True}
    assert found[first] == WHOLE.paper.model_copy(update=kept)
    assert found[second].votes == 5


@pytest.mark.parametrize(
    "double",
    [known(2, arxiv_id="2603.00001"), known(3, arxiv_id=None, title="Untold")],
    ids=["the same arXiv id", "the same title without an id"],
)
async def test_the_database_refuses_a_second_record_of_one_work(database: Database, double: papers.Known) -> None:
    async with database.begin() as connection:
        await papers.add(connection, [known(1), known(9, arxiv_id=None, title="Untold")], NOW)
    with pytest.raises(ConflictError):
        async with database.begin() as connection:
            await papers.add(connection, [known(5), double], NOW)
    async with database.connect() as connection:
        assert await papers.count(connection) == 2


async def test_two_works_may_share_a_title_if_their_ids_differ(database: Database) -> None:
    async with database.begin() as connection:
        await papers.add(connection, [known(1, title="Attention"), known(2, title="Attention")], NOW)
        assert len(await papers.find(connection, [], ["attention"])) == 2


async def test_candidates_are_living_and_shown_and_within_the_span(database: Database) -> None:
    async with database.begin() as connection:
        early, first, second, hidden, double, late = [
            (await add_papers(connection, known(number), at=NOW + number * MINUTE))[0].id for number in range(6)
        ]
        await papers.mark(connection, hidden, hidden=True)
        await merging.merge(connection, first, double)
        span = {"since": NOW + MINUTE, "until": NOW + 5 * MINUTE}
        assert [one.id for one in await papers.candidates(connection, **span)] == [first, second]
        await papers.mark(connection, hidden, hidden=False)
        assert [one.id for one in await papers.candidates(connection, **span)] == [first, second, hidden]
        assert [one.id for one in await papers.archive(connection, 3)] == [second, hidden, late]
    assert early


async def test_a_search_takes_words_as_they_are_written(database: Database) -> None:
    async with database.begin() as connection:
        first, second, third = await papers.add(
            connection,
            [
                known(1, title="A gain of 100% by LoRA"),
                known(2, title="A gain of 1000 by low_rank adapters"),
                known(3, title="Lowtrank and Élan vital"),
            ],
            NOW,
        )

        async def found(words: str, **options: int) -> list[int | None]:
            return [one.id for one in await finding.search(connection, words, **options)]

        assert await found("") == [third, second, first]
        assert await found("", limit=1) == [third]
        assert await found("100%") == [first]
        assert await found("low_rank") == [second]
        assert await found("gain lora") == [first]
        assert await found("GAIN ADAPT") == [second]
        assert await found("élan") == await found("ÉLAN") == [third]
        assert await found("gain nothing") == []


async def test_what_was_received_is_told_for_each_person_and_window(database: Database) -> None:
    async with database.begin() as connection:
        (old,) = await add_papers(connection, known(1), at=LONG_AGO)
        (new,) = await add_papers(connection, known(2))
        one, other, nobody = await add_people(connection, 3)
        await compose(connection, draft(one, old, new), draft(other, old))
        assert await papers.received_by(connection, [one, other, nobody], since=NOW - timedelta(days=1)) == {
            one: {new.id},
            other: set(),
            nobody: set(),
        }
        assert await papers.received_by(connection, [one], since=LONG_AGO) == {one: {old.id, new.id}}


async def test_who_received_either_of_two_papers_has_received_the_one_that_is_kept(database: Database) -> None:
    async with database.begin() as connection:
        kept, double = await add_papers(connection, known(1), known(2))
        one, other, nobody = await add_people(connection, 3)
        await compose(connection, draft(one, kept), draft(other, double))
        await merging.merge(connection, kept.id, double.id)
        had = await papers.received_by(connection, [one, other, nobody], since=LONG_AGO)
        assert [kept.id in had[number] for number in (one, other, nobody)] == [True, True, False]
    async with database.connect() as connection:
        assert [found.id for found in await finding.search(connection)] == [kept.id]
        assert await finding.titles(connection, 5) == [(kept.id, kept.title)]
        assert await finding.titles(connection, 0) == []
        loaded = await issues.load(connection, [2])
    assert [pick.paper.title for pick in loaded[2].issue.picks] == ["Paper 2"]


async def test_doubles_of_doubles_point_to_the_one_that_is_kept(database: Database) -> None:
    async with database.begin() as connection:
        first, second, third = await add_papers(connection, known(1), known(2), known(3))
        await merging.merge(connection, second.id, third.id)
        await merging.merge(connection, first.id, second.id)
    assert [row.merged_into for row in await rows(database, tables.papers)] == [None, first.id, first.id]


async def test_a_paper_is_not_merged_into_itself(database: Database) -> None:
    async with database.begin() as connection:
        (paper,) = await add_papers(connection, known(1))
    with pytest.raises(StoreError):
        async with database.begin() as connection:
            await merging.merge(connection, paper.id, paper.id)


async def test_the_id_of_a_double_is_free_for_the_paper_that_is_kept(database: Database) -> None:
    async with database.begin() as connection:
        kept, double = await add_papers(connection, known(1, arxiv_id=None), known(2))
        await merging.merge(connection, kept.id, double.id)
        better = papers.Known(kept.model_copy(update={"arxiv_id": double.arxiv_id}), "paper1")
        await papers.change(connection, [better])
        assert [one.paper.id for one in await papers.find(connection, [double.arxiv_id], [])] == [kept.id]


async def test_of_what_was_said_of_two_papers_the_later_word_counts_once(database: Database) -> None:
    async with database.begin() as connection:
        kept, double = await add_papers(connection, known(1), known(2))
        one, other = await add_people(connection, 2)

        async def say(person: int, paper: int, verdict: str, minutes: int) -> None:
            said = Feedback(subscriber_id=person, paper_id=paper, verdict=verdict, at=NOW + minutes * MINUTE)
            await subscribers.say(connection, said)

        await say(one, kept.id, "more", 1)
        await say(one, double.id, "less", 2)
        await say(other, kept.id, "more", 2)
        await say(other, double.id, "less", 1)
        await merging.merge(connection, kept.id, double.id)
        found = await subscribers.feedback_of(connection, [one, other])
        assert [(said.paper_id, said.verdict) for said in found[one]] == [(kept.id, "less")]
        assert [(said.paper_id, said.verdict) for said in found[other]] == [(kept.id, "more")]
        # A link of an old mail still names the double.
        await say(other, double.id, "saved", 3)
        found = await subscribers.feedback_of(connection, [other])
        assert [(said.paper_id, said.verdict) for said in found[other]] == [(kept.id, "saved")]


async def test_a_double_that_was_chosen_from_an_old_list_counts_as_the_paper_that_is_kept(database: Database) -> None:
    async with database.begin() as connection:
        kept, double = await add_papers(connection, known(1), known(2))
        had, fresh = await add_people(connection, 2)
        await compose(connection, draft(had, kept))
        await merging.merge(connection, kept.id, double.id)
    with pytest.raises(ConflictError):
        async with database.begin() as connection:
            await compose(connection, draft(had, double), day=TOMORROW)
    async with database.begin() as connection:
        assert (await papers.received_by(connection, [had], since=LONG_AGO))[had] == {kept.id, double.id}
        await compose(connection, draft(fresh, double), day=TOMORROW)
    with pytest.raises(ConflictError):
        async with database.begin() as connection:
            await compose(connection, draft(fresh, kept), day=TOMORROW + timedelta(days=1))


async def test_a_failed_mail_does_not_free_a_paper_whose_double_arrived(database: Database) -> None:
    async with database.begin() as connection:
        kept, double = await add_papers(connection, known(1), known(2))
        (reader,) = await add_people(connection, 1)
        await compose(connection, draft(reader, kept))
        await compose(connection, draft(reader, double), day=TOMORROW)
        await merging.merge(connection, kept.id, double.id)
        until = NOW + MINUTE
        first, second = await deliveries.claim(connection, owner="one", limit=2, now=NOW, until=until)
        await outcomes.note(
            connection,
            "one",
            [
                Settled(first.id, DeliveryState.FAILED, NOW, "rejected", 550),
                Settled(second.id, DeliveryState.SENT, NOW, "sent", 250),
            ],
            (),
            NOW,
        )
        assert kept.id in (await papers.received_by(connection, [reader], since=LONG_AGO))[reader]
        assert not await papers.take_again(connection, first.issue_id, reader)


async def test_papers_are_taken_again_only_if_none_went_out_meanwhile(database: Database) -> None:
    async with database.begin() as connection:
        one, other = await add_papers(connection, known(1), known(2))
        (reader,) = await add_people(connection, 1)
        await compose(connection, draft(reader, one, other))
        (delivery,) = await deliveries.claim(connection, owner="one", limit=1, now=NOW, until=NOW + MINUTE)
        failed = Settled(delivery.id, DeliveryState.FAILED, NOW, "rejected", 550)
        await outcomes.note(connection, "one", [failed], (), NOW)
        assert (await papers.received_by(connection, [reader], since=LONG_AGO))[reader] == set()
        assert await papers.take_again(connection, delivery.issue_id, reader)
        assert await papers.take_again(connection, delivery.issue_id, reader), "twice is as good as once"
        assert (await papers.received_by(connection, [reader], since=LONG_AGO))[reader] == {one.id, other.id}
        await papers.give_back(connection, [delivery.issue_id])
        await compose(connection, draft(reader, other, name="again"), day=TOMORROW)
        assert not await papers.take_again(connection, delivery.issue_id, reader)
        assert (await papers.received_by(connection, [reader], since=LONG_AGO))[reader] == {other.id}


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_papers_are_found_without_going_through_all(database: Database) -> None:
    async with database.connect() as connection:
        for asked, index in (
            ("SELECT * FROM papers WHERE merged_into IS NULL AND title_key IN ('a', 'b')", "ix_papers_title_key"),
            ("SELECT * FROM papers WHERE merged_into IS NULL AND arxiv_id IN ('a', 'b')", "uq_papers_arxiv_id"),
        ):
            plan = (await connection.execute(text(f"EXPLAIN QUERY PLAN {asked}"))).all()
            assert [index in row.detail for row in plan] == [True]


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_papers_without_signs_are_found_without_going_through_all(database: Database) -> None:
    asked: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    async with database.connect() as connection:
        event.listen(connection.sync_connection, "before_cursor_execute", hear)
        assert await papers.unsigned(connection, 5) == []
        ((statement, values),) = asked
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)).all()
        assert [row.detail for row in plan] == ["SCAN papers USING INDEX ix_papers_unsigned"]


async def test_papers_get_their_ids_in_their_order_when_titles_are_the_same(database: Database) -> None:
    async with database.begin() as connection:
        for first, titles in ((10, ("Letters", "News", "Reviews")), (20, ("Editorial", "News", "Editorial"))):
            new = [known(number, title=title) for number, title in enumerate(titles, start=first)]
            ids = await papers.add(connection, new, NOW)
            there = await papers.by_ids(connection, ids)
            assert [there[number].arxiv_id for number in ids] == [one.paper.arxiv_id for one in new]
