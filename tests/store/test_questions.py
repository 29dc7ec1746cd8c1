"""What is asked by a statement that was made into text once has the values that SQLAlchemy gives, on both engines."""

from datetime import date

import pytest
from sqlalchemy import BigInteger, bindparam, column, select, table, text

from newsletter.errors import StoreError
from newsletter.models import Topic
from newsletter.store import library, subscribers
from newsletter.store import papers as paper_rows
from newsletter.store.aside import Aside
from newsletter.store.database import Database
from newsletter.store.questions import Question, among
from newsletter.store.tables import papers
from store.samples import CONFIRMED, NOW, known, person

ALL = Question(lambda dialect: select(papers).where(among(papers.c.id, "ids", dialect)).order_by(papers.c.id))


@pytest.fixture
async def filled(database: Database) -> Database:
    """A database with two papers, of which one has all that a paper can have."""
    full = known(
        1,
        title="Zweites «Papier» 論文",
        url="https://example.org/a?b=c%20d",
        authors=("Ada Ångström", "Ben"),
        keywords=("a", ""),
        published_on=date(2026, 2, 28),
        votes=7,
    )
    async with database.begin() as connection:
        await paper_rows.add(connection, [full, known(2)], NOW)
        await paper_rows.mark(connection, 1, pinned=True)
    return database


async def test_rows_are_those_of_sqlalchemy(filled: Database) -> None:
    async with filled.connect() as connection:
        rows = (await connection.execute(select(papers).order_by(papers.c.id))).all()
        first, second = [row.id for row in rows]
        asked = await ALL.all(connection, ids=[first, second])
        assert [one._asdict() for one in asked] == [dict(row._mapping) for row in rows]
        assert asked[0].first_seen_at.tzinfo is not None
        assert [one.id for one in await ALL.all(connection, ids=[second, 0, 2**62])] == [second]
        assert await ALL.all(connection, ids=[]) == []
        assert await ALL.first(connection, ids=[0]) is None
        assert (await ALL.first(connection, ids=[second, first])).pinned is True


async def test_people_are_the_same_however_they_are_asked_for(filled: Database) -> None:
    one, key = person(
        1, topics=(Topic(name="b", weight=0.5), Topic(name="a")), muted_authors=("Ben",), paused_until=date(2026, 4, 1)
    )
    async with filled.begin() as connection:
        number = (await subscribers.add(connection, [(one, key)], CONFIRMED))[key]
    async with filled.connect() as connection:
        found = await subscribers.by_id(connection, number)
        assert found == (await subscribers.by_ids(connection, [number]))[number]
        assert found == one.model_copy(update={"id": number, "away": True})
        assert await subscribers.by_id(connection, number + 1) is None


async def test_what_was_made_of_a_row_is_kept_until_the_row_changes(filled: Database) -> None:
    kept = Question(lambda _: select(papers).order_by(papers.c.id), lambda row: [row.title, row.hidden], most=20)
    async with filled.connect() as connection:
        before = await kept.all(connection)
        again = await kept.all(connection)
    assert again == before
    assert (again[0] is before[0]) is filled.on_sqlite
    async with filled.begin() as connection:
        await paper_rows.mark(connection, 1, hidden=True)
    async with filled.connect() as connection:
        after = await kept.all(connection)
    assert after == [[before[0][0], True], before[1]]


async def test_it_runs_aside_too_and_near(filled: Database) -> None:
    async with Aside(filled, writes=False) as aside:
        assert len(await aside.run(lambda connection: ALL.all(connection, ids=[1, 2]))) == 2
    near = Database(filled.url, near=True)
    try:
        async with near.connect() as connection:
            assert len(await ALL.all(connection, ids=[1, 2])) == 2
    finally:
        await near.close()


async def test_a_fault_of_the_engine_is_told_as_ever(filled: Database) -> None:
    nowhere = table("nowhere", column("n", BigInteger))
    gone = Question(lambda _: select(nowhere).where(nowhere.c.n > bindparam("least", type_=BigInteger)))
    with pytest.raises(StoreError):
        async with filled.connect() as connection:
            await gone.all(connection, least=1)


async def test_who_looks_through_all_they_had_begins_where_they_stopped(filled: Database) -> None:
    """A file of years of mail is asked for in parts; each would go through all mails in front of it again."""
    explain, kept = ("EXPLAIN QUERY PLAN", library._SHELF._for_sqlite)
    if not filled.on_sqlite:
        explain, kept = ("EXPLAIN", library._SHELF._for_postgresql)
    ready, _, _ = kept
    given = ready.given({"number": 1, "issue": 9000, "position": 3, "most": 21})
    async with filled.begin() as connection:
        if not filled.on_sqlite:
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = str((await connection.exec_driver_sql(f"{explain} {ready.text}", given)).all())
    begins = "(subscriber_id=? AND rowid<?)" if filled.on_sqlite else "(id <= '9000'::bigint)"
    assert begins in plan, plan
