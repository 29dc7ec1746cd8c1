"""How a host is treated: how many questions at once, how far apart, and none where it wants silence or is silent."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from newsletter.clock import Clock
from newsletter.feeds.fetching.answers import PausedError, SilentError
from newsletter.feeds.fetching.machine import Turnstile, default_folder

# https://info.arxiv.org/help/api/tou.html: one request every three seconds over a single connection, of all machines
# under one's control; the machines of one user are as far as this sees.
ARXIV_SECONDS = 3.0
# A server that does not answer is tried again after this, then after twice as long, and so on up to the longest.
FIRST_REST = timedelta(minutes=5)
LONGEST_REST = timedelta(hours=1)


def is_arxiv(host: str) -> bool:
    """Tell whether a host is arXiv's."""
    host = host.lower().rstrip(".")
    return host == "arxiv.org" or host.endswith(".arxiv.org")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a server: until when it wants silence, how often it was silent in a row, until when it rests."""

    not_before: datetime | None = None
    silences: int = 0
    silent_until: datetime | None = None


class Memory(Protocol):
    """Keeps what is known of servers beyond one process."""

    async def known(self, name: str) -> Known | None:
        """Return what is known of a server."""

    async def wants_silence(self, name: str, until: datetime) -> None:
        """Keep until when a server wants to be left alone."""

    async def did_not_answer(self, name: str, silences: int, until: datetime) -> None:
        """Keep how often in a row a server has not answered, and until when it is left alone for it."""

    async def answered(self, name: str) -> None:
        """Keep that a server answers again."""


class Manners:
    """Gives turns; for arXiv to all processes of this machine together.

    A server is named by its host, with the port where that is not the usual one.
    """

    def __init__(self, clock: Clock, *, at_once: int, gap: float, folder: Path | None = None) -> None:
        self._clock = clock
        self._at_once = at_once
        self._gap = gap
        self._arxiv = Turnstile(folder or default_folder(), "arxiv", ARXIV_SECONDS)
        # One task of this process at a time competes with other processes, the first come first.
        self._arxiv_queue = asyncio.Lock()
        self._hosts: dict[str, _Host] = {}
        self._paused: dict[str, datetime] = {}
        # How often in a row a server did not answer, and until when it is left alone for it.
        self._silent: dict[str, tuple[int, datetime]] = {}

    @contextlib.asynccontextmanager
    async def turn(self, host: str, server: str = "") -> AsyncIterator[None]:
        """Wait until a host may be asked, and hold its place meanwhile.

        Raises PausedError where the server asked for silence, and SilentError where it did not answer lately.
        """
        server = server or host
        self.refuse(server)
        if is_arxiv(host):
            async with self._arxiv_queue:
                self.refuse(server)
                async with self._arxiv.turn():
                    yield
            return
        place = self._hosts.setdefault(host, _Host(self._at_once))
        async with place.places:
            async with place.order:
                loop = asyncio.get_running_loop()
                await asyncio.sleep(place.last + self._gap - loop.time())
                # While it waited, another may have been told to stop.
                self.refuse(server)
                place.last = loop.time()
            yield

    def pause(self, server: str, until: datetime) -> None:
        """Leave a server alone until then, as it wants."""
        self._paused[server] = max(until, self._paused.get(server, until))

    def paused_until(self, server: str) -> datetime | None:
        """Return until when a server wants to be left alone, if it does."""
        until = self._paused.get(server)
        return until if until is not None and until > self._clock.now() else None

    def learn(self, server: str, known: Known) -> None:
        """Take over what others know of a server."""
        if known.not_before is not None:
            self.pause(server, known.not_before)
        if known.silent_until is not None:
            theirs = known.silences, known.silent_until
            self._silent[server] = max(theirs, self._silent.get(server, theirs), key=lambda one: one[1])

    def did_not_answer(self, server: str) -> tuple[int, datetime]:
        """Leave a server alone that did not answer; returns how often in a row that was, and until when.

        Of questions that were under way together the first counts.
        """
        silences, until = self._silent.get(server, (0, self._clock.now()))
        if until <= self._clock.now():
            silences += 1
            # Two to the power of ten is longer than the longest.
            rest = min(FIRST_REST * 2 ** min(silences - 1, 10), LONGEST_REST)
            self._silent[server] = silences, self._clock.now() + rest
        return self._silent[server]

    def answered(self, server: str) -> bool:
        """Tell whether a server that answers did not answer before; it counts from the start again."""
        return self._silent.pop(server, None) is not None

    def refuse(self, server: str) -> None:
        """Raise what `turn` raises where a server is left alone."""
        if (until := self.paused_until(server)) is not None:
            raise PausedError(f"{server} wants to be left alone until {until:%Y-%m-%d %H:%M:%S} UTC.", until)
        _, until = self._silent.get(server, (0, self._clock.now()))
        if until > self._clock.now():
            raise SilentError(
                f"{server} did not answer another question, so it is left alone until {until:%Y-%m-%d %H:%M} UTC.",
                until,
            )


class _Host:
    def __init__(self, at_once: int) -> None:
        self.places = asyncio.Semaphore(at_once)
        self.order = asyncio.Lock()
        self.last = float("-inf")
