"""A source's past fills the archive day by day, whatever stops it, and floods nobody's mail."""

import asyncio
import signal
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from newsroom import TODAY, Newsroom
from scholars import Fault, Scholars, Work, serving
from test_cli import Place
from test_resolve import call, stopped_midway

from newsletter.errors import UsageError
from newsletter.feeds import past as sources
from newsletter.models import Paper
from newsletter.pipeline import record
from newsletter.pipeline.asking import Asking
from newsletter.pipeline.past import Imported, Importing

DAY = timedelta(days=1)
SINCE, UNTIL = TODAY - 30 * DAY, TODAY - 21 * DAY


def works(days: int = 10, each: int = 3, *, since: date = SINCE, category: str = "cs.CL") -> list[Work]:
    """Return works of days in a row."""
    return [
        Work(
            f"2601.{day:02}{number:03}", f"Study {number} of Day {day}", "It is about it.", ("Ada",), since + day * DAY
        )
        for day in range(days)
        for number in range(each)
    ]


@pytest.fixture
def server() -> Iterator[Scholars]:
    """The services, with three papers on each of ten days."""
    with serving(Scholars(works())) as running:
        yield running


async def fill(room: Newsroom, server: Scholars, source: str = "hub", since: date = SINCE, **how: Any) -> Imported:
    """Import without pauses."""

    async def at_once(_seconds: float) -> None:
        await asyncio.sleep(0)

    until = how.pop("until", UNTIL)
    work = Importing(room.database, room.clock, source, since, until, bases=server.past, sleep=at_once)
    async with Asking(room.database, room.clock, room.app.settings.feeds) as ask:
        return await work.run(ask, **how)


async def on_record(room: Newsroom) -> list[Paper]:
    return await record.search_papers(room.database, "", limit=10_000)


@pytest.mark.parametrize("source", ["hub", "cs.CL", "cat:cs.CL AND ti:study"])
async def test_each_day_comes_in_once_and_counts_for_itself(
    small_room: Newsroom, server: Scholars, source: str
) -> None:
    report = await fill(small_room, server, source)
    assert (report.days, report.entries, report.new, report.left, report.fault) == (10, 30, 30, 0, "")
    found = await on_record(small_room)
    assert {(paper.title[-1], paper.first_seen_at) for paper in found} == {
        (str(day), datetime.combine(SINCE + day * DAY, datetime.min.time(), UTC)) for day in range(10)
    }
    asked = len(server.asked)
    again = await fill(small_room, server, source)
    assert (again.days, again.before, again.new, len(server.asked)) == (0, 10, 0, asked)
    # A longer span asks for what is missing alone.
    longer = await fill(small_room, server, source, since=SINCE - 2 * DAY)
    assert (longer.days, longer.before, longer.left) == (2, 10, 0)


async def test_the_archive_floods_nobody(room: Newsroom, server: Scholars) -> None:
    await room.subscribe("ada")
    await fill(room, server)
    await room.send()
    assert not [titles for titles in await room.got("ada") if titles]


async def test_a_paper_on_record_keeps_its_day(small_room: Newsroom, server: Scholars) -> None:
    one = works()[0]
    await small_room.take_in(Paper(title=one.title, arxiv_id=one.key))
    report = await fill(small_room, server)
    assert (report.new, report.merged) == (29, 1)
    (kept,) = [paper for paper in await on_record(small_room) if paper.arxiv_id == one.key]
    assert kept.first_seen_at == small_room.clock.now()


@pytest.mark.parametrize("source", ["hub", "cs.CL"])
async def test_a_day_of_many_papers_comes_page_by_page(small_room: Newsroom, server: Scholars, source: str) -> None:
    many = [Work(f"2512.{number:05}", f"Great day {number}", "About it.", day=SINCE - DAY) for number in range(450)]
    server.add(many)
    report = await fill(small_room, server, source, since=SINCE - DAY, until=SINCE - DAY)
    assert (report.entries, report.new) == (450, 450)


async def test_a_server_that_knows_no_pages_ends_all_the_same(small_room: Newsroom, server: Scholars) -> None:
    body = server.body("daily", {"date": str(SINCE), "p": "0", "limit": "100"})
    server.faults = {"daily": lambda _: Fault(body=body)}
    report = await fill(small_room, server, until=SINCE)
    assert (report.entries, server.counts["daily"]) == (3, 2)


@pytest.mark.parametrize("fault", [Fault(500), Fault(cut=True), Fault(body=b"<html>Log in</html>")], ids=repr)
async def test_a_fault_that_passes_costs_nothing_and_one_that_lasts_stops(
    small_room: Newsroom, server: Scholars, fault: Fault
) -> None:
    server.faults = {"daily": lambda number: fault if number in (3, 4) else None}
    assert (await fill(small_room, server, until=SINCE + 4 * DAY)).days == 5
    first = server.counts["daily"]
    server.faults = {"daily": lambda number: fault if number > first + 2 else None}
    report = await fill(small_room, server)
    assert (report.days, report.before, report.left) == (1, 5, 4)
    assert report.fault
    assert server.counts["daily"] == first + 5
    server.faults = {}
    rest = await fill(small_room, server)
    assert (rest.days, rest.left, len(await on_record(small_room))) == (4, 0, 30)


@pytest.mark.parametrize("status", [429, 503])
async def test_who_asks_for_a_pause_is_left_alone_at_once(small_room: Newsroom, server: Scholars, status: int) -> None:
    server.faults = {"daily": lambda number: Fault(status) if number > 4 else None}
    report = await fill(small_room, server)
    assert (report.days, report.left, server.counts["daily"]) == (2, 8, 5)
    assert str(status) in report.fault


async def test_an_empty_page_in_the_midst_is_asked_for_again(small_room: Newsroom, server: Scholars) -> None:
    whole = server.body(
        "arxiv", {"search_query": "(cat:cs.XX) AND submittedDate:[200001010000 TO 200001012359]", "max_results": "9"}
    )
    empty = whole.replace(b">0</opensearch", b">3</opensearch")
    assert empty != whole
    server.faults = {"arxiv": lambda number: Fault(body=empty) if number == 1 else None}
    report = await fill(small_room, server, "cs.CL", until=SINCE)
    assert (report.days, report.new, server.counts["arxiv"]) == (1, 3, 2)


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGKILL])
def test_the_next_call_goes_on_where_one_was_stopped(tmp_path: Path, server: Scholars, name: signal.Signals) -> None:
    place = Place(tmp_path)
    place.run("init")
    words = ("papers", "import", "--since", str(SINCE), "--until", str(UNTIL), "hub")
    with stopped_midway(server, place, words, name, lambda: server.counts["daily"] >= 7) as said:
        assert ("the same command goes on with them" in said) is (name is signal.SIGINT)
    told = call(server, place, *words)
    assert "more were on record." in told
    assert "missing" not in told
    assert len(place.lines("papers", "list")) == 30
    # Two requests a day, and those of the day that was under way.
    assert server.counts["daily"] <= 2 * 10 + 2


NAMES = [
    ("hub", "hub"),
    ("https://huggingface.co/papers", "hub"),
    ("https://huggingface.co/api/daily_papers?date=2026-01-01", "hub"),
    ("cs.CL", "arxiv cat:cs.CL"),
    ("cs.cl", "arxiv cat:cs.CL"),
    ("cs.CL+cs.AI", "arxiv cat:cs.AI OR cat:cs.CL"),
    ("hep-th", "arxiv cat:hep-th"),
    ("cond-mat.mes-hall", "arxiv cat:cond-mat.mes-hall"),
    ("https://rss.arxiv.org/atom/cs.CL", "arxiv cat:cs.CL"),
    ("https://arxiv.org/list/math.AG/recent", "arxiv cat:math.AG"),
    ("ti:quantization AND cat:cs.CL", "arxiv ti:quantization AND cat:cs.CL"),
]


@pytest.mark.parametrize(("said", "meant"), NAMES)
def test_a_source_is_known_by_its_names(said: str, meant: str) -> None:
    assert sources.named(said).name == meant


@pytest.mark.parametrize("said", ["", "papers", "https://example.org/feed", "pages/today.txt", "cs", "cs.CL; rm"])
def test_what_has_no_past_is_refused_with_what_has(said: str) -> None:
    with pytest.raises(UsageError, match="category of arXiv"):
        sources.named(said)


async def test_a_span_that_is_none_is_refused(small_room: Newsroom, server: Scholars) -> None:
    with pytest.raises(UsageError, match="not over"):
        await fill(small_room, server, until=TODAY)
    with pytest.raises(UsageError, match="is after"):
        await fill(small_room, server, since=UNTIL + DAY)
    # Before the source was there it has no days.
    report = await fill(small_room, server, since=date(1900, 1, 1), until=date(2023, 5, 5))
    assert report.days == 2
