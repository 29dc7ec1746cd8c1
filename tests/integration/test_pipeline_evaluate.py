"""The past is replayed without a look into its future, beside what was really sent; and nothing is changed."""

import sqlite3
from collections.abc import Sequence
from datetime import timedelta

import pytest
from newsroom import DAY, Newsroom, address, papers

from newsletter.config import Ranking
from newsletter.models import Feedback
from newsletter.pipeline import evaluate as replays
from newsletter.pipeline import subscribers as people
from newsletter.pipeline.evaluate import Evaluation, Score
from newsletter.store import papers as store
from newsletter.store import subscribers


async def say(room: Newsroom, name: str, *numbers: int, verdict: str = "more") -> None:
    """Let someone speak of papers now."""
    person = await people.find(room.database, address(name))
    async with room.database.begin() as connection:
        for number in numbers:
            known = await store.find(connection, [f"2603.{number:05}"], [])
            said = {"subscriber_id": person.id, "paper_id": known[0].paper.id, "verdict": verdict}
            await subscribers.say(connection, Feedback(**said, at=room.clock.now()))


async def replay(room: Newsroom, *ways: Ranking, days: int = 10) -> Evaluation:
    """Replay the settings of now and others."""
    named = {"now": room.app.settings.ranking} | {f"way {number}": way for number, way in enumerate(ways, start=1)}
    return await replays.evaluate(room.database, room.clock, named, room.app.blank_ranker, room.app.placing, days=days)


def figures(scores: Sequence[Score]) -> list[tuple[int, int, int, int, float, int]]:
    """Return scores without their names."""
    return [(one.issues, one.papers, one.caught, one.likes, one.place, one.dislikes) for one in scores]


async def test_unchanged_settings_would_have_sent_what_was_sent(room: Newsroom) -> None:
    room.set("ranking", papers=2)
    await room.take_in(*papers(*range(9)))
    await room.subscribe("ada", "violin", "harbour", "pepper", "meadow")
    await room.subscribe("bob")
    room.clock.moment += DAY
    for liked in ((0, 3), (2,), (8,)):
        await room.compose()
        room.clock.step(hours=2)
        await say(room, "ada", *liked)
        await say(room, "bob", *liked, verdict="saved")
        room.clock.moment += timedelta(hours=22)
    await say(room, "bob", 1, verdict="less")
    found = await replay(room, days=4)
    really, now = figures(found.scores)
    assert really == now
    records = await room.records()
    assert really[:2] == (len(records), sum(len(one.titles) for one in records))
    assert really[2] >= 3
    assert really[5] == 1
    assert found.readers == 2


async def test_other_settings_catch_other_likes_and_dislikes_in_other_places(small_room: Newsroom) -> None:
    room = small_room
    room.set("ranking", papers=1)
    await room.take_in(*papers(*range(4)))
    await room.subscribe("ada")
    room.clock.moment += DAY
    await room.compose()
    room.clock.step(hours=1)
    # Found elsewhere: nobody sent 1 and 2.
    await say(room, "ada", 1)
    await say(room, "ada", 2, verdict="less")
    found = await replay(room, Ranking(papers=3))
    assert figures(found.scores) == [(1, 1, 0, 1, 0.0, 0), (1, 1, 0, 1, 0.0, 0), (1, 3, 1, 1, 0.5, 1)]
    assert found.verdict.startswith("That is too little to tell, with 1 like of 1 reader; about 630 likes are needed")


async def test_what_came_or_was_said_later_is_not_known_to_a_replay(small_room: Newsroom) -> None:
    room = small_room
    await room.take_in(*papers(0, 1))
    await room.subscribe("ada")
    room.clock.moment += DAY
    await room.compose()
    before = figures((await replay(room)).scores)
    room.clock.step(hours=1)
    # They liked it later, and much more came in the same day.
    await room.take_in(*papers(*range(2, 9)))
    await say(room, "ada", 8)
    assert figures((await replay(room)).scores) == before


async def test_no_paper_is_sent_twice_in_a_replay(small_room: Newsroom) -> None:
    room = small_room
    room.set("ranking", papers=1)
    await room.take_in(*papers(*range(6)))
    await room.subscribe("ada")
    room.clock.moment += DAY
    for _ in range(4):
        await room.compose()
        room.clock.moment += DAY
    # 0 and 1, then 3 and 4 (2 was really sent before the third), then 5.
    assert (await replay(room, Ranking(papers=2))).scores[-1].papers <= 6


async def test_an_empty_record_is_told_so(small_room: Newsroom) -> None:
    found = await replay(small_room, Ranking(popularity=0.5))
    assert figures(found.scores) == [(0, 0, 0, 0, 0.0, 0)] * 3
    assert found.verdict.startswith("Nobody liked a paper that could be sent in these days, so nothing can be told;")


async def test_people_are_replayed_in_blocks_with_the_same_figures(
    small_room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = small_room
    await room.take_in(*papers(*range(6)))
    for number in range(5):
        await room.subscribe(f"reader{number}", *(("violin",) if number % 2 else ()))
    room.clock.moment += DAY
    await room.compose()
    room.clock.step(hours=1)
    for number in range(5):
        await say(room, f"reader{number}", number)
    whole = await replay(room, Ranking(papers=2))
    monkeypatch.setattr(replays, "BLOCK", 2)
    told: list[tuple[int, int]] = []
    found = await replays.evaluate(
        room.database,
        room.clock,
        {"now": room.app.settings.ranking, "way 1": Ranking(papers=2)},
        room.app.blank_ranker,
        room.app.placing,
        days=10,
        progress=lambda done, of: told.append((done, of)),
    )
    assert found == whole
    assert told == [(2, 5), (4, 5), (5, 5)]


async def test_who_was_erased_is_no_part_of_it(small_room: Newsroom) -> None:
    room = small_room
    await room.take_in(*papers(0))
    for name in ("ada", "bob"):
        await room.subscribe(name)
    await room.compose()
    room.clock.step(hours=1)
    await say(room, "ada", 0)
    await people.erase(room.database, room.clock, address("ada"))
    assert (await replay(room)).readers == 0
    assert (await replay(room)).scores[0].issues == 1


async def test_a_replay_only_reads(small_room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    room = small_room
    await room.take_in(*papers(0, 1))
    await room.subscribe("ada")
    await room.compose()
    room.clock.step(hours=1)
    await say(room, "ada", 0)

    def dump() -> list[str]:
        with sqlite3.connect(f"file:{room.database.file}?mode=ro", uri=True) as connection:
            return list(connection.iterdump())

    before = dump()
    monkeypatch.setattr(type(room.database), "begin", None)
    monkeypatch.setattr(type(room.database), "open_direct", None)
    assert (await replay(room, Ranking(papers=1))).scores[0].caught == 1
    assert dump() == before
