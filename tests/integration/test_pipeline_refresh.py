"""Papers come in once, from wherever and however often; what is broken costs nothing else."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from newsroom import Newsroom, open_newsroom, papers, titles

from newsletter.errors import UsageError
from newsletter.models import Feed, Link, Paper
from newsletter.pipeline import record, refresh
from newsletter.pipeline.refresh import IngestReport

PAGE_COUNTS = [104, 139, 78, 268]


async def ingest(room: Newsroom, *paths: Path) -> IngestReport:
    return await refresh.ingest(room.database, room.clock, room.app.settings.feeds, paths)


async def look(room: Newsroom) -> IngestReport:
    return await refresh.refresh(room.database, room.clock, room.app.settings.feeds, everything=True)


async def on_record(room: Newsroom) -> list[Paper]:
    return await record.search_papers(room.database, "", limit=10_000)


def hub_json(*titled: tuple[str, str]) -> str:
    return json.dumps([{"title": title, "paper": {"id": number, "title": title}} for number, title in titled])


def atom(*titled: tuple[str, str]) -> str:
    entries = "".join(
        f"<entry><title>{title}</title><id>http://arxiv.org/abs/{number}</id><summary>About it.</summary></entry>"
        for number, title in titled
    )
    return f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>A feed</title>{entries}</feed>'


# What is real


async def test_the_real_pages_and_feeds_come_in_once(room: Newsroom, shared: Path) -> None:
    pages = sorted((shared / "seeds").glob("*.txt"))
    report = await ingest(room, *pages)
    assert [source.entries for source in report.sources] == PAGE_COUNTS
    assert (report.entries, report.papers, report.new, report.refused) == (589, 545, 545, 0)
    assert len(await on_record(room)) == 545

    again = await ingest(room, *pages)
    assert (again.entries, again.papers, again.new, again.merged) == (589, 545, 0, 0)

    days = sorted((shared / "feeds/hf-daily-papers").glob("*.json"))
    more = await ingest(room, *days, shared / "feeds/arxiv/cs.AI-2025-08-20.atom")
    assert len(days) == 44
    assert all(source.entries and not source.refused for source in more.sources)
    assert more.new > 1000
    total = len(await on_record(room))
    assert total == 545 + more.new

    before = [paper.model_dump() for paper in await on_record(room)]
    everything = await ingest(room, *pages, *days, shared / "feeds/arxiv")
    assert (everything.new, everything.merged) == (0, 0)
    assert [paper.model_dump() for paper in await on_record(room)] == before
    assert everything.papers == total


async def test_the_order_of_the_files_does_not_matter(
    small_room: Newsroom, shared: Path, new_database: Any, tmp_path: Path
) -> None:
    some = [
        *sorted((shared / "seeds").glob("*.txt"))[:2],
        *sorted((shared / "feeds/hf-daily-papers").glob("*.json"))[:3],
        shared / "feeds/arxiv/cs.AI-2025-08-20.atom",
    ]
    forth = await ingest(small_room, *some)
    async with open_newsroom(new_database("sqlite"), tmp_path) as other:
        back = await ingest(other, *reversed(some))
        assert {paper.title for paper in await on_record(other)} == {
            paper.title for paper in await on_record(small_room)
        }
    assert forth.new == back.new == forth.papers


# One work, one record


async def test_a_title_that_later_comes_with_an_id_becomes_one_record(room: Newsroom) -> None:
    title = titles(0)[0]
    first = await room.take_in(Paper(title=title, abstract="Short.", votes=3), source="page")
    assert (first.new, first.merged) == (1, 0)
    second = await room.take_in(
        Paper(
            title=title.upper(),
            abstract="Much longer than that.",
            arxiv_id="2603.00001",
            url="https://arxiv.org/abs/2603.00001",
            authors=("Ada",),
            links=(Link(kind="code", url="https://example.org/code"),),
        )
    )
    assert (second.new, second.merged) == (0, 1)
    (found,) = await on_record(room)
    assert (found.arxiv_id, found.abstract, found.votes) == ("2603.00001", "Much longer than that.", 3)
    assert found.authors == ("Ada",)
    assert (await room.take_in(Paper(title=title)))[3:6] == (1, 0, 0)


async def test_two_works_of_one_title_stay_two(small_room: Newsroom) -> None:
    await small_room.take_in(Paper(title="Attention", arxiv_id="2603.00001"))
    taken = await small_room.take_in(Paper(title="Attention", arxiv_id="2603.00002"))
    assert (taken.new, taken.merged) == (1, 0)
    assert len(await on_record(small_room)) == 2


async def test_who_received_either_of_two_that_are_one_has_received_it(room: Newsroom) -> None:
    await room.take_in(Paper(title=titles(0)[0], votes=9), Paper(title="The quokka", arxiv_id="2603.00001", votes=5))
    await room.take_in(*papers(4, votes=1))
    room.set("ranking", papers=1)
    await room.subscribe("ada")
    await room.subscribe("bob", "quokka")
    await room.compose()
    assert await room.got("ada") == [titles(0)]
    assert await room.got("bob") == [("The quokka",)]
    # The id of the second under the title of the first: these two are one.
    taken = await room.take_in(Paper(title=titles(0)[0], arxiv_id="2603.00001"))
    assert (taken.new, taken.merged) == (0, 1)
    assert len(await on_record(room)) == 2
    room.set("ranking", papers=5)
    room.clock.step(days=1)
    await room.compose()
    assert (await room.got("ada"))[1:] == [titles(4)]
    assert len(await room.got("bob")) == 1
    # Each issue of the past still shows what it showed.
    assert [len(issue) for issue in await room.got("ada")] == [1, 1]


async def test_what_the_editor_said_stays_when_a_paper_is_told_again(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(0, 1))
    (one, two) = sorted(await on_record(small_room), key=lambda paper: paper.title)
    await record.mark_paper(small_room.database, one.id or 0, hidden=True)
    await record.mark_paper(small_room.database, two.id or 0, pinned=True)
    small_room.clock.step(days=1)
    await small_room.take_in(*papers(0, 1, votes=1000))
    for paper in await on_record(small_room):
        assert paper.votes == 1000
        assert paper.hidden == (paper.id == one.id)
        assert paper.pinned == (paper.id == two.id)
        assert paper.first_seen_at == one.first_seen_at


async def test_two_ingests_at_once_leave_each_paper_once(room: Newsroom, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "papers.json"
    file.write_text(hub_json(*((f"2603.{number:05}", f"Work {number} of many") for number in range(300))))
    async with open_newsroom(database_url, tmp_path) as other:
        reports = await asyncio.gather(*(ingest(each, file) for each in (room, other, room)))
    assert sum(report.new for report in reports) == 300
    assert len(await on_record(room)) == 300


async def test_a_revised_title_does_not_make_the_old_one_new(room: Newsroom) -> None:
    await room.take_in(Paper(title="A quokka", arxiv_id="2603.00001", version=1))
    taken = await room.take_in(Paper(title="A quokka, looked at again", arxiv_id="2603.00001", version=2))
    assert (taken.new, taken.merged) == (0, 1)
    # An old saved page brings it once more, under its first title and without an id.
    taken = await room.take_in(Paper(title="A quokka"))
    assert taken.new == 0
    (paper,) = await on_record(room)
    assert paper.title == "A quokka, looked at again"


async def test_a_title_of_a_merged_paper_still_means_the_one_that_is_kept(room: Newsroom) -> None:
    await room.take_in(Paper(title="A quokka"), Paper(title="The quokka", arxiv_id="2603.00001"))
    await room.take_in(Paper(title="A quokka", arxiv_id="2603.00001"))
    for title in ("A quokka", "The quokka"):
        assert (await room.take_in(Paper(title=title))).new == 0
    assert len(await on_record(room)) == 1


async def test_what_was_hidden_stays_hidden_when_it_becomes_one_with_another(room: Newsroom) -> None:
    await room.take_in(Paper(title="A quokka"), Paper(title="The quokka", arxiv_id="2603.00001"))
    (hidden,) = (paper for paper in await on_record(room) if paper.title == "A quokka")
    await record.mark_paper(room.database, hidden.id or 0, hidden=True)
    await room.take_in(Paper(title="A quokka", arxiv_id="2603.00001"))
    (kept,) = await on_record(room)
    assert kept.hidden


# Files


async def test_one_broken_file_costs_the_others_nothing(small_room: Newsroom, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(hub_json(("2603.00001", "One work")))
    (tmp_path / "b.bin").write_bytes(b"PK\x03\x04" + bytes(200))
    (tmp_path / "c.json").write_text('[{"title": "cut off", "paper": {"id": "2603')
    (tmp_path / "d.atom").write_text(atom(("2603.00002", "Another work")))
    (tmp_path / "e.txt").write_text("")
    (tmp_path / "f.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / ".hidden").write_text(hub_json(("2603.00003", "Not this one")))
    small_room.set("feeds", largest=10_000)
    (tmp_path / "g.txt").write_bytes(b"x" * 10_001)
    report = await ingest(small_room, tmp_path)
    named = {Path(source.source).name: source for source in report.sources}
    assert (named["a.json"].new, named["d.atom"].new) == (1, 1)
    assert named["a.json"].refused == named["d.atom"].refused == ()
    for name in ("b.bin", "c.json", "e.txt", "g.txt"):
        assert named[name].new == 0, name
        assert named[name].refused, name
    assert "largest" in named["g.txt"].refused[0].what
    assert report.new == 2
    assert {paper.title for paper in await on_record(small_room)} == {"One work", "Another work"}


async def test_a_path_that_is_not_there_is_told_and_nothing_is_taken_in(small_room: Newsroom, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(hub_json(("2603.00001", "One work")))
    with pytest.raises(UsageError, match="nowhere"):
        await ingest(small_room, file, tmp_path / "nowhere")
    with pytest.raises(UsageError):
        await ingest(small_room)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError):
        await ingest(small_room, tmp_path / "empty")
    assert await on_record(small_room) == []


async def test_a_pipe_among_the_files_does_not_hang(small_room: Newsroom, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    file = tmp_path / "a.json"
    file.write_text(hub_json(("2603.00001", "One work")))
    report = await asyncio.wait_for(ingest(small_room, tmp_path / "pipe", file), 20)
    assert report.new == 1
    assert report.refused == 1


async def test_progress_counts_files(small_room: Newsroom, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.json").write_text(hub_json((f"2603.0000{ord(name) - 96}", f"Work {name}")))
    told: list[tuple[int, int]] = []
    await refresh.ingest(
        small_room.database,
        small_room.clock,
        small_room.app.settings.feeds,
        sorted(tmp_path.glob("*.json")),
        progress=lambda done, of: told.append((done, of)),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


# Feeds on record


class Web:
    """An HTTP server with pages in a dictionary, which remembers what it was asked."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
            path = first.split()[1]
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            self.asked.append((path, headers))
            tag = f'"{hash(self.pages.get(path)) & 0xFFFF}"'
            if path not in self.pages:
                status, body = "404 Not Found", b""
            elif headers.get("if-none-match") == tag:
                status, body = "304 Not Modified", b""
            else:
                status, body = "200 OK", self.pages[path].encode()
            writer.write(
                f"HTTP/1.1 {status}\r\nETag: {tag}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                + body
            )
            await writer.drain()
        writer.close()

    def url(self, path: str) -> str:
        """Return the address of a page."""
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    served = Web()
    server = await asyncio.start_server(served.answer, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    yield served
    server.close()
    await server.wait_closed()


async def add(room: Newsroom, location: Any) -> bool:
    return await refresh.add_feed(room.database, room.clock, str(location))


async def feed(room: Newsroom, location: Any) -> Feed:
    (found,) = [one for one in await refresh.list_feeds(room.database) if one.location == str(location)]
    return found


async def test_feeds_of_all_kinds_come_in_and_a_dead_one_costs_nothing(
    room: Newsroom, web: Web, tmp_path: Path
) -> None:
    file = tmp_path / "one.json"
    file.write_text(hub_json(("2603.00001", "One work")))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "two.json").write_text(hub_json(("2603.00002", "Two works")))
    (folder / "three.atom").write_text(atom(("2603.00003", "Three works")))
    web.pages["/feed"] = atom(("2603.00004", "Four works"), ("2603.00001", "One work"))
    for location in (file, folder, web.url("/feed"), web.url("/gone"), "http://127.0.0.1:1/dead"):
        assert await add(room, location)
    assert not await add(room, file)
    report = await look(room)
    assert report.new == 4
    assert report.papers == 4
    assert {paper.title for paper in await on_record(room)} == {"One work", "Two works", "Three works", "Four works"}
    for location, word in ((web.url("/gone"), "404"), ("http://127.0.0.1:1/dead", "cannot be reached")):
        dead = await feed(room, location)
        assert word in dead.last_fault
        assert dead.last_fault_at == room.clock.now()
        assert dead.last_success_at is None
        (told,) = [source for source in report.sources if source.source == location]
        assert word in told.refused[0].what
    well = await feed(room, web.url("/feed"))
    assert (well.last_fault, well.last_success_at, well.title) == ("", room.clock.now(), "A feed")


async def test_a_feed_is_asked_only_for_what_is_new(small_room: Newsroom, web: Web) -> None:
    web.pages["/feed"] = atom(("2603.00001", "One work"))
    await add(small_room, web.url("/feed"))
    await look(small_room)
    small_room.clock.step(hours=1)
    assert (await look(small_room)).new == 0
    assert "if-none-match" not in web.asked[0][1]
    assert web.asked[1][1]["if-none-match"]
    kept = await feed(small_room, web.url("/feed"))
    assert (kept.title, kept.last_success_at) == ("A feed", small_room.clock.now())
    web.pages["/feed"] = atom(("2603.00001", "One work"), ("2603.00002", "Two works"))
    assert (await look(small_room)).new == 1
    assert len(web.asked) == 3


async def test_a_feed_that_came_back_has_no_fault_any_more(small_room: Newsroom, web: Web) -> None:
    await add(small_room, web.url("/feed"))
    await look(small_room)
    assert (await feed(small_room, web.url("/feed"))).last_fault
    web.pages["/feed"] = atom(("2603.00001", "One work"))
    await look(small_room)
    back = await feed(small_room, web.url("/feed"))
    assert (back.last_fault, back.last_fault_at) == ("", None)


async def test_a_feed_that_answers_with_no_feed_is_told(small_room: Newsroom, web: Web) -> None:
    web.pages["/feed"] = "<html><body>Please log in</body></html>"
    await add(small_room, web.url("/feed"))
    report = await look(small_room)
    assert report.new == 0
    assert report.refused == 1
    assert "HTML" in (await feed(small_room, web.url("/feed"))).last_fault
    await look(small_room)
    assert "if-none-match" not in web.asked[1][1]


async def test_a_broken_file_in_a_folder_costs_the_others_nothing(small_room: Newsroom, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(hub_json(("2603.00001", "One work")))
    (tmp_path / "b.json").write_bytes(b"x" * 3000)
    (tmp_path / "c.json").write_text(hub_json(("2603.00002", "Two works")))
    small_room.set("feeds", largest=2000)
    await add(small_room, tmp_path)
    report = await look(small_room)
    assert report.new == 2
    assert any("b.json" in problem.where for source in report.sources for problem in source.refused)
    assert (await feed(small_room, tmp_path)).last_success_at == small_room.clock.now()


async def test_a_feed_is_a_place_that_can_be_read(small_room: Newsroom, tmp_path: Path) -> None:
    for location in ("ftp://example.org/feed", str(tmp_path / "nowhere"), "file:///etc/hosts"):
        with pytest.raises(UsageError):
            await add(small_room, location)
    assert await refresh.list_feeds(small_room.database) == []


async def test_a_forgotten_feed_leaves_its_papers(small_room: Newsroom, tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_text(hub_json(("2603.00001", "One work")))
    await add(small_room, file)
    await look(small_room)
    assert await refresh.remove_feed(small_room.database, str(file))
    assert not await refresh.remove_feed(small_room.database, str(file))
    assert (await look(small_room)).sources == ()
    assert len(await on_record(small_room)) == 1
