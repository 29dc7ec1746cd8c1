"""Looks up papers that are known by title alone, and keeps what was found with its evidence."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from newsletter.clock import Clock
from newsletter.config import Feeds as FeedSettings
from newsletter.errors import FeedError
from newsletter.feeds import resolving
from newsletter.feeds.resolving import Ask, BusyError, Find, Question
from newsletter.models import Paper, ParsedFeed
from newsletter.pipeline.lookup import paper_meant
from newsletter.pipeline.taking import take_in
from newsletter.store import papers, resolutions
from newsletter.store.database import Database
from newsletter.store.resolutions import Asked as Asked

log = structlog.get_logger()

# A service that does not know a paper is asked again after so many days, and after the last of them no more.
AGAIN = (1, 3, 10, 30)
# A service that fails so often in a row is left alone for this run.
PATIENCE = 3
# How long one that asks to be left alone is, where it does not say, and at most.
PAUSE = timedelta(hours=1)
LONGEST_PAUSE = 30 * 86_400.0
# What one run asks about, where nobody says how much: at arXiv's pace a quarter of an hour.
MOST = 300


class Found(NamedTuple):
    """A paper that was known by title alone, and what was found.

    `known` tells that what was found was on record, so that the two are one paper now.
    """

    id: int
    title: str
    service: str
    found_title: str
    found: str
    url: str
    known: bool


@dataclass
class Report:
    """What came of one run, at any time of it.

    `not_asked` has why papers were not asked about, and how many; `has_address` the titles of papers that were named
    and need none; `left` is how many more are due.
    """

    found: list[Found] = field(default_factory=list)
    not_found: int = 0
    not_asked: Counter[str] = field(default_factory=Counter)
    has_address: list[str] = field(default_factory=list)
    left: int = 0


class Resolving:
    """One run; `report` tells at any time what came of it so far.

    `pauses` remembers from run to run until when a service wants to be left alone.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: FeedSettings,
        *,
        bases: Mapping[str, str] | None = None,
        pauses: dict[str, datetime] | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._bases = resolving.BASES if bases is None else bases
        self._silent: Counter[str] = Counter()
        self._pauses = {} if pauses is None else pauses
        self._out = {
            service: f"{resolving.SHOWN[service]} wants not to be asked before {until:%Y-%m-%d %H:%M} UTC."
            for service, until in self._pauses.items()
            if until > clock.now()
        }
        self.report = Report()

    async def run(
        self,
        ask: Ask,
        *,
        named: Sequence[str] = (),
        limit: int | None = None,
        progress: Callable[[int, int], None] = lambda _done, _of: None,
        go_on: Callable[[], Awaitable[bool]] | None = None,
    ) -> Report:
        """Look up the papers that are due, the newest first, or those that are `named`, due or not.

        What is found is kept paper by paper. `go_on` is asked before each; the rest waits for another run then.
        """
        wanted = await self._named(named) if named else await self._due(MOST if limit is None else limit)
        progress(0, len(wanted))
        for done, paper in enumerate(wanted):
            if why := await self._stop(go_on):
                self.report.not_asked[why] += len(wanted) - done
                break
            await self._one(ask, paper, again=bool(named))
            progress(done + 1, len(wanted))
        if not named:
            async with self._database.connect() as connection:
                left = await resolutions.count_waiting(connection, self._settings.resolvers, self._clock.now())
            self.report.left = max(0, left - self.report.not_asked.total())
        log.info("resolved", found=len(self.report.found), not_found=self.report.not_found, left=self.report.left)
        return self.report

    async def _due(self, limit: int) -> list[Paper]:
        async with self._database.connect() as connection:
            due = await resolutions.waiting(connection, self._settings.resolvers, self._clock.now(), limit=limit)
            known = await papers.by_ids(connection, due)
        return [known[number] for number in due]

    async def _named(self, named: Sequence[str]) -> list[Paper]:
        meant = {paper.id or 0: paper for paper in [await paper_meant(self._database, text) for text in named]}
        async with self._database.connect() as connection:
            nameless = await resolutions.nameless(connection, meant)
        self.report.has_address += [paper.title for number, paper in meant.items() if number not in nameless]
        return [paper for number, paper in meant.items() if number in nameless]

    async def _stop(self, go_on: Callable[[], Awaitable[bool]] | None) -> str:
        """Return why no further paper is to be asked about, or nothing."""
        if all(service in self._out for service in self._settings.resolvers):
            return self._out[self._settings.resolvers[0]]
        return "" if go_on is None or await go_on() else "Mail is due, and goes first."

    async def _one(self, ask: Ask, paper: Paper, *, again: bool) -> None:
        """Ask service after service about a paper until one knows it."""
        number, now = paper.id or 0, self._clock.now()
        async with self._database.connect() as connection:
            # Another run, or a feed, may have been faster.
            if not await resolutions.nameless(connection, [number]):
                return
            said = {one.service: one for one in await resolutions.of(connection, [number])}
        faults = []
        for service in self._settings.resolvers:
            before = said.get(service)
            if not again and before is not None and (before.next_at is None or before.next_at > now):
                continue
            question = resolving.question(service, paper.title, contact=self._settings.contact, bases=self._bases)
            try:
                find = await self._asked(ask, question, paper)
            except FeedError as error:
                faults.append(error.message)
                continue
            await self._keep(paper, question, find, (before.asked if before else 0) + 1)
            if find is not None:
                return
        if faults:
            self.report.not_asked[faults[0]] += 1
        else:
            self.report.not_found += 1

    async def _asked(self, ask: Ask, question: Question, paper: Paper) -> Find | None:
        """Return what a service knows of a paper; raises FeedError where it was not asked, or did not answer."""
        service = question.service
        if service in self._out:
            raise FeedError(self._out[service])
        if not question.words:
            return None
        try:
            answer = resolving.answer(service, await ask(question.url), today=self._clock.now().date())
        except FeedError as error:
            self._silent[service] += 1
            if isinstance(error, BusyError) or self._silent[service] >= PATIENCE:
                self._out[service] = error.message
                if isinstance(error, BusyError):
                    pause = timedelta(seconds=min(error.seconds or 0.0, LONGEST_PAUSE)) or PAUSE
                    self._pauses[service] = self._clock.now() + pause
                log.warning("a service is left alone", service=service, fault=error.message)
            raise
        self._silent[service] = 0
        return resolving.chosen(paper, answer.papers)

    async def _keep(self, paper: Paper, question: Question, find: Find | None, asked: int) -> None:
        """Write down what a service said, and then what follows from it; what a crash leaves is asked again."""
        number, now = paper.id or 0, self._clock.now()
        said = Asked(number, question.service, asked, now, _next(asked, now), question.words)
        if find is not None:
            said = said._replace(title=find.paper.title, found=_identity(find.paper), next_at=now + timedelta(days=1))
        async with self._database.begin() as connection:
            await resolutions.keep(connection, said)
        if find is not None:
            known = await self._take(paper, find.paper)
            url = find.paper.url or ""
            self.report.found.append(
                Found(number, paper.title, question.service, find.paper.title, said.found, url, known)
            )

    async def _take(self, paper: Paper, found: Paper) -> bool:
        """Put what was found on record, and tell whether it was there as another paper."""
        # Under the title on record first, by which the two are one; then as it is, since its title may be the better.
        tie = found.model_copy(update={"title": paper.title, "source": "", "first_seen_at": None})
        await take_in(self._database, self._clock, ParsedFeed(layout="unknown", papers=(tie,)), "resolve")
        if found.arxiv_id is not None:
            account = found.model_copy(update={"source": "", "first_seen_at": None})
            await take_in(self._database, self._clock, ParsedFeed(layout="unknown", papers=(account,)), "resolve")
        async with self._database.connect() as connection:
            ids = await papers.one_work(connection, paper.id or 0)
        return ids[:1] != (paper.id,)


async def evidence(database: Database, paper_id: int) -> list[Asked]:
    """Return what services said of a paper, and of those that turned out to be it, the latest first."""
    async with database.connect() as connection:
        return await resolutions.of(connection, await papers.one_work(connection, paper_id))


def told(said: Asked) -> str:
    """Return in words what a service said."""
    who = f"{resolving.SHOWN.get(said.service, said.service)} on {said.asked_at:%Y-%m-%d}"
    return f"{who}: {said.found}, “{said.title}”" if said.found else f"{who}: nothing"


def _next(asked: int, now: datetime) -> datetime | None:
    return now + timedelta(days=AGAIN[asked - 1]) if asked <= len(AGAIN) else None


def _identity(paper: Paper) -> str:
    return paper.arxiv_id or paper.doi or paper.url or ""
