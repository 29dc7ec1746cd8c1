"""Builds everything from the settings: `async with open_app(settings) as app`; it decides nothing itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from newsletter import resources
from newsletter.clock import Clock, SystemClock
from newsletter.config import Settings, secret
from newsletter.errors import SettingsError
from newsletter.pipeline.compose import ARCHIVE, Composer
from newsletter.pipeline.deliver import Courier, Sending
from newsletter.pipeline.letter import LetterWriter
from newsletter.ranking import Catalogue
from newsletter.store import papers, schema
from newsletter.store.database import Database
from newsletter.tokens import Signer

if TYPE_CHECKING:
    from newsletter.ranking import Ranker

Result = TypeVar("Result")


LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class App:
    """The parts of a running newsletter."""

    settings: Settings
    clock: Clock
    database: Database

    @cached_property
    def catalogue(self) -> Catalogue:
        """The catalogue of topics."""
        return Catalogue.load((resources.seeds() / "topics.toml").read_bytes())

    async def ranker(self) -> "Ranker":
        """Return a ranker that knows the words of the newest papers on record."""
        # numpy, scipy and scikit-learn come with it: a process that only delivers does without.
        from newsletter.ranking import Ranker

        ranking = self.settings.ranking
        async with self.database.connect() as connection:
            archive = await papers.archive(connection, ARCHIVE)
        ranker = Ranker(
            self.catalogue,
            popularity=ranking.popularity,
            freshness=ranking.freshness,
            least_score=ranking.least_score,
            same=ranking.same,
        )
        ranker.fit(archive)
        return ranker

    async def composer(self) -> Composer:
        """Return what chooses papers for people."""
        return Composer(self.database, self.clock, self.settings, await self.ranker())

    async def writer(self) -> LetterWriter:
        """Return what makes the message of an issue."""
        # The templates are compiled here, which a command that writes no mail does without.
        from newsletter.feeds.tex import to_unicode
        from newsletter.rendering import Renderer

        async with self.database.connect() as connection:
            signer = Signer(await schema.key(connection, "tokens"))
        own = self.settings.rendering.templates
        renderer = Renderer(
            self.settings.newsletter,
            self.settings.rendering,
            templates=resources.templates(),
            overrides=self.settings.path(own) if own else None,
            search_url=self.settings.feeds.search_url,
            tidy=to_unicode,
        )
        return LetterWriter(self.settings, renderer, signer)

    async def sending(self) -> Sending:
        """Return one run of sending."""
        return Sending(
            self.database,
            self.clock,
            self.settings.delivery,
            await self.writer(),
            sender=self.settings.newsletter.from_address,
        )

    @contextlib.asynccontextmanager
    async def courier(self) -> AsyncIterator[Courier]:
        """Give what hands messages to the relay or, without one, to the built-in catcher."""
        from newsletter.delivery.catcher import Catcher
        from newsletter.delivery.oauth import TokenCommand
        from newsletter.delivery.pool import Courier as Pool

        smtp = self.settings.smtp
        if not smtp.host:
            async with Catcher(self.settings.path(smtp.outbox)) as catcher:
                yield Pool(smtp, at=(catcher.host, catcher.port))
            return
        if smtp.host not in LOOPBACK and self.settings.newsletter.from_address.endswith("@newsletter.example"):
            raise SettingsError(
                "newsletter.from_address is still that of the example, and no reader could trust it.",
                next_step="Set it to an address of yours; nothing was sent.",
            )
        password = token = None
        if smtp.username and smtp.login == "xoauth2":
            token = TokenCommand(smtp.token_command, smtp.timeout)
        elif smtp.username and smtp.password_file is not None:
            password = secret(self.settings.path(smtp.password_file), "The password of the relay")
        yield Pool(smtp, password=password, token=token)


@contextlib.asynccontextmanager
async def open_app(settings: Settings, *, clock: Clock | None = None, checked: bool = True) -> AsyncIterator[App]:
    """Open a newsletter.

    `checked` refuses a database that is missing or of another version, with the command that mends it; commands that
    mend it leave it out.
    """
    password = settings.database.password_file
    database = Database.at(
        settings.database.url,
        folder=settings.folder,
        password=(
            secret(settings.path(password), "The password of the database").get_secret_value() if password else None
        ),
    )
    try:
        if checked:
            await schema.check(database)
        yield App(settings, clock or SystemClock(), database)
    finally:
        await database.close()


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on the fastest event loop there is here."""
    try:
        from uvloop import run as fastest
    except ModuleNotFoundError:
        return asyncio.run(main)
    return fastest(main)
