"""Asks servers one thing at a time, as slowly as each wants it; knows nothing of what is asked."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from newsletter.clock import Clock
from newsletter.config import Feeds as FeedSettings
from newsletter.errors import FeedError
from newsletter.feeds import fetch as fetching
from newsletter.feeds.resolving import BusyError
from newsletter.models import Feed

if TYPE_CHECKING:
    import httpx

# https://info.arxiv.org/help/api/tou.html: one request in three seconds, over one connection.
GAPS = {"export.arxiv.org": 3.0}
GAP = 1.0

# RFC 6585 section 4 and RFC 9110 section 15.6.4: both may say how long to wait.
_BUSY = (429, 503)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Asking:
    """Gets the body behind an address, over one connection a host; an async context manager, for one run.

    `gaps` is the seconds from one request to the next for hosts that want another pause than `GAP`.
    """

    def __init__(
        self,
        clock: Clock,
        settings: FeedSettings,
        *,
        gaps: dict[str, float] = GAPS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._gaps = gaps
        self._sleep = sleep
        self._next: dict[str, float] = {}
        self._turn: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def __aenter__(self) -> Self:
        # Imported here: commands that ask nobody need not wait for it.
        import httpx

        # `fetch` limits the time of the whole.
        self._client = httpx.AsyncClient(
            max_redirects=5,
            timeout=None,  # noqa: S113
            limits=httpx.Limits(max_connections=8, max_keepalive_connections=8),
            event_hooks={"response": [self._refuse_busy]},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def __call__(self, url: str) -> bytes:
        """Return the body, after as long a pause as the host wants.

        Raises BusyError where the server asks to be left alone, and FeedError where nothing can be had.
        """
        host = urlsplit(url).hostname or ""
        # One at a time: that keeps it at one connection a host, too.
        async with self._turn[host]:
            loop = asyncio.get_running_loop()
            await self._sleep(max(0.0, self._next.get(host, 0.0) - loop.time()))
            try:
                return await self._get(url)
            finally:
                self._next[host] = loop.time() + self._gaps.get(host, GAP)

    async def _get(self, url: str) -> bytes:
        feed = Feed(id=0, kind="url", location=url, added_at=_NEVER)
        try:
            fetched = await fetching.fetch(
                feed,
                timeout=self._settings.timeout,
                largest=self._settings.largest,
                contact=self._settings.contact,
                client=self._client,
            )
        except BusyError:
            raise
        except FeedError as error:
            raise FeedError(error.message.removeprefix("The feed ")) from error
        return b"".join(body.data for body in fetched.bodies)

    async def _refuse_busy(self, response: "httpx.Response") -> None:
        if response.status_code in _BUSY:
            seconds = self._wait(response.headers.get("retry-after", ""))
            raise BusyError(
                f"{response.url.host} answered {response.status_code}: it wants to be asked later.",
                seconds=seconds,
            )

    def _wait(self, said: str) -> float | None:
        """Return the seconds of Retry-After (RFC 9110 section 10.2.3): a number, or a date."""
        if said.isascii() and said.isdigit() and len(said) < 9:
            return float(said)
        try:
            until = parsedate_to_datetime(said)
        except (ValueError, TypeError):
            return None
        return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - self._clock.now()).total_seconds())
