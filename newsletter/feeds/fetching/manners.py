"""How one host is treated: how many questions at once, how far apart, and silence where it asked for that."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

from newsletter.clock import Clock
from newsletter.feeds.fetching.answers import PausedError
from newsletter.feeds.fetching.machine import Turnstile, default_folder

# https://info.arxiv.org/help/api/tou.html: one request every three seconds over a single connection, of all machines
# under one's control; the machines of one user are as far as this sees.
ARXIV_SECONDS = 3.0


def is_arxiv(host: str) -> bool:
    """Tell whether a host is arXiv's."""
    host = host.lower().rstrip(".")
    return host == "arxiv.org" or host.endswith(".arxiv.org")


class Manners:
    """Gives turns; for arXiv to all processes of this machine together."""

    def __init__(self, clock: Clock, *, at_once: int, gap: float, folder: Path | None = None) -> None:
        self._clock = clock
        self._at_once = at_once
        self._gap = gap
        self._arxiv = Turnstile(folder or default_folder(), "arxiv", ARXIV_SECONDS)
        # One task of this process at a time competes with other processes, the first come first.
        self._arxiv_queue = asyncio.Lock()
        self._hosts: dict[str, _Host] = {}
        self._paused: dict[str, datetime] = {}

    @contextlib.asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait until a host may be asked, and hold its place meanwhile.

        Raises PausedError where the host asked for silence.
        """
        self._refuse_paused(host)
        if is_arxiv(host):
            async with self._arxiv_queue:
                self._refuse_paused(host)
                async with self._arxiv.turn():
                    yield
            return
        place = self._hosts.setdefault(host, _Host(self._at_once))
        async with place.places:
            async with place.order:
                loop = asyncio.get_running_loop()
                await asyncio.sleep(place.last + self._gap - loop.time())
                # While it waited, another may have been told to stop.
                self._refuse_paused(host)
                place.last = loop.time()
            yield

    def pause(self, host: str, until: datetime) -> None:
        """Leave a host alone until then."""
        self._paused[host] = max(until, self._paused.get(host, until))

    def paused_until(self, host: str) -> datetime | None:
        """Return until when a host is left alone, if it is."""
        until = self._paused.get(host)
        return until if until is not None and until > self._clock.now() else None

    def _refuse_paused(self, host: str) -> None:
        if (until := self.paused_until(host)) is not None:
            raise PausedError(f"{host} wants to be left alone until {until:%Y-%m-%d %H:%M:%S} UTC.", until)


class _Host:
    def __init__(self, at_once: int) -> None:
        self.places = asyncio.Semaphore(at_once)
        self.order = asyncio.Lock()
        self.last = float("-inf")
