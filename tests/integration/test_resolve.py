"""Papers known by title alone are looked up at a server that plays three services, and mail leads to them."""

import contextlib
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from newsroom import Newsroom, papers
from scholars import HOSTS, Fault, Scholars, Work, serving
from test_cli import ROOT, Place, environment

from newsletter.models import Paper
from newsletter.pipeline import record, refresh
from newsletter.pipeline.asking import Asking
from newsletter.pipeline.resolve import AGAIN, Report, Resolving, evidence
from newsletter.schedule import local

SEEDS = sorted((ROOT / "seeds").glob("daily-papers-*.txt"))
BUSY = Fault(429, headers=(("Retry-After", "7200"),))


@pytest.fixture
def server() -> Iterator[Scholars]:
    """The services, which know nothing so far."""
    with serving(Scholars()) as running:
        yield running


def named(number: int, **known: Any) -> Paper:
    """Return a paper of the tests of which title and abstract alone are known."""
    (one,) = papers(
        number, arxiv_id=None, abstract=" ".join(f"{number} word{each} says" for each in range(12)), **known
    )
    return one.model_copy(update={"title": f"{one.title} of the Long and Winding Road"})


def work(paper: Paper, key: str = "2601.00001", **other: Any) -> Work:
    """Return a paper as the services know it."""
    return Work(**{"key": key, "title": paper.title, "abstract": paper.abstract, "authors": ("Ada Quill",), **other})


async def look_up(room: Newsroom, server: Scholars, **how: Any) -> Report:
    """Do one run."""
    pauses = how.pop("pauses", None)
    run = Resolving(room.database, room.clock, room.app.settings.feeds, bases=server.bases, pauses=pauses)
    async with Asking(room.database, room.clock, room.app.settings.feeds) as ask:
        return await run.run(ask, **how)


async def on_record(room: Newsroom) -> list[Paper]:
    return sorted(await record.search_papers(room.database, "", limit=10_000), key=lambda paper: paper.title)


async def test_a_title_becomes_a_paper_with_its_evidence(room: Newsroom, server: Scholars) -> None:
    wanted = named(1)
    await room.take_in(wanted)
    server.add([work(wanted, title=wanted.title.upper(), authors=("Ada Quill", "Bo Rowan"))])
    server.add([work(wanted, "2601.00002", abstract="Something else entirely. " * 20)])
    report = await look_up(room, server)
    assert [(one.service, one.found, one.known) for one in report.found] == [("arxiv", "2601.00001", False)]

    (known,) = await on_record(room)
    assert (known.arxiv_id, known.url) == ("2601.00001", "https://arxiv.org/abs/2601.00001")
    assert known.authors == ("Ada Quill", "Bo Rowan")
    assert str(known.published_on) == "2026-01-05"
    (said,) = await evidence(room.database, known.id or 0)
    assert (said.service, said.found, said.asked, said.asked_at) == ("arxiv", "2601.00001", 1, room.clock.now())
    assert said.title == wanted.title.upper()
    assert said.query in wanted.title.lower()
    # Nothing is left to look up.
    assert (await look_up(room, server)) == Report()
    assert [service for service, _ in server.asked] == ["arxiv"]


async def test_what_one_service_does_not_know_the_next_may(small_room: Newsroom, server: Scholars) -> None:
    small_room.set("feeds", contact="papers@example.org")
    wanted = named(1)
    await small_room.take_in(wanted)
    server.add([work(wanted, "10.5555/abc")])
    (found,) = (await look_up(small_room, server)).found
    assert (found.service, found.found, found.url) == ("crossref", "10.5555/abc", "https://doi.org/10.5555/abc")
    (known,) = await on_record(small_room)
    assert (known.doi, known.url, known.arxiv_id) == ("10.5555/abc", "https://doi.org/10.5555/abc", None)
    assert [service for service, _ in server.asked] == ["arxiv", "hub", "crossref"]
    assert server.asked[-1][1]["mailto"] == "papers@example.org"
    assert all("papers@example.org" in agent for agent in server.agents)


async def test_the_order_of_the_settings_holds(small_room: Newsroom, server: Scholars) -> None:
    small_room.set("feeds", resolvers=("hub",))
    wanted = named(1)
    await small_room.take_in(wanted, named(2))
    server.add([work(wanted)])
    report = await look_up(small_room, server)
    assert (len(report.found), report.not_found) == (1, 1)
    assert {service for service, _ in server.asked} == {"hub"}


async def test_a_find_that_is_on_record_makes_two_papers_one(room: Newsroom, server: Scholars) -> None:
    """Who received the one is not sent the other."""
    wanted = named(1)
    other = papers(3, title="Quite Another Title for It", arxiv_id="2601.00001")[0]
    await room.take_in(wanted)
    await room.subscribe("ada")
    await room.send()
    await room.take_in(other)
    server.add([work(wanted)])
    (found,) = (await look_up(room, server)).found
    assert found.known
    (known,) = await on_record(room)
    assert known.arxiv_id == "2601.00001"
    assert [said.found for said in await evidence(room.database, known.id or 0)] == ["2601.00001"]
    room.clock.step(days=1)
    await room.send()
    assert len(await room.got("ada")) == 1


async def test_who_does_not_know_is_asked_ever_more_seldom_and_then_no_more(
    small_room: Newsroom, server: Scholars
) -> None:
    await small_room.take_in(named(1))
    asked = []
    for day in range(120):
        if (await look_up(small_room, server)).not_found:
            asked.append(day)
        small_room.clock.step(days=1)
    assert asked == [0, 1, 4, 14, 44]
    assert [later - earlier for earlier, later in pairwise(asked)] == list(AGAIN)
    # By hand it is asked about all the same.
    (known,) = await on_record(small_room)
    assert (await look_up(small_room, server, named=[str(known.id)])).not_found == 1


async def test_who_asks_for_a_pause_gets_it(small_room: Newsroom, server: Scholars) -> None:
    wanted = [named(number) for number in range(4)]
    await small_room.take_in(*wanted)
    server.add(work(each, f"2601.0000{number}") for number, each in enumerate(wanted))
    server.faults = {"arxiv": lambda number: BUSY if number > 2 else None, "hub": lambda _: Fault(503)}
    server.faults["crossref"] = lambda _: BUSY
    pauses: dict[str, Any] = {}
    report = await look_up(small_room, server, pauses=pauses)
    assert (len(report.found), report.not_found, report.not_asked.total()) == (2, 0, 2)
    assert all("asked later" in why for why in report.not_asked)
    # One more try at each told it, and no further one was made.
    assert server.counts == {"arxiv": 3, "hub": 1, "crossref": 1}
    assert pauses["arxiv"] == small_room.clock.now() + timedelta(hours=2)

    server.faults = {}
    small_room.clock.step(minutes=30)
    assert (await look_up(small_room, server, pauses=pauses)).not_asked.total() == 2
    assert server.counts == {"arxiv": 3, "hub": 1, "crossref": 1}
    small_room.clock.step(hours=2)
    assert len((await look_up(small_room, server, pauses=pauses)).found) == 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500),
        Fault(404),
        Fault(body=b"<html>Log in</html>"),
        Fault(body=b"{"),
        Fault(body=b"\x00\xff" * 50),
        Fault(body=b"[" * 100_000),
        Fault(body=b'{"message": {"items": 7}}'),
        Fault(cut=True),
        Fault(seconds=0.6),
        Fault(301, headers=(("Location", "http://127.0.0.1:1/"),)),
    ],
    ids=lambda fault: f"{fault.status} {fault.body[:9]!r} {fault.seconds} {fault.cut}",
)
async def test_what_is_no_answer_says_nothing_about_the_paper(
    small_room: Newsroom, server: Scholars, fault: Fault
) -> None:
    small_room.set("feeds", timeout=0.4)
    wanted = named(1)
    await small_room.take_in(wanted)
    for service in ("arxiv", "hub", "crossref"):
        server.faults[service] = lambda _: fault
    report = await look_up(small_room, server)
    assert (len(report.found), report.not_found, report.not_asked.total()) == (0, 0, 1)
    assert not await evidence(small_room.database, 1)
    # It is due at once, and found as soon as a service answers.
    server.faults = {}
    small_room.set("feeds", timeout=20)
    server.add([work(wanted)])
    assert len((await look_up(small_room, server)).found) == 1


async def test_arxiv_s_own_word_of_an_error_is_told(small_room: Newsroom, server: Scholars) -> None:
    small_room.set("feeds", resolvers=("arxiv",))
    await small_room.take_in(named(1))
    said = (
        b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>http://arxiv.org/api/errors#bad</id>'
        b"<title>Error</title><summary>the query is malformed</summary></entry></feed>"
    )
    server.faults = {"arxiv": lambda _: Fault(body=said)}
    assert list((await look_up(small_room, server)).not_asked) == ["arXiv refuses the search: the query is malformed."]


async def test_a_service_that_fails_on_and_on_is_left_alone(small_room: Newsroom, server: Scholars) -> None:
    await small_room.take_in(*(named(number) for number in range(8)))
    server.faults = {"hub": lambda _: Fault(500)}
    report = await look_up(small_room, server)
    assert server.counts == {"arxiv": 8, "hub": 3, "crossref": 8}
    assert (report.not_found, report.not_asked.total()) == (0, 8)
    # What the others said of these papers is not asked again.
    server.faults = {}
    assert (await look_up(small_room, server)).not_found == 8
    assert server.counts == {"arxiv": 8, "hub": 11, "crossref": 8}


async def test_the_newest_come_first_and_no_more_than_asked_for(small_room: Newsroom, server: Scholars) -> None:
    for number in range(3):
        await small_room.take_in(named(number))
        small_room.clock.step(hours=1)
    report = await look_up(small_room, server, limit=2)
    assert (report.not_found, report.left) == (2, 1)
    words = [query["search_query"] for service, query in server.asked if service == "arxiv"]
    assert [named(2).title.split()[1] in words[0], named(1).title.split()[1] in words[1]] == [True, True]


async def test_the_hourly_look_lets_mail_go_first(
    small_room: Newsroom, server: Scholars, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.feeds.resolving.BASES", server.bases)
    small_room.set("feeds", resolve=True, resolve_hourly=2)
    await small_room.take_in(*(named(number) for number in range(3)))
    await small_room.subscribe("ada")
    await small_room.compose()
    look = local.LookingUp()
    await look(small_room.app)
    assert not server.asked
    await small_room.deliver()
    await look(small_room.app)
    assert server.counts == {"arxiv": 2, "hub": 2, "crossref": 2}


async def test_the_mail_of_the_sample_pages_leads_to_papers_and_not_to_searches(
    small_room: Newsroom, server: Scholars
) -> None:
    room = small_room
    await refresh.ingest(room.database, room.clock, room.app.settings.feeds, SEEDS)
    for number, paper in enumerate(await on_record(room)):
        server.add([Work(f"2601.{number:05}", paper.title, paper.abstract, ("Ada Quill",))])
    before = len(await on_record(room))
    report = await look_up(room, server)
    assert (len(report.found), report.not_found, report.left) == (before, 0, 0)
    assert len(await on_record(room)) == before
    await room.subscribe("ada", "language models")
    await room.send()
    (mail,) = (room.app.settings.folder / "outbox").glob("*.eml")
    message: Any = message_from_bytes(mail.read_bytes(), policy=policy.default)
    for part in ("html", "plain"):
        text = message.get_body((part,)).get_content()
        assert len(set(re.findall(r"https://arxiv\.org/abs/2601\.\d{5}", text))) == 10
        assert "papers?q=" not in text


# As people use it

_LAUNCH = """
import sys
from newsletter.feeds import past, resolving
from newsletter.cli.main import newsletter
resolving.BASES, past.BASES = {bases!r}, {past!r}
newsletter.main(sys.argv[1:])
"""


def launched(server: Scholars, *words: str) -> list[str]:
    """Return what calls the program with the services of a test."""
    return [sys.executable, "-c", _LAUNCH.format(bases=server.bases, past=server.past), *words]


def asking(gap: float) -> dict[str, str]:
    """Return an environment in which this machine may be asked, so many seconds apart."""
    allowed = {"NEWSLETTER_FEEDS__ALLOW_HOSTS": json.dumps([*HOSTS.values()]), "NEWSLETTER_FEEDS__GAP": str(gap)}
    return environment() | allowed


def call(server: Scholars, place: Place, *words: str, code: int = 0) -> str:
    done = subprocess.run(
        launched(server, *words), cwd=place.folder, env=asking(0), capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@contextlib.contextmanager
def stopped_midway(
    server: Scholars, place: Place, words: tuple[str, ...], name: signal.Signals, enough: Callable[[], bool]
) -> Iterator[str]:
    """Call the program and stop it when enough was asked."""
    process = subprocess.Popen(
        launched(server, *words),
        cwd=place.folder,
        env=asking(0.05),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    for _ in range(2_000):
        if enough() or process.poll() is not None:
            break
        time.sleep(0.01)
    process.send_signal(name)
    said, _ = process.communicate(timeout=60)
    assert process.returncode != 0, said
    yield said


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A new installation that took in a sample page."""
    made = Place(tmp_path)
    made.run("init")
    made.run("feeds", "ingest", str(SEEDS[0]))
    return made


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGKILL])
def test_what_was_found_before_a_stop_is_kept(place: Place, server: Scholars, name: signal.Signals) -> None:
    listed = place.lines("papers", "list")
    server.add(Work(f"2601.{number:05}", one["title"], one["abstract"]) for number, one in enumerate(listed))
    with stopped_midway(server, place, ("papers", "resolve"), name, lambda: server.counts["arxiv"] >= 5) as said:
        # Ctrl-C tells what was done, a kill cannot.
        assert (" found, 0 not found" in said) is (name is signal.SIGINT)
    found = [paper for paper in place.lines("papers", "list") if paper["arxiv_id"]]
    assert 0 < len(found) < len(listed)
    told = call(server, place, "papers", "resolve")
    assert f"{len(listed) - len(found):,} found, 0 not found, 0 not asked." in told
    assert all(paper["arxiv_id"] for paper in place.lines("papers", "list"))
    # None was asked about twice, but for the one that was under way.
    assert server.counts["arxiv"] <= len(listed) + 1
    shown = place.run("papers", "show", str(listed[0]["id"])).stdout
    assert "looked up" in shown
    assert "arXiv on " in shown


def test_the_command_tells_what_it_could_not_ask_and_why(place: Place, server: Scholars) -> None:
    server.faults = {service: (lambda _: BUSY) for service in ("arxiv", "hub", "crossref")}
    told = call(server, place, "papers", "resolve", code=1)
    assert "0 found, 0 not found" in told
    assert "Not asked about" in told
    assert "answered 429" in told
    assert "--limit" in call(server, place, "papers", "resolve", "--limit", "2", "1", code=2)


async def test_nothing_is_asked_where_nothing_is_missing(small_room: Newsroom, server: Scholars) -> None:
    await small_room.take_in(*papers(1, 2))
    assert await look_up(small_room, server) == Report()
    report = await look_up(small_room, server, named=["2603.00001"])
    assert report.has_address == [papers(1)[0].title]
    assert not server.asked
