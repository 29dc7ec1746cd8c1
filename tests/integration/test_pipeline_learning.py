"""What all readers liked reaches each reader's mail; a run keeps its model, and learns it anew beside its work."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from newsroom import NOW, Newsroom, address, papers, titles, until

from newsletter.models import Feedback, Paper
from newsletter.pipeline import learning
from newsletter.pipeline import subscribers as people
from newsletter.pipeline.learning import Learner, lesson_of
from newsletter.ranking.taste import LEAST_READERS
from newsletter.schedule.local import tick
from newsletter.store import papers as store
from newsletter.store import subscribers


class Model:
    """A model that only remembers what it was fitted on; `gate` holds fitting up, and `fault` lets it fail."""

    gate: threading.Event | None = None
    fault: Exception | None = None

    def __init__(self) -> None:
        self.archive: list[Paper] = []
        self.threads: list[str] = []

    def fit(self, archive: Sequence[Paper], likes: Sequence[Sequence[Paper]] = (), *, vectors: Any = None) -> None:
        """Remember the archive."""
        if self.gate is not None:
            self.gate.wait(20)
        if self.fault is not None:
            raise self.fault
        self.archive = list(archive)
        self.threads.append(threading.current_thread().name)


class Stubborn(Model):
    """One whose fitting the test holds up or breaks."""


@pytest.fixture
async def learner(small_room: Newsroom) -> AsyncIterator[Learner[Stubborn]]:
    """A learner of models that can be held up."""
    Stubborn.gate = Stubborn.fault = None
    made: Learner[Stubborn] = Learner(small_room.database, small_room.clock, Stubborn, small_room.app.placing())
    yield made
    if Stubborn.gate is not None:
        Stubborn.gate.set()
    await made.close()


async def like(room: Newsroom, name: str, *numbers: int, verdict: str = "more") -> None:
    """Let someone have liked papers."""
    person = await people.find(room.database, address(name))
    async with room.database.begin() as connection:
        for number in numbers:
            known = await store.find(connection, [f"2603.{number:05}"], [])
            said = {"subscriber_id": person.id, "paper_id": known[0].paper.id, "verdict": verdict, "at": NOW}
            await subscribers.say(connection, Feedback(**said))


async def crowd(room: Newsroom, size: int, *numbers: int, start: int = 0) -> None:
    """Take in readers who liked these papers."""
    for number in range(start, start + size):
        await room.subscribe(f"reader{number}", cadence="weekly:sun")
        await like(room, f"reader{number}", *numbers)


# What all readers liked


@pytest.mark.parametrize("crowded", [True, False])
async def test_what_readers_of_similar_taste_liked_changes_an_issue_once_they_are_enough(
    small_room: Newsroom, crowded: bool
) -> None:
    room = small_room
    await room.take_in(*papers(*range(8)))
    await room.subscribe("ada")
    await like(room, "ada", 0)
    each = LEAST_READERS // 2 if crowded else LEAST_READERS // 2 - 1
    await crowd(room, each, 0, 1)
    await crowd(room, each, 4, 5, start=each)
    person = await people.find(room.database, address("ada"))
    picks = (await (await room.app.composer()).pick([person], NOW.date()))[0].picks
    # No word of the one stands in the other.
    assert [pick.paper.title for pick in picks if pick.paper.title not in titles(0)] == list(titles(1) * crowded)


async def test_who_left_was_erased_or_said_less_teaches_nothing(room: Newsroom) -> None:
    await room.take_in(*papers(*range(4)))
    for name in ("ada", "bob", "eve", "kim"):
        await room.subscribe(name)
    await like(room, "ada", 0, 1)
    await like(room, "ada", 2, verdict="less")
    await like(room, "bob", 2, verdict="saved")
    await like(room, "eve", 3)
    await like(room, "kim", 3)
    await people.remove(room.database, room.clock, address("eve"), source="test")
    await people.erase(room.database, room.clock, address("kim"))
    liked = [sorted(paper.title for paper in likes) for likes in (await lesson_of(room.database)).likes]
    assert sorted(liked) == [sorted(titles(0, 1)), list(titles(2))]
    assert (await lesson_of(room.database, before=NOW)).likes == []
    assert (await lesson_of(room.database, before=NOW)).archive == []


async def test_the_newest_likes_are_kept_where_there_are_too_many(room: Newsroom) -> None:
    await room.take_in(*papers(0, 1, 2))
    await room.subscribe("ada")
    await like(room, "ada", 0, 1, 2)
    await room.say("UPDATE feedback SET at = '2026-03-01 00:00:00' WHERE paper_id = (SELECT min(id) FROM papers)")
    async with room.database.connect() as connection:
        found = await subscribers.likes_of_all(connection, 2)
        everything = await subscribers.likes_of_all(connection, 10)
    assert set(everything[0]) - set(found[0]) == {min(everything[0])}


# The model that is kept


async def test_a_model_is_kept_until_the_archive_grew_and_swapped_once_the_new_one_is_ready(
    small_room: Newsroom, learner: Learner[Stubborn]
) -> None:
    await small_room.take_in(*papers(0, 1))
    first = await learner.kept()
    assert await learner.kept() is first
    assert len(first.archive) == 2
    Stubborn.gate = threading.Event()
    await small_room.take_in(*papers(2))
    # Nobody waits for the new one.
    assert await learner.kept() is first
    assert await learner.kept() is first
    Stubborn.gate.set()
    await until(lambda: learner._kept is not None and learner._kept.model is not first)
    second = await learner.kept()
    assert len(second.archive) == 3
    assert second.threads == ["learning"]
    assert await learner.kept() is second


async def test_a_model_is_learned_anew_when_it_is_old_or_the_clock_stepped_back_so_far(
    small_room: Newsroom, learner: Learner[Stubborn]
) -> None:
    await small_room.take_in(*papers(0, 1))
    first = await learner.kept()
    small_room.clock.moment += learning.OLDEST - timedelta(seconds=1)
    assert await learner.kept() is first
    assert learner._refresh is None
    for step in (timedelta(seconds=1), -2 * learning.OLDEST):
        small_room.clock.moment += step
        before = await learner.kept()
        await until(lambda before=before: learner._kept is not None and learner._kept.model is not before)


async def test_with_a_large_archive_a_few_papers_more_are_no_reason(
    small_room: Newsroom, learner: Learner[Stubborn], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "GROWN", 0.5)
    await small_room.take_in(*papers(0, 1))
    first = await learner.kept()
    await small_room.take_in(*papers(2))
    assert await learner.kept() is first
    assert learner._refresh is None


async def test_where_learning_fails_the_old_model_goes_on_and_it_is_tried_again_later(
    small_room: Newsroom, learner: Learner[Stubborn]
) -> None:
    await small_room.take_in(*papers(0, 1))
    first = await learner.kept()
    await small_room.take_in(*papers(2))
    Stubborn.fault = MemoryError("no room")
    assert await learner.kept() is first
    await until(lambda: learner._failed_at is not None)
    task = learner._refresh
    assert await learner.kept() is first
    assert learner._refresh is task
    Stubborn.fault = None
    small_room.clock.moment += learning.PAUSE
    assert await learner.kept() is first
    await until(lambda: learner._kept is not None and learner._kept.model is not first)


async def test_a_first_model_that_fails_is_told_to_who_asks(small_room: Newsroom, learner: Learner[Stubborn]) -> None:
    Stubborn.fault = MemoryError("no room")
    with pytest.raises(MemoryError):
        await learner.kept()


async def test_an_empty_archive_is_learned_anew_as_soon_as_there_are_papers(
    small_room: Newsroom, learner: Learner[Stubborn]
) -> None:
    assert (await learner.kept()).archive == []
    await small_room.take_in(*papers(0))
    assert len((await learner.kept()).archive) == 1


async def test_the_end_waits_for_no_model(small_room: Newsroom, learner: Learner[Stubborn]) -> None:
    await small_room.take_in(*papers(0))
    await learner.kept()
    await small_room.take_in(*papers(1))
    Stubborn.gate = threading.Event()
    await learner.kept()
    await asyncio.wait_for(learner.close(), 20)


async def test_ticks_share_a_model_and_see_new_papers_at_once(small_room: Newsroom) -> None:
    room = small_room
    await room.take_in(*papers(0, 1))
    await room.subscribe("ada", "violin", "harbour", hour=10)
    room.clock.step(hours=2)
    await tick(room.app)
    kept = await room.app.learner.kept()
    await room.take_in(*papers(2))
    room.clock.step(hours=23)
    await tick(room.app)
    assert await room.got("ada") == [titles(0), titles(2)]
    await until(lambda: room.app.learner._kept is not None and room.app.learner._kept.model is not kept)


async def test_one_command_learns_once(small_room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    from newsletter.ranking import Ranker

    fitted = []
    fit = Ranker.fit
    monkeypatch.setattr(Ranker, "fit", lambda self, *given, **more: (fitted.append(self), fit(self, *given, **more))[1])
    await small_room.take_in(*papers(0, 1))
    for name in ("ada", "bob"):
        await small_room.subscribe(name, "violin")
    await small_room.send()
    assert len(fitted) == 1


async def test_all_who_ask_before_there_is_a_model_wait_for_one(
    small_room: Newsroom, learner: Learner[Stubborn]
) -> None:
    await small_room.take_in(*papers(0, 1))
    Stubborn.gate = threading.Event()
    asking = [asyncio.create_task(learner.kept()) for _ in range(3)]
    await until(lambda: learner._first is not None)
    # Whoever leaves takes it from nobody.
    asking[0].cancel()
    Stubborn.gate.set()
    first, second = await asyncio.gather(*asking[1:])
    assert first is second
    assert first.threads == ["learning"]


async def test_a_first_model_that_failed_is_learned_by_whoever_asks_next(
    small_room: Newsroom, learner: Learner[Stubborn]
) -> None:
    await small_room.take_in(*papers(0))
    Stubborn.fault = MemoryError("no room")
    with pytest.raises(MemoryError):
        await learner.kept()
    Stubborn.fault = None
    assert len((await learner.kept()).archive) == 1
