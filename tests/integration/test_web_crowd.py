"""Many readers at once, each with a connection that their browser keeps open."""

import asyncio
import resource
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest
from newsroom import Newsroom
from webroom import Site, filled, open_site

from newsletter.pipeline import examples, foresight
from newsletter.pipeline.turns import Turns
from newsletter.web import listening, serving

READERS = 1000


@pytest.fixture
async def site(small_room: Newsroom) -> AsyncIterator[Site]:
    """The pages of a newsletter whose readers have links."""
    async with open_site(await filled(small_room)) as opened:
        yield opened


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def ask(connection: Connection, path: str, body: str = "") -> tuple[int, str]:
    """Ask on a connection, which stays open, and return the status and the head of the answer."""
    reader, writer = connection
    form = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n" if body else ""
    writer.write(f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: x\r\n{form}\r\n{body}".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    await reader.readexactly(int(head.partition("content-length: ")[2].split()[0]))
    return int(head.split()[1]), head


async def test_a_thousand_readers_keep_a_connection_each(site: Site) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 2 * READERS + listening.OTHER_FILES:
        pytest.skip("this process may not open so many files")
    said: Counter[int] = Counter()
    opened: list[Connection] = []
    try:
        # Each asks twice: what is open counts for nothing, and serves again.
        for _ in range(READERS):
            opened.append(await asyncio.open_connection("127.0.0.1", site.port))
            said[(await ask(opened[-1], "/letters/robots.txt"))[0]] += 1
        for connection in opened:
            said[(await ask(connection, "/letters/robots.txt"))[0]] += 1
        assert said == {200: 2 * READERS}
        assert (await site.client.post(await site.leaving(), data={"List-Unsubscribe": "One-Click"})).status_code == 200
    finally:
        for _, writer in opened:
            writer.close()


async def test_one_too_many_gets_a_page_with_the_headers_of_all(
    small_room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "MOST_CONNECTIONS", 2)
    async with open_site(await filled(small_room)) as site:
        kept = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(2)]
        assert [(await ask(one, "/letters/robots.txt"))[0] for one in kept] == [200, 200]
        path = await site.leaving()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{site.port}") as late:
            page = await late.get(path)
        assert page.status_code == 503
        assert "Please try again in a minute" in page.text
        assert page.headers["connection"] == "close"
        assert page.headers["retry-after"] == "5"
        kept[0][1].close()
        kept[1][1].close()
        # There is room again as soon as the server has seen that.
        async with asyncio.timeout(20):
            while True:
                usual = await site.get(path)
                if usual.status_code == 200:
                    break
                await asyncio.sleep(0.02)
        for name in ("content-security-policy", "strict-transport-security", "x-content-type-options", "cache-control"):
            assert page.headers[name] == usual.headers[name]


class Limits:
    """The limit of open files of a system that this process does not have."""

    RLIM_INFINITY = -1
    RLIMIT_NOFILE = 7

    def __init__(self, soft: int, hard: int) -> None:
        self.pair = soft, hard

    def getrlimit(self, _what: int) -> tuple[int, int]:
        return self.pair

    def setrlimit(self, _what: int, pair: tuple[int, int]) -> None:
        self.pair = pair


@pytest.mark.parametrize(
    ("soft", "hard", "found", "after"),
    [
        (1024, 524_288, 4000, 4200),
        (1024, -1, 4000, 4200),
        (8192, 8192, 4000, 8192),
        (-1, -1, 4000, -1),
        (1024, 1024, 824, 1024),
        (256, 300, 150, 300),
    ],
)
def test_the_limit_of_open_files_is_raised_as_far_as_it_may(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], soft: int, hard: int, found: int, after: int
) -> None:
    limits = Limits(soft, hard)
    monkeypatch.setitem(__import__("sys").modules, "resource", limits)
    assert listening.room_for(4000) == found
    assert limits.pair == (after, hard)
    told = capsys.readouterr()
    assert ("raise the limit of open files" in told.out + told.err) == (found < 4000)


@pytest.fixture
async def patient(small_room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    """The same on a machine that may be as slow as it likes."""
    for module in (foresight, examples):
        monkeypatch.setattr(module, "Turns", lambda: Turns(seconds=600))
    async with open_site(await filled(small_room)) as opened:
        opened.client.timeout = httpx.Timeout(600)
        yield opened


async def test_forty_who_look_at_their_next_mail_at_once_all_see_it(patient: Site) -> None:
    path = (await patient.changing()).replace("/settings/", "/next/")
    forty = [patient.press(path, group="topics", new=f"violin {number}") for number in range(40)]
    assert Counter(page.status_code for page in await asyncio.gather(*forty)) == {200: 40}


async def test_forty_who_look_at_an_example_at_once_all_see_it(patient: Site) -> None:
    now = int(patient.room.clock.now().timestamp())
    tokens = [patient.signer.sign("example", now, "en", "UTC", f"violin {number}") for number in range(40)]
    forty = [patient.get(f"/letters/example/{token}") for token in tokens]
    assert Counter(page.status_code for page in await asyncio.gather(*forty)) == {200: 40}
