"""Gets the body behind an address for whoever looks something up; knows nothing of what is asked."""

from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from newsletter.clock import Clock
from newsletter.config import Feeds as FeedSettings
from newsletter.errors import FeedError
from newsletter.feeds.fetching import Fetcher, PausedError, shown
from newsletter.feeds.resolving import BusyError
from newsletter.pipeline.servers import OnRecord, terms
from newsletter.store.database import Database

# RFC 6585 section 4 and RFC 9110 section 15.6.4: both ask to be left alone for a while.
_BUSY = (429, 503)


class Asking:
    """Asks as feeds are asked, and as slowly; an async context manager, for one run.

    A server that wants to be left alone is, whoever it told.
    """

    def __init__(self, database: Database, clock: Clock, settings: FeedSettings) -> None:
        self._clock = clock
        self._fetcher = Fetcher(terms(settings), clock, memory=OnRecord(database))

    async def __aenter__(self) -> Self:
        """Return itself, ready to ask."""
        await self._fetcher.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self._fetcher.__aexit__(kind, error, trace)

    async def __call__(self, url: str) -> bytes:
        """Return the body.

        Raises BusyError where the server asks to be left alone, and FeedError where nothing can be had.
        """
        try:
            answer = await self._fetcher.ask(url)
        except PausedError as pause:
            raise BusyError(pause.message, seconds=(pause.until - self._clock.now()).total_seconds()) from pause
        if answer.status in _BUSY:
            wait = answer.wait_until
            later = f"later, not before {wait:%Y-%m-%d %H:%M:%S} UTC" if wait else "later"
            raise BusyError(
                f"{urlsplit(url).hostname} answered {answer.status}: it wants to be asked {later}.",
                seconds=None if wait is None else max(0.0, (wait - self._clock.now()).total_seconds()),
            )
        # arXiv says in a feed, of status 400, what it does not understand.
        if answer.status != 200 and not (answer.status == 400 and answer.data):
            raise FeedError(
                f"{shown(url)} answered {answer.words}.",
                next_step="Try again later, or look at the address in a browser: it may have moved.",
            )
        return answer.data
