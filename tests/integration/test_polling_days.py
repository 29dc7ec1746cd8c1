"""Whole days: what each source brought, what is told of it, and what readers get after a gap."""

import email
import email.policy
import json
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from newsroom import DAY, Newsroom, address
from servers import Server
from structlog.testing import capture_logs
from web_server import Page, WebServer, serving

from newsletter.feeds import calendars
from newsletter.models import FeedKind
from newsletter.pipeline import days, record, refresh, replay, subscribers
from newsletter.pipeline.reporting import IngestReport
from newsletter.schedule.local import look_at_feeds, tick
from newsletter.store import feeds as feed_rows
from newsletter.store import issues

NOON = time(12, tzinfo=UTC)


class Days(dict[str, Any]):
    """What a server has on the days of a clock: the hub's days up to then, and documents that are made for a day."""

    def __init__(self, room: Newsroom) -> None:
        super().__init__()
        self.room = room
        self.hub: dict[date, bytes] = {}
        self.made: dict[str, Any] = {}
        self.documents: dict[str, Any] = {}
        self.down = False
        # When arXiv's papers were handed in, with their ids and titles; how its search is, and each question to it.
        self.handed_in: list[tuple[datetime, str, str]] = []
        self.search = Page()
        self.searches: list[str] = []

    def get(self, path: str, default: Any = None) -> Any:
        """Return what is answered now."""
        if self.down:
            return Page(status="503 Away")
        parts = urlsplit(path)
        now = self.room.clock.now()
        if parts.path in self.documents:
            return self.documents[parts.path](now)
        if parts.path in self.made:
            return Page(self.made[parts.path](now))
        asked = dict(parse_qsl(parts.query))
        if parts.path == "/api/query":
            self.searches.append(asked["search_query"])
            return self._searched(asked) if self.search.status == "200 OK" else self.search
        day = date.fromisoformat(asked["date"])
        if day > now.date() or int(asked["p"]) > 0:
            return Page(b"[]")
        return Page(self.hub.get(day, b"[]"))

    def _searched(self, asked: dict[str, str]) -> Page:
        span = re.search(r"submittedDate:\[(\d{12}) TO (\d{12})\]", asked["search_query"])
        assert span
        since, until = (datetime.strptime(each, "%Y%m%d%H%M").replace(tzinfo=UTC) for each in span.groups())
        found = sorted(one for one in self.handed_in if since <= one[0] <= until)
        start = int(asked["start"])
        entries = "".join(
            f"<entry><id>http://arxiv.org/abs/{number}v1</id><title>{title}</title><summary>About it.</summary>"
            f"<published>{moment:%Y-%m-%dT%H:%M:%SZ}</published></entry>"
            for moment, number, title in found[start : start + int(asked["max_results"])]
        )
        space = 'xmlns="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"'
        numbers = f"<opensearch:totalResults>{len(found)}</opensearch:totalResults>"
        numbers += f"<opensearch:startIndex>{start}</opensearch:startIndex>"
        return Page(f"<feed {space}><title>arXiv Query</title>{numbers}{entries}</feed>".encode())


@pytest.fixture
async def world(small_room: Newsroom) -> AsyncIterator[tuple[Newsroom, Days, WebServer]]:
    async with serving() as server:
        pages = Days(small_room)
        server.pages = pages
        yield small_room, pages, server


async def add(room: Newsroom, kind: FeedKind, location: str) -> None:
    async with room.database.begin() as connection:
        assert await feed_rows.add(connection, kind, location, room.clock.now())


def real_days(shared: Path) -> dict[date, bytes]:
    return {
        date.fromisoformat(file.stem): file.read_bytes()
        for file in (shared / "feeds" / "hf-daily-papers").glob("*.json")
    }


def made_day(day: date, number: int) -> bytes:
    """A day of the hub with so many papers, of which no two have a word in common."""
    return json.dumps([made_paper(day, f"q{day:%m%d}x{at} z{day:%m%d}y{at}", at) for at in range(number)]).encode()


def made_paper(day: date, title: str, number: int) -> dict[str, Any]:
    paper = {
        "id": f"{day:%y%m}.{day.day:02}{number:03}",
        "title": title,
        "summary": f"About {title}.",
        "publishedAt": f"{day - 2 * DAY}T00:00:00Z",
        "upvotes": number,
    }
    return {"title": title, "paper": paper}


async def at(room: Newsroom, day: date, clock_time: time = NOON) -> IngestReport:
    room.clock.moment = datetime.combine(day, clock_time)
    return await refresh.refresh(room.database, room.clock, room.app.settings.feeds, everything=True)


async def new_titles(room: Newsroom) -> int:
    """How many papers a mail of now may hold."""
    since = room.clock.now() - timedelta(days=room.app.settings.ranking.window_days)
    found = await record.search_papers(room.database, "", limit=10_000)
    return sum(paper.first_seen_at is not None and paper.first_seen_at >= since for paper in found)


# What is told


async def test_of_44_real_days_two_are_told_and_no_weekend(
    world: tuple[Newsroom, Days, WebServer], shared: Path
) -> None:
    room, pages, server = world
    pages.hub = real_days(shared)
    await add(room, "hub", server.url("/api/daily_papers"))
    told: list[days.Quiet] = []
    with capture_logs() as logs:
        for ahead in range(62):
            told += (await at(room, date(2026, 6, 1) + ahead * DAY)).quiet
    assert [(one.day.isoformat(), one.verdict, one.number) for one in told] == [
        ("2026-07-14", "few", 12),
        ("2026-07-15", "few", 2),
    ]
    assert [line["day"] for line in logs if line["event"] == "far less came than usual"] == ["2026-07-14", "2026-07-15"]
    assert "nothing came" not in {line["event"] for line in logs}
    entries = dict(await room.rows("SELECT day, entries FROM arrivals WHERE day BETWEEN '2026-07-13' AND '2026-07-19'"))
    assert [entries[day] for day in sorted(entries)] == [13, 12, 2, 16, 20, 0, 0]
    # The record of days does not grow for ever.
    assert (await room.rows("SELECT min(day) > '2026-05-20', count(*) FROM arrivals"))[0][0]


def announcements(day: date, number: int) -> bytes:
    """A document of arXiv's announcements, as it stands there from midnight of the east on."""
    entries = "".join(
        f"<entry><id>oai:arXiv.org:{day:%y%m}.{day.day:02}{at:03}v1</id><title>q{day:%m%d}x{at} announced</title>"
        "<arxiv:announce_type>new</arxiv:announce_type><summary>About it.</summary>"
        f"<updated>{day}T04:00:00Z</updated></entry>"
        for at in range(number)
    )
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom">'
        f"<title>cs.CL updates on arXiv.org</title><updated>{day}T04:00:00Z</updated>{entries}</feed>"
    ).encode()


class Announcing:
    """arXiv, from week to week: so many papers on each day with an announcement, but for those that are named."""

    def __init__(self, *without: date, number: int = 30) -> None:
        self.without = without
        self.number = number

    def __call__(self, now: datetime) -> bytes:
        """Return the document that stands there at a moment."""
        day = (now - timedelta(hours=4)).date()
        return announcements(day, 0 if day.weekday() >= 5 or day in self.without else self.number)


async def test_an_empty_tuesday_of_arxiv_is_told_once_and_thanksgiving_is_not(
    world: tuple[Newsroom, Days, WebServer],
) -> None:
    room, pages, server = world
    tuesday, after_thanksgiving = date(2026, 11, 17), date(2026, 11, 27)
    pages.made["/atom/cs.CL"] = Announcing(tuesday, after_thanksgiving)
    await add(room, "arxiv", server.url("/atom/cs.CL"))
    told: list[tuple[datetime, days.Quiet]] = []
    with capture_logs() as logs:
        for ahead in range(8 * 7):
            for hour in (6, 12, 18) if ahead > 40 else (12,):
                report = await at(room, date(2026, 10, 5) + ahead * DAY, time(hour, tzinfo=UTC))
                told += [(room.clock.now(), one) for one in report.quiet]
                standing = await days.standing(room.database, room.clock)
                # Until the next day that counts.
                stands = bool(told) and room.clock.now() < datetime(2026, 11, 18, 12, tzinfo=UTC)
                assert [one.day for one in standing] == ([tuesday] if stands else [])
    [(moment, one)] = told
    assert moment == datetime(2026, 11, 17, 12, tzinfo=UTC), "in the morning of the east"
    assert (one.day, one.verdict, one.number, one.usual) == (tuesday, "nothing", 0, 30)
    assert "Nothing came from" in str(one)
    assert "on Tuesday, 2026-11-17; about 30 are usual" in str(one)
    assert len([line for line in logs if line["event"] == "nothing came"]) == 1


async def test_a_day_of_the_settings_is_no_news_and_neither_is_what_a_feed_skips(
    world: tuple[Newsroom, Days, WebServer],
) -> None:
    room, pages, server = world
    first, second = date(2026, 11, 17), date(2026, 11, 18)
    pages.made["/atom/cs.CL"] = Announcing(first, second)
    room.set("feeds", allow_hosts=("127.0.0.1",), gap=0, holidays=(date(2026, 11, 16),))
    await add(room, "arxiv", server.url("/atom/cs.CL"))
    told = [one.day for ahead in range(50) for one in (await at(room, date(2026, 10, 5) + ahead * DAY)).quiet]
    assert told == [second]


async def test_a_broken_source_is_told_as_broken_and_not_as_empty(world: tuple[Newsroom, Days, WebServer]) -> None:
    room, pages, server = world
    pages.made["/atom/cs.CL"] = Announcing()
    await add(room, "arxiv", server.url("/atom/cs.CL"))
    start = date(2026, 10, 5)
    for ahead in range(35):
        assert (await at(room, start + ahead * DAY)).quiet == ()
    pages.down = True
    reports = [await at(room, start + ahead * DAY) for ahead in range(35, 40)]
    assert [len(report.lasting) for report in reports] == [0, 1, 0, 0, 0]
    assert not any(report.quiet for report in reports)
    pages.down = False
    # On days on which it could not be asked nobody knows what it had.
    assert not [one for ahead in range(40, 50) for one in (await at(room, start + ahead * DAY)).quiet]


@pytest.mark.parametrize("reachable", [True, False])
async def test_the_operator_is_mailed_once_with_no_headers_of_a_list(
    world: tuple[Newsroom, Days, WebServer], reachable: bool
) -> None:
    room, pages, server = world
    pages.made["/atom/cs.CL"] = Announcing(date(2026, 11, 17))
    await add(room, "arxiv", server.url("/atom/cs.CL"))
    for ahead in range(43):
        await at(room, date(2026, 10, 5) + ahead * DAY, time(6, tzinfo=UTC))
    room.clock.moment = datetime(2026, 11, 17, 12, tzinfo=UTC)
    room.set("feeds", allow_hosts=("127.0.0.1",), gap=0, tell="operator@example.org")
    async with Server() as relay:
        room.relay(relay)
        if not reachable:
            relay.rules["RCPT"] = "451 4.3.0 Not now"
        with capture_logs() as logs:
            await look_at_feeds(room.app)
        if not reachable:
            assert relay.messages == []
            assert "the operator was not mailed" in {line["event"] for line in logs}
            relay.rules.clear()
            await look_at_feeds(room.app)
        await look_at_feeds(room.app)
        room.clock.step(minutes=90)
        await look_at_feeds(room.app)
        [mail] = relay.messages
    assert mail.recipient == "operator@example.org"
    read = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert read["Subject"].endswith("on Tuesday, 2026-11-17; about 30 are usual.")
    assert read["Auto-Submitted"] == "auto-generated"
    assert not [name for name in read if name.startswith("List-")]
    assert "Nothing came from" in read.get_content()


async def test_without_an_address_nobody_is_mailed(world: tuple[Newsroom, Days, WebServer]) -> None:
    room, pages, server = world
    pages.made["/atom/cs.CL"] = Announcing(date(2026, 11, 17))
    await add(room, "arxiv", server.url("/atom/cs.CL"))
    for ahead in range(43):
        await at(room, date(2026, 10, 5) + ahead * DAY, time(6, tzinfo=UTC))
    room.clock.moment = datetime(2026, 11, 17, 12, tzinfo=UTC)
    async with Server() as relay:
        room.relay(relay)
        await look_at_feeds(room.app)
        assert relay.commands == []
    assert [one.verdict for one in await days.standing(room.database, room.clock)] == ["nothing"]


# What arXiv announced while nobody read it

WEDNESDAY = date(2026, 11, 11)


async def announcing(world: tuple[Newsroom, Days, WebServer], number: int = 30) -> tuple[Newsroom, Days]:
    """arXiv, read from the week before on; its search knows all that is announced until December."""
    room, pages, server = world
    pages.made["/atom/cs.CL+hep-th"] = Announcing(number=number)
    for ahead in range(30):
        day = date(2026, 11, 2) + ahead * DAY
        if day.weekday() < 5:
            until = calendars.taken_in_until(day)
            pages.handed_in += [
                (
                    until - (at + 1) * timedelta(minutes=1),
                    f"{day:%y%m}.{day.day:02}{at:03}",
                    f"q{day:%m%d}x{at} announced",
                )
                for at in range(number)
            ]
    room.clock.moment = datetime(2026, 11, 9, 12, tzinfo=UTC)
    await add(room, "arxiv", server.url("/atom/cs.CL+hep-th"))
    for day in (date(2026, 11, 9), date(2026, 11, 10)):
        await at(room, day)
    assert pages.searches == []
    return room, pages


def of_day(day: date, sights: Mapping[str, Any]) -> list[Any]:
    return [seen for title, seen in sights.items() if title.startswith(f"q{day:%m%d}x")]


async def test_announcements_that_nobody_read_are_searched_for(world: tuple[Newsroom, Days, WebServer]) -> None:
    room, pages = await announcing(world, 150)
    # Nothing of ours runs on Wednesday and Thursday.
    friday = WEDNESDAY + 2 * DAY
    assert (await at(room, friday)).new == 3 * 150
    sights = await first_sights(room)
    for day in (WEDNESDAY, WEDNESDAY + DAY):
        assert of_day(day, sights) == [datetime.combine(day, time(23, 59, 59), UTC)] * 150
    assert of_day(friday, sights) == [room.clock.now()] * 150
    # From when the feed was added: since then, some may have been held at arXiv. They are three pages.
    span = "submittedDate:[202611091200 TO 202611111900]"
    assert pages.searches == [f"(cat:cs.CL OR cat:hep-th) AND {span}"] * 3
    for ahead in range(1, 14):
        await at(room, friday + ahead * DAY)
    assert len(pages.searches) == 3
    [found] = await refresh.list_feeds(room.database)
    assert found.title == "cs.CL updates on arXiv.org"


async def test_a_search_for_what_was_missed_is_tried_until_it_is_answered(
    world: tuple[Newsroom, Days, WebServer],
) -> None:
    room, pages = await announcing(world)
    pages.search = Page(status="503 Away")
    thursday = WEDNESDAY + DAY
    report = await at(room, thursday)
    assert (report.new, report.refused) == (30, 1)
    assert of_day(WEDNESDAY, await first_sights(room)) == []
    pages.search = Page()
    assert (await at(room, thursday, time(13, tzinfo=UTC))).new == 30
    assert len(of_day(WEDNESDAY, await first_sights(room))) == 30
    assert (await at(room, thursday, time(14, tzinfo=UTC))).new == 0
    assert len(pages.searches) == 2


async def test_a_search_for_what_was_missed_waits_for_a_server_that_wants_silence(
    world: tuple[Newsroom, Days, WebServer],
) -> None:
    room, pages = await announcing(world)
    thursday = WEDNESDAY + DAY
    busy = Page(announcements(thursday, 30), headers={"RateLimit": '"all";r=0;t=600'})
    pages.documents["/atom/cs.CL+hep-th"] = lambda _now: busy
    assert (await at(room, thursday)).new == 30
    assert pages.searches == []
    pages.documents.clear()
    assert (await at(room, thursday, time(13, tzinfo=UTC))).new == 30
    assert len(of_day(WEDNESDAY, await first_sights(room))) == 30


async def test_days_without_announcement_are_not_searched_for(world: tuple[Newsroom, Days, WebServer]) -> None:
    room, pages = await announcing(world)
    # Thanksgiving is on the 26th: nothing is announced that evening.
    for day in (11, 12, 13, 16, 17, 18, 19, 20, 23, 24, 25, 26, 30):
        await at(room, date(2026, 11, day))
    assert pages.searches == []


async def test_a_category_that_has_nothing_is_searched_for_once_a_day(
    world: tuple[Newsroom, Days, WebServer],
) -> None:
    room, pages = await announcing(world)
    pages.handed_in.clear()
    pages.documents["/atom/cs.CL+hep-th"] = lambda now: Page(
        announcements((now - timedelta(hours=4)).date(), 0), headers={"Cache-Control": "max-age=36000"}
    )
    for day in range(11, 14):
        for hour in (12, 13):
            await at(room, date(2026, 11, day), time(hour, tzinfo=UTC))
            [feed] = await refresh.list_feeds(room.database)
            assert feed.next_poll_at is not None
            # Nothing is what it has today, so it is not late.
            assert feed.next_poll_at >= room.clock.now() + timedelta(hours=10)
    assert len(pages.searches) == 2


async def test_an_announcement_that_is_late_is_waited_for(world: tuple[Newsroom, Days, WebServer]) -> None:
    room, pages, server = world
    made = datetime(2026, 11, 11, 13, tzinfo=UTC)
    says = {"Cache-Control": "max-age=86400"}
    pages.documents["/atom/cs.CL"] = lambda now: Page(announcements(WEDNESDAY - (now < made) * DAY, 30), headers=says)
    await add(room, "arxiv", server.url("/atom/cs.CL"))
    moments = []
    room.clock.moment = datetime(2026, 11, 10, 12, tzinfo=UTC)
    while room.clock.moment < datetime(2026, 11, 12, 4, tzinfo=UTC):
        await refresh.refresh(room.database, room.clock, room.app.settings.feeds, chance=lambda: 0.0)
        moments.append(f"{room.clock.moment:%d %H:%M}")
        [feed] = await refresh.list_feeds(room.database)
        assert feed.next_poll_at is not None
        room.clock.moment = max(feed.next_poll_at, room.clock.moment + timedelta(minutes=1))
    # A day apart, as its server says, and an hour for as long as nothing of today is there in the morning of the east.
    assert moments == ["10 12:00", "11 11:00", "11 12:00", "11 13:00"]
    assert len(of_day(WEDNESDAY, await first_sights(room))) == 30


# The first look


def blog(today: date, number: int) -> bytes:
    items = "".join(
        f"<item><title>Post q{at} of the blog</title><link>https://example.org/{at}</link><description>About it."
        f"</description><pubDate>{today - 2 * at * DAY:%a, %d %b %Y} 00:00:00 GMT</pubDate></item>"
        for at in range(number)
    )
    return f'<rss version="2.0"><channel><title>A blog</title>{items}</channel></rss>'.encode()


async def test_a_blog_of_200_entries_floods_nobody(world: tuple[Newsroom, Days, WebServer]) -> None:
    room, pages, server = world
    today = date(2026, 6, 1)
    pages.made["/blog"] = lambda now: blog(now.date(), 200)
    await add(room, "web", server.url("/blog"))
    assert (await at(room, today)).new == 200
    assert await new_titles(room) == 1
    assert await room.rows("SELECT new FROM arrivals") == [(1,)]
    [latest] = [
        paper
        for paper in await record.search_papers(room.database, "q0", limit=5)
        if paper.title.startswith("Post q0 ")
    ]
    assert latest.first_seen_at == room.clock.now()
    # From then on what is new is new.
    pages.made["/blog"] = lambda now: blog(today, 200).replace(b"Post q7 ", b"Another matter altogether, ")
    assert (await at(room, today + DAY)).new == 1
    assert await new_titles(room) == 2


async def test_of_the_hub_the_newest_day_is_new_at_first(world: tuple[Newsroom, Days, WebServer], shared: Path) -> None:
    room, pages, server = world
    pages.hub = real_days(shared)
    await add(room, "hub", server.url("/api/daily_papers"))
    # A Sunday: the newest day is Friday.
    report = await at(room, date(2026, 6, 14))
    friday, thursday = len(json.loads(pages.hub[date(2026, 6, 12)])), len(json.loads(pages.hub[date(2026, 6, 11)]))
    assert report.new == friday + thursday
    assert await new_titles(room) == friday


async def first_sights(room: Newsroom) -> dict[str, datetime | None]:
    return {paper.title: paper.first_seen_at for paper in await record.search_papers(room.database, "", limit=10_000)}


async def test_a_replay_of_the_first_days_floods_nobody(world: tuple[Newsroom, Days, WebServer]) -> None:
    room, pages, server = world
    today = date(2026, 6, 1)
    pages.made["/blog"] = lambda now: blog(today, 200).replace(b"Post q7 ", b"Another %d " % now.day)
    pages.hub = {today + ahead * DAY: made_day(today + ahead * DAY, 5) for ahead in range(-3, 2)}
    await add(room, "web", server.url("/blog"))
    await add(room, "hub", server.url("/api/daily_papers"))
    await at(room, today)
    # The newest day of the hub does not change any more, and a day before it does.
    pages.hub[today - DAY] = made_day(today - DAY, 6)
    await at(room, today, time(13, tzinfo=UTC))
    await at(room, today + DAY)
    before = await first_sights(room)
    assert len(before) == 200 + 1 + 5 * 5 + 1
    await room.say("DELETE FROM papers")
    assert (await replay.replay(room.database)).new == len(before)
    assert await first_sights(room) == before
    # Without the answers of the first day alone, what they had is not new on the second, in whatever window.
    for window in (14, 100):
        await room.say("DELETE FROM papers")
        room.set("ranking", window_days=window)
        await replay.replay(room.database, since=today + DAY, window_days=window)
        assert await new_titles(room) == 1 + 5 + 5 + 1
    fresh = {title: seen for title, seen in (await first_sights(room)).items() if seen and seen.date() >= today}
    assert fresh == {title: before[title] for title in fresh}


@pytest.mark.parametrize("answer", [Page(status="500 Oh"), Page(b"<html><body>Log in</body></html>")])
async def test_of_the_hub_the_newest_day_is_new_at_first_even_if_it_cannot_be_read_at_once(
    world: tuple[Newsroom, Days, WebServer], answer: Page
) -> None:
    room, pages, server = world
    pages.hub = {MONDAY + ahead * DAY: made_day(MONDAY + ahead * DAY, 4 + ahead) for ahead in range(3)}
    await add(room, "hub", server.url("/api/daily_papers"))
    today, get = MONDAY + 2 * DAY, pages.get
    pages.get = lambda path, default=None: answer if f"date={today}" in path else get(path, default)  # type: ignore[method-assign]
    await at(room, today, time(5, tzinfo=UTC))
    assert await new_titles(room) == 0
    pages.get = get  # type: ignore[method-assign]
    await at(room, today, time(6, tzinfo=UTC))
    assert await new_titles(room) == 6
    await at(room, today + DAY, time(6, tzinfo=UTC))
    assert await new_titles(room) == 6


# Gaps


async def mailed(room: Newsroom, name: str = "ada") -> tuple[list[str], Any]:
    """The titles of someone's latest issue, and what stands beside them."""
    number = (await room.record(name)).delivery.issue_id
    async with room.database.connect() as connection:
        issue = (await issues.load(connection, [number]))[number].issue
    return [pick.paper.title for pick in issue.picks], issue.beside


async def a_day(room: Newsroom, day: date, *, look: bool = True) -> None:
    """Look at the feeds at six, and send at seven."""
    if look:
        await at(room, day, time(6, tzinfo=UTC))
    room.clock.moment = datetime.combine(day, time(7, tzinfo=UTC))
    await tick(room.app)


MONDAY = date(2026, 3, 2)


async def opened(world: tuple[Newsroom, Days, WebServer], *names: str) -> tuple[Newsroom, Days]:
    room, pages, server = world
    room.set("ranking", least_score=0.0, papers=10, outside=0)
    pages.hub = {MONDAY + ahead * DAY: made_day(MONDAY + ahead * DAY, 8) for ahead in range(20)}
    await add(room, "hub", server.url("/api/daily_papers"))
    room.clock.moment = datetime.combine(MONDAY - DAY, NOON)
    for name in names or ("ada",):
        await room.subscribe(name, hour=7, timezone="UTC", cadence="daily")
    return room, pages


async def test_a_source_that_was_down_for_three_days_is_made_up_within_the_usual_length(
    world: tuple[Newsroom, Days, WebServer],
) -> None:
    room, pages = await opened(world)
    for ahead in range(3):
        await a_day(room, MONDAY + ahead * DAY)
    had = [title for one in await room.records("ada") for title in one.titles]
    pages.down = True
    for ahead in range(3, 6):
        await a_day(room, MONDAY + ahead * DAY)
    pages.down = False
    for ahead in range(6, 10):
        await a_day(room, MONDAY + ahead * DAY)
    sent = [list(one.titles) for one in await room.records("ada") if one.titles]
    assert max(map(len, sent)) == 10
    everything = [title for titles in sent for title in titles]
    assert len(everything) == len(set(everything)), "nothing comes twice"
    made_up = {f"q{MONDAY + ahead * DAY:%m%d}x" for ahead in range(3, 6)}
    came = {word for word in made_up for title in everything[len(had) :] if word in title}
    assert came == made_up, "each day of the gap has its best in later mail"


def posts(day: date) -> bytes:
    """A blog with one post, of this day."""
    return (
        f'<rss version="2.0"><channel><title>A blog</title><item><title>q{day:%m%d}x posted</title>'
        f"<link>https://blog.example/{day}</link><pubDate>{day:%a, %d %b %Y} 01:00:00 GMT</pubDate></item>"
        "</channel></rss>"
    ).encode()


async def test_what_a_source_told_late_stands_under_its_day_in_the_next_mail(
    world: tuple[Newsroom, Days, WebServer],
) -> None:
    room, pages = await opened(world)
    room.set("ranking", least_score=0.0, papers=40, outside=0)
    # Of arXiv and of a blog too: what they told on Thursday is there on Saturday still.
    last = MONDAY + 3 * DAY
    pages.made["/atom/cs.CL"] = lambda now: announcements(min(now.date(), last), 1).replace(b"000v1", b"900v1")
    pages.made["/blog"] = lambda now: posts(min(now.date(), last))
    await add(room, "arxiv", world[2].url("/atom/cs.CL"))
    await add(room, "web", world[2].url("/blog"))
    for ahead in range(3):
        await a_day(room, MONDAY + ahead * DAY)
    pages.down = True
    for ahead in range(3, 5):
        await a_day(room, MONDAY + ahead * DAY)
    pages.down = False
    await a_day(room, MONDAY + 5 * DAY)
    titles, beside = await mailed(room)
    assert beside.missed is not None
    assert beside.missed.late
    assert beside.missed.since == MONDAY + 3 * DAY
    in_it = titles[beside.missed.first - 1 : beside.missed.last]
    thursday, friday, saturday = (f"q{MONDAY + ahead * DAY:%m%d}x" for ahead in (3, 4, 5))
    assert all(thursday in title for title in in_it)
    assert sum(saturday in title for title in titles) == 8
    assert sum(thursday in title for title in in_it) == 8 + 1 + 1
    # Friday's day was not over when they had Friday's mail: it is in this one anyway.
    assert sum(friday in title for title in titles) == 8
    text = (await room.preview("ada", MONDAY + 5 * DAY)).written.rendered.text
    assert "From earlier days" in text
    assert "What came late, from Mar 5, 2026 on" in text
    await a_day(room, MONDAY + 6 * DAY)
    _, beside = await mailed(room)
    assert beside.missed is None


async def test_two_days_without_us_are_in_the_next_issue_under_their_day(
    world: tuple[Newsroom, Days, WebServer],
) -> None:
    room, _ = await opened(world)
    for ahead in range(3):
        await a_day(room, MONDAY + ahead * DAY)
    # Nothing of ours runs on Thursday and Friday; on Saturday all begins at six.
    await a_day(room, MONDAY + 5 * DAY)
    titles, beside = await mailed(room)
    assert len(titles) == 10
    gap = [f"q{MONDAY + ahead * DAY:%m%d}x" for ahead in (3, 4)]
    assert all(any(word in title for title in titles) for word in gap)
    assert beside.missed is not None
    assert beside.missed.since == MONDAY + 2 * DAY
    # What came on Friday after seven would be in Saturday's mail anyway.
    in_it = titles[beside.missed.first - 1 : beside.missed.last]
    assert [title for title in titles if gap[0] in title] == [title for title in in_it if gap[0] in title] != []
    assert not [title for title in in_it if gap[1] in title]
    text = (await room.preview("ada", MONDAY + 5 * DAY)).written.rendered.text
    assert "From the days you missed" in text


async def test_after_ten_days_of_pause_the_ten_best_that_were_missed_come(
    world: tuple[Newsroom, Days, WebServer],
) -> None:
    room, _ = await opened(world, "ada", "bob")
    for ahead in range(2):
        await a_day(room, MONDAY + ahead * DAY)
    await subscribers.pause(room.database, address("ada"), MONDAY + 12 * DAY)
    for ahead in range(2, 12):
        await a_day(room, MONDAY + ahead * DAY)
    assert len(await room.records("ada")) == 2
    await a_day(room, MONDAY + 12 * DAY)
    titles, beside = await mailed(room)
    assert beside.missed is not None
    assert (beside.missed.since, beside.missed.best) == (MONDAY + DAY, True)
    missed = titles[beside.missed.first - 1 : beside.missed.last]
    assert len(missed) == 10
    bob, nothing_missed = await mailed(room, "bob")
    assert nothing_missed.missed is None
    # The ten come beside the papers of the day.
    assert set(titles) - set(missed) == set(bob)


async def test_a_day_with_nothing_brings_no_mail_unless_the_operator_wants_to_say_so(
    world: tuple[Newsroom, Days, WebServer],
) -> None:
    room, pages = await opened(world)
    pages.hub = {MONDAY: made_day(MONDAY, 3), MONDAY + 3 * DAY: made_day(MONDAY + 3 * DAY, 3)}
    for ahead in range(2):
        await a_day(room, MONDAY + ahead * DAY)
    assert [len(one.titles) for one in await room.records("ada")] == [3]
    room.set("notices", nothing_today=True)
    await a_day(room, MONDAY + 2 * DAY)
    assert [len(one.titles) for one in await room.records("ada")] == [3, 0]
    await a_day(room, MONDAY + 3 * DAY)
    titles, beside = await mailed(room)
    assert (len(titles), beside.missed) == (3, None)
