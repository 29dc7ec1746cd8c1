"""Who gets which papers: everyone their own, nobody one twice, and nothing that they must not get."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from newsroom import DAY, NOW, TODAY, Newsroom, address, open_newsroom, papers, titles
from structlog.testing import capture_logs

from newsletter import resources
from newsletter.errors import ConflictError, StoreError
from newsletter.models import Paper, Subscriber
from newsletter.pipeline import chooser, compose, refresh, subscribers
from newsletter.pipeline.arranging import Content
from newsletter.pipeline.compose import MOST_CONFLICTS, Composer, ComposeReport
from newsletter.pipeline.due import due_by_hand


async def take_in_samples(room: Newsroom) -> None:
    """Take in the first of the sample pages."""
    page = resources.seeds() / "daily-papers-1.txt"
    await refresh.ingest(room.database, room.clock, room.app.settings.feeds, [page])


def all_once(issues: list[tuple[str, ...]]) -> bool:
    had = [title for titles in issues for title in titles]
    return len(had) == len(set(had))


async def test_people_with_different_topics_get_different_papers(small_room: Newsroom) -> None:
    await take_in_samples(small_room)
    await small_room.subscribe("ada", "quantization")
    await small_room.subscribe("bob", "llm-agents")
    await small_room.subscribe("cyd", "image-generation")
    small_room.set("ranking", papers=4)
    report = await small_room.compose()
    assert report.composed == 3
    assert report.empty == ()
    ada, bob, cyd = [(await small_room.got(name))[0] for name in ("ada", "bob", "cyd")]
    assert len({ada[0], bob[0], cyd[0]}) == 3
    for one, other in ((ada, bob), (bob, cyd), (ada, cyd)):
        assert len(set(one) & set(other)) <= 1


async def test_nobody_gets_a_paper_twice_over_several_days(small_room: Newsroom) -> None:
    await take_in_samples(small_room)
    await small_room.subscribe("ada", "quantization")
    await small_room.subscribe("bob")
    small_room.set("ranking", papers=5)
    for day in range(4):
        await small_room.compose(TODAY + day * DAY)
    issues = await small_room.got("bob")
    assert [len(issue) for issue in issues] == [5, 5, 5, 5]
    assert all_once(issues)
    assert all_once(await small_room.got("ada"))


async def test_a_second_run_on_the_same_day_changes_nothing(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(*range(10)))
    await small_room.subscribe("ada")
    small_room.set("ranking", papers=3)
    assert (await small_room.compose()).composed == 1
    assert await small_room.compose() == (0, (), ())
    small_room.clock.step(hours=3)
    assert await small_room.compose() == (0, (), ())
    assert await small_room.got("ada") == [titles(0, 1, 2)]


async def test_a_person_has_one_issue_a_day_also_when_their_cadence_changes(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(*range(10)))
    await small_room.subscribe("ada")
    small_room.set("ranking", papers=3)
    await small_room.compose()
    await subscribers.edit(
        small_room.database, address("ada"), lambda one: one.model_copy(update={"cadence": "weekdays"})
    )
    assert await small_room.compose() == (0, (), ())
    assert await small_room.got("ada") == [titles(0, 1, 2)]


async def test_a_missed_day_is_made_up_from_the_best_of_what_was_missed(small_room: Newsroom) -> None:
    small_room.set("ranking", papers=2, freshness=0)
    await small_room.subscribe("ada")
    await small_room.take_in(*papers(0, 1, 9))
    await small_room.compose(TODAY)
    for day, numbers in ((1, (2, 8)), (2, (3, 7))):
        small_room.clock.moment = NOW + day * DAY
        await small_room.take_in(*papers(*numbers))
    small_room.clock.moment = NOW + 3 * DAY
    await small_room.compose()
    assert await small_room.got("ada") == [titles(0, 1), titles(2, 3)]


async def test_only_what_came_in_within_the_window_is_chosen(small_room: Newsroom) -> None:
    small_room.set("ranking", window_days=3)
    await small_room.subscribe("ada")
    # The date that a page bears does not count, but when it came in.
    await small_room.take_in(*papers(0, published_on=TODAY))
    small_room.clock.step(days=2)
    await small_room.take_in(*papers(1, published_on=date(2020, 1, 1)))
    small_room.clock.step(days=2)
    await small_room.compose()
    assert await small_room.got("ada") == [titles(1)]


async def test_nothing_left_means_no_mail_and_a_word_about_it(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(0))
    await small_room.subscribe("ada")
    await small_room.compose()
    report = await small_room.compose(TODAY + DAY)
    assert report == (0, (address("ada"),), ())
    assert len(await small_room.records()) == 1


async def test_who_got_nothing_is_looked_at_again_by_hand_when_papers_come(room: Newsroom) -> None:
    await room.subscribe("ada")
    assert await room.compose() == (0, (address("ada"),), ())
    assert await room.compose() == (0, (address("ada"),), ())
    await room.take_in(*papers(0))
    assert await room.compose() == (1, (), ())
    assert await room.got("ada") == [titles(0)]


async def test_muted_words_and_authors_never_come(small_room: Newsroom) -> None:
    await small_room.take_in(
        *papers(0, 1),
        *papers(2, title="A survey of anchors"),
        *papers(3, abstract="This is a SURVEY."),
        *papers(4, authors=("Grace Hopper",)),
    )
    await small_room.subscribe("ada", muted_words=("survey",), muted_authors=("Grace Hopper",))
    await small_room.compose()
    assert await small_room.got("ada") == [titles(0, 1)]


async def test_an_author_who_is_followed_comes_first(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(0, 1), *papers(2, authors=("Grace Hopper",)))
    await small_room.subscribe("ada", "violin:0.1", authors=("Grace Hopper",))
    await small_room.compose()
    assert (await small_room.got("ada"))[0][0] == titles(2)[0]


async def test_hidden_papers_never_come(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(0, 1))
    await small_room.say("UPDATE papers SET hidden = true WHERE title = :title", title=titles(0)[0])
    await small_room.subscribe("ada")
    await small_room.compose()
    assert await small_room.got("ada") == [titles(1)]


async def test_who_paused_unsubscribed_or_is_suppressed_has_no_issue(room: Newsroom) -> None:
    await room.take_in(*papers(*range(6)))
    for name in ("ada", "bob", "cyd", "dan"):
        await room.subscribe(name)
    await subscribers.pause(room.database, address("ada"), TODAY + DAY)
    await subscribers.remove(room.database, room.clock, address("bob"), source="test")
    await subscribers.erase(room.database, room.clock, address("cyd"))
    assert await room.compose() == (1, (), ())
    assert set(await room.states()) == {"dan"}
    await room.compose(TODAY + DAY)
    assert [one.delivery.address for one in await room.records()][-1] == address("ada")


async def test_a_cadence_has_its_days(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(*range(20)))
    small_room.set("ranking", papers=1)
    await small_room.subscribe("ada", cadence="weekly:mon")
    await small_room.subscribe("bob", cadence="weekdays")
    await small_room.subscribe("cyd")
    for day in range(7):
        await small_room.compose(TODAY + day * DAY)
    counts = [len(await small_room.got(name)) for name in ("ada", "bob", "cyd")]
    assert counts == [1, 5, 7]


async def test_only_one_person_is_chosen_for_where_one_is_named(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(0))
    await small_room.subscribe("ada")
    await small_room.subscribe("bob")
    assert await small_room.compose(only="ADA@Example.org") == (1, (), ())
    assert set(await small_room.states()) == {"ada"}


async def test_two_at_once_compose_one_issue_each_and_no_paper_twice(
    room: Newsroom, database_url: str, tmp_path: Path
) -> None:
    await room.take_in(*papers(*range(12)))
    for number in range(8):
        await room.subscribe(f"reader{number}")
    room.set("ranking", papers=3)
    async with open_newsroom(database_url, tmp_path, ranking={"papers": 3}) as other:
        for day in range(3):
            reports = await asyncio.gather(room.compose(TODAY + day * DAY), other.compose(TODAY + day * DAY))
            assert sum(report.composed for report in reports) == 8
    for number in range(8):
        issues = await room.got(f"reader{number}")
        assert [len(issue) for issue in issues] == [3, 3, 3]
        assert all_once(issues)


async def test_editions_of_two_days_at_once_bring_no_paper_twice(
    room: Newsroom, database_url: str, tmp_path: Path
) -> None:
    await room.take_in(*papers(*range(12)))
    for number in range(5):
        await room.subscribe(f"reader{number}")
    room.set("ranking", papers=4)
    async with open_newsroom(database_url, tmp_path, ranking={"papers": 4}) as other:
        await asyncio.gather(room.compose(TODAY), other.compose(TODAY + DAY))
    for number in range(5):
        issues = await room.got(f"reader{number}")
        assert [len(issue) for issue in issues] == [4, 4]
        assert all_once(issues)


class Meddling(Composer):
    """Lets someone else act between reading and writing."""

    async def pick(self, people: Sequence[Subscriber], day: date) -> list[Content]:
        """Choose, and then let them act."""
        chosen = await super().pick(people, day)
        await self.meanwhile()
        return chosen

    async def meanwhile(self) -> None:
        """Do nothing, unless a test says what."""


async def meddling(room: Newsroom, meanwhile: Callable[[], Awaitable[None]]) -> Composer:
    composer = Meddling(room.database, room.clock, room.app.settings, await room.app.ranker(), room.app.placing())
    composer.meanwhile = meanwhile  # type: ignore[method-assign]
    return composer


async def test_who_is_erased_between_reading_and_writing_costs_the_others_nothing(room: Newsroom) -> None:
    await room.take_in(*papers(0, 1))
    for name in ("ada", "bob", "cyd"):
        await room.subscribe(name)

    async def erase() -> None:
        if any(one.email == address("bob") for one in await subscribers.everyone(room.database)):
            await subscribers.erase(room.database, room.clock, address("bob"))

    due = await due_by_hand(room.database, room.clock.now())
    assert await (await meddling(room, erase)).compose(due) == (2, (), ())
    assert set(await room.states()) == {"ada", "cyd"}


async def test_a_paper_that_another_process_gave_meanwhile_is_chosen_anew(room: Newsroom) -> None:
    room.set("ranking", papers=2)
    await room.take_in(*papers(0, 1, 2, 3))
    await room.subscribe("ada")
    done = asyncio.Event()

    async def another_day() -> None:
        if not done.is_set():
            done.set()
            await room.compose(TODAY + DAY)

    due = await due_by_hand(room.database, room.clock.now())
    assert await (await meddling(room, another_day)).compose(due) == (1, (), ())
    assert await room.got("ada") == [titles(0, 1), titles(2, 3)]


async def test_two_records_that_turn_out_to_be_one_are_not_given_as_two(room: Newsroom) -> None:
    room.set("ranking", papers=1)
    await room.take_in(*papers(0, arxiv_id=None), *papers(1), *papers(2))
    await room.subscribe("ada")
    await room.compose()
    assert await room.got("ada") == [titles(0)]

    async def tell() -> None:
        # The paper that they had, under the id of the one that they are to get.
        await room.take_in(Paper(title=titles(0)[0], arxiv_id="2603.00001"))

    due = await due_by_hand(room.database, room.clock.now(), day=TODAY + DAY)
    await (await meddling(room, tell)).compose(due)
    assert (await room.got("ada"))[1:] == [titles(2)]


async def test_conflicts_without_an_end_are_told(room: Newsroom) -> None:
    await room.take_in(*papers(*range(20)))
    room.set("ranking", papers=1)
    await room.subscribe("ada")
    days = iter(range(1, 20))

    async def always() -> None:
        await room.compose(TODAY + next(days) * DAY)

    due = await due_by_hand(room.database, room.clock.now())
    with pytest.raises(ConflictError):
        await (await meddling(room, always)).compose(due)
    assert next(days) == MOST_CONFLICTS + 1
    assert (
        await room.rows(
            "SELECT 1 FROM issues JOIN editions ON edition_id = editions.id WHERE date = :day", day=str(TODAY)
        )
        == []
    )


async def test_more_people_than_fit_into_a_block(small_room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose, "BLOCK", 3)
    await small_room.take_in(*papers(0))
    for number in range(8):
        await small_room.subscribe(f"reader{number}")
    told: list[tuple[int, int]] = []
    due = await due_by_hand(small_room.database, small_room.clock.now())
    report = await (await small_room.app.composer()).compose(due, progress=lambda done, of: told.append((done, of)))
    assert report == (8, (), ())
    assert told == [(3, 8), (6, 8), (8, 8)]


async def test_a_date_begins_where_the_person_is(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(0, 1))
    await small_room.subscribe("ada", timezone="Pacific/Kiritimati")
    await small_room.subscribe("bob", timezone="America/New_York")
    small_room.clock.moment = NOW.replace(hour=2)
    await small_room.compose()
    days = {one.delivery.address: one.edition for one in await small_room.records()}
    assert days == {address("ada"): TODAY, address("bob"): TODAY - timedelta(days=1)}


async def test_what_came_in_is_there_for_those_whose_day_is_over_first(small_room: Newsroom) -> None:
    # On Kiritimati it is the 2nd already when the paper comes in on the 1st (UTC), and the other way round in Honolulu.
    small_room.clock.moment = NOW.replace(day=1, hour=23)
    await small_room.take_in(*papers(0))
    await small_room.subscribe("ada", timezone="Pacific/Kiritimati")
    await small_room.subscribe("bob", timezone="Pacific/Honolulu")
    assert await small_room.compose() == (2, (), ())


async def test_a_database_that_fails_is_told_in_one_sentence(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(0))
    await small_room.subscribe("ada")
    await small_room.say("DROP TABLE deliveries")
    with pytest.raises(StoreError, match="no such table"):
        await small_room.compose()


# Length, bar and the place outside


async def test_people_get_as_many_papers_as_they_asked_for(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(*range(20)))
    for number in (None, 2, 15):
        await small_room.subscribe(f"wants{number}", papers=number)
    await small_room.compose()
    assert [len((await small_room.got(f"wants{number}"))[0]) for number in (None, 2, 15)] == [10, 2, 15]


async def test_who_gets_nothing_is_told_apart_by_why(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(0, 1))
    await small_room.subscribe("had", "violin", "glacier")
    await small_room.subscribe("unlike", "zyzzogeton")
    await small_room.subscribe("muted", muted_words=("violin", "glacier"))
    await small_room.compose()
    composer = await small_room.app.composer()
    due = await due_by_hand(small_room.database, small_room.clock.now(), day=TODAY + DAY)
    report = await composer.compose(due)
    assert report.composed == 0
    assert composer.causes == {address("had"): "received", address("unlike"): "no match", address("muted"): "muted"}
    assert set(composer.causes.values()) <= set(chooser.CAUSES)


async def test_one_paper_from_outside_the_topics_is_in_the_mail_and_says_so(small_room: Newsroom) -> None:
    await take_in_samples(small_room)
    await small_room.subscribe("ada", "reinforcement-learning", "quantization", "llm-agents")
    person = (await subscribers.everyone(small_room.database))[0]
    picks = (await (await small_room.app.composer()).pick([person], TODAY))[0].picks
    assert [pick.reason.kind == "outside" for pick in picks] == [False] * 9 + [True]
    small_room.set("ranking", outside=0)
    picks = (await (await small_room.app.composer()).pick([person], TODAY))[0].picks
    assert len(picks) == 10
    assert not any(pick.reason.kind == "outside" for pick in picks)


# One for whom choosing fails


async def test_one_for_whom_choosing_fails_costs_the_others_no_mail(
    small_room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    from newsletter.ranking import Ranker

    choose = Ranker.choose

    def failing(self: Ranker, profiles: Any, *given: Any, **more: Any) -> Any:
        if any(profile.muted for profile in profiles):
            raise ZeroDivisionError("ada@example.org")
        return choose(self, profiles, *given, **more)

    monkeypatch.setattr(Ranker, "choose", failing)
    await small_room.take_in(*papers(*range(5)))
    for name in ("ada", "bob", "eve"):
        await small_room.subscribe(name, muted_words=("violin",) if name == "ada" else ())
    with capture_logs() as logs:
        report, _ = await small_room.send()
    assert report == ComposeReport(2, (), (address("ada"),))
    assert set(await small_room.states()) == {"bob", "eve"}
    [told] = [one for one in logs if "subscriber" in one]
    assert told["subscriber"] == (await subscribers.find(small_room.database, address("ada"))).id
    # Nothing of them is on record, so the next run tries again.
    monkeypatch.setattr(Ranker, "choose", choose)
    report, _ = await small_room.send()
    assert report == ComposeReport(1, ())
    assert "ada" in await small_room.states()


async def test_choosing_that_fails_for_everybody_ends_the_run_and_is_not_tried_for_each(
    small_room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    from newsletter.ranking import Ranker

    tries = []

    def failing(*_: Any, **__: Any) -> Any:
        tries.append(1)
        raise ZeroDivisionError

    monkeypatch.setattr(Ranker, "choose", failing)
    await small_room.take_in(*papers(0))
    for number in range(20):
        await small_room.subscribe(f"reader{number}")
    with pytest.raises(ZeroDivisionError):
        await small_room.send()
    assert len(tries) == 1 + compose.MOST_LEFT_OUT
    assert await small_room.states() == {}


async def test_a_fault_of_the_database_is_told_at_once(small_room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    async def gone(*_: Any) -> None:
        tries.append(1)
        raise StoreError("The database is gone.")

    monkeypatch.setattr(compose.Composer, "pick", gone)
    await small_room.take_in(*papers(0))
    for name in ("ada", "bob"):
        await small_room.subscribe(name)
    with pytest.raises(StoreError):
        await small_room.compose()
    assert len(tries) == 1
