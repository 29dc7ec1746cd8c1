"""A newsletter to test with: a real database, real ranking and rendering, real SMTP; only the clock is in the hand."""

import asyncio
import contextlib
import dataclasses
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import text

from newsletter import app as apps
from newsletter.app import App
from newsletter.config import Settings, Smtp
from newsletter.delivery import Courier
from newsletter.models import Paper, ParsedFeed, Subscriber
from newsletter.pipeline import preview, record, subscribers, taking
from newsletter.pipeline.compose import ComposeReport
from newsletter.pipeline.deliver import DeliverReport, Sending
from newsletter.pipeline.due import due_by_hand
from newsletter.pipeline.letter import LetterWriter
from newsletter.pipeline.roster import read_topic
from newsletter.store.history import Record

Result = TypeVar("Result")

# A Monday.
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)

# Seconds between the tries of a connection.
PAUSES = (0.01, 0.01)

WORDS = """
    violin glacier harbour pepper falcon lantern meadow copper anchor thunder velvet compass orchard marble saddle
    whistle cactus ribbon pottery engine blanket lobster pyramid trumpet candle hammock walnut puzzle sailor domino
""".split()  # noqa: SIM905 - thirty quotes more would hide the words


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """Return where it stands."""
        return self.moment

    def step(self, **span: float) -> None:
        """Move it, forth or back."""
        self.moment += timedelta(**span)


@contextlib.asynccontextmanager
async def beside(work: Coroutine[Any, Any, Result]) -> AsyncIterator[asyncio.Task[Result]]:
    """Let something run meanwhile, and not beyond."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def ended(task: asyncio.Task[Result]) -> Result:
    """Return what a task led to; one that hangs is not asked to end, since its end could look like its result."""
    await asyncio.wait([task], timeout=20)
    assert task.done(), "it hangs"
    return task.result()


async def until(true: Callable[[], Any]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


def papers(*numbers: int, **known: Any) -> list[Paper]:
    """Return papers that have no word in common, the lower the number the more popular."""
    return [
        Paper(
            **{
                "title": f"The {WORDS[number]}",
                "abstract": f"{WORDS[number].title()} {WORDS[number]}s.",
                "arxiv_id": f"2603.{number:05}",
                "votes": 100 - number,
                **known,
            }
        )
        for number in numbers
    ]


def titles(*numbers: int) -> tuple[str, ...]:
    """Return the titles of papers of these numbers."""
    return tuple(f"The {WORDS[number]}" for number in numbers)


class Newsroom:
    """An open newsletter, and short words for what is done with it."""

    def __init__(self, app: App, clock: Clock) -> None:
        self.app = app
        self.clock = clock
        self._writer: LetterWriter | None = None

    @property
    def database(self) -> Any:
        """Its database."""
        return self.app.database

    def set(self, section: str, **values: Any) -> None:
        """Change settings, as an operator does between two runs."""
        changed = getattr(self.app.settings, section).model_copy(update=values)
        self.app = dataclasses.replace(self.app, settings=self.app.settings.model_copy(update={section: changed}))
        if section not in ("smtp", "delivery", "ranking"):
            self._writer = None

    def relay(self, server: Any, **values: Any) -> None:
        """Name a server as the relay."""
        self.set("smtp", host=server.host, port=server.port, security="plain", **values)

    async def take_in(self, *found: Paper, source: str = "test") -> taking.Taken:
        """Put papers on record."""
        parsed = ParsedFeed(layout="page", papers=found)
        return await taking.take_in(self.database, self.clock, parsed, source)

    async def subscribe(self, name: str, *topics: str, **wishes: Any) -> Subscriber:
        """Put NAME@example.org on record."""
        new = subscribers.new(
            self.app.settings.newsletter,
            self.clock,
            address(name),
            **{"topics": tuple(map(read_topic, topics)), **wishes},
        )
        return await subscribers.add(self.database, self.clock, new, source="test")

    async def compose(self, day: date | None = None, *, only: str | None = None) -> ComposeReport:
        """Choose for everyone who has an issue of a day."""
        due = await due_by_hand(self.database, self.clock.now(), day=day, only=only)
        return await (await self.app.composer()).compose(due)

    async def deliver(self, courier: Any = None) -> DeliverReport:
        """Send what is due."""
        sending = await self.sending()
        if courier is not None:
            return await sending.run(courier)
        async with self.courier() as own:
            return await sending.run(own)

    async def sending(self) -> Sending:
        """Return one run of sending, as the app makes it; the templates are compiled once."""
        settings = self.app.settings
        return Sending(
            self.database,
            self.clock,
            settings.delivery,
            await self.writer(),
            sender=settings.newsletter.from_address,
        )

    async def writer(self) -> LetterWriter:
        """Return what makes the message of an issue."""
        if self._writer is None:
            self._writer = await self.app.writer()
        return self._writer

    async def send(self, day: date | None = None) -> tuple[ComposeReport, DeliverReport]:
        """Do one run by hand."""
        return await self.compose(day), await self.deliver()

    @contextlib.asynccontextmanager
    async def courier(self) -> AsyncIterator[Any]:
        """Give what sends: to the relay with short pauses, else to the built-in catcher."""
        if self.app.settings.smtp.host:
            yield Courier(self.app.settings.smtp, pauses=PAUSES, chance=random.Random(1))
        else:
            async with self.app.courier() as courier:
                yield courier

    async def preview(self, name: str, day: date | None = None, *, kind: Any = None) -> preview.Preview:
        """Return what someone would get, or got."""
        return await preview.preview(
            self.database, self.clock, await self.writer(), self.app.rehearsing, address(name), day=day, kind=kind
        )

    async def records(self, name: str | None = None) -> list[Record]:
        """Return the deliveries on record, of all or of one."""
        email = None if name is None else address(name)
        return [one async for one in record.list_deliveries(self.database, email=email)]

    async def record(self, name: str) -> Record:
        """Return someone's latest delivery."""
        return (await self.records(name))[-1]

    async def states(self) -> dict[str, str]:
        """Return the state of everyone's latest delivery."""
        return {one.delivery.address.partition("@")[0]: str(one.delivery.state) for one in await self.records()}

    async def got(self, name: str) -> list[tuple[str, ...]]:
        """Return the titles in each of someone's issues, oldest first."""
        return [one.titles for one in await self.records(name)]

    async def rows(self, statement: str, **values: Any) -> Sequence[Any]:
        """Return what the database says."""
        async with self.database.connect() as connection:
            return (await connection.execute(text(statement), values)).all()

    async def say(self, statement: str, **values: Any) -> None:
        """Change the database behind the program's back."""
        async with self.database.begin() as connection:
            await connection.execute(text(statement), values)


def address(name: str) -> str:
    """Return someone's address."""
    return name if "@" in name else f"{name}@example.org"


@contextlib.asynccontextmanager
async def open_newsroom(
    url: str, folder: Path, *, now: datetime = NOW, **sections: dict[str, Any]
) -> AsyncIterator[Newsroom]:
    """Open a newsletter on a migrated database; `sections` are settings."""
    smtp = Smtp(outbox=folder / "outbox", connections=2, timeout=10, local_name="client.example")
    # Servers of tests are on this machine, and nobody minds how fast they are asked.
    feeds = {"allow_hosts": ["127.0.0.1", "127.0.0.2", "127.0.0.3"], "gap": 0}
    settings = Settings(**{"database": {"url": url}, "smtp": smtp, "folder": folder, "feeds": feeds, **sections})
    clock = Clock(now)
    async with apps.open_app(settings, clock=clock) as app:
        yield Newsroom(app, clock)
