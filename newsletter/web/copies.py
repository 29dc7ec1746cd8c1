"""What is the same for everybody who asks, kept for a while; knows no page."""

from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from newsletter.clock import Clock

Copy = TypeVar("Copy")

# Browsers may keep such an answer for longer than that.
FRESH = timedelta(seconds=60)
# Days of some months, in some languages.
MOST = 200


class Copies(Generic[Copy]):
    """Answers by what was asked; one that was made a minute ago is made again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[Hashable, tuple[datetime, Copy]] = {}

    async def get(self, asked: Hashable, make: Callable[[], Awaitable[Copy]]) -> Copy:
        """Return what is kept for what was asked, or what `make` gives; what it raises is not kept."""
        now = self._clock.now()
        at, found = self._kept.get(asked, (None, None))
        if at is not None and found is not None and timedelta() <= now - at < FRESH:
            return found
        made = await make()
        if len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[asked] = now, made
        return made
