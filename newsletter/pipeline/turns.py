"""One at a time: who comes waits for their turn, not for ever and not behind any number; knows nothing of the work."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

# The work that is waited for takes the processor, which the mail needs too.
MOST_WAITING = 64
PATIENCE = 10.0


class BusyError(Exception):
    """Too many want it just now."""


class Turns:
    """Gives turns to at most `most` who wait, each for at most `seconds`."""

    def __init__(self, most: int = MOST_WAITING, seconds: float = PATIENCE) -> None:
        self._most = most
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._waiting = 0

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it meanwhile; raises BusyError."""
        if self._waiting >= self._most:
            raise BusyError
        self._waiting += 1
        try:
            async with asyncio.timeout(self._seconds):
                await self._turn.acquire()
        except TimeoutError as error:
            raise BusyError from error
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turn.release()
