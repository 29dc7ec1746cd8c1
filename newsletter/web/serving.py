"""The pages on a port of this machine, beside the work of `newsletter run`."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import structlog
import uvicorn

from newsletter.app import App
from newsletter.errors import NewsletterError
from newsletter.web.site import pages

log = structlog.get_logger()


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
    web = app.settings.web
    if not web.base_url or not web.listen:
        yield None
        return
    site = await pages(app)
    host, _, wanted = web.listen.rpartition(":")
    listener = _listener(host.strip("[]"), int(wanted))
    config = uvicorn.Config(
        site,
        http="h11",
        ws="none",
        lifespan="off",
        loop="none",
        # The address of a page is a key to it, which no log may have.
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=200,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=5,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]), name="pages")
    port: int = listener.getsockname()[1]
    log.info("serving pages", host=host, port=port)
    try:
        yield port
    finally:
        server.should_exit = True
        await task


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise NewsletterError(
            f"The pages cannot be served on {host}, port {port}: {error.strerror or error}.",
            next_step="Set web.listen to another host:port; or to nothing, if another program serves them.",
        ) from error
