"""The pages on a port of this machine, in this process; `apart` serves them from another one."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from newsletter.app import App
from newsletter.web.listening import listener, room_for
from newsletter.web.site import CROWDED, pages

# A browser keeps its connection, and has up to six (RFC 9112 section 9.4 leaves that to it).
MOST_CONNECTIONS = 4000
# Work that is begun takes the processor and the database from the mail: beyond this an ask is not begun.
MOST_ASKS = 200
# Longer than the 60 s of nginx for connections that it keeps: else it asks on one that is just closed here.
KEPT_SECONDS = 65


class _Server(uvicorn.Server):
    """A server whose end is asked for by who started it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the program."""
        yield


@contextlib.asynccontextmanager
async def serving(app: App) -> AsyncIterator[int | None]:
    """Serve the pages meanwhile if the settings have an address for them, and give the port.

    Raises NewsletterError if nothing can listen there.
    """
    opened = listener(app.settings.web)
    if opened is None:
        yield None
        return
    with opened:
        async with serve(await pages(app), opened):
            port: int = opened.getsockname()[1]
            yield port


@contextlib.asynccontextmanager
async def serve(site: ASGIApp, listener: socket.socket, *, patience: int = 5) -> AsyncIterator[None]:
    """Serve a site meanwhile; `patience` is how many seconds an answer may take that is due at the end."""
    most = room_for(MOST_CONNECTIONS)

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        state = server.server_state
        if len(state.connections) > most or len(state.tasks) > MOST_ASKS:
            scope[CROWDED] = True
        await site(scope, receive, send)

    config = uvicorn.Config(
        call,
        http="h11",
        ws="none",
        lifespan="off",
        loop="none",
        # The address of a page is a key to it, which no log may have.
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEPT_SECONDS,
        timeout_graceful_shutdown=patience,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]), name="pages")
    try:
        yield
    finally:
        server.should_exit = True
        await task
