"""A server that wants to be left alone is, whatever asks it next: feeds, a look at a new one, an import, a search."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, timedelta

import pytest
from newsroom import NOW, Newsroom, papers
from web_server import Page, WebServer, serving

from newsletter.errors import FeedError
from newsletter.pipeline import adding, refresh
from newsletter.pipeline.asking import Asking
from newsletter.pipeline.past import Importing
from newsletter.pipeline.resolve import Resolving

UNTIL = "2026-03-02 10:00"
DAY = date(2026, 2, 20)
FEED = b'<rss version="2.0"><channel><title>A feed</title><item><title>One work</title></item></channel></rss>'
BUSY = Page(status="429 Too Many Requests", headers={"Retry-After": "3600"})

Act = Callable[[Newsroom, WebServer], Awaitable[str]]


@pytest.fixture
async def server() -> AsyncIterator[WebServer]:
    async with serving() as running:
        yield running


async def refreshes(room: Newsroom, server: WebServer) -> str:
    await refresh.add_feed(room.database, room.clock, server.url("/papers/feed"))
    report = await refresh.refresh(
        room.database, room.clock, room.app.settings.feeds, everything=True, chance=lambda: 0.0
    )
    faults = [problem.what for source in report.sources for problem in source.refused]
    return " ".join([*faults, *(f"{one.why} until {one.until:%Y-%m-%d %H:%M}" for one in report.not_asked)])


async def adds(room: Newsroom, server: WebServer) -> str:
    try:
        found = await adding.look(room.database, room.clock, room.app.settings.feeds, server.url("/papers/new"))
    except FeedError as error:
        return str(error)
    return found.title


async def imports(room: Newsroom, server: WebServer) -> str:
    async def at_once(_seconds: float) -> None:
        pass

    bases = {"hub": server.url("/hub"), "arxiv": server.url("/arxiv")}
    work = Importing(room.database, room.clock, "hub", DAY, DAY, bases=bases, sleep=at_once)
    async with Asking(room.database, room.clock, room.app.settings.feeds) as ask:
        return (await work.run(ask)).fault


async def resolves(room: Newsroom, server: WebServer) -> str:
    room.set("feeds", allow_hosts=("127.0.0.1",), gap=0, resolvers=("hub",))
    work = Resolving(room.database, room.clock, room.app.settings.feeds, bases={"hub": server.url("/search")})
    async with Asking(room.database, room.clock, room.app.settings.feeds) as ask:
        report = await work.run(ask)
    return " ".join(report.not_asked)


ACTS = (refreshes, adds, imports, resolves)


@pytest.mark.parametrize("second", ACTS)
@pytest.mark.parametrize("first", ACTS)
async def test_who_asks_next_hears_of_it_and_does_not_ask(
    small_room: Newsroom, server: WebServer, first: Act, second: Act
) -> None:
    class Everywhere:
        def get(self, path: str, default: Page, /) -> Page:
            return BUSY

    small_room.set("feeds", allow_hosts=("127.0.0.1",), gap=0)
    await small_room.take_in(*(one.model_copy(update={"arxiv_id": None, "url": None}) for one in papers(1)))
    server.site = Everywhere()
    assert "429" in await first(small_room, server)
    assert len(server.paths) == 1
    # Another process knows nothing but what is on record.
    assert UNTIL in await second(small_room, server)
    assert len(server.paths) == 1
    small_room.clock.step(minutes=59)
    assert UNTIL in await second(small_room, server)
    assert len(server.paths) == 1
    small_room.clock.step(minutes=1)
    await second(small_room, server)
    assert len(server.paths) == 2


async def test_a_wish_outlasts_the_feed_that_heard_it(small_room: Newsroom, server: WebServer) -> None:
    small_room.set("feeds", allow_hosts=("127.0.0.1",), gap=0)
    server.pages["/papers/feed"] = BUSY
    server.pages["/papers/new"] = Page(FEED)
    await refreshes(small_room, server)
    await refresh.remove_feed(small_room.database, server.url("/papers/feed"))
    said = await adds(small_room, server)
    assert said.startswith("127.0.0.1:")
    assert f"wants to be left alone until {UNTIL}" in said
    small_room.clock.moment = NOW + timedelta(hours=1)
    assert await adds(small_room, server) == "A feed"
