"""Builds everything from the settings: `async with open_app(settings) as app`; it decides nothing itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import structlog

from newsletter import resources
from newsletter.clock import Clock, SystemClock
from newsletter.config import Settings, change, secret
from newsletter.errors import NewsletterError, SettingsError
from newsletter.pipeline import secrets
from newsletter.pipeline.compose import Composer
from newsletter.pipeline.deliver import Courier, Sending
from newsletter.pipeline.learning import Learner
from newsletter.pipeline.letter import LetterWriter, answered
from newsletter.pipeline.notices import Notices
from newsletter.pipeline.pacing import Pacing
from newsletter.pipeline.patience import Patience
from newsletter.pipeline.vectors import Placing
from newsletter.ranking import Catalogue
from newsletter.store import schema
from newsletter.store.database import Database
from newsletter.tokens import Signer

if TYPE_CHECKING:
    from newsletter.config import Ranking
    from newsletter.delivery.dkim import Seal
    from newsletter.delivery.faults import Word
    from newsletter.delivery.incoming import Arrival
    from newsletter.models import Feed
    from newsletter.pipeline.doors import Doors
    from newsletter.pipeline.intake import Box, Intake
    from newsletter.pipeline.readers import Readers
    from newsletter.pipeline.signups import Signups
    from newsletter.pipeline.templates import Checked
    from newsletter.ranking import Ranker
    from newsletter.rendering import Renderer
    from newsletter.rendering.pages import Pages
    from newsletter.rendering.viewer import Viewer

Result = TypeVar("Result")

LOOPBACK = ("localhost", "127.0.0.1", "::1")

log = structlog.get_logger()


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

    @cached_property
    def seal(self) -> "Seal | None":
        """What signs messages, if they are signed; raises SettingsError for a key that cannot be used."""
        if self.settings.dkim.domain is None:
            return None
        from newsletter.delivery.dkim import Seal

        return Seal.of(self.settings, self.clock)

    def blank_ranker(self, settings: "Ranking | None" = None) -> "Ranker":
        """Return a ranker that has learned nothing; `settings` stand in for those in use.

        With `strict`, a model that cannot be used is a fault and not passed over.
        """
        # numpy and scipy come with it: a process that only delivers does without.
        from newsletter.ranking import Ranker

        ranking = settings or self.settings.ranking
        return Ranker(
            self.catalogue,
            popularity=ranking.popularity,
            freshness=ranking.freshness,
            least_score=ranking.least_score,
            same=ranking.same,
            outside=bool(ranking.outside),
        )

    def placing(self, settings: "Ranking | None" = None, *, kept: bool = True, strict: bool = False) -> Placing:
        """Return what tells rankers where the model puts papers; `settings` stand in for those in use.

        With `strict`, a model that cannot be used is a fault and not passed over.
        """
        model = (settings or self.settings.ranking).model
        file = None if model is None else self.settings.path(model)
        return Placing(self.database.far(), file, kept=kept, strict=strict)

    @cached_property
    def notices(self) -> Notices:
        """What queues mails beside the issues."""
        return Notices(self.clock, self.settings)

    @cached_property
    def learner(self) -> "Learner[Ranker]":
        """What fits rankers on the newest papers and the newest likes of all readers, and keeps one fresh."""
        return Learner(self.database.far(), self.clock, self.blank_ranker, self.placing())

    @cached_property
    def patience(self) -> Patience:
        """What remembers, as long as this process runs, for whom choosing failed."""
        return Patience(self.clock)

    async def ranker(self, *, only_words: bool = False) -> "Ranker":
        """Return a ranker that knows the newest papers on record and what all readers liked, or the words alone."""
        return await self.learner.fresh(only_words=only_words)

    async def composer(self, *, kept: bool = False) -> Composer:
        """Return what chooses papers for people; with `kept`, by the model that is kept between the ticks of a run."""
        ranker = await (self.learner.kept() if kept else self.learner.fresh())
        return Composer(self.database, self.clock, self.settings, ranker, self.learner.placing, self.patience)

    async def rehearsing(self) -> Composer:
        """Return what chooses as `composer` does for who only looks: vectors that it makes of papers are not kept."""
        learner = Learner(self.database, self.clock, self.blank_ranker, self.placing(kept=False))
        return Composer(self.database, self.clock, self.settings, await learner.fresh(), learner.placing)

    async def sum_up(self) -> str:
        """Have the papers in waiting mail summed up by the endpoint of the settings, if there is one.

        What went wrong is logged and returned, since mail can do without summaries.
        """
        if not self.settings.summaries.endpoint:
            return ""
        from newsletter.pipeline.summaries import sum_up

        return (await sum_up(self.database, self.clock, self.settings)).fault

    async def writer(self) -> LetterWriter:
        """Return what makes the message of an issue."""
        return LetterWriter(answered(self.settings), self.renderer(), await self.signer(), self.seal, self.renderer)

    def sample_writer(self) -> LetterWriter:
        """Return what makes messages to look at: their links lead nowhere, and no database is asked."""
        return LetterWriter(answered(self.settings), self.renderer(), Signer(bytes(32)), self.seal, self.renderer)

    def renderer(self, look: str = "") -> "Renderer":
        """Return what renders issues, in that look or the one of the settings; RenderingError for a wrong template."""
        # The templates are compiled here, which a command that writes no mail does without.
        from newsletter.delivery.quoted import decode, encode
        from newsletter.feeds.tex import to_unicode
        from newsletter.rendering import Renderer, brand_of

        rendering = self.settings.rendering
        own = rendering.templates
        return Renderer(
            self.settings.newsletter,
            rendering.model_copy(update={"look": look}) if look else rendering,
            templates=resources.templates(),
            overrides=self.settings.path(own) if own else None,
            brand=brand_of(self.settings.brand, self.settings.folder),
            search_url=self.settings.feeds.search_url,
            tidy=to_unicode,
            encode=encode,
            decode=decode,
        )

    def check_templates(self, folder: Path | None = None) -> "Checked":
        """Return every fault of the templates; `folder` stands in for the operator's folder of the settings.

        Raises RenderingError if that is not there.
        """
        from newsletter.pipeline.templates import check_all

        def dressed(settings: Settings) -> App:
            return replace(self, settings=settings)

        return check_all(self.settings, folder, lambda one: dressed(one).renderer(), lambda one: dressed(one).pages())

    async def sending(self, pacing: Pacing | None = None) -> Sending:
        """Return one run of sending; `pacing` is that of this run, for who wants to ask it meanwhile."""
        return Sending(
            self.database,
            self.clock,
            self.settings.delivery,
            await self.writer(),
            sender=self.settings.newsletter.from_address,
            return_path=await self.return_path(),
            pacing=pacing or self.pacing(),
            # Fakes of time hold for leases too.
            its_clock=not self.database.on_sqlite and isinstance(self.clock, SystemClock),
        )

    def pacing(self) -> Pacing | None:
        """Return what keeps one run within the limits; None without a relay, since nobody is mailed then."""
        if not self.settings.smtp.host:
            return None
        return Pacing(self.database, self.clock, self.settings.rates, timezone=self.settings.newsletter.timezone)

    async def return_path(self) -> Callable[[int], str]:
        """Return what names the return path of a delivery: one of its own, or without bounces.address the sender's."""
        address, sender = self.settings.bounces.address, self.settings.newsletter.from_address
        if address is None:
            return lambda _: sender
        from newsletter.delivery.verp import ReturnPath

        return ReturnPath(address, await self.signer(), self.settings.bounces.delimiter).of

    def pages(self, logo_address: Callable[[str], str] = str) -> "Pages":
        """Return what renders the readers' pages, as `rendering.pages.pages_of` has it."""
        from newsletter.feeds.tex import to_unicode
        from newsletter.rendering.pages import pages_of

        return pages_of(self.settings, resources.templates(), tidy=to_unicode, logo_address=logo_address)

    @cached_property
    def draws(self) -> bool:
        """Whether what draws charts is installed: it comes with the extra `figures`."""
        return find_spec("matplotlib") is not None

    def plotter(self) -> "Callable[..., bytes]":
        """Return what draws charts as SVG."""
        from newsletter.rendering.plots import plot

        return plot

    def in_look(self, look: str) -> "App":
        """Return the same newsletter with another look of its mail; raises SettingsError for one that is none."""
        other = replace(self, settings=change(self.settings, {"rendering.look": look}))
        # One for both, so that it is closed with this one.
        vars(other)["seal"] = self.seal
        return other

    def viewer(self) -> "Viewer":
        """Return what renders the operator's pages for looking at mail."""
        from newsletter.rendering.look import brand_of
        from newsletter.rendering.viewer import Viewer

        # Without the logo, which may be what is wrong with the mail.
        return Viewer(resources.templates(), brand_of(self.settings.brand.model_copy(update={"logo": None})))

    async def readers(self) -> "Readers":
        """Return what readers do by themselves with the links of their mail."""
        from newsletter.pipeline.readers import Readers

        return Readers(self.database, self.clock, await self.signer(), self.notices)

    async def signups(self) -> "Signups":
        """Return what the pages to subscribe and to confirm do; raises SettingsError for a list that cannot be read."""
        from newsletter.pipeline.signups import Signups

        return Signups(self.database, self.clock, self.settings, await self.signer(), self.notices, self.catalogue)

    @cached_property
    def sending_turn(self) -> asyncio.Lock:
        """What lets one run of sending go on at a time in this process."""
        return asyncio.Lock()

    async def intake(self) -> "Intake":
        """Return what takes in mail that came back."""
        from newsletter.delivery.bounces import parse
        from newsletter.pipeline.intake import Intake

        confirm, catalogue = self.signups, lambda: self.catalogue
        return Intake(self.database, self.clock, self.settings, await self.signer(), parse, confirm, catalogue)

    async def tell_operator(self, lasting: "Sequence[Feed]" = ()) -> bool:
        """Mail the operator what of sources no mail told so far, and faults that last, if they want such mail."""
        if self.settings.feeds.tell is None:
            return False
        from newsletter.pipeline import telling

        return await telling.tell(self.database, self.clock, self.settings, self.courier(), self.seal, lasting)

    def boxes(self, *, maildir: bool = True) -> "list[Box]":
        """Return where mail that comes back lies, as the settings have it; with or without the Maildir."""
        from newsletter.delivery.boxes import boxes

        return list(boxes(self.settings, maildir=maildir))

    @contextlib.asynccontextmanager
    async def listening(self, intake: "Intake") -> AsyncIterator[int]:
        """Let a mail server hand over what comes back, on the port that it gives."""
        from newsletter.delivery.lmtp import Listener

        async def take(arrival: "Arrival") -> None:
            if (await intake.take(arrival)).fault:
                raise NewsletterError("A mail could not be read, which is a fault of this program.")

        async with Listener(self.settings.bounces.lmtp_port, take) as listener:
            yield listener.port

    async def doors(self) -> "Doors":
        """Return what makes and opens the links of readers' own pages."""
        from newsletter.pipeline.doors import Doors

        return Doors(await self.signer(), self.clock)

    async def signer(self) -> Signer:
        """Return what signs links: one for all, which goes on with the secrets that are in use now."""
        kept: Signer | None = vars(self).get("kept_signer")
        if kept is None:
            vars(self)["kept_signer"] = kept = await secrets.signer(self.database, self.clock)
        else:
            await secrets.turn(self.database, self.clock, kept)
        return kept

    @contextlib.asynccontextmanager
    async def courier(self) -> AsyncIterator[Courier]:
        """Give what hands messages to the relay or, without one, to the built-in catcher."""
        from newsletter.delivery.catcher import Catcher
        from newsletter.delivery.failing import Play
        from newsletter.delivery.oauth import TokenCommand
        from newsletter.delivery.pool import Courier as Pool

        smtp = self.settings.smtp
        if not smtp.host:
            maildir = self.settings.bounces.maildir
            play = Play(maildir and self.settings.path(maildir), self.clock) if smtp.faults else None
            async with Catcher(self.settings.path(smtp.outbox), play) as catcher:
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
async def open_app(
    settings: Settings, *, clock: Clock | None = None, checked: bool = True, near: bool = False
) -> AsyncIterator[App]:
    """Open a newsletter; with `near`, its database is for small statements, as those of a page.

    `checked` refuses a database that is missing or of another version, with the command that mends it; commands that
    mend it leave it out.
    """
    password = settings.database.password_file
    database = Database.at(
        settings.database.url,
        folder=settings.folder,
        near=near,
        password=(
            secret(settings.path(password), "The password of the database").get_secret_value() if password else None
        ),
    )
    app = App(settings, clock or SystemClock(), database)
    try:
        if checked:
            await schema.check(database)
        yield app
    finally:
        if seal := vars(app).get("seal"):
            seal.close()
        if learner := vars(app).get("learner"):
            await learner.close()
        await database.close()


def failures() -> "tuple[Sequence[Word], str]":
    """Return the words by which an address asks the built-in catcher for a failure, and what a step is."""
    from newsletter.delivery import faults

    return faults.WORDS, faults.STEPS


def box_at(path: Path) -> "Box":
    """Return what reads a Maildir, an mbox, a file with one mail, or a folder of such files."""
    from newsletter.delivery import returns

    return returns.box_at(path)


def piped(stream: IO[bytes], recipient: str) -> "Box":
    """Return what reads the one mail of a stream, for a recipient of its envelope if that is known."""
    from newsletter.delivery.returns import Piped

    return Piped(stream, recipient)


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on the fastest event loop there is here."""
    try:
        from uvloop import run as fastest
    except ModuleNotFoundError:
        return asyncio.run(main)
    return fastest(main)
