"""Says beside a bar why a run stands still: which limit it waits for, and how long."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from newsletter.cli.output import Progress, lasting
from newsletter.clock import Clock
from newsletter.pipeline.pacing import Held, Pacing

# How often it is looked.
LOOK_SECONDS = 0.5
# A wait that is shorter is a pace.
NOTICED = 0.3


@contextlib.asynccontextmanager
async def told(progress: Progress, clock: Clock, pacing: Pacing | None) -> AsyncIterator[None]:
    """Tell beside a bar that can be seen why a run waits, and how long."""
    if pacing is None or not progress.seen:
        yield
        return

    async def tell() -> None:
        while True:
            progress.note(wait(pacing.held(), clock.now()))
            await asyncio.sleep(LOOK_SECONDS)

    telling = asyncio.create_task(tell(), name="waits")
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


def wait(held: Sequence[Held], now: datetime) -> str:
    """Return what a run waits for; nothing, if it goes on steadily."""
    waits = [one for one in held if (one.until - now).total_seconds() >= NOTICED]
    if not waits:
        return ""
    whole = [one for one in waits if not one.name]
    # All of these have to open, and any of those lets some mail through.
    first = max(whole, key=lambda one: one.until) if whole else min(waits, key=lambda one: one.until)
    more = f", and {len(waits) - 1:,} more" if len(waits) > 1 and not whole else ""
    return f"{'Waits' if whole else 'Some of it waits'} {lasting(first.until - now)} for {first.words}{more}"
