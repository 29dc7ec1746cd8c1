"""Why somebody got a paper or did not: each answer is what choosing does, and what the record says."""

from datetime import date, timedelta

import pytest
from newsroom import DAY, NOW, TODAY, WORDS, Newsroom, address, papers, titles

from newsletter.errors import NotFoundError, UsageError
from newsletter.models import Paper
from newsletter.pipeline import subscribers
from newsletter.pipeline.explain import Answer, why
from newsletter.store import merging, suppressions


async def ask(room: Newsroom, named: str, *, name: str = "ada", day: date | None = None) -> Answer:
    """Return why someone got a paper, or did not."""
    ranking = room.app.settings.ranking
    return await why(room.database, room.clock, ranking, room.app.rehearsing, address(name), named, day=day)


async def kinds(room: Newsroom, named: str, *, name: str = "ada", day: date | None = None) -> list[str]:
    """Return only the kinds of what decided."""
    return [one.kind for one in (await ask(room, named, name=name, day=day)).because]


def title(number: int) -> str:
    return titles(number)[0]


async def test_what_was_sent_is_told_with_place_reason_and_state(room: Newsroom) -> None:
    await room.take_in(*papers(0, 1))
    await room.subscribe("ada", "violin", "glacier")
    await room.compose()
    waiting = (await ask(room, title(0))).because
    assert [one.kind for one in waiting] == ["waiting"]
    assert "waits to be sent" in waiting[0].sentence
    await room.deliver()
    told = (await ask(room, title(0))).because[0]
    assert told.kind == "sent"
    assert "issue of 2026-03-02 (daily), in place 1 of 2: Matches violin. The built-in catcher has it" in told.sentence
    room.clock.moment += 3 * DAY
    assert await kinds(room, title(0)) == ["sent"]


async def test_the_place_is_that_of_the_mail_where_a_paper_before_it_was_left_out(room: Newsroom) -> None:
    await room.take_in(*papers(0, 1, 2))
    await room.subscribe("ada")
    await room.compose()
    await room.say("DELETE FROM picks WHERE position = 2")
    told = [(await ask(room, title(number))).because[0] for number in (0, 2)]
    assert [one.facts["position"] for one in told] == [1, 3]
    assert "in place 3 of 3" in told[1].sentence
    assert "in place 1 of 3" in told[0].sentence


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("sent", "The mail server took it"),
        ("deferred", "put it off until"),
        ("unknown", "may or may not have arrived"),
        ("bounced", "came back"),
        ("complained", "reported"),
        ("sending", "on its way"),
    ],
)
async def test_every_state_of_a_mail_has_its_words(small_room: Newsroom, state: str, words: str) -> None:
    await small_room.take_in(*papers(0))
    await small_room.subscribe("ada")
    await small_room.compose()
    await small_room.say("UPDATE deliveries SET state = :state", state=state)
    assert words in (await ask(small_room, title(0))).because[0].sentence


@pytest.mark.parametrize("state", ["failed", "suppressed"])
async def test_what_did_not_arrive_may_be_chosen_again(small_room: Newsroom, state: str) -> None:
    await small_room.take_in(*papers(0))
    await small_room.subscribe("ada")
    await small_room.compose()
    await small_room.say("UPDATE deliveries SET state = :state", state=state)
    await small_room.say("DELETE FROM received")
    small_room.clock.moment += DAY
    told = (await ask(small_room, title(0))).because
    assert [one.kind for one in told] == ["chosen", "released"]
    assert told[1].sentence.endswith("So the paper may be chosen again.")


async def test_a_paper_that_they_had_under_another_title_counts_as_had(room: Newsroom) -> None:
    await room.take_in(*papers(0, 1))
    await room.subscribe("ada", "glacier")
    await room.compose()
    async with room.database.begin() as connection:
        ids = [number for (number,) in await room.rows("SELECT id FROM papers ORDER BY id")]
        await merging.merge(connection, ids[0], ids[1])
    for named in (title(0), str(ids[0]), str(ids[1])):
        answer = await ask(room, named)
        assert answer.paper.title == title(0)
        assert "There it is called “The glacier”" in answer.because[0].sentence


async def test_what_they_muted_is_named_as_they_wrote_it(small_room: Newsroom) -> None:
    room = small_room
    await room.take_in(*papers(0, authors=("Ada Lovelace",)))
    await room.subscribe("ada", "violin", muted_words=("Harbours", "VIOLINS"), muted_authors=("lovelace, ada", "Bo"))
    told = (await ask(room, title(0))).because
    assert [one.sentence for one in told] == [
        "They muted the word “VIOLINS”, which stands in it.",
        "They muted its author lovelace, ada.",
    ]


async def test_hidden_old_and_too_little_are_told_together(small_room: Newsroom) -> None:
    room = small_room
    await room.take_in(*papers(0, 1, 2))
    await room.subscribe("ada", "glacier")
    await room.say("UPDATE papers SET hidden = true WHERE title = :title", title=title(0))
    assert await kinds(room, title(0)) == ["hidden", "least"]
    assert await kinds(room, title(2)) == ["least"]
    room.clock.moment += 30 * DAY
    told = (await ask(room, title(0))).because
    assert [one.kind for one in told] == ["hidden", "old", "least"]
    assert "it came in on 2026-03-02, and ranking.window_days = 14 reaches back to 2026-03-18" in told[1].sentence


async def test_what_was_not_there_yet_is_told_with_when_it_came(small_room: Newsroom) -> None:
    room = small_room
    await room.take_in(*papers(0))
    await room.subscribe("ada")
    await room.compose()
    room.clock.step(hours=3)
    await room.take_in(*papers(1))
    told = (await ask(room, title(1))).because
    assert [one.kind for one in told] == ["unseen"]
    assert "their issue of 2026-03-02 was put together at 2026-03-02 09:00 UTC" in told[0].sentence
    assert await kinds(room, title(1), day=TODAY + DAY) == ["chosen"]
    assert await kinds(room, title(1), day=TODAY - 5 * DAY) == ["unseen"]


async def test_the_cut_is_told_with_its_figures(small_room: Newsroom) -> None:
    room = small_room
    room.set("ranking", papers=2)
    await room.take_in(*papers(0, 1, 2, 3))
    await room.subscribe("ada")
    told = (await ask(room, title(3))).because
    assert [one.kind for one in told] == ["below"]
    assert told[0].facts["rank"] == 4
    assert told[0].facts["last_score"] > told[0].facts["score"]
    assert "place 4 of 4 papers" in told[0].sentence
    await room.compose()
    # The issue is on record now, and the answer for its day is the same.
    assert (await ask(room, title(3))).because[0].facts == told[0].facts
    assert (await ask(room, title(2))).because[0].facts["rank"] == 3


async def test_near_equals_name_the_better_one(small_room: Newsroom) -> None:
    room = small_room
    text = "The violin of the glacier and the harbour in the meadow with a copper anchor under the velvet"
    twins = [Paper(title=f"{text} {word}", abstract=text, votes=votes) for word, votes in (("one", 5), ("two", 50))]
    await room.take_in(*twins, *papers(7, 8, 9))
    await room.subscribe("ada", "violin")
    told = (await ask(room, twins[0].title)).because
    assert [one.kind for one in told] == ["alike"]
    assert f"“{twins[1].title}”" in told[0].sentence


async def test_what_keeps_a_person_from_mail_comes_first(small_room: Newsroom) -> None:
    room = small_room
    await room.take_in(*papers(0))
    for name in ("gone", "paused", "barred"):
        await room.subscribe(name, "violin")
    await room.subscribe("weekly", "violin", cadence="weekly:fri")
    await subscribers.remove(room.database, room.clock, address("gone"), source="test")
    await subscribers.pause(room.database, address("gone"), None)
    await subscribers.pause(room.database, address("paused"), None)
    async with room.database.begin() as connection:
        await suppressions.add(connection, address("barred"), "it bounced", NOW)
    assert await kinds(room, title(0), name="gone") == ["consent", "paused", "chosen"]
    assert await kinds(room, title(0), name="paused") == ["paused", "chosen"]
    assert await kinds(room, title(0), name="barred") == ["suppressed", "chosen"]
    assert await kinds(room, title(0), name="weekly") == ["cadence", "chosen"]
    assert await kinds(room, title(0), name="weekly", day=date(2026, 3, 6)) == ["chosen"]


async def test_wishes_that_changed_since_the_issue_are_told(small_room: Newsroom) -> None:
    room = small_room
    await room.take_in(*papers(0, 1))
    await room.subscribe("ada", "violin")
    await room.compose()
    await subscribers.edit(
        room.database,
        address("ada"),
        lambda person: person.model_copy(update={"topics": (person.topics[0].model_copy(update={"name": "glacier"}),)}),
    )
    assert await kinds(room, title(1)) == ["chosen", "changed"]


async def test_one_that_came_in_a_later_issue_is_told_so_for_the_earlier_day(room: Newsroom) -> None:
    room.set("ranking", papers=1)
    await room.take_in(*papers(0, 1))
    await room.subscribe("ada")
    await room.compose()
    room.clock.moment += DAY
    await room.compose()
    assert await kinds(room, title(1), day=TODAY) == ["below", "waiting"]


# Which paper is meant


async def test_a_paper_is_found_by_all_that_names_it(room: Newsroom) -> None:
    other = Paper(title="Of sparse and dense", doi="10.1000/Ab.7", url="https://papers.example/x?id=7")
    await room.take_in(*papers(0), other, Paper(title="1984"))
    await room.subscribe("ada")
    number = (await room.rows("SELECT id FROM papers WHERE title = 'The violin'"))[0][0]
    for named in (str(number), "2603.00000", "https://arxiv.org/abs/2603.00000v2", "the VIOLIN", "violin"):
        assert (await ask(room, named)).paper.title == "The violin"
    for named in ("10.1000/ab.7", "https://doi.org/10.1000/AB.7", "https://papers.example/x?id=7", "dense sparse"):
        assert (await ask(room, named)).paper.title == other.title
    assert (await ask(room, "1984")).paper.title == "1984"


async def test_several_papers_are_named_and_none_is_said_so(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(*range(12)))
    await small_room.subscribe("ada")
    with pytest.raises(UsageError, match=r"More than one paper may be meant: \d+ “The .*and more\."):
        await ask(small_room, "the")
    for named in ("nothing of the kind", "2603.99999", "999999", "10.1/x", "https://nowhere.example/", "%"):
        with pytest.raises(NotFoundError, match="No paper on record"):
            await ask(small_room, named)
    with pytest.raises(UsageError, match="No paper is named"):
        await ask(small_room, " ")
    with pytest.raises(NotFoundError, match="Nobody with the address"):
        await ask(small_room, "the", name="nobody")


async def test_where_a_title_is_misspelled_the_nearest_ones_are_named_and_none_is_taken(small_room: Newsroom) -> None:
    room = small_room
    await room.take_in(Paper(title="Low-Rank Adaptation of Erdős graphs"), *papers(*range(3)))
    await room.subscribe("ada")
    number = (await room.rows("SELECT id FROM papers WHERE title LIKE 'Low-Rank%'"))[0][0]
    for named in ("lowe-rank adaptatoin", "adaption of erdos grafs", "low rank adaptations"):
        with pytest.raises(NotFoundError, match="No paper on record") as refused:
            await ask(room, named)
        assert refused.value.next_step == (
            f"Near to it: {number} “Low-Rank Adaptation of Erdős graphs”. Name one of them by its number."
        )
    for named in ("2603.99999", "https://adaptation.example/low-rank", "unheard of"):
        with pytest.raises(NotFoundError) as refused:
            await ask(room, named)
        assert "papers list" in str(refused.value.next_step)


async def test_nothing_is_changed(small_room: Newsroom) -> None:
    room = small_room
    await room.take_in(*papers(0, 1))
    await room.subscribe("ada", WORDS[0])
    await room.compose()
    tables = ("issues", "picks", "received", "deliveries", "editions", "papers")
    before = [await room.rows(f"SELECT * FROM {table}") for table in tables]  # noqa: S608 - names of our own
    for number in (0, 1):
        await ask(room, title(number), day=TODAY + timedelta(days=number))
    assert [await room.rows(f"SELECT * FROM {table}") for table in tables] == before  # noqa: S608
