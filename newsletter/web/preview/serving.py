"""Serves the page on loopback meanwhile, and watches the files that it shows."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from newsletter.app import App
from newsletter.config import Settings
from newsletter.errors import NewsletterError
from newsletter.web.listening import listening
from newsletter.web.preview.bench import Bench
from newsletter.web.preview.site import site
from newsletter.web.preview.watching import changes
from newsletter.web.serving import serve

HOST = "127.0.0.1"


@contextlib.asynccontextmanager
async def serving(app: App, load: Callable[[], Settings], file: Path, port: int = 0) -> AsyncIterator[int]:
    """Serve the page and give its port; `load` reads the settings, which stand in a file, again when it changes.

    Raises NewsletterError if nothing can listen there.
    """
    viewer = app.viewer()
    try:
        listener = listening(HOST, port)
    except OSError as error:
        raise NewsletterError(
            f"The preview cannot be served on port {port}: {error.strerror or error}.",
            next_step="Leave --port out: then any is taken that is free.",
        ) from error
    taken: int = listener.getsockname()[1]
    bench = Bench(app, load, file)

    async def watch() -> None:
        async for changed in changes(bench.files):
            await bench.take(changed)

    try:
        async with serve(site(bench, viewer, taken), listener, patience=1):
            watching = asyncio.create_task(watch(), name="watching")
            try:
                yield taken
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
                await bench.close()
    finally:
        listener.close()
