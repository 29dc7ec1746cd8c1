"""What an issue tells besides its papers, on record and in the mail: sections, missed days, feedback, revisions."""

from datetime import date, timedelta

import pytest
from newsroom import DAY, NOW, TODAY, Newsroom, address, papers

from newsletter.models import SECTION_OF, SECTIONS, Beside, Missed, Pick, Reason, Told
from newsletter.pipeline import arranging, record, subscribers
from newsletter.store import issues

TOMORROW = TODAY + DAY


async def beside_of(room: Newsroom, name: str) -> tuple[Beside, tuple[Pick, ...]]:
    """What someone's latest issue holds on record."""
    number = (await room.record(name)).delivery.issue_id
    async with room.database.connect() as connection:
        issue = (await issues.load(connection, [number]))[number].issue
    return issue.beside, issue.picks


async def next_days(room: Newsroom, days: int = 1) -> date:
    """Let days pass, and return the date."""
    room.clock.step(days=days)
    return room.clock.now().date()


async def test_positions_on_record_are_those_of_the_mail_section_by_section(room: Newsroom) -> None:
    room.set("ranking", least_score=0.0, papers=6)
    await room.take_in(*papers(*range(8)))
    await room.subscribe("ada", "glacier", "pepper")
    await room.compose()
    _, picks = await beside_of(room, "ada")
    places = [SECTIONS.index(SECTION_OF[pick.reason.kind]) for pick in picks]
    assert places == sorted(places)
    assert [pick.position for pick in picks] == list(range(1, len(picks) + 1))
    shown = await room.preview("ada")
    assert [pick.paper.title for pick in shown.issue.picks] == [pick.paper.title for pick in picks]
    text = shown.written.rendered.text
    at = [text.index(f"\n{pick.position}. {pick.paper.title}") for pick in picks]
    assert at == sorted(at)


async def test_papers_of_a_night_without_run_are_from_the_days_that_were_missed(room: Newsroom) -> None:
    room.set("ranking", papers=1)
    await room.take_in(*papers(0, 1))
    await room.subscribe("ada")
    await room.subscribe("bob")
    await room.compose()
    assert (await beside_of(room, "ada"))[0] == Beside()
    room.clock.step(hours=12)
    await room.take_in(*papers(2))
    day = await next_days(room, 3)
    await room.take_in(*papers(3))
    room.set("ranking", papers=9)
    expected = (await room.preview("ada", day)).issue
    await room.compose(day)
    beside, picks = await beside_of(room, "ada")
    assert [pick.paper.title for pick in picks] == ["The harbour", "The pepper", "The glacier"]
    assert beside.missed == Missed(TODAY, 1, 1)
    assert (expected.beside, [pick.paper.id for pick in expected.picks]) == (beside, [pick.paper.id for pick in picks])
    text = (await room.preview("ada", day)).written.rendered.text
    assert text.index("From the days you missed") < text.index("1. The harbour") < text.index("New papers")
    assert "What came in since Mar 2, 2026" in text


@pytest.mark.parametrize("paused", [True, False])
async def test_a_pause_is_days_missed_and_a_new_reader_missed_nothing(room: Newsroom, paused: bool) -> None:
    await room.take_in(*papers(0))
    if paused:
        await room.subscribe("ada")
        await room.compose()
        await subscribers.pause(room.database, address("ada"), TODAY + timedelta(days=5))
    await next_days(room, 2)
    await room.take_in(*papers(1))
    day = await next_days(room, 3)
    if not paused:
        await room.subscribe("ada")
    await room.take_in(*papers(2))
    await room.compose(day)
    assert (await beside_of(room, "ada"))[0].missed == (Missed(TODAY, 1, 1, best=True) if paused else None)


async def test_an_empty_issue_is_no_missed_day(room: Newsroom) -> None:
    await room.take_in(*papers(0))
    await room.subscribe("ada")
    await room.compose()
    for _ in range(2):
        await room.compose(await next_days(room))
    await room.take_in(*papers(1))
    await room.compose(await next_days(room))
    assert (await beside_of(room, "ada"))[0] == Beside()


async def say(room: Newsroom, name: str, number: int, verdict: str) -> None:
    """Let someone say what they think of a paper."""
    await room.say(
        "INSERT INTO feedback (subscriber_id, paper_id, verdict, at) "
        "SELECT s.id, p.id, :verdict, :at FROM subscribers s, papers p WHERE s.email = :email AND p.arxiv_id = :paper",
        verdict=verdict, at=room.clock.now().replace(tzinfo=None) if room.database.on_sqlite else room.clock.now(),
        email=address(name), paper=f"2603.{number:05}",
    )  # fmt: skip


async def test_a_line_says_how_many_papers_are_here_because_of_what_was_liked_since(room: Newsroom) -> None:
    room.set("ranking", outside=0)
    await room.take_in(*papers(0))
    await room.subscribe("ada")
    await room.compose()
    room.clock.step(hours=2)
    await say(room, "ada", 0, "more")
    day = await next_days(room)
    alike = [paper.model_copy(update={"title": f"A violin of {paper.title}"}) for paper in papers(5, 6)]
    await room.take_in(*alike, *papers(9))
    await room.compose(day)
    beside, picks = await beside_of(room, "ada")
    named = [pick for pick in picks if pick.reason.kind == "like" and pick.reason.subject == "The violin"]
    assert named
    assert beside.told == (Told("more", "The violin", 0, len(named)),)
    assert "because you liked “The violin”" in " ".join((await room.preview("ada", day)).written.rendered.text.split())
    # It was told; the next mail is silent about it.
    day = await next_days(room)
    await room.take_in(*[alike[0].model_copy(update={"title": "One more violin", "arxiv_id": "2603.00077"})])
    await room.compose(day)
    assert (await beside_of(room, "ada"))[0].told == ()


async def test_a_line_says_what_is_not_here_because_less_was_wanted(room: Newsroom) -> None:
    room.set("ranking", outside=0, papers=5)
    await room.take_in(*papers(0))
    await room.subscribe("ada", "violin", "pepper")
    await room.compose()
    await say(room, "ada", 0, "less")
    room.clock.step(hours=2)
    await room.say("UPDATE feedback SET at = :at", at=room.clock.now().replace(tzinfo=None))
    day = await next_days(room)
    alike = [paper.model_copy(update={"title": f"A violin of {paper.title}"}) for paper in papers(5, 6)]
    await room.take_in(*alike, *papers(3))
    composer = await room.app.composer()
    [person] = [one for one in await subscribers.everyone(room.database) if one.email == address("ada")]
    asked = await composer.asked([person], day)
    # By hand what the line says: the same choice without that word.
    without = composer.chooser.profile(person.topics, today=day)
    rest = composer.chooser.choose([without], asked.papers, 5, received=asked.received, today=day)[0]
    [content] = await composer.pick([person], day)
    gone = {asked.papers[place].title for place, _ in rest.picks} - {pick.paper.title for pick in content.picks}
    assert gone
    assert content.beside.told == (Told("less", "The violin", 0, len(gone)),)


async def test_a_revision_is_told_once_and_only_to_those_who_got_the_paper(room: Newsroom) -> None:
    first = papers(0, version=1)
    await room.take_in(*first)
    await room.subscribe("ada")
    await room.compose()
    await room.subscribe("bob")
    await room.deliver()
    room.clock.step(hours=2)
    await room.take_in(first[0].model_copy(update={"version": 3}), *papers(1))
    day = await next_days(room)
    await room.send(day)
    beside, picks = await beside_of(room, "ada")
    assert [(one.paper.title, one.version) for one in beside.revised] == [("The violin", 3)]
    assert [pick.paper.title for pick in picks] == ["The glacier"]
    assert (
        "- The violin (version 3)\n  https://arxiv.org/abs/" in (await room.preview("ada", day)).written.rendered.text
    )
    assert (await beside_of(room, "bob"))[0].revised == ()
    await room.take_in(*papers(2), first[0].model_copy(update={"version": 3}))
    await room.send(await next_days(room))
    assert (await beside_of(room, "ada"))[0].revised == ()
    await room.take_in(*papers(4), first[0].model_copy(update={"version": 4}))
    await room.send(await next_days(room))
    assert [one.version for one in (await beside_of(room, "ada"))[0].revised] == [4]
    # Bob's own copy was of version 3.
    assert [one.version for one in (await beside_of(room, "bob"))[0].revised] == [4]
    assert [row.version for row in await room.rows("SELECT version FROM revisions ORDER BY version")] == [3, 4, 4]


async def test_a_mail_that_failed_gives_its_revisions_back_and_takes_them_again(room: Newsroom) -> None:
    first = papers(0, version=1)
    await room.take_in(*first)
    await room.subscribe("ada")
    await room.compose()
    await room.deliver()
    room.clock.step(hours=2)
    await room.take_in(first[0].model_copy(update={"version": 2}), *papers(1))
    day = await next_days(room)
    await room.compose(day)
    await subscribers.pause(room.database, address("ada"), None)
    await room.deliver()
    assert (await room.states())["ada"] == "suppressed"
    assert await room.rows("SELECT * FROM revisions") == []
    await subscribers.resume(room.database, address("ada"))
    await record.retry(room.database, room.clock, email=address("ada"))
    assert len(await room.rows("SELECT * FROM revisions")) == 1
    await room.deliver()
    await room.take_in(*papers(2))
    await room.compose(await next_days(room))
    assert (await beside_of(room, "ada"))[0].revised == ()


def test_what_is_fresh_is_what_was_said_since_the_last_mail() -> None:
    assert arranging.fresh([], arranging.NO_PAST, "more") == []


def test_sections_keep_the_best_first_and_what_is_outside_last() -> None:
    found = papers(0, 1, 2, 3)
    moments = [NOW, NOW - timedelta(days=2), NOW, NOW - timedelta(days=2)]
    found = [paper.model_copy(update={"first_seen_at": at}) for paper, at in zip(found, moments, strict=True)]
    reasons = [Reason("popular"), Reason("topic", "x"), Reason("topic", "y"), Reason("outside")]
    past = arranging.Past(NOW, (NOW - timedelta(days=3), NOW - timedelta(days=1)))
    placed = arranging.arranged(found, [(0, 4.0), (1, 3.0), (2, 2.0), (3, 1.0)], reasons, past)
    assert [(one.place, one.section) for one in placed] == [(2, "you"), (1, "missed"), (0, "popular"), (3, "outside")]
    assert arranging.missed(found, placed, past, "UTC") == Missed((NOW - timedelta(days=3)).date(), 2, 2)


def test_what_came_late_stands_apart_unless_they_had_no_mail_anyway() -> None:
    days = {"first_seen_at": NOW - timedelta(days=2), "taken_at": NOW}
    in_time = {"first_seen_at": NOW, "taken_at": NOW}
    older = {"first_seen_at": NOW - timedelta(days=2), "taken_at": NOW - timedelta(days=2)}
    found = [
        paper.model_copy(update=known) for paper, known in zip(papers(0, 1, 2), (in_time, days, older), strict=True)
    ]
    chosen, reasons = [(0, 3.0), (1, 2.0), (2, 1.0)], [Reason("topic", "x")] * 3
    yesterday = NOW - timedelta(days=1)
    for past, sections in (
        (arranging.Past(yesterday, chosen_at=yesterday), ["you", "you", "late"]),
        # Nothing was chosen since it could have been there.
        (arranging.Past(NOW - timedelta(days=3), chosen_at=NOW - timedelta(days=3)), ["you", "you", "you"]),
        (arranging.Past(yesterday, (NOW - timedelta(days=3), yesterday), yesterday), ["you", "missed", "missed"]),
        (arranging.NO_PAST, ["you", "you", "you"]),
    ):
        placed = arranging.arranged(found, chosen, reasons, past)
        assert [one.section for one in placed] == sections
        missed = arranging.missed(found, placed, past, "UTC")
        expected = {
            "you": None,
            "late": Missed((NOW - timedelta(days=2)).date(), 3, 3, late=True),
            "missed": Missed((NOW - timedelta(days=3)).date(), 2, 3),
        }
        assert missed == expected[sections[-1]]


async def test_who_asked_for_nothing_has_what_is_popular_before_what_is_merely_new(room: Newsroom) -> None:
    room.set("ranking", freshness=1.0, popularity=0.1)
    await room.take_in(*papers(0, votes=30))
    day = await next_days(room, 6)
    await room.take_in(*papers(1, votes=2), *papers(2, votes=3), *papers(3, votes=0))
    await room.subscribe("ada")
    await room.compose(day)
    _, picks = await beside_of(room, "ada")
    kinds = [(pick.paper.votes, pick.reason.kind) for pick in picks]
    # What is new has the better scores, since newness is set to count for more.
    assert kinds == [(30, "popular"), (3, "new"), (2, "new"), (0, "new")]
    text = (await room.preview("ada", day)).written.rendered.text
    assert text.count("Popular right now") == 1
    assert text.count("New in these days") == 3
    assert "Popular with everybody" not in text
