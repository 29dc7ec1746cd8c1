"""The first issue after a pause: the ten best of all that came meanwhile, once, beside the papers of the day."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from newsroom import DAY, TODAY, Newsroom, address, papers, titles

from newsletter.models import FOREVER, Missed, Paper, Pick
from newsletter.pipeline import returning, subscribers
from newsletter.store import issues
from newsletter.store import subscribers as rows


def many(*numbers: int, topic: str = "", **known: Any) -> list[Paper]:
    """Return papers beyond those that `papers` has words for, the lower the number the more popular."""
    return [
        Paper(
            title=f"Study {number} of {topic or 'things'}",
            abstract=f"What {topic or 'things'} {'abcdefghij'[number % 10] * 5}{number} are.",
            arxiv_id=f"2604.{number:05}",
            votes=4000 // number,
            **known,
        )
        for number in numbers
    ]


async def days(room: Newsroom, number: int = 1) -> Any:
    """Let days pass, and return the date."""
    room.clock.step(days=number)
    return room.clock.now().date()


async def got(room: Newsroom, name: str) -> tuple[Missed | None, tuple[Pick, ...]]:
    """Return what is missed in someone's latest issue, and its papers."""
    number = (await room.record(name)).delivery.issue_id
    async with room.database.connect() as connection:
        issue = (await issues.load(connection, [number]))[number].issue
    return issue.beside.missed, issue.picks


async def away(room: Newsroom, name: str) -> bool:
    """Tell whether someone counts as away."""
    return (await subscribers.find(room.database, address(name))).away


async def pause(room: Newsroom, name: str, length: int | None, **wish: Any) -> None:
    """Send someone nothing for so many days, or until they resume."""
    until = None if length is None else room.clock.now().date() + timedelta(days=length)
    await subscribers.pause(room.database, address(name), until, **wish)


async def test_the_ten_best_come_beside_the_papers_of_the_day_and_not_twice(room: Newsroom) -> None:
    room.set("ranking", papers=3, outside=0, freshness=0.0)
    await room.take_in(*papers(0))
    await room.subscribe("ada")
    await room.subscribe("bob")
    await room.send()
    await pause(room, "ada", 6)
    for first in range(1, 13, 3):
        await days(room)
        await room.take_in(*many(*range(first, first + 3)))
    await days(room)
    today = await days(room)
    await room.take_in(*papers(1, 2))
    expected = (await room.preview("ada", today)).issue
    await room.send(today)
    missed, picks = await got(room, "ada")
    assert missed is not None
    assert (missed.since, missed.best, missed.last - missed.first) == (TODAY, True, 9)
    best = picks[missed.first - 1 : missed.last]
    assert {pick.paper.title for pick in best} == {f"Study {number} of things" for number in range(1, 11)}
    assert sorted({pick.paper.title for pick in picks} - {pick.paper.title for pick in best}) == sorted(titles(1, 2))
    assert [pick.paper.id for pick in expected.picks] == [pick.paper.id for pick in picks]
    assert expected.beside.missed == missed
    text = (await room.preview("ada", today)).written.rendered.text
    assert "The best that you missed" in text
    assert "What came in since Mar 2, 2026" in text
    assert (await got(room, "bob"))[0] != missed
    # From then on all is as ever.
    assert not await away(room, "ada")
    await room.take_in(*papers(3))
    await room.send(await days(room))
    missed, later = await got(room, "ada")
    assert missed is None
    assert not {pick.paper.id for pick in picks} & {pick.paper.id for pick in later}


async def test_the_best_are_theirs_and_what_they_had_or_muted_is_not_among_them(small_room: Newsroom) -> None:
    room = small_room
    room.set("ranking", outside=0)
    await room.subscribe("ada", "violin", muted_words=("rosin",))
    await room.take_in(*many(1, topic="violin"))
    await room.send()
    await pause(room, "ada", 5)
    await days(room)
    await room.take_in(*many(*range(2, 6), topic="violin"), *many(6, topic="violin rosin"), *many(7, 8, topic="cellar"))
    await days(room)
    await room.send(await days(room, 3))
    missed, picks = await got(room, "ada")
    assert missed is not None
    assert {pick.paper.title for pick in picks} == {f"Study {number} of violin" for number in range(2, 6)}
    assert (missed.first, missed.last) == (1, 4)


@pytest.mark.parametrize("wish", [False, True])
async def test_a_pause_without_end_that_they_end_and_one_whose_best_they_do_not_want(
    room: Newsroom, wish: bool
) -> None:
    room.set("ranking", papers=2, outside=0)
    await room.take_in(*papers(0))
    await room.subscribe("ada")
    await room.send()
    await pause(room, "ada", None, best_missed=wish)
    found = await subscribers.find(room.database, address("ada"))
    assert (found.paused_until, found.away, found.best_missed) == (FOREVER, True, wish)
    await days(room)
    await room.take_in(*many(*range(1, 9)))
    await days(room, 3)
    await subscribers.resume(room.database, address("ada"))
    assert await away(room, "ada")
    await room.take_in(*papers(1))
    await room.send(room.clock.now().date())
    missed, picks = await got(room, "ada")
    assert missed == (Missed(TODAY, 1, 8, best=True) if wish else Missed(TODAY, 1, 2))
    assert len(picks) == (9 if wish else 2)
    assert not await away(room, "ada")


async def test_a_night_without_run_is_no_pause(room: Newsroom) -> None:
    room.set("ranking", papers=2, outside=0)
    await room.take_in(*papers(0))
    await room.subscribe("ada")
    await room.send()
    await days(room)
    await room.take_in(*many(*range(1, 9)))
    await room.send(await days(room, 3))
    missed, picks = await got(room, "ada")
    assert (missed, len(picks)) == (Missed(TODAY, 1, 2), 2)


async def test_of_a_long_absence_the_best_of_each_week_are_looked_at_for_a_year(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(returning, "EACH_WEEK", 3)
    room.set("ranking", papers=3, outside=0, freshness=0.0)
    await room.take_in(*papers(0))
    await room.subscribe("ada", papers=1)
    await room.subscribe("bob")
    await room.send()
    for name in ("ada", "bob"):
        await pause(room, name, 400 if name == "ada" else None)
    await days(room, 20)
    # More than a year before the return: nobody hears of it.
    await room.take_in(*papers(1, votes=9999))
    await days(room, 30)
    await room.take_in(*many(*range(10, 20)))
    await days(room, 70)
    await room.take_in(*many(*range(20, 30)))
    await days(room, 270)
    await room.take_in(*many(30, 31))
    today = await days(room, 10)
    await subscribers.resume(room.database, address("bob"))
    await room.take_in(*papers(2, 3))
    await room.send(today)
    for name, number in (("ada", 1), ("bob", 2)):
        missed, picks = await got(room, name)
        assert missed is not None
        best = [pick.paper.title for pick in picks[missed.first - 1 : missed.last]]
        assert best == [f"Study {at} of things" for at in (10, 11, 12, 20, 21, 22, 30, 31)]
        assert len(picks) - len(best) == number
    # Whoever was not away has nothing of it at hand.
    await room.subscribe("eve")
    await room.send(await days(room))
    assert {pick.paper.title for pick in (await got(room, "eve"))[1]} <= {
        *titles(2, 3),
        "Study 30 of things",
        "Study 31 of things",
    }


async def test_a_kill_before_the_issue_is_on_record_leaves_them_away(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.take_in(*papers(0))
    await room.subscribe("ada")
    await room.send()
    await pause(room, "ada", 4)
    await days(room)
    await room.take_in(*papers(1, 2))
    today = await days(room, 3)

    async def fails(*_: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(rows, "returned", fails)
        with pytest.raises(asyncio.CancelledError):
            await room.compose(today)
    assert await away(room, "ada")
    assert len(await room.records("ada")) == 1
    await room.send(today)
    missed, picks = await got(room, "ada")
    assert missed == Missed(TODAY, 1, 2, best=True)
    assert len(picks) == 2


async def test_who_pauses_again_while_it_is_chosen_is_away_still(room: Newsroom) -> None:
    await room.subscribe("ada")
    person = await subscribers.find(room.database, address("ada"))
    await pause(room, "ada", 5)
    async with room.database.begin() as connection:
        await rows.returned(connection, [person.id], TODAY)
    assert await away(room, "ada")
    async with room.database.begin() as connection:
        await rows.returned(connection, [person.id], TODAY + 5 * DAY)
    assert not await away(room, "ada")


@settings(max_examples=40)
@given(
    one=st.frozensets(st.integers(0, 30)),
    other=st.frozensets(st.integers(0, 30)),
    number=st.integers(0, 30),
)
def test_two_collections_are_as_one(one: frozenset[int], other: frozenset[int], number: int) -> None:
    both = returning.Both(one, other - one)
    assert set(both) == one | other
    assert len(both) == len(one | other)
    assert (number in both) == (number in one | other)
