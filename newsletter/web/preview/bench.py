"""What the page is made from: the newsletter as its files have it now, opened anew when they change."""

import asyncio
import contextlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import structlog

from newsletter.app import App, open_app
from newsletter.config import Settings
from newsletter.errors import NewsletterError, RenderingError, SettingsError
from newsletter.pipeline import gallery, preview, proofs, samples, subscribers
from newsletter.pipeline.compose import Composer
from newsletter.pipeline.letter import LetterWriter
from newsletter.pipeline.proofs import Proof

PROOFS_KEPT = 32
PEOPLE = 20

log = structlog.get_logger()


class Asked(NamedTuple):
    """What is to be seen: a sample of a kind, or else the mail of a person on a day, by default today."""

    email: str = ""
    day: date | None = None
    look: str = ""
    language: str = ""
    kind: str = ""


class Fault(NamedTuple):
    """Why nothing can be seen, as the command line would say it; `in_a_file` if saving one may mend it."""

    message: str
    faults: tuple[str, ...] = ()
    next_step: str = ""
    in_a_file: bool = False


class Bench:
    """Makes proofs.

    `load` reads the settings, `file` is the one that they stand in. `app` is the open newsletter to begin with, which
    whoever opened it closes.
    """

    def __init__(self, app: App, load: Callable[[], Settings], file: Path) -> None:
        self._app = app
        self._load = load
        self._file = file
        self._own = contextlib.AsyncExitStack()
        self._lock = asyncio.Lock()
        self._writers: dict[tuple[str, bool], LetterWriter] = {}
        self._composer: Composer | None = None
        self._wrong: Exception | None = None
        self._told: tuple[str, ...] | None = None
        self._proofs: OrderedDict[str, Proof] = OrderedDict()
        self._news = asyncio.Event()
        self._ended = False
        self._begin()

    def _begin(self) -> None:
        # Of this process: a page that outlived the one before is made anew.
        self.stamp = secrets.token_urlsafe(9)

    @property
    def look(self) -> str:
        """The look that the settings have."""
        return self._app.settings.rendering.look

    def files(self) -> Iterable[Path]:
        """Return the files and folders whose change is to be seen."""
        return (self._file, *proofs.sources(self._app.settings))

    async def people(self, part: str) -> list[str]:
        """Return the first addresses in which a part stands."""
        return await subscribers.like(self._app.database, part, limit=PEOPLE)

    async def see(self, asked: Asked) -> tuple[str, Proof] | Fault:
        """Return a new proof with the name that it is kept under for a while, or why there is none."""
        async with self._lock:
            try:
                if self._wrong is not None:
                    raise self._wrong
                found = await self._proof(asked)
            except NewsletterError as error:
                faults = error.faults if isinstance(error, SettingsError) else ()
                if isinstance(error, RenderingError):
                    # Whoever mends one fault had better know of the others.
                    with contextlib.suppress(NewsletterError):
                        faults = await self._checked()
                return Fault(error.message, faults, error.next_step, isinstance(error, SettingsError | RenderingError))
            except Exception as error:
                # A fault of ours, or a file that nobody foresaw: the page goes on, and tells.
                log.exception("the preview failed")
                return Fault(f"Something went wrong that should not: {type(error).__name__}: {error}")
        name = secrets.token_urlsafe(9)
        self._proofs[name] = found
        if len(self._proofs) > PROOFS_KEPT:
            self._proofs.popitem(last=False)
        return name, found

    def kept(self, name: str) -> Proof | None:
        """Return a proof that was made before."""
        return self._proofs.get(name)

    async def take(self, changed: set[Path]) -> None:
        """Let go of what was made of files that changed, and tell whoever waits."""
        async with self._lock:
            self._writers.clear()
            self._told = None
            proofs.read_words_anew()
            if self._file in changed or self._wrong is not None:
                await self._open()
            self._tell()

    async def news(self, after: str, seconds: float) -> str:
        """Return the stamp as soon as it is another than one that is known, or after some seconds as it is."""
        if self.stamp == after and not self._ended:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), seconds)
        return self.stamp

    async def close(self) -> None:
        """Let nobody wait any longer, and close what was opened here."""
        self._ended = True
        self._news.set()
        await self._own.aclose()

    def _tell(self) -> None:
        self._begin()
        self._news.set()
        self._news = asyncio.Event()

    async def _open(self) -> None:
        """Open the newsletter with the settings as they are now; if they are wrong, keep the fault in its place."""
        try:
            settings = self._load()
            async with contextlib.AsyncExitStack() as stack:
                app = await stack.enter_async_context(open_app(settings, clock=self._app.clock))
                before, self._own = self._own, stack.pop_all()
        except Exception as error:
            self._wrong = error
            return
        self._app, self._composer, self._wrong = app, None, None
        await before.aclose()

    async def _proof(self, asked: Asked) -> Proof:
        app = self._app
        kinds = samples.kinds()
        if asked.kind in kinds or not asked.email:
            kind = kinds.get(asked.kind) or next(iter(kinds.values()))
            issue = kind.make(asked.language or app.settings.newsletter.language)
            writer = await self._writer(asked.look, sample=True)
            return await proofs.sample(app.settings, issue, writer, samples.NOON, await self._checked())
        found = await preview.find_issue(app.database, app.clock, self._choosing, asked.email, day=asked.day)
        reader = found.issue.recipient
        # As they want it themselves, unless another look or language is asked for.
        writer = await self._writer(asked.look or reader.look)
        reader = reader._replace(language=asked.language or reader.language, look="")
        found = found._replace(issue=found.issue._replace(recipient=reader))
        return proofs.proof(app.settings, await preview.write(found, writer, app.clock), await self._checked())

    async def _writer(self, look: str, *, sample: bool = False) -> LetterWriter:
        look = look if look in gallery.looks() else self.look
        writer = self._writers.get((look, sample))
        if writer is None:
            app = self._app.in_look(look)
            writer = self._writers[look, sample] = app.sample_writer() if sample else await app.writer()
        return writer

    async def _checked(self) -> tuple[str, ...]:
        """Return what is wrong with the templates; they are looked at once, until a file changes."""
        if self._told is None:
            app = self._app
            self._told = proofs.checked(app.settings, await asyncio.to_thread(app.check_templates))
        return self._told

    async def _choosing(self) -> Composer:
        """Return what chooses, fitted once: looking at mail does not change what is liked."""
        if self._composer is None:
            self._composer = await self._app.rehearsing()
        return self._composer
