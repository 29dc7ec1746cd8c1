"""Has the papers in waiting mail summed up by the operator's endpoint; whatever goes wrong costs no mail."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from hashlib import blake2b
from typing import NamedTuple, Protocol

import structlog

from newsletter.clock import Clock
from newsletter.config import Settings, Summaries, secret
from newsletter.errors import SettingsError, StoreError, SummaryError
from newsletter.store import summaries
from newsletter.store.database import Database, exclusively
from newsletter.store.summaries import Kept, Wanting

log = structlog.get_logger()

# A paper of which no summary could be shown so often keeps the opening of its abstract.
ATTEMPTS = 3
# After so many papers in a row that the endpoint did not answer, it is left alone for this time.
PATIENCE = 3
UNANSWERED = "It was asked for, and no answer is on record."
DAY = timedelta(hours=24)


class Made(Protocol):
    """A summary, and the tokens that it took."""

    @property
    def text(self) -> str:
        """What is shown."""
        ...

    @property
    def tokens(self) -> int:
        """What it cost."""
        ...


class Writer(Protocol):
    """What writes summaries while it is open."""

    @property
    def model(self) -> str:
        """Its name."""
        ...

    def most_tokens(self, title: str, abstract: str) -> int:
        """Return about how many tokens the summary of a paper takes at most."""
        ...

    async def summary(self, title: str, abstract: str) -> Made:
        """Return the summary of a paper; raises SummaryError where there is none to show."""
        ...


class Report(NamedTuple):
    """How many papers were summed up, how many could not be, how many are left for the next time.

    `fault` is what went wrong with the endpoint, or why not one of them can be shown.
    """

    made: int = 0
    failed: int = 0
    left: int = 0
    fault: str = ""


class Summarizing:
    """Sums up what waits, within the cost and the time that the settings allow.

    `shown` is how many characters of an abstract are shown anyway: what is no longer needs no summary.
    """

    def __init__(self, database: Database, clock: Clock, settings: Summaries, *, shown: int) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._shown = shown

    async def run(self, opened: AbstractAsyncContextManager[Writer]) -> Report:
        """Sum up the papers in mail that waits, those of most readers first; whatever the endpoint does is logged."""
        async with self._database.connect() as connection:
            wanting = await summaries.wanting(connection, longer_than=self._shown)
        waiting = [paper for paper in wanting if _is_due(paper)]
        if not waiting:
            return Report()
        async with opened as writer:
            work = _Work(self._database, self._clock, writer, waiting, self._settings.daily_tokens)
            await work.done_within(self._settings.patience, at_once=self._settings.connections)
        report = work.report
        log.info("summaries", **report._asdict())
        return report


class _Work:
    """One run: what waits, what may be spent in a day, and what came of it."""

    def __init__(
        self, database: Database, clock: Clock, writer: Writer, waiting: Sequence[Wanting], daily_tokens: int
    ) -> None:
        self._database = database
        self._clock = clock
        self._writer = writer
        self._waiting = waiting
        self._daily_tokens = daily_tokens
        self._silent = 0
        self._made = 0
        self._failed = 0
        self._fault = ""
        self._unshown = ""

    @property
    def report(self) -> Report:
        """What came of it so far."""
        left = len(self._waiting) - self._made - self._failed
        # That now and then a summary cannot be shown is no fault; that none can is one.
        return Report(self._made, self._failed, left, self._fault or ("" if self._made else self._unshown))

    async def done_within(self, seconds: float, *, at_once: int) -> None:
        """Work until all is done, the time is up, the tokens are spent, or the endpoint answers no more."""
        papers = iter(self._waiting)
        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for _ in range(min(at_once, len(self._waiting))):
                    group.create_task(self._one_after_another(papers), name="summaries")
        except* TimeoutError:
            self._fault = f"Together they took longer than {seconds:g} seconds (summaries.patience)."
            log.warning("summaries took too long", seconds=seconds)
        except* StoreError as errors:
            # Mail must not wait for what it can do without.
            self._fault = str(errors.exceptions[0])
            log.warning("summaries cannot be kept", fault=self._fault)

    async def _one_after_another(self, papers: Iterator[Wanting]) -> None:
        for paper in papers:
            most = self._writer.most_tokens(paper.title, paper.abstract)
            # On record before the question is asked: whatever ends this run, what went out has been counted.
            asked = self._kept(paper, fault=UNANSWERED, tokens=most)
            async with self._database.begin() as connection:
                await exclusively(connection, "summaries")
                spent = await summaries.spent(connection, asked.made_at - DAY)
                if spent + most > self._daily_tokens:
                    self._fault = "The tokens of a day are spent (summaries.daily_tokens)."
                    log.warning("the tokens of a day are spent")
                    return
                there = await summaries.count(connection, asked)
            if there and not await self._one(paper, most):
                return

    async def _one(self, paper: Wanting, most: int) -> bool:
        """Sum up a paper, and tell whether to go on."""
        text = fault = ""
        keep, silent = summaries.keep, 0
        try:
            made = await self._writer.summary(paper.title, paper.abstract)
            text, tokens = made.text, made.tokens
            self._made += 1
        except SummaryError as error:
            fault, tokens = error.message, error.tokens
            if error.pause:
                keep, silent = summaries.count, self._silent + 1
                self._fault = fault
            else:
                self._failed += 1
                self._unshown = fault
        self._silent = silent
        async with self._database.begin() as connection:
            await keep(connection, self._kept(paper, text=text, fault=fault, tokens=tokens - most))
        if silent == PATIENCE:
            log.warning("the endpoint writes no summaries", fault=fault)
        return silent < PATIENCE

    def _kept(self, paper: Wanting, *, text: str = "", fault: str, tokens: int) -> Kept:
        return Kept(paper.paper_id, self._writer.model, _digest(paper), text, fault, tokens, self._clock.now())


def _is_due(paper: Wanting) -> bool:
    """Tell whether a paper has no summary of the text that it has now, and is worth another try."""
    if paper.digest != _digest(paper):
        return True
    return not paper.text and paper.attempts < ATTEMPTS


def _digest(paper: Wanting) -> str:
    return blake2b(f"{paper.title}\0{paper.abstract}".encode("utf-8", "replace"), digest_size=16).hexdigest()


async def sum_up(database: Database, clock: Clock, settings: Settings) -> Report:
    """Have the papers in waiting mail summed up by the endpoint of the settings; a key that is not there is a fault."""
    from newsletter.feeds.summarizer import Summarizer

    wanted = settings.summaries
    key = ""
    if wanted.key_file is not None:
        try:
            key = secret(settings.path(wanted.key_file), "The key of the endpoint").get_secret_value()
        except SettingsError as error:
            log.warning("no summaries", fault=str(error))
            return Report(fault=str(error))
    summarizer = Summarizer(
        wanted.endpoint, wanted.model, key=key, timeout=wanted.timeout, language=settings.newsletter.language
    )
    return await Summarizing(database, clock, wanted, shown=settings.rendering.abstract_characters).run(summarizer)
