"""Looks at feeds: who is due, what they answer, what is kept of it, and when each is asked next; tells no reader."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from newsletter import feeds
from newsletter.clock import Clock
from newsletter.config import Feeds as FeedSettings
from newsletter.errors import FeedError, NewsletterError
from newsletter.feeds import disk, seeding, sources
from newsletter.feeds.fetching import Answer, Fetcher, Manners, PausedError, SilentError, server_of, shown
from newsletter.feeds.fetching.answers import fresh_for
from newsletter.feeds.polling import next_poll
from newsletter.feeds.sources import Request
from newsletter.models import Feed, Habits, ParsedFeed
from newsletter.pipeline import announced, days
from newsletter.pipeline.days import Brought
from newsletter.pipeline.owning import owners, together
from newsletter.pipeline.reporting import IngestReport, NotAsked, Seen, broken, unread
from newsletter.pipeline.servers import OnRecord, answer_to, asking
from newsletter.pipeline.taking import Owners, Taken, take_in
from newsletter.store import feeds as feed_rows
from newsletter.store import responses, servers, updates
from newsletter.store.database import Database

log = structlog.get_logger()

# For so long nobody else asks a feed that somebody is asking; after it, who asked has died.
LEASE = timedelta(minutes=10)
# A look ends before that; a feed whose turn has not come by then is as due as before.
LOOK_SECONDS = 540.0
# What a query finds changes once a day, says arXiv's manual; who asks it for one person asks it once a day.
EACH_DAY = timedelta(days=1)
# Sources with pages end by themselves; a server that has always one more does not.
MOST_REQUESTS = 100


async def poll(
    database: Database,
    clock: Clock,
    settings: FeedSettings,
    *,
    everything: bool,
    fetcher: Fetcher | None,
    chance: Callable[[], float],
    window: timedelta,
    manners: Manners | None = None,
) -> IngestReport:
    """Look at the feeds that are due, or at all that may be asked, side by side; `refresh` says more."""
    now = clock.now()
    async with database.begin() as connection:
        claimed = await feed_rows.claim(connection, now, now + LEASE, all_of_them=everything)
        known = await feed_rows.all_of_them(connection)
    asked = {feed.id for feed in claimed}
    not_asked = [_not_asked(feed, now) for feed in known if feed.id not in asked and feed.subscriber_id is None]
    if not claimed:
        lasting = await _tell_lasting(database, clock, settings)
        quiet = await days.judge(database, clock, settings)
        return IngestReport((), 0, tuple(not_asked), tuple(quiet), tuple(lasting))
    memory = OnRecord(database, anew=everything)
    async with asking(fetcher, settings, clock, memory, manners) as open_fetcher:
        for feed in known:
            if feed.not_before is not None and feed.not_before > now:
                open_fetcher.manners.pause(server_of(feed.moved_to or feed.location), feed.not_before)
        look = _Look(database, clock, settings, open_fetcher, chance, window)
        try:
            found = await asyncio.gather(*(look.at(same) for same in _in_turn(claimed)), return_exceptions=True)
        finally:
            # Where all ended well there is nothing left to give back.
            async with database.begin() as connection:
                await feed_rows.give_back(connection, claimed, now + LEASE)
    # All others had their look before one that nobody thought of is told.
    for error in found:
        if isinstance(error, BaseException):
            raise error
    taken = [source for one in found if not isinstance(one, BaseException) for source in one]
    lasting = await _tell_lasting(database, clock, settings)
    quiet = await days.judge(database, clock, settings)
    async with database.begin() as connection:
        await responses.prune(connection, now - timedelta(days=settings.keep_days))
        await updates.prune(connection, now - window)
        await servers.prune(connection, now - timedelta(days=settings.keep_days))
    log.info("refreshed", feeds=len(claimed), new=sum(source.new for source in taken))
    order = {feed.location: number for number, feed in enumerate(known)}
    not_asked += sorted(look.not_asked, key=lambda one: order[one.location])
    return IngestReport(tuple(taken), look.seen.count, tuple(not_asked), tuple(quiet), tuple(lasting))


def _in_turn(claimed: Sequence[Feed]) -> list[list[Feed]]:
    """Return the feeds by location: those that are well first, then those that wait the longest."""

    def place(same: list[Feed]) -> tuple[bool, float]:
        waits = same[0].next_poll_at
        return same[0].faulty_since is not None, waits.timestamp() if waits else 0.0

    return sorted(together(claimed), key=place)


async def _tell_lasting(database: Database, clock: Clock, settings: FeedSettings) -> list[Feed]:
    """Tell the operator once of each feed that stays broken, and return those."""
    now = clock.now()
    async with database.begin() as connection:
        found = await feed_rows.lasting(connection, now - timedelta(hours=settings.patience_hours), now)
    for feed in found:
        state = "a feed is gone" if feed.gone_at is not None else "a feed stays broken"
        since = feed.gone_at or feed.faulty_since
        log.warning(state, feed=feed.id, location=where(feed), since=f"{since:%Y-%m-%d %H:%M}", fault=feed.last_fault)
    return found


def where(feed: Feed) -> str:
    """Return where a feed is, for logs: without what may be secret in it."""
    return feed.location if feed.kind == "file" else shown(feed.location)


def _not_asked(feed: Feed, now: datetime) -> NotAsked:
    if feed.gone_at is not None:
        return NotAsked(feed.location, "gone", None)
    silent = feed.not_before is not None and feed.not_before > now
    return NotAsked(feed.location, "silence" if silent else "not due", feed.next_poll_at)


@dataclass
class _Learned:
    """What the answers of one look at a feed said, beside their papers."""

    title: str
    etag: str
    last_modified: str
    habits: Habits
    moved_to: str
    brought: Brought
    owners: Owners
    first_look: seeding.FirstLook
    fault: str = ""
    gone: bool = False
    fresh_for: timedelta | None = None
    not_before: datetime | None = None
    paused: bool = False
    silent_until: datetime | None = None
    sources: list[Taken] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether its server is not asked on in this look."""
        return self.paused or self.not_before is not None


class _Look:
    """One look at several feeds, which all have one writer."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: FeedSettings,
        fetcher: Fetcher,
        chance: Callable[[], float],
        window: timedelta,
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._fetcher = fetcher
        self._chance = chance
        self._window = window
        # The record has one writer, and one body at a time is parsed.
        self._writing = asyncio.Lock()
        self._ends = asyncio.get_running_loop().time() + LOOK_SECONDS
        self.seen = Seen()
        self.not_asked: list[NotAsked] = []

    async def at(self, same: Sequence[Feed]) -> list[Taken]:
        """Ask the first of feeds of one location, take in what it answers as it comes, and note how it went."""
        feed, now = same[0], self._clock.now()
        of_all = next((one for one in same if one.subscriber_id is None), feed)
        learned = _Learned(
            feed.title,
            feed.etag,
            feed.last_modified,
            feed.habits,
            feed.moved_to,
            Brought(of_all, now),
            owners(same),
            seeding.FirstLook(feed.kind, self._window),
        )
        try:
            if feed.kind == "file":
                await self._read(feed, learned)
            else:
                async with asyncio.timeout_at(self._ends):
                    await self._ask(feed, learned)
        except TimeoutError:
            if not learned.sources:
                return []
            learned.fault = learned.fault or "There was more of it than there was time for, so the rest comes later."
        except NewsletterError as error:
            learned.fault = learned.fault or str(error)
            if isinstance(error, SilentError):
                learned.silent_until = error.until
        async with self._writing:
            for one in same:
                await self._note(one, learned)
        if learned.fault and not any(source.refused for source in learned.sources):
            learned.sources.append(broken(feed.location, learned.fault))
        return learned.sources

    async def _read(self, feed: Feed, learned: _Learned) -> None:
        path = Path(feed.location)
        try:
            async with asyncio.timeout(self._settings.timeout):
                bodies, problems = await asyncio.to_thread(disk.everything, path, largest=self._settings.largest)
        except TimeoutError as error:
            raise FeedError(f"{path} took longer than {self._settings.timeout:g} seconds to read.") from error
        parsed = [await self._take(feed, name, data, learned) for name, data in bodies]
        if parsed and all(one.layout == "unknown" for one in parsed):
            learned.fault = _what_it_came_to(parsed[0])
        if problems:
            learned.sources.append(unread(feed.location, tuple(problems)))

    async def _ask(self, feed: Feed, learned: _Learned) -> None:
        now = self._clock.now()
        source = sources.of_kind(feed.kind, follow_days=self._settings.follow_days)
        place = feed.model_copy(update={"location": feed.moved_to}) if feed.moved_to else feed
        asked: set[str] = set()
        waiting = source.first(place, now)
        for first in waiting:
            request: Request | None = first
            while request is not None and request.url not in asked and len(asked) < MOST_REQUESTS:
                asked.add(request.url)
                parsed = await self._one(feed, request, learned)
                if learned.fault and feed.last_success_at is None and learned.first_look.newest is None:
                    # What is new of a source that was never read is told by its newest day: that comes first.
                    return
                if parsed is not None and request.conditional:
                    waiting += await announced.missed(self._database, place, parsed, now, self._settings.holidays)
                request = None if parsed is None or learned.ended else source.following(request, parsed)
            if learned.ended:
                if waiting[-1].missed and not learned.paused:
                    learned.fault = learned.fault or "What was announced while nobody read it is still to be asked for."
                return

    async def _one(self, feed: Feed, request: Request, learned: _Learned) -> ParsedFeed | None:
        """Ask one question, and return what came, if anything did."""
        try:
            answer = await answer_to(self._database, self._fetcher, feed, request)
        except PausedError as pause:
            learned.paused, learned.not_before = True, pause.until
            return None
        learned.not_before = answer.wait_until
        own = request.url in (feed.location, feed.moved_to)
        if answer.status in (200, 304) and not request.missed:
            fresh = fresh_for(answer.headers, self._clock.now()) or timedelta(0)
            # Of several addresses, the one that changes first counts.
            learned.fresh_for = fresh if learned.fresh_for is None else min(learned.fresh_for, fresh)
            if own and answer.moved_to:
                learned.moved_to = answer.moved_to
        if answer.status == 304:
            return None
        if answer.status != 200:
            # What it moved to may be gone, and a day of several too: then only that is.
            learned.gone = learned.gone or (answer.status == 410 and request.url == feed.location)
            learned.fault = learned.fault or self._words(request, answer, learned)
            return None
        parsed = await self._keep(feed, request, answer, learned)
        if parsed.layout == "unknown" or (request.missed and parsed.total and not parsed.entries and parsed.problems):
            # A page that asks to log in, say: with its validators on record it would not even be looked at again.
            learned.fault = learned.fault or _what_it_came_to(parsed)
        elif request.conditional:
            learned.etag = answer.headers.get("etag", "")[:500]
            learned.last_modified = answer.headers.get("last-modified", "")[:500]
        return parsed

    async def _keep(self, feed: Feed, request: Request, answer: Answer, learned: _Learned) -> ParsedFeed:
        """Keep an answer, and then take it in: what is taken in can be taken in again."""
        async with self._writing:
            packed = await asyncio.to_thread(responses.packed, answer.data)
            async with self._database.begin() as connection:
                await responses.keep(
                    connection,
                    feed.id,
                    request.url,
                    packed,
                    size=len(answer.data),
                    now=self._clock.now(),
                    day=request.day,
                    etag=answer.headers.get("etag", ""),
                    last_modified=answer.headers.get("last-modified", ""),
                )
        return await self._take(feed, shown(request.url), answer.data, learned, request, answer.url)

    async def _take(
        self, feed: Feed, name: str, data: bytes, learned: _Learned, request: Request | None = None, address: str = ""
    ) -> ParsedFeed:
        day, missed = (request.day, request.missed) if request else (None, ())
        async with self._writing:
            # In a thread: a large body must not keep mail from going out.
            parsed = await asyncio.to_thread(
                feeds.parse, data, name=name, today=self._clock.now().date(), address=address
            )
            self.seen.add(parsed.papers)
            if feed.last_success_at is None and feed.kind != "file":
                parsed = dated = learned.first_look.seeded(parsed, self._clock.now().date(), day)
            elif missed:
                dated = seeding.made_up(parsed, missed)
            else:
                dated = seeding.dated(parsed, feed, day, self._clock.now())
            learned.sources.append(await take_in(self._database, self._clock, dated, name, learned.owners))
            if not missed:
                learned.brought.add(parsed, learned.sources[-1], day)
        if parsed.layout != "unknown" and not missed:
            learned.title = parsed.title or learned.title
            learned.habits = Habits(ttl=parsed.ttl, skip_days=parsed.skip_days, skip_hours=parsed.skip_hours)
        return parsed

    def _words(self, request: Request, answer: Answer, learned: _Learned) -> str:
        """Return what an answer that is no success says."""
        name = shown(request.url)
        if learned.gone:
            return (
                f"{name} is gone for good, says its server (410), so it is asked no more. `newsletter feeds remove` "
                "forgets it; `newsletter feeds refresh --all` asks it once again."
            )
        said = ""
        if answer.data:
            parsed = feeds.parse(answer.data, today=self._clock.now().date())
            said = f": {parsed.said}" if parsed.said else ""
        wait = f" and wants to be left alone until {answer.wait_until:%Y-%m-%d %H:%M} UTC" if answer.wait_until else ""
        return f"{name} answered {answer.words}{wait}{said.rstrip('.')}."

    async def _note(self, feed: Feed, learned: _Learned) -> None:
        """Put on record how the look went, and when the next is."""
        now = self._clock.now()
        if learned.paused and not learned.fault and learned.not_before is not None:
            if feed.subscriber_id is None:
                self.not_asked.append(NotAsked(feed.location, "silence", learned.not_before))
            async with self._database.begin() as connection:
                await feed_rows.put_off(connection, feed.id, learned.not_before)
            return
        awaited = await announced.is_awaited(self._database, feed, learned.brought, now, self._settings.holidays)
        # What went well lasts for so long, and what did not, or is late, is wanted sooner.
        soon = bool(learned.fault) or awaited
        moment = next_poll(
            now,
            timedelta(minutes=self._settings.refresh_minutes),
            ttl=EACH_DAY if feed.subscriber_id is not None else None if soon else learned.habits.ttl,
            fresh_for=None if soon else learned.fresh_for,
            not_before=learned.not_before,
            skip_hours=learned.habits.skip_hours,
            skip_days=learned.habits.skip_days,
            chance=self._chance(),
        )
        # Who was not asked is, as soon as their server is tried again.
        moment = learned.silent_until or moment
        async with self._database.begin() as connection:
            if feed.subscriber_id is None:
                await learned.brought.note(connection, well=not learned.fault)
            if learned.fault:
                await feed_rows.went_wrong(
                    connection,
                    feed.id,
                    now,
                    learned.fault,
                    next_poll_at=moment,
                    not_before=learned.not_before,
                    gone=learned.gone,
                )
                return
            await feed_rows.went_well(
                connection,
                feed.id,
                now,
                title=learned.title,
                etag=learned.etag,
                last_modified=learned.last_modified,
                habits=learned.habits,
                next_poll_at=moment,
                not_before=learned.not_before,
                moved_to=learned.moved_to,
            )


def _what_it_came_to(parsed: ParsedFeed) -> str:
    # The first problem may tell of the encoding alone.
    return parsed.problems[-1].what if parsed.problems else "It holds nothing that can be read."
