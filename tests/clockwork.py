"""Acts for a clockwork to run, and how long it runs."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

from newsroom import beside, ended

from newsletter.app import App
from newsletter.schedule.local import Clockwork


def counting(calls: Counter[str], name: str, fault: Exception | None = None) -> Callable[[App], Awaitable[None]]:
    """Return an act that counts its calls, and then fails where a fault is given."""

    async def act(_: App) -> None:
        calls[name] += 1
        if fault is not None:
            raise fault

    # By which the clockwork tells acts apart.
    act.__name__ = name
    return act


@contextlib.asynccontextmanager
async def running(clockwork: Clockwork) -> AsyncIterator[None]:
    """Run a clockwork meanwhile, and stop it cleanly after that."""
    async with beside(clockwork.run()) as run:
        yield
        clockwork.stop()
        await ended(run)
