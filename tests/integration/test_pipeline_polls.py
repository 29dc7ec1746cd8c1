"""Looks at feeds, of real servers and a real database: who is asked when, what is kept, what a fault costs."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from newsroom import NOW, Newsroom, beside, papers, until
from structlog.testing import capture_logs
from web_server import Page, WebServer, http_date, moved, serving

from newsletter.errors import NotFoundError
from newsletter.feeds.fetching import Fetcher
from newsletter.models import Feed
from newsletter.pipeline import polls, record, refresh, replay
from newsletter.pipeline.reporting import IngestReport
from newsletter.schedule.local import Looking, look_at_feeds, tick
from newsletter.store import arrivals
from newsletter.store import feeds as feed_rows

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
async def server() -> AsyncIterator[WebServer]:
    async with serving() as running:
        yield running


def rss(*titles: str, channel: str = "") -> bytes:
    items = "".join(
        f"<item><title>{title}</title><link>https://example.org/{title.replace(' ', '-')}</link>"
        "<description>About it.</description></item>"
        for title in titles
    )
    return f'<rss version="2.0"><channel><title>A feed</title>{channel}{items}</channel></rss>'.encode()


async def look(room: Newsroom, *, everything: bool = False, fetcher: Fetcher | None = None) -> IngestReport:
    return await refresh.refresh(
        room.database, room.clock, room.app.settings.feeds, everything=everything, fetcher=fetcher, chance=lambda: 0.0
    )


async def add(room: Newsroom, *locations: str) -> None:
    for location in locations:
        assert await refresh.add_feed(room.database, room.clock, location)


async def feed(room: Newsroom, location: str) -> Feed:
    (found,) = [one for one in await refresh.list_feeds(room.database) if one.location == location]
    return found


async def titles(room: Newsroom) -> set[str]:
    return {paper.title for paper in await record.search_papers(room.database, "", limit=100)}


async def until_on_record(room: Newsroom, title: str) -> None:
    async with asyncio.timeout(60):
        while title not in await titles(room):  # noqa: ASYNC110 - another writes it
            await asyncio.sleep(0.02)


async def replayed(room: Newsroom, **wanted: Any) -> IngestReport:
    return await replay.replay(room.database, **wanted)


# When


async def test_a_feed_is_asked_when_it_is_due(room: Newsroom, server: WebServer) -> None:
    server.pages["/feed"] = Page(rss("One work"))
    url = server.url("/feed")
    await add(room, url)
    assert (await look(room)).new == 1
    assert (await feed(room, url)).next_poll_at == NOW + HOUR
    room.clock.step(minutes=59)
    assert (await look(room)).not_asked == ((url, "not due", NOW + HOUR),)
    assert len(server.asked) == 1
    room.clock.step(minutes=1)
    assert (await look(room)).not_asked == ()
    assert len(server.asked) == 2
    await look(room, everything=True)
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("page", "wait"),
    [
        (Page(rss(), headers={"Cache-Control": "max-age=7200"}), 2 * HOUR),
        (Page(rss(), headers={"Expires": http_date(NOW + 3 * HOUR)}), 3 * HOUR),
        (Page(rss(), headers={"Cache-Control": "max-age=60"}), HOUR),
        (Page(rss(), headers={"RateLimit": '"all";r=0;t=9000'}), timedelta(seconds=9000)),
        (Page(status="503 Busy", headers={"Retry-After": "172800"}), 2 * DAY),
        (Page(status="429 Slow", headers={"Retry-After": http_date(NOW + 5 * HOUR)}), 5 * HOUR),
        (Page(status="500 Oh"), HOUR),
    ],
)
async def test_the_server_has_a_part_in_the_next_poll(
    small_room: Newsroom, server: WebServer, page: Page, wait: timedelta
) -> None:
    server.pages["/feed"] = page
    await add(small_room, server.url("/feed"))
    await look(small_room)
    assert (await feed(small_room, server.url("/feed"))).next_poll_at == NOW + wait


async def test_what_went_well_of_a_look_does_not_put_off_what_did_not(room: Newsroom, server: WebServer) -> None:
    # Each day of the hub is a question of its own, and an answer may be good for a day.
    url = server.url("/api/daily_papers")
    async with room.database.begin() as connection:
        await feed_rows.add(connection, "hub", url, NOW)
    asked = [f"/api/daily_papers?date={NOW.date() - ago * DAY}&limit=100&p=0" for ago in range(4)]
    server.pages.update(dict.fromkeys(asked, Page(b"[]")))
    await look(room)
    assert server.paths == asked
    fresh = Page(b"[]", headers={"Cache-Control": "max-age=80000"})
    today, *before = server.paths
    server.pages.update(dict.fromkeys(before, fresh) | {today: Page(status="500 Oh")})
    room.clock.step(hours=1)
    await look(room)
    assert (await feed(room, url)).next_poll_at == NOW + 2 * HOUR
    server.pages[today] = fresh
    room.clock.step(hours=1)
    await look(room)
    assert (await feed(room, url)).next_poll_at == NOW + 2 * HOUR + timedelta(seconds=80000)


async def test_a_feed_that_changes_seldom_is_asked_again_soon_where_it_could_not_be_read(
    small_room: Newsroom, server: WebServer
) -> None:
    url = server.url("/feed")
    server.pages["/feed"] = Page(rss("One work", channel="<ttl>180</ttl>"))
    await add(small_room, url)
    await look(small_room)
    assert (await feed(small_room, url)).next_poll_at == NOW + 3 * HOUR
    server.pages["/feed"] = Page(status="500 Oh")
    small_room.clock.step(hours=3)
    await look(small_room)
    assert (await feed(small_room, url)).next_poll_at == NOW + 4 * HOUR


async def test_what_a_feed_says_of_being_asked_holds_after_an_answer_without_it(
    room: Newsroom, server: WebServer, monkeypatch: Any
) -> None:
    from newsletter import feeds

    parse = feeds.parse

    def telling(data: bytes, **values: Any) -> Any:
        return parse(data, **values).model_copy(update={"ttl": 4 * HOUR, "skip_hours": frozenset({13, 14})})

    monkeypatch.setattr(feeds, "parse", telling)
    server.pages["/feed"] = Page(rss("One work"), etag='"1"')
    await add(room, server.url("/feed"))
    for due in (NOW.replace(hour=15), NOW.replace(hour=19)):
        await look(room)
        assert (await feed(room, server.url("/feed"))).next_poll_at == due
        room.clock.moment = due
    assert [one.headers.get("if-none-match") for one in server.asked] == [None, '"1"']


async def test_a_server_that_wants_silence_gets_it_from_all_its_feeds_whoever_asks(
    room: Newsroom, server: WebServer
) -> None:
    server.pages["/busy"] = Page(status="429 Too Many Requests", headers={"Retry-After": "7200"})
    for path in ("/b", "/c"):
        server.pages[path] = Page(rss(f"Work {path[1]}"))
    room.set("feeds", allow_hosts=("127.0.0.1",), gap=0, per_host=1)
    await add(room, *map(server.url, ("/busy", "/b", "/c")))
    report = await look(room)
    assert server.paths == ["/busy"]
    assert report.not_asked == tuple((server.url(path), "silence", NOW + 2 * HOUR) for path in ("/b", "/c"))
    busy = await feed(room, server.url("/busy"))
    assert "429" in busy.last_fault
    assert "2026-03-02 11:00 UTC" in busy.last_fault
    assert (await feed(room, server.url("/b"))).last_fault == ""
    room.clock.step(minutes=119)
    # One that came on record since is of the same host.
    await add(room, server.url("/d"))
    report = await look(room, everything=True)
    assert {one.why for one in report.not_asked} == {"silence"}
    assert len(report.not_asked) == 4
    assert server.paths == ["/busy"]
    room.clock.step(minutes=1)
    server.pages["/busy"] = server.pages["/d"] = Page(rss("One work"))
    assert (await look(room)).not_asked == ()
    assert sorted(server.paths) == ["/b", "/busy", "/busy", "/c", "/d"]


async def test_two_looks_at_once_ask_each_feed_once(room: Newsroom, server: WebServer) -> None:
    paths = [f"/{number}" for number in range(5)]
    server.pages.update({path: Page(rss(f"Work {path[1]}")) for path in paths})
    await add(room, *map(server.url, paths))
    reports = await asyncio.gather(*(look(room) for _ in range(3)))
    assert sorted(server.paths) == paths
    assert sum(report.new for report in reports) == 5


# What holds up nobody


async def test_each_answer_is_taken_in_as_it_comes(room: Newsroom, server: WebServer) -> None:
    released = asyncio.Event()

    async def hangs(writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    server.pages["/hangs"] = hangs
    server.pages["/feed"] = Page(rss("One work"))
    await add(room, server.url("/hangs"), server.url("/feed"))
    looking = asyncio.ensure_future(look(room))
    await until_on_record(room, "One work")
    # The look is not over, and what came is on record.
    assert not looking.done()
    released.set()
    await looking


async def falls_silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def test_a_silent_server_is_tried_once_and_its_other_feeds_say_why_they_wait(
    room: Newsroom, server: WebServer
) -> None:
    paths = [f"/{number}" for number in range(24)]
    server.pages.update(dict.fromkeys(paths, falls_silent))
    room.set("feeds", allow_hosts=("127.0.0.1",), gap=0, per_host=2, silence=0.3, timeout=20)
    await add(room, *map(server.url, paths))
    report = await look(room)
    # So many are under way at once before one of them is given up.
    assert len(server.paths) == 2
    assert len(report.sources) == 24
    waiting = await feed(room, server.url("/23"))
    assert waiting.next_poll_at == NOW + 5 * MINUTE
    assert "did not answer another question" in waiting.last_fault
    assert "2026-03-02 09:05 UTC" in waiting.last_fault
    # Whoever looks next, another process say, tries it as often, and waits for longer.
    for pause in (5, 10, 20, 40, 60, 60):
        del server.asked[:]
        room.clock.step(minutes=pause)
        await look(room)
        assert 1 <= len(server.paths) <= 2
    # One of its feeds that is well again is the end of it.
    server.pages.update({path: Page(rss(f"Work {path}")) for path in paths})
    room.clock.step(minutes=60)
    await look(room)
    room.clock.step(minutes=60)
    assert (await look(room)).sources
    server.pages.update(dict.fromkeys(paths, falls_silent))
    room.clock.step(hours=2)
    await look(room)
    assert NOW < (await feed(room, server.url("/23"))).next_poll_at - (room.clock.now() - NOW) == NOW + 5 * MINUTE


async def test_a_server_that_is_not_there_is_tried_once(room: Newsroom, server: WebServer) -> None:
    room.set("feeds", allow_hosts=("127.0.0.1",), gap=0, per_host=1)
    dead = "http://127.0.0.1:1"
    server.pages["/feed"] = Page(rss("One work"))
    await add(room, f"{dead}/a", f"{dead}/b", server.url("/feed"))
    report = await look(room)
    said = {source.source: source.refused[0].what for source in report.sources if source.refused}
    assert "cannot be reached" in said[f"{dead}/a"]
    assert "127.0.0.1:1 did not answer another question" in said[f"{dead}/b"]
    # Another server on the same machine is not concerned.
    assert await titles(room) == {"One work"}


async def test_the_operator_has_a_silent_server_tried_at_once(room: Newsroom, server: WebServer) -> None:
    server.pages.update({"/a": falls_silent, "/b": falls_silent})
    room.set("feeds", allow_hosts=("127.0.0.1",), gap=0, per_host=1, silence=0.2)
    await add(room, server.url("/a"), server.url("/b"))
    await look(room)
    server.pages.update({"/a": Page(rss("One work")), "/b": Page(rss("Other work"))})
    await look(room)
    assert server.paths == ["/a"]
    await look(room, everything=True)
    assert await titles(room) == {"One work", "Other work"}


async def test_a_look_ends_before_others_may_begin_what_it_has_begun(
    room: Newsroom, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polls, "LOOK_SECONDS", 0.5)
    server.pages.update(dict.fromkeys(("/a", "/b"), falls_silent))
    server.pages["/feed"] = Page(rss("One work"))
    room.set("feeds", allow_hosts=("127.0.0.1", "localhost"), gap=0, per_host=1)
    await add(room, server.url("/a"), server.url("/b"), server.url("/feed", "localhost"))
    await look(room)
    assert await titles(room) == {"One work"}
    assert [(await feed(room, server.url(path))).next_poll_at for path in ("/a", "/b")] == [None, None]


async def test_a_feed_that_comes_on_record_does_not_wait_for_a_look_that_hangs(
    small_room: Newsroom, server: WebServer
) -> None:
    released = asyncio.Event()

    async def hangs(writer: asyncio.StreamWriter) -> None:
        await released.wait()

    server.pages.update({"/hangs": hangs, "/feed": Page(rss("One work"))})
    looking = Looking()
    await add(small_room, server.url("/hangs"))
    async with beside(looking(small_room.app)) as first:
        await until(lambda: server.asked)
        await add(small_room, server.url("/feed", "localhost"))
        small_room.set("feeds", allow_hosts=("127.0.0.1", "localhost"))
        await looking(small_room.app)
        assert await titles(small_room) == {"One work"}
        assert not first.done()
        # The two take turns at one server all the same.
        assert looking._manners is not None
        assert set(looking._manners._hosts) == {"127.0.0.1", "localhost"}
        released.set()
        await first


async def test_mail_goes_out_while_a_feed_hangs(small_room: Newsroom, server: WebServer) -> None:
    async def hangs(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    server.pages["/hangs"] = hangs
    await small_room.take_in(*papers(0, 1, 2))
    await small_room.subscribe("ada", hour=7)
    small_room.clock.moment = NOW.replace(day=3, hour=7)
    await add(small_room, server.url("/hangs"))
    async with beside(look_at_feeds(small_room.app)) as looking:
        await until(lambda: server.asked)
        await tick(small_room.app)
        assert await small_room.states() == {"ada": "caught"}
        assert not looking.done()


async def test_a_look_that_is_stopped_leaves_feeds_due(room: Newsroom, server: WebServer) -> None:
    async def hangs(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    server.pages["/hangs"] = hangs
    await add(room, server.url("/hangs"))
    looking = asyncio.ensure_future(look(room))
    await until(lambda: server.asked)
    assert (await feed(room, server.url("/hangs"))).next_poll_at == NOW + polls.LEASE
    looking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await looking
    assert (await feed(room, server.url("/hangs"))).next_poll_at is None


async def test_a_process_that_is_killed_in_the_midst_loses_nothing(
    small_room: Newsroom, server: WebServer, tmp_path: Path
) -> None:
    released = asyncio.Event()

    async def hangs(writer: asyncio.StreamWriter) -> None:
        await released.wait()
        body = rss("Another work")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    server.pages["/hangs"] = hangs
    server.pages["/feed"] = Page(rss("One work"), etag='"1"')
    await add(small_room, server.url("/hangs"), server.url("/feed"))
    config = tmp_path / "config.toml"
    config.write_text(
        f'[database]\nurl = "sqlite:///{small_room.database.file}"\n[feeds]\nallow_hosts = ["127.0.0.1"]\ngap = 0\n'
    )
    words = [sys.executable, "-m", "newsletter", "--config", str(config), "feeds", "refresh", "--all"]
    killed = await asyncio.create_subprocess_exec(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    await until_on_record(small_room, "One work")
    os.kill(killed.pid, signal.SIGKILL)
    await killed.wait()
    # Whoever asked is taken for dead after a while; then what is missing is asked for.
    released.set()
    for one in await refresh.list_feeds(small_room.database):
        assert one.next_poll_at is not None
        small_room.clock.moment = max(small_room.clock.moment, one.next_poll_at)
    await look(small_room)
    assert await titles(small_room) == {"One work", "Another work"}
    kept = await small_room.rows("SELECT address FROM responses")
    assert sorted(path for (path,) in kept) == sorted([server.url("/feed"), server.url("/hangs")])


# Where it is


async def test_a_move_for_good_is_remembered_until_it_proves_wrong(room: Newsroom, server: WebServer) -> None:
    server.pages["/old"] = moved("/new", "301 Moved")
    server.pages["/new"] = Page(rss("One work"), etag='"1"')
    url = server.url("/old")
    await add(room, url)
    await look(room)
    assert (await feed(room, url)).moved_to == server.url("/new")
    await look(room, everything=True)
    assert server.paths == ["/old", "/new", "/new"]
    assert server.asked[-1].headers["if-none-match"] == '"1"'
    assert (await feed(room, url)).moved_to == server.url("/new")
    del server.pages["/new"]
    server.pages["/old"] = Page(rss("Two works"))
    await look(room, everything=True)
    broken = await feed(room, url)
    assert (broken.moved_to, "404" in broken.last_fault) == ("", True)
    await look(room, everything=True)
    assert server.paths[-2:] == ["/new", "/old"]
    assert await titles(room) == {"One work", "Two works"}


async def test_a_relative_address_counts_from_where_the_feed_turned_out_to_be(
    room: Newsroom, server: WebServer
) -> None:
    room.set("feeds", allow_hosts=("127.0.0.1", "localhost"), gap=0)
    server.pages["/feed"] = moved(server.url("/blog/feed", "localhost"))
    server.pages["/blog/feed"] = Page(
        b'<feed xmlns="http://www.w3.org/2005/Atom"><title>A blog</title>'
        b'<entry><title>One work</title><link href="posts/1"/></entry></feed>'
    )
    await add(room, server.url("/feed"))
    await look(room)
    (paper,) = await record.search_papers(room.database, "", limit=10)
    assert paper.url == server.url("/blog/posts/1", "localhost")


async def test_a_day_of_the_hub_is_asked_for_with_its_own_validator(room: Newsroom, server: WebServer) -> None:
    def listed(votes: int, title: str = "One work") -> bytes:
        paper = {"id": "2602.00001", "title": title, "summary": "It is so.", "upvotes": votes}
        return json.dumps([{"paper": paper}]).encode()

    def path(day: int, page: int = 0) -> str:
        return f"/api/daily_papers?date=2026-03-{day:02}&limit=100&p={page}"

    room.set("feeds", allow_hosts=("127.0.0.1",), gap=0, follow_days=1)
    today = path(2)
    server.pages[today] = Page(listed(3), etag='"first"')
    async with room.database.begin() as connection:
        await feed_rows.add(connection, "hub", server.url("/api/daily_papers"), NOW)

    async def votes() -> int | None:
        await look(room)
        room.clock.step(hours=2)
        return (await record.search_papers(room.database, "", limit=10))[0].votes

    def sent() -> list[str | None]:
        return [one.headers.get("if-none-match") for one in server.asked if one.path == today]

    assert await votes() == 3
    assert await votes() == 3
    server.pages[today] = Page(listed(8), etag='"second"')
    assert await votes() == 8
    # What it was before it is again, under another name.
    server.pages[today] = Page(listed(3), etag='"third"')
    await votes()
    await votes()
    assert sent() == [None, '"first"', '"first"', '"second"', '"third"']
    async with room.database.connect() as connection:
        (arrived,) = await arrivals.of_days(connection, 1, [NOW.date()])
    # A day that has not changed was looked at all the same.
    assert (arrived.entries, arrived.asked_at) == (1, NOW + 8 * HOUR)


async def test_what_a_feed_moved_to_may_be_gone_and_the_feed_is_asked_on(room: Newsroom, server: WebServer) -> None:
    server.pages["/old"] = moved("/new", "301 Moved")
    server.pages["/new"] = Page(rss("One work"))
    url = server.url("/old")
    await add(room, url)
    await look(room)
    server.pages["/new"] = Page(status="410 Gone")
    server.pages["/old"] = Page(rss("Two works"))
    await look(room, everything=True)
    broken = await feed(room, url)
    assert (broken.gone_at, broken.last_fault) == (None, f"{server.url('/new')} answered 410 Gone.")
    room.clock.step(days=1)
    await look(room)
    assert await titles(room) == {"One work", "Two works"}


async def test_a_feed_that_is_gone_is_not_asked_until_the_operator_looks(room: Newsroom, server: WebServer) -> None:
    server.pages["/feed"] = Page(status="410 Gone")
    url = server.url("/feed")
    await add(room, url)
    with capture_logs() as logs:
        await look(room)
    assert [one["event"] for one in logs if one["log_level"] == "warning"] == ["a feed is gone"]
    gone = await feed(room, url)
    assert gone.gone_at == NOW
    assert "gone for good" in gone.last_fault
    room.clock.step(days=30)
    assert (await look(room)).not_asked == ((url, "gone", None),)
    assert len(server.asked) == 1
    server.pages["/feed"] = Page(rss("One work"))
    await look(room, everything=True)
    assert (await feed(room, url)).gone_at is None
    assert (await feed(room, url)).next_poll_at == room.clock.now() + HOUR


# Faults


async def test_a_fault_that_lasts_is_told_once(room: Newsroom, server: WebServer) -> None:
    server.pages["/feed"] = Page(status="500 Oh")
    url = server.url("/feed?token=secret")
    await add(room, url)
    told = []
    for _ in range(60):
        with capture_logs() as logs:
            await look(room)
        told += [one for one in logs if one["log_level"] == "warning"]
        if not told:
            assert await refresh.lasting_faults(room.database, room.clock, room.app.settings.feeds) == []
        room.clock.step(hours=1)
    (warning,) = told
    assert (warning["event"], warning["since"]) == ("a feed stays broken", f"{NOW:%Y-%m-%d %H:%M}")
    assert "secret" not in str(warning)
    (lasting,) = await refresh.lasting_faults(room.database, room.clock, room.app.settings.feeds)
    assert (lasting.faulty_since, lasting.told_at) == (NOW, NOW + DAY)
    server.pages["/feed?token=secret"] = Page(rss("One work"))
    await look(room)
    assert (await feed(room, url)).faulty_since is None
    assert await refresh.lasting_faults(room.database, room.clock, room.app.settings.feeds) == []


async def test_what_arxiv_says_of_a_bad_request_is_told(small_room: Newsroom, server: WebServer) -> None:
    body = (
        b'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Error</title>'
        b"<entry><id>http://arxiv.org/api/errors#x</id><summary>sorry</summary></entry></feed>"
    )
    server.pages["/feed"] = Page(body, status="400 Bad Request")
    await add(small_room, server.url("/feed"))
    await look(small_room)
    assert "answered 400 Bad Request" in (await feed(small_room, server.url("/feed"))).last_fault


async def test_a_private_address_is_a_fault_like_any_other(small_room: Newsroom, server: WebServer) -> None:
    small_room.set("feeds", allow_hosts=())
    server.pages["/feed"] = Page(rss("One work"))
    await add(small_room, server.url("/feed"))
    report = await look(small_room)
    assert report.refused == 1
    assert "feeds.allow_hosts" in (await feed(small_room, server.url("/feed"))).last_fault
    assert server.asked == []


# What is kept


async def test_what_came_in_can_be_taken_in_again(room: Newsroom, server: WebServer) -> None:
    first, second = rss("One work"), rss("One work", "Two works")
    for path in ("/feed", "/other"):
        server.pages[path] = Page(first)
    url = server.url("/feed")
    await add(room, url, server.url("/other"))
    for body in (first, first, second):
        server.pages["/feed"] = Page(body)
        await look(room)
        room.clock.step(hours=1)
    # Three answers of one feed, two of them alike, and one of the other, three times.
    assert await room.rows("SELECT count(*) FROM responses") == [(3,)]
    before = {paper.title: paper for paper in await record.search_papers(room.database, "", limit=100)}
    again = await replayed(room)
    assert (len(again.sources), again.papers, again.new, again.merged) == (3, 2, 0, 0)
    # The papers are lost; the answers bring them back, as of the moment when they came.
    await room.say("DELETE FROM papers")
    assert (await replayed(room, location=url)).new == 2
    after = {paper.title: paper for paper in await record.search_papers(room.database, "", limit=100)}
    assert {title: one.first_seen_at for title, one in after.items()} == {
        title: one.first_seen_at for title, one in before.items()
    }
    assert (await replayed(room, since=(NOW + DAY).date())).sources == ()
    assert len((await replayed(room, since=NOW.date())).sources) == 3
    with pytest.raises(NotFoundError, match="There is no feed"):
        await replayed(room, location="https://example.org/none")


async def test_answers_are_pruned_by_age(small_room: Newsroom, server: WebServer) -> None:
    server.pages["/feed"] = Page(rss("One work"))
    await add(small_room, server.url("/feed"))
    await look(small_room)
    small_room.clock.step(days=31)
    server.pages["/feed"] = Page(rss("Two works"))
    await look(small_room)
    assert [source.entries for source in (await replayed(small_room)).sources] == [1]
    await refresh.remove_feed(small_room.database, server.url("/feed"))
    assert await small_room.rows("SELECT count(*) FROM responses") == [(0,)]


async def test_an_answer_is_kept_before_it_is_taken_in(
    small_room: Newsroom, server: WebServer, monkeypatch: Any
) -> None:
    async def fails(*_: Any) -> None:
        raise RuntimeError("the machine stops here")

    monkeypatch.setattr(polls, "take_in", fails)
    server.pages["/feed"] = Page(rss("One work"), etag='"1"')
    await add(small_room, server.url("/feed"))
    with pytest.raises(RuntimeError):
        await look(small_room)
    monkeypatch.undo()
    assert await titles(small_room) == set()
    assert (await feed(small_room, server.url("/feed"))).etag == ""
    assert (await replayed(small_room)).new == 1
