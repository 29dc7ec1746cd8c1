"""The pages in a process of their own, beside the work of `newsletter run`; knows no page.

To choose for thousands takes the event loop of its process for seconds, and an edition that goes out takes most of it:
whoever presses a button meanwhile would wait for that. See docs/decisions/0030-pages-apart.md.
"""

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence

import structlog

from newsletter.app import App
from newsletter.errors import NewsletterError
from newsletter.web.ahead import ahead
from newsletter.web.listening import listener as listener_of

log = structlog.get_logger()

# How long pages that ended by themselves stay away, doubling; and how long their end may take that is asked for.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
PATIENCE = 20.0


@contextlib.asynccontextmanager
async def serving_apart(app: App, program: Sequence[str]) -> AsyncIterator[int | None]:
    """Let a program serve the pages meanwhile if the settings have an address for them, and give the port.

    `program` are its words, without the number of the listening socket, which is the last. It does what `serve_for`
    does. If it ends by itself it is started again; who asks meanwhile waits. Raises NewsletterError if nothing can
    listen there, or the program does not come up.
    """
    listener = listener_of(app.settings.web)
    if listener is None:
        yield None
        return
    with listener:
        child = _Child([*program, str(listener.fileno())], listener)
        keeping: asyncio.Task[None] | None = None
        try:
            if not await child.start():
                raise NewsletterError(
                    "The pages cannot be served.", next_step="What is wrong with them is told above; mend that."
                )
            host, port = listener.getsockname()[:2]
            log.info("serving pages", host=host, port=port)
            keeping = asyncio.create_task(child.keep(), name="pages")
            yield port
        finally:
            if keeping is not None:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)
            await child.end()


async def serve_for(app: App, number: int) -> None:
    """Serve the pages on a socket that another process opened, until the input ends, as it does with that process.

    A line is printed once they are served. Signals are for that process, which says when it is time.
    """
    # Who lets them be served here needs nothing of them.
    from newsletter.web.serving import serve
    from newsletter.web.site import furnished

    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, lambda: None)
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    try:
        site, desk = await furnished(app)
        # To look through all that stays as long as the process takes a tenth of a second, and somebody would wait.
        gc.collect()
        gc.freeze()

        async def prepare() -> None:
            await desk.prepare()
            gc.freeze()

        async with serve(site, socket.socket(fileno=number)):
            sys.stdout.write("serving\n")
            sys.stdout.flush()
            async with ahead(prepare):
                await reader.read()
    finally:
        transport.close()


class _Child:
    """The process that serves, one after the other."""

    def __init__(self, words: Sequence[str], listener: socket.socket) -> None:
        self._words = words
        self._listener = listener
        self._process: Process | None = None

    async def start(self) -> bool:
        """Start it, and tell whether it came up."""
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *self._words,
                stdin=PIPE,
                stdout=PIPE,
                pass_fds=[self._listener.fileno()],
                # Ctrl-C is for the program, which ends this one once its own work has come to an end.
                start_new_session=True,
            )
        except OSError as error:
            log.error("the pages could not be started", fault=error.strerror)
            return False
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        return bool(await process.stdout.readline())

    async def keep(self) -> None:
        """Start it again whenever it ends."""
        pause = FIRST_PAUSE
        while self._process is not None:
            code = await self._process.wait()
            log.error("the pages ended by themselves", code=code, again_in=pause)
            await asyncio.sleep(pause)
            came_up = await self.start()
            pause = FIRST_PAUSE if came_up else min(2 * pause, LONGEST_PAUSE)
            if came_up:
                log.info("serving pages again")

    async def end(self) -> None:
        """Ask it to end, and wait for that."""
        process = self._process
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            async with asyncio.timeout(PATIENCE):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
