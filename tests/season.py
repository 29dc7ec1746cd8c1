"""Two months of a newsletter: readers, the acts of `newsletter run` at each moment of a clock, and who judges it."""

import asyncio
import contextlib
import email
import email.policy
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import played
from newsroom import Clock
from servers import Answer, Cut, Received, Server
from sqlalchemy import text
from web_server import serving

from newsletter import app as apps
from newsletter.app import App
from newsletter.config import Settings
from newsletter.pipeline import subscribers
from newsletter.pipeline.roster import read_topic
from newsletter.schedule.local import look_at_feeds, tick
from newsletter.store import feeds as feed_rows

# Between midnight and this hour feeds are asked, and nobody's hour comes.
MORNING = 4
STEP, LATER_STEP = timedelta(minutes=20), timedelta(minutes=30)


@dataclass(frozen=True)
class Reader:
    """A reader; the moments are those of UTC at which they do something, the pause is of local days."""

    name: str
    cadence: str
    hour: int
    timezone: str
    topics: tuple[str, ...] = ()
    papers: int | None = None
    joins: datetime | None = None
    leaves: datetime | None = None
    pauses: tuple[datetime, date] | None = None

    @property
    def email(self) -> str:
        """Their address."""
        return f"{self.name}@example.org"

    def slot(self, day: date) -> datetime:
        """Return the moment at which they are due the issue of a day of theirs."""
        return datetime.combine(day, time(self.hour), ZoneInfo(self.timezone)).astimezone(UTC)

    def slots(self, begin: datetime, end: datetime) -> list[date]:
        """Return the local days on which they are due an issue; written apart from the program's own rules."""
        found = []
        for number in range((end - begin).days + 3):
            day = begin.date() - played.DAY + number * played.DAY
            at = self.slot(day)
            wanted = {"daily": True, "weekdays": day.isoweekday() <= 5}.get(
                self.cadence, self.cadence.endswith(f":{day:%a}".lower())
            )
            here = (self.joins or begin) <= at <= end and (self.leaves is None or at < self.leaves)
            paused = self.pauses is not None and self.pauses[0] <= at and day < self.pauses[1]
            if wanted and here and not paused:
                found.append(day)
        return found


def at(number: int, hour: int) -> datetime:
    """Return a moment of a day, counted from the first."""
    return datetime.combine(played.FIRST + number * played.DAY, time(hour, 10 if hour >= MORNING else 0), UTC)


READERS = (
    Reader("ada", "daily", 7, "Europe/Berlin", ("agents", "reasoning")),
    Reader("bob", "daily", 8, "America/New_York", ("retrieval", "agents")),
    Reader("cyd", "weekdays", 7, "America/Los_Angeles", ("image generation", "agents:0.3")),
    Reader("dee", "weekly:mon", 9, "Europe/London"),
    Reader("eve", "weekly:sun", 7, "Europe/Berlin", ("evaluation",), papers=20),
    Reader("fay", "daily", 18, "Asia/Tokyo", ("video", "image generation")),
    Reader("gus", "daily", 12, "Asia/Kolkata", ("robots", "agents:-0.5"), papers=5),
    Reader("hal", "daily", 20, "UTC"),
    Reader("ida", "daily", 20, "Pacific/Auckland", ("reasoning",)),
    Reader(
        "jim",
        "daily",
        8,
        "Europe/Berlin",
        ("speech", "language models"),
        pauses=(at(14, 12), played.FIRST + 19 * played.DAY),
    ),
    Reader("kim", "daily", 12, "Europe/London", ("code", "agents"), joins=at(20, 10)),
    Reader("lee", "daily", 9, "Europe/Berlin", ("language models",), leaves=at(30, 12)),
    Reader("max", "weekdays", 6, "America/Sao_Paulo", ("retrieval", "evaluation"), papers=3),
    Reader("noa", "daily", 20, "Pacific/Honolulu", ("agents", "reasoning")),
)


def settings(url: str, folder: Path, mail: int) -> Settings:
    """Return the settings of the newsletter."""
    return Settings.model_validate(
        {
            "database": {"url": url},
            "folder": folder,
            "smtp": {"host": "127.0.0.1", "port": mail, "security": "plain", "connections": 2, "timeout": 10},
            "feeds": {
                "allow_hosts": sorted({host for _, host, _ in played.FEEDS}),
                "gap": 0,
                "refresh_minutes": 15,
                "timeout": 5,
                "silence": 0.4,
            },
            # What was in flight as the program died goes out again under its Message-ID.
            "delivery": {"on_unknown": "resend"},
        }
    )


def moments(days: range) -> Iterator[datetime]:
    """Return the moments at which the program acts."""
    now, end = at(days.start, 0) + timedelta(minutes=10), at(days.stop, 0)
    while now < end:
        yield now
        now += STEP if now.hour < MORNING else LATER_STEP


@dataclass
class Place:
    """The servers of a season, where its moments are kept, and what its readers got."""

    days: range
    clock: Clock
    sources: played.Days
    mail: Server
    ports: dict[str, int]
    # Each message with the moment at which it came.
    got: list[tuple[datetime, Received]] = field(default_factory=list)

    def note(self) -> None:
        """Note when the messages came that were not noted so far."""
        self.got += [(self.clock.now(), one) for one in self.mail.messages[len(self.got) :]]

    def feeds(self) -> list[tuple[str, str]]:
        """Return kind and address of each source."""
        return [(kind, f"http://{host}:{self.ports[host]}{path}") for kind, host, path in played.FEEDS]


@contextlib.asynccontextmanager
async def place(shared: Path, days: range) -> AsyncIterator[Place]:
    """Open the servers of a season of these days, counted from the first real one."""
    clock = Clock(at(days.start, 0))
    sources = played.Days(shared / "feeds", clock)
    async with contextlib.AsyncExitStack() as stack:
        ports = {
            host: (await stack.enter_async_context(serving(site=sources, host=host))).port
            for host in sorted({host for _, host, _ in played.FEEDS})
        }
        mail = await stack.enter_async_context(Server())
        yield Place(days, clock, sources, mail, ports)


async def begin(app: App, feeds: Sequence[tuple[str, str]]) -> None:
    """Put the sources on record, as far as they are not."""
    async with app.database.begin() as connection:
        for kind, location in feeds:
            await feed_rows.add(connection, kind, location, app.clock.now())


async def people(app: App, *, first: bool = False) -> None:
    """Let readers come, pause and go whose moment is this one, as far as they did not; at first all who are there."""
    now = app.clock.now()
    changes = [(one.joins, one.leaves, one.pauses and one.pauses[0]) for one in READERS]
    if not first and all(now not in moments for moments in changes):
        return
    known = {person.email: person for person in await subscribers.everyone(app.database)}
    for one in READERS:
        if one.email not in known and (one.joins is None or one.joins <= now):
            wishes: dict[str, Any] = {"topics": tuple(map(read_topic, one.topics)), "papers": one.papers}
            rhythm = {"cadence": one.cadence, "hour": one.hour, "timezone": one.timezone}
            new = subscribers.new(app.settings.newsletter, app.clock, one.email, **wishes, **rhythm)
            await subscribers.add(app.database, app.clock, new, source="test")
        if one.leaves == now:
            await subscribers.remove(app.database, app.clock, one.email, source="test")
        if one.pauses is not None and one.pauses[0] == now:
            await subscribers.pause(app.database, one.email, one.pauses[1])


Act = Callable[[App], Awaitable[None]]


async def moment(app: App, run: Callable[[Act, App], Awaitable[None]]) -> None:
    """Do what `newsletter run` does at a moment: look at the feeds, and tick; `run` runs an act."""
    await people(app)
    await run(look_at_feeds, app)
    if app.clock.now().hour >= MORNING:
        await run(tick, app)


class Killer:
    """Cancels acts at random moments, as the end of a process does, and runs the others."""

    def __init__(self, chance: Random, part: float) -> None:
        self._chance = chance
        self._part = part
        self.count = 0

    async def __call__(self, act: Act, app: App) -> None:
        """Run an act, perhaps not to its end."""
        task = asyncio.ensure_future(act(app))
        if self._chance.random() < self._part:
            await asyncio.wait([task], timeout=self._chance.random() * 0.08)
            self.count += not task.done()
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def play(where: Place, url: str, folder: Path, run: Callable[[Act, App], Awaitable[None]]) -> None:
    """Play all days; each morning the program is started anew, so that it knows all that came in by then."""
    kept = settings(url, folder, where.mail.port)
    async with apps.open_app(kept, clock=where.clock) as first:
        renderer = first.renderer()
        where.clock.moment = next(moments(where.days))
        await begin(first, where.feeds())
        await people(first, first=True)
    for number in where.days:
        async with apps.open_app(kept, clock=where.clock) as app:
            # The templates do not change, and compiling them is most of the work of a tick that sends little.
            vars(app)["renderer"] = lambda: renderer
            for now in moments(range(number, number + 1)):
                where.clock.moment = now
                await moment(app, run)
                where.note()


async def plainly(act: Act, app: App) -> None:
    """Run an act to its end."""
    await act(app)


def mail_trouble(server: Server, chance: Random, part: float = 0.08) -> None:
    """Let a mail server fail at random, at each step of the dialogue."""

    def rule(*answers: Answer) -> Callable[[str], Answer]:
        return lambda _: chance.choice(answers) if chance.random() < part else None

    server.rules = {
        "connect": rule("421 4.3.2 Not now", Cut()),
        "MAIL": rule("451 4.3.0 Try again", Cut()),
        "RCPT": rule("450 4.2.1 Try again", "452 4.2.2 Full", Cut()),
        "DATA": rule("451 4.3.0 Try again"),
        "body": rule(Cut()),
        "end": rule("451 4.3.0 Try again", Cut()),
    }


_EMPTY = (
    "SELECT s.email, e.date FROM issues i JOIN editions e ON e.id = i.edition_id"
    " JOIN subscribers s ON s.id = i.subscriber_id WHERE i.empty"
)
_NUMBERED = re.compile(r"^\d+\. (.+)$", re.MULTILINE)
_DATED = re.compile(r"^(\w+, \w+ \d+, \d+) · ", re.MULTILINE)
# In the record's own words, what is still to be tried.
_WAITING = ("queued", "deferred")


def text_of(message: Received) -> str:
    """Return the text part of a message."""
    parsed = email.message_from_bytes(message.content, policy=email.policy.default)
    part = parsed.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def day_of(message: Received) -> date:
    """Return the day that an issue says it is of."""
    found = _DATED.search(text_of(message))
    assert found is not None
    return datetime.strptime(found[1], "%A, %B %d, %Y").replace(tzinfo=UTC).date()


def message_id(message: Received) -> str:
    """Return the Message-ID of a message."""
    return str(email.message_from_bytes(message.content, policy=email.policy.default)["Message-ID"])


@dataclass(frozen=True)
class Verdict:
    """What was wrong by the servers' own record; nothing is right."""

    missing: list[tuple[str, date]]
    extra: list[tuple[str, date]]
    twice: list[tuple[str, str]]
    unlike: list[str]
    untimely: list[tuple[str, date, datetime]]
    issues: int
    empty: int

    @property
    def right(self) -> bool:
        """Whether every due issue came once and in time, no paper twice, and the record says what the servers saw."""
        return not (self.missing or self.extra or self.twice or self.unlike or self.untimely)


async def judge(where: Place, url: str, within: timedelta = LATER_STEP) -> Verdict:
    """Judge a season by what the mail server took, and then the record by that.

    The day of an issue is the one that its reader sees in it. It comes after their hour and `within` that time; what is
    still to be tried as the season ends is not missing before that.
    """
    times = list(moments(where.days))
    begin, end = times[0], times[-1]
    # A repeat under one Message-ID is one message (delivery.on_unknown = "resend").
    once = {message_id(message): (now, message) for now, message in reversed(where.got)}
    record = await deliveries(url)
    readers = {one.email: one for one in READERS}
    waiting = {
        number: (readers[one.address].name, one.date)
        for number, one in record.items()
        if one.state in _WAITING and readers[one.address].slot(one.date) + within > end
    }
    issues: Counter[tuple[str, date]] = Counter()
    papers: Counter[tuple[str, str]] = Counter()
    unlike = [f"{number} is not on record" for number in once if number not in record]
    untimely: list[tuple[str, date, datetime]] = []
    unlike += [
        f"{number} is sent, says the record" for number, one in record.items() if one.sent and number not in once
    ]
    for number, (now, message) in once.items():
        reader = readers[message.recipient]
        name = reader.name
        day, known = day_of(message), record.get(number)
        issues[name, day] += 1
        if not timedelta(0) <= now - reader.slot(day) <= within:
            untimely.append((name, day, now))
        shown = [line.strip() for line in _NUMBERED.findall(text_of(message))]
        if known is not None and known.date != day:
            unlike.append(f"{number} shows {day}, and the record says {known.date}")
        if known is not None and len(shown) != len(known.titles):
            unlike.append(f"{number} shows {len(shown)} papers, and {len(known.titles)} are on record")
        if known is not None and (known.address != message.recipient or not (known.sent or number in waiting)):
            unlike.append(f"{number} is {known.state} for {known.address}")
        for work in set(known.works if known else ()) | {f"title {title.casefold()}" for title in shown}:
            papers[name, work] += 1
        if len(set(shown)) != len(shown):
            papers[name, "one paper within an issue"] += 2
    due = {(one.name, day) for one in READERS for day in one.slots(begin, end)}
    # Nothing was found for them on that day, which is on record.
    empty = {(row[0].partition("@")[0], date.fromisoformat(str(row[1]))) for row in await rows(url, _EMPTY)}
    return Verdict(
        missing=sorted(due - issues.keys() - empty - set(waiting.values())),
        extra=sorted(key for key, count in issues.items() if key not in due - empty or count > 1),
        twice=sorted(key for key, count in papers.items() if count > 1),
        unlike=unlike,
        untimely=untimely,
        issues=len(once),
        empty=len(empty),
    )


@dataclass(frozen=True)
class Known:
    """What the record says of a message."""

    address: str
    date: date
    state: str
    titles: list[str]
    works: list[str]

    @property
    def sent(self) -> bool:
        """Whether it went out."""
        return self.state == "sent"


async def rows(url: str, statement: str) -> Sequence[Any]:
    """Return what a database says."""
    from newsletter.store.database import Database

    database = Database.at(url)
    try:
        async with database.connect() as connection:
            return (await connection.execute(text(statement))).all()
    finally:
        await database.close()


async def deliveries(url: str) -> dict[str, Known]:
    """Return what the record says of each message, by Message-ID, papers in their order."""
    found: dict[str, Known] = {}
    for row in await rows(
        url,
        "SELECT d.message_id, d.address, e.date, d.state, p.title,"
        " coalesce(l.arxiv_id, p.arxiv_id), coalesce(l.title_key, p.title_key)"
        " FROM deliveries d JOIN issues i ON i.id = d.issue_id JOIN editions e ON e.id = i.edition_id"
        " JOIN picks k ON k.issue_id = i.id JOIN papers p ON p.id = k.paper_id"
        " LEFT JOIN papers l ON l.id = p.merged_into ORDER BY d.id, k.position",
    ):
        known = found.setdefault(row[0], Known(row[1], date.fromisoformat(str(row[2])), row[3], [], []))
        known.titles.append(row[4])
        known.works.append(row[5] or row[6])
    return found


async def works(url: str) -> dict[str, tuple[int, int]]:
    """Return the works on record, by arXiv id or title, each with its votes and comments."""
    return {
        row[0]: tuple(row[1:])
        for row in await rows(
            url, "SELECT coalesce(arxiv_id, title_key), votes, comments FROM papers WHERE merged_into IS NULL"
        )
    }


async def chosen(url: str) -> dict[tuple[str, str], tuple[str, list[str]]]:
    """Return when each issue was put together, and its works in order, by address and date."""
    found: dict[tuple[str, str], tuple[str, list[str]]] = {}
    for row in await rows(
        url,
        "SELECT s.email, e.date, i.composed_at, coalesce(l.arxiv_id, l.title_key, p.arxiv_id, p.title_key)"
        " FROM issues i JOIN editions e ON e.id = i.edition_id JOIN subscribers s ON s.id = i.subscriber_id"
        " LEFT JOIN picks k ON k.issue_id = i.id LEFT JOIN papers p ON p.id = k.paper_id"
        " LEFT JOIN papers l ON l.id = p.merged_into ORDER BY e.date, k.position",
    ):
        found.setdefault((row[0], str(row[1])), (str(row[2]), []))[1].extend([row[3]] if row[3] else [])
    return found


async def came(url: str) -> dict[str, str]:
    """Return when each work was on record for the first time."""
    return dict(
        await rows(
            url,
            "SELECT coalesce(l.arxiv_id, l.title_key, p.arxiv_id, p.title_key), min(p.taken_at)"
            " FROM papers p LEFT JOIN papers l ON l.id = p.merged_into GROUP BY 1",
        )
    )


@dataclass(frozen=True)
class Unlike:
    """How the issues of two records differ: of each reader the first that does, with what was at hand in one alone.

    What was at hand for one of the two was not there for the other since its source was away at that moment. All that
    a reader gets later hangs on what they had, so no more is said of it; where nothing is in the way, the two records
    choose the same papers in the same order.
    """

    issues: dict[tuple[str, str], set[str]]

    @property
    def without_cause(self) -> list[tuple[str, str]]:
        """The issues that differ though the same papers were at hand."""
        return sorted(key for key, papers in self.issues.items() if not papers)


async def unlike(before: str, after: str) -> Unlike:
    """Compare the issues of two records."""
    one, other = await chosen(before), await chosen(after)
    at_hand = [(issues, await came(url)) for issues, url in ((one, before), (other, after))]
    found: dict[tuple[str, str], set[str]] = {}
    done: set[str] = set()
    for key in sorted(one.keys() | other.keys(), key=lambda key: key[1]):
        if key[0] in done or (key in one and key in other and one[key][1] == other[key][1]):
            continue
        done.add(key[0])
        first, second = (
            {work for work, moment in moments.items() if key in issues and moment <= issues[key][0]}
            for issues, moments in at_hand
        )
        found[key] = first ^ second
    return Unlike(found)


async def received(url: str) -> dict[str, list[tuple[str, set[str]]]]:
    """Return for each reader the works of each issue, by date."""
    found: dict[str, list[tuple[str, set[str]]]] = defaultdict(list)
    for one in sorted((await deliveries(url)).values(), key=lambda one: str(one.date)):
        found[one.address].append((str(one.date), set(one.works)))
    return found
