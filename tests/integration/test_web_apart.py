"""The pages have a process of their own beside `newsletter run`: it is kept alive, and never outlives the program."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from newsroom import Newsroom
from webroom import BASE, Site, filled, open_site

from newsletter.web.listening import listening

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks for processes where Linux has them")


class Run:
    """`newsletter run` with pages on a port that is free."""

    def __init__(self, folder: Path, database: str, **sections: str) -> None:
        with listening("127.0.0.1", 0) as probe:
            self.port: int = probe.getsockname()[1]
        config = folder / "config.toml"
        parts = {
            "database": f'url = "{database}"',
            "web": f'base_url = "{BASE}"\nlisten = "127.0.0.1:{self.port}"',
            **sections,
        }
        config.write_text("".join(f"[{name}]\n{lines}\n" for name, lines in parts.items()))
        self.log = folder / "log"
        words = [sys.executable, "-m", "newsletter", "--config", str(config), "run"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    async def get(self, path: str, *, most: float = 60) -> httpx.Response:
        """Return a page as soon as there is an answer."""
        async with asyncio.timeout(most), httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}") as client:
            while True:
                try:
                    return await client.get(path, timeout=most)
                except httpx.TransportError:
                    assert self.process.poll() is None, self.log.read_text()
                    await asyncio.sleep(0.05)

    def pages(self) -> list[int]:
        """Return the processes that serve."""
        tasks = Path("/proc", str(self.process.pid), "task")
        return [int(one) for task in tasks.iterdir() for one in (task / "children").read_text().split()]

    async def told(self, words: str) -> None:
        """Wait until the log has words."""
        async with asyncio.timeout(60):
            while True:
                if words in self.log.read_text():
                    return
                await asyncio.sleep(0.05)


@pytest.fixture
async def site(small_room: Newsroom) -> AsyncIterator[Site]:
    """A newsletter whose readers have links."""
    async with open_site(await filled(small_room)) as opened:
        yield opened


@pytest.fixture
def started(site: Site, tmp_path: Path) -> Iterator[Run]:
    """Its `newsletter run`, which is ended in any case."""
    run = Run(tmp_path, str(site.room.app.settings.database.url))
    yield run
    run.process.kill()
    run.process.wait()


async def gone(number: int) -> None:
    """Wait until a process is no more."""
    async with asyncio.timeout(60):
        while True:
            status = _status(number)
            if not status or "\nState:\tZ" in status:
                return
            await asyncio.sleep(0.05)


def _status(number: int) -> str:
    try:
        return Path("/proc", str(number), "status").read_text()
    except OSError:
        return ""


async def test_pages_that_were_killed_come_back_and_who_asks_meanwhile_waits(site: Site, started: Run) -> None:
    path = await site.leaving()
    assert (await started.get(path)).status_code == 200
    (serving,) = started.pages()
    os.kill(serving, signal.SIGKILL)
    await gone(serving)
    # The port is open all the while: one question, one answer.
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{started.port}", timeout=60) as client:
        assert "<h1>Unsubscribe?</h1>" in (await client.get(path)).text
    await started.told("the pages ended by themselves")
    assert started.pages() not in ([], [serving])
    assert started.process.poll() is None


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_pages_never_outlive_the_program(site: Site, started: Run, sign: signal.Signals) -> None:
    assert (await started.get(await site.leaving())).status_code == 200
    (serving,) = started.pages()
    started.process.send_signal(sign)
    await asyncio.to_thread(started.process.wait, 60)
    await gone(serving)
    assert "by themselves" not in started.log.read_text()
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://127.0.0.1:{started.port}/robots.txt")


async def test_a_stop_is_for_the_program_and_not_for_its_pages(site: Site, started: Run) -> None:
    path = await site.leaving()
    assert (await started.get(path)).status_code == 200
    (serving,) = started.pages()
    # As a service manager sends it to all that belongs to a service.
    os.kill(serving, signal.SIGTERM)
    os.kill(serving, signal.SIGINT)
    assert (await started.get(path)).status_code == 200
    assert started.pages() == [serving]


async def test_pages_with_a_wrong_template_are_told_at_the_start(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "own" / "web"
    folder.mkdir(parents=True)
    (folder / "pause.html.j2").write_text("{% if %}")
    run = Run(tmp_path, str(site.room.app.settings.database.url), rendering=f'templates = "{folder.parent}"')
    assert await asyncio.to_thread(run.process.wait, 60) == 1
    said = run.log.read_text()
    assert "web/pause.html.j2, line 1" in said
    assert "The pages cannot be served." in said
