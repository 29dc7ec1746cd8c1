"""What a reader's next mail would have with other wishes: chosen as mail is, and kept by nobody."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from newsletter.clock import Clock
from newsletter.models import Pick, Subscriber
from newsletter.pipeline import slots
from newsletter.pipeline.compose import Composer
from newsletter.rendering.reasons import reason_sentence

# For so long the papers on record count as looked at.
FRESH = timedelta(minutes=5)
# Who finds so many waiting is asked to come again: choosing takes the processor, which the mail needs too.
MOST_WAITING = 8


class Foresight:
    """Chooses one at a time; `make` makes what chooses without a trace."""

    def __init__(self, clock: Clock, make: Callable[[], Awaitable[Composer]]) -> None:
        self._clock = clock
        self._make = make
        self._made: tuple[datetime, Composer] | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def next(self, person: Subscriber) -> tuple[Pick, ...] | None:
        """Return the papers that a person would get now, None if too many others ask just now."""
        if self._waiting >= MOST_WAITING:
            return None
        self._waiting += 1
        try:
            async with self._turn:
                composer = await self._fresh()
                [content] = await composer.pick([person], slots.local_date(person, self._clock.now()))
                return content.picks
        finally:
            self._waiting -= 1

    async def _fresh(self) -> Composer:
        now = self._clock.now()
        if self._made is None or not timedelta() <= now - self._made[0] < FRESH:
            self._made = now, await self._make()
        return self._made[1]


def reason(pick: Pick, language: str) -> str:
    """Return why a paper is there, as the mail says it."""
    return reason_sentence(pick.reason, language)
