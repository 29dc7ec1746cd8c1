"""Each work stands on record once, whatever the order in which its accounts come, and nobody is shown one twice."""

import itertools
import random
from datetime import timedelta

import pytest
from accounts import ACCOUNTS, TRUTH
from newsroom import NOW, TODAY, Newsroom, papers
from store.samples import add_people, compose, draft

from newsletter.errors import NotFoundError, UsageError
from newsletter.models import Feedback, Paper, ParsedFeed
from newsletter.pipeline import record, splitting, taking
from newsletter.store import beside, subscribers, summaries, updates, vectors
from newsletter.store import papers as paper_rows

KELLER = ("Maria Keller", "Tomasz Wójcik", "Wei Zhang")
WHOLE = Paper(title="Learning to listen: turn taking for spoken agents", authors=KELLER, abstract="Whole.", votes=4)
SHORT = Paper(title="Learning to Listen", authors=("Keller, M.", "Wójcik, T.", "Zhang, W."))
BRITISH = Paper(title="Modelling colour in spoken dialogue", authors=KELLER)
AMERICAN = Paper(title="Modeling color in spoken dialog", authors=KELLER)


async def on_record(room: Newsroom) -> list[Paper]:
    return await record.search_papers(room.database, "", limit=10_000)


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_the_order_the_same_works_stand_and_nobody_is_shown_one_twice(room: Newsroom, seed: int) -> None:
    chance = random.Random(seed)
    told = [*ACCOUNTS, *chance.sample(ACCOUNTS, 8)]
    chance.shuffle(told)
    async with room.database.begin() as connection:
        readers = await add_people(connection, 2)
    for day in range(8):
        moment = NOW + timedelta(days=day)
        for paper in told[day::8]:
            await room.take_in(paper, source=f"source {chance.randrange(4)}")
        async with room.database.begin() as connection:
            there = await paper_rows.candidates(connection, since=NOW - timedelta(days=99), until=NOW + timedelta(99))
            had = await paper_rows.received_by(connection, readers, since=NOW - timedelta(days=99))
            for reader in readers:
                fresh = [paper for paper in there if paper.id not in had[reader]]
                new = [paper for paper in fresh if chance.random() < 0.7]
                for paper in new:
                    same = await paper_rows.one_work(connection, paper.id or 0)
                    assert not had[reader] & set(same)
                # A double in it would be refused: `received` takes a paper for a person once.
                await compose(connection, draft(reader, *new), day=TODAY + timedelta(days=day), at=moment)
    found = await on_record(room)
    assert {one.abstract for one in found} == {f"About {truth.name}." for truth in TRUTH}
    assert len(found) == len(TRUTH)
    again = await room.take_in(*told)
    assert (again.new, again.merged) == (0, 0)


@pytest.mark.parametrize(("first", "second"), [(WHOLE, SHORT), (SHORT, WHOLE), (BRITISH, AMERICAN)])
async def test_a_near_equal_title_of_the_same_authors_is_found_on_record(
    room: Newsroom, first: Paper, second: Paper
) -> None:
    await room.take_in(first, *papers(0))
    taken = await room.take_in(second)
    assert taken.new == 0
    assert len(await on_record(room)) == 2
    # And by its title alone from then on.
    for title in (first.title, second.title.upper()):
        assert (await room.take_in(Paper(title=title))).new == 0


async def test_a_journals_page_is_found_by_its_doi_under_another_title(room: Newsroom) -> None:
    await room.take_in(WHOLE.model_copy(update={"doi": "10.5555/Talk.7"}))
    page = Paper(title="Turn taking for spoken agents that listen", doi="https://doi.org/10.5555/TALK.7")
    assert (await room.take_in(page)).new == 0
    other = Paper(title="Turn taking for spoken agents that listen", doi="10.5555/talk.8", authors=("Ada Quist",))
    assert (await room.take_in(other)).new == 1


async def test_equal_titles_of_other_authors_are_two_and_found_again(room: Newsroom) -> None:
    one, other = (Paper(title="Attention", authors=(name,)) for name in ("Maria Keller", "Ada Quist"))
    await room.take_in(one, other)
    assert len(await on_record(room)) == 2
    again = await room.take_in(other, one)
    assert (again.new, again.merged) == (0, 0)
    assert (await room.take_in(Paper(title="attention"))).new == 0


async def test_an_id_that_is_learned_ties_two_records_with_all_that_is_known_of_either(room: Newsroom) -> None:
    await room.take_in(WHOLE)
    await room.take_in(Paper(title="When agents listen", arxiv_id="2603.00001", abstract="Short."))
    whole, other = sorted(await on_record(room), key=lambda paper: paper.id or 0)
    assert whole.id
    assert other.id
    async with room.database.begin() as connection:
        (reader,) = await add_people(connection, 1)
        await compose(connection, draft(reader, whole))
        made = summaries.Kept(whole.id, "small", "0" * 32, "In short.", "", 9, NOW)
        await summaries.keep(connection, made)
        await vectors.keep(connection, [vectors.Kept(whole.id, "model-1", "0" * 32, 1, b"\x00\x3c")])
    taken = await room.take_in(WHOLE.model_copy(update={"arxiv_id": "2603.00001"}))
    assert (taken.new, taken.merged) == (0, 1)
    (kept,) = await on_record(room)
    assert (kept.arxiv_id, kept.votes, kept.id) == ("2603.00001", 4, other.id)
    async with room.database.connect() as connection:
        assert await summaries.texts(connection, [other.id]) == {other.id: "In short."}
        assert await summaries.spent(connection, NOW) == 9
        assert [one.numbers for one in await vectors.read(connection, [other.id], "model-1", 1)] == [b"\x00\x3c"]
        assert other.id in (await paper_rows.received_by(connection, [reader], since=NOW - timedelta(9)))[reader]


async def test_what_was_on_record_before_there_were_signs_gets_them(room: Newsroom) -> None:
    await room.take_in(WHOLE, BRITISH.model_copy(update={"doi": "10.5555/C"}))
    await room.say("DELETE FROM signs")
    await room.say("UPDATE papers SET signed = false")
    taken = await room.take_in(SHORT, Paper(title="Colour modelling in dialogue", doi="10.5555/c"))
    assert taken.new == 0
    assert len(await on_record(room)) == 2
    assert await room.rows("SELECT id FROM papers WHERE NOT signed") == []


async def test_updates_change_what_is_on_record_and_add_nothing(room: Newsroom) -> None:
    await room.take_in(*papers(0, 1))
    new = papers(0, 2, version=2, abstract="A much longer and quite another abstract.")
    parsed = ParsedFeed(layout="atom", updates=tuple(new))
    for merged in (1, 0):
        taken = await taking.take_in(room.database, room.clock, parsed, "replacements")
        assert (taken.new, taken.merged) == (0, merged)
    assert {paper.version for paper in await on_record(room)} == {None, 2}
    # It is another version than the one of which nobody said the number.
    assert len(await room.rows("SELECT id FROM papers WHERE revised_at IS NOT NULL")) == 1


async def test_who_saved_a_paper_is_told_of_its_revision_too(room: Newsroom) -> None:
    await room.take_in(*papers(0, version=1))
    (paper,) = await on_record(room)
    async with room.database.begin() as connection:
        saved, liked, late = await add_people(connection, 3)
        for person, verdict, moment in (
            (saved, "saved", NOW),
            (liked, "more", NOW),
            (late, "saved", NOW + timedelta(hours=9)),
        ):
            said = Feedback(subscriber_id=person, paper_id=paper.id or 0, verdict=verdict, at=moment)
            await subscribers.say(connection, said)
    room.clock.step(hours=2)
    await room.take_in(*papers(0, version=2))
    async with room.database.connect() as connection:
        found = await beside.unaware(connection, [saved, liked, late], [paper.id or 0])
    assert found == {saved: {paper.id}}


async def test_what_was_taken_for_one_is_taken_apart_for_good(room: Newsroom) -> None:
    wrong = SHORT.model_copy(update={"abstract": "Odd."})
    await room.take_in(WHOLE)
    await room.take_in(wrong)
    (kept,) = await on_record(room)
    assert await splitting.titles(room.database, kept.id or 0) == [SHORT.title]
    with pytest.raises(UsageError):
        await splitting.split(room.database, room.clock, kept.id or 0, "Something else")
    with pytest.raises(NotFoundError):
        await splitting.split(room.database, room.clock, 99, SHORT.title)
    alone = await splitting.split(room.database, room.clock, kept.id or 0, "LEARNING to listen")
    assert (alone.title, alone.first_seen_at) == (SHORT.title, room.clock.now())
    assert await splitting.titles(room.database, kept.id or 0) == []
    # Also where one source tells of both.
    for told in ((wrong, WHOLE), (WHOLE, wrong)):
        assert (await room.take_in(*told)).new == 0
    found = {paper.id: paper.abstract for paper in await on_record(room)}
    assert found == {kept.id: "Whole.", alone.id: "Odd."}


async def test_a_double_that_is_taken_apart_comes_back_as_it_was(room: Newsroom) -> None:
    first = Paper(title="On listening", authors=KELLER, doi="10.5555/l.1", abstract="First.")
    second = Paper(title="Spoken agents and their listeners", arxiv_id="2603.00009", abstract="Second.")
    tie = second.model_copy(update={"authors": KELLER, "doi": "10.5555/l.1"})
    await room.take_in(first)
    (double,) = await on_record(room)
    async with room.database.begin() as connection:
        had, fresh = await add_people(connection, 2)
        await compose(connection, draft(had, double))
    await room.take_in(second)
    await room.take_in(tie)
    (kept,) = await on_record(room)
    room.clock.step(days=60)
    alone = await splitting.split(room.database, room.clock, kept.id or 0, "On listening")
    assert (alone.id, alone.abstract, alone.first_seen_at) == (double.id, "First.", room.clock.now())
    taken = await room.take_in(first, second, tie)
    assert taken.new == 0
    assert {paper.id: paper.arxiv_id for paper in await on_record(room)} == {kept.id: "2603.00009", double.id: None}
    async with room.database.connect() as connection:
        received = await paper_rows.received_by(connection, [had, fresh], since=NOW)
    assert received == {had: {double.id, kept.id}, fresh: set()}


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
async def test_a_new_version_is_known_whether_it_was_told_of_before_the_paper_came_or_after(
    room: Newsroom, order: tuple[int, ...]
) -> None:
    named = {"arxiv_id": "2603.00009", "title": "When agents listen"}
    second = Paper(**named, version=2, authors=KELLER, abstract="About the second version.", keywords=("cs.LG",))
    told = (
        ParsedFeed(layout="atom", updates=(second, Paper(title="Another", arxiv_id="2603.00010", version=3))),
        ParsedFeed(layout="rss", updates=(second.model_copy(update={"keywords": ("cs.CL",)}),)),
        ParsedFeed(layout="rss", papers=(Paper(**named, version=1, abstract="About the first.", source="A blog"),)),
        ParsedFeed(layout="hub-json", papers=(Paper(**named, votes=7, abstract="About the first."),)),
    )
    for number in order:
        await taking.take_in(room.database, room.clock, told[number], "test")
    (paper,) = await on_record(room)
    assert (paper.version, paper.authors, paper.abstract, paper.votes) == (2, KELLER, second.abstract, 7)
    assert (paper.keywords, paper.source) == (("cs.CL", "cs.LG"), "A blog")


async def test_of_what_was_told_before_its_paper_the_highest_version_counts_and_it_is_forgotten(room: Newsroom) -> None:
    def told(version: int) -> ParsedFeed:
        return ParsedFeed(
            layout="atom", updates=(Paper(title=f"Listening, version {version}", arxiv_id="2603.9", version=version),)
        )

    for version in (2, 4, 3):
        await taking.take_in(room.database, room.clock, told(version), "test")
    assert await room.rows("SELECT arxiv_id, title_key FROM updates") == [("2603.9", "listeningversion4")]
    # A page that knows the title alone.
    await room.take_in(Paper(title="listening, VERSION 4"))
    (paper,) = await on_record(room)
    assert (paper.arxiv_id, paper.version) == ("2603.9", 4)
    async with room.database.begin() as connection:
        await updates.prune(connection, room.clock.now())
        assert await updates.of(connection, ["2603.9"], []) != []
        await updates.prune(connection, room.clock.now() + timedelta(seconds=1))
        assert await updates.of(connection, ["2603.9"], []) == []


async def test_titles_of_which_no_more_is_known_are_told_apart_by_their_signs(room: Newsroom) -> None:
    """The database refuses two of one title alone: these are not of one."""
    small, large = Paper(title="Qwen 1.5B technical report"), Paper(title="Qwen 15B technical report")
    taken = await room.take_in(small, Paper(title="Fuzzing C"), large, Paper(title="Fuzzing C++"))
    assert (taken.different, taken.new) == (4, 4)
    again = await room.take_in(large, small, Paper(title="QWEN 1.5B Technical Report"))
    assert (again.new, again.different) == (0, 2)
    # Whoever knows more of one of them knows that one.
    told = small.model_copy(update={"authors": KELLER, "url": "https://a.example/1"})
    assert (await room.take_in(told)).merged == 1
    found = {one.title: one.url for one in await on_record(room) if "15" in one.title or "1.5" in one.title}
    assert found == {small.title: "https://a.example/1", large.title: None}


async def test_a_title_with_signs_of_an_older_record_makes_room_for_the_other(room: Newsroom) -> None:
    await room.take_in(Paper(title="Fuzzing C++"))
    await room.say("UPDATE papers SET title_key = 'fuzzingc'")
    assert (await room.take_in(Paper(title="Fuzzing C"), Paper(title="Fuzzing C++"))).new == 1
    assert sorted(one.title for one in await on_record(room)) == ["Fuzzing C", "Fuzzing C++"]
    assert (await room.take_in(Paper(title="Fuzzing C"), Paper(title="Fuzzing C++"))).new == 0


async def test_each_of_a_column_is_another_and_its_page_joins_one_of_them(room: Newsroom) -> None:
    column = [Paper(title="This Week in Science", url=f"https://a.example/{number}") for number in range(3)]
    assert (await room.take_in(*column)).new == 3
    assert (await room.take_in(*column)).new == 0
    assert (await room.take_in(Paper(title="This week in science"))).new == 0
    assert len(await on_record(room)) == 3
