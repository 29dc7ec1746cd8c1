"""Work that goes on beside the pages from their beginning, so that no reader is the first to wait for it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog

log = structlog.get_logger()


@contextlib.asynccontextmanager
async def ahead(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Let work be done meanwhile, and not beyond.

    If it fails, that is only logged: who needs what it makes has it made, and hears of a fault that is still there.
    """

    async def tried() -> None:
        try:
            await work()
        except Exception as error:
            log.warning("what pages need was not made ahead", fault=type(error).__name__)

    task = asyncio.create_task(tried(), name="ahead")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
