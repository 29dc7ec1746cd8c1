"""Take papers in, from files that an operator names and from the feeds on record; it knows nothing of readers."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import structlog

from newsletter import feeds
from newsletter.clock import Clock
from newsletter.config import Feeds as FeedSettings
from newsletter.errors import FeedError, UsageError
from newsletter.feeds import fetch as fetching
from newsletter.feeds import identity
from newsletter.feeds.fetch import Fetched
from newsletter.models import Feed, Paper, Problem
from newsletter.pipeline.taking import Taken, take_in
from newsletter.store import feeds as feed_rows
from newsletter.store.database import Database

log = structlog.get_logger()


class IngestReport(NamedTuple):
    """What all sources of one call brought; `papers` counts the different papers over all of them."""

    sources: tuple[Taken, ...]
    papers: int

    @property
    def entries(self) -> int:
        """How many entries the sources held together."""
        return sum(source.entries for source in self.sources)

    @property
    def new(self) -> int:
        """How many papers were not on record before."""
        return sum(source.new for source in self.sources)

    @property
    def merged(self) -> int:
        """How many papers on record became better known."""
        return sum(source.merged for source in self.sources)

    @property
    def refused(self) -> int:
        """How many entries could not be read."""
        return sum(len(source.refused) for source in self.sources)


async def ingest(
    database: Database,
    clock: Clock,
    settings: FeedSettings,
    paths: Sequence[Path],
    *,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> IngestReport:
    """Take in files and the files of folders; one that cannot be read is told of and costs the others nothing."""
    files = _files(paths)
    seen = _Seen()
    sources: list[Taken] = []
    for file in files:
        sources.append(await _take_file(database, clock, settings, file, seen))
        progress(len(sources), len(files))
    log.info("ingested", files=len(files), new=sum(source.new for source in sources))
    return IngestReport(tuple(sources), seen.count)


async def refresh(database: Database, clock: Clock, settings: FeedSettings) -> IngestReport:
    """Look at every feed on record, side by side; a slow or broken one costs the others nothing."""
    async with database.connect() as connection:
        known = await feed_rows.all_of_them(connection)
    seen = _Seen()
    # Fetched together, taken in one by one: the record has one writer.
    fetched = await asyncio.gather(*(_fetch(feed, settings) for feed in known))
    sources: list[Taken] = []
    for feed, answer in zip(known, fetched, strict=True):
        sources += await _take_feed(database, clock, feed, answer, seen)
    log.info("refreshed", feeds=len(known), new=sum(source.new for source in sources))
    return IngestReport(tuple(sources), seen.count)


async def add_feed(database: Database, clock: Clock, location: str) -> bool:
    """Put a feed on record: an address, or the path of a file or folder; False if it was there."""
    kind, place = _place(location)
    async with database.begin() as connection:
        return await feed_rows.add(connection, kind, place, clock.now())


async def list_feeds(database: Database) -> list[Feed]:
    """Return the feeds on record."""
    async with database.connect() as connection:
        return await feed_rows.all_of_them(connection)


async def remove_feed(database: Database, location: str) -> bool:
    """Forget a feed; its papers stay. False if it was not on record."""
    async with database.begin() as connection:
        return await feed_rows.remove(connection, location if "://" in location else _absolute(location))


class _Seen:
    """Counts the different papers over several sources."""

    def __init__(self) -> None:
        self._papers: list[Paper] = []

    def add(self, found: Iterable[Paper]) -> None:
        self._papers += [Paper(title=paper.title, arxiv_id=paper.arxiv_id) for paper in found]

    @property
    def count(self) -> int:
        return len(identity.distinct(self._papers))


def _place(location: str) -> tuple[Literal["file", "url"], str]:
    """Return what kind of source a location is, and how it is kept on record."""
    scheme, separator, _ = location.partition("://")
    if separator and scheme.lower() not in ("http", "https"):
        raise UsageError(f"{location} is no address of the web.", next_step="Give one with https://, or a path.")
    if separator:
        return "url", location
    if not Path(location).exists():
        raise UsageError(f"There is no file or folder {location}.", next_step="Give its path, or an https:// address.")
    if not location.isprintable():
        raise UsageError("That name has signs that cannot be kept.", next_step="Rename the file or folder.")
    return "file", _absolute(location)


def _absolute(location: str) -> str:
    return str(Path(location).absolute())


def _files(paths: Sequence[Path]) -> list[Path]:
    try:
        files = [file for path in paths for file in fetching.files(path)]
    except FeedError as error:
        raise UsageError(error.message, next_step="Look at the path; nothing was taken in.") from error
    if not files:
        raise UsageError("There is no file to take in.", next_step="Name saved pages, JSON, Atom or RSS files.")
    return files


async def _take_file(database: Database, clock: Clock, settings: FeedSettings, file: Path, seen: _Seen) -> Taken:
    try:
        data = await asyncio.to_thread(fetching.read, file, largest=settings.largest)
    except FeedError as error:
        return _broken(str(file), error)
    parsed = feeds.parse(data, name=file.name, today=clock.now().date())
    seen.add(parsed.papers)
    return await take_in(database, clock, parsed, str(file))


async def _fetch(feed: Feed, settings: FeedSettings) -> Fetched | FeedError:
    try:
        return await fetching.fetch(feed, timeout=settings.timeout, largest=settings.largest, contact=settings.contact)
    except FeedError as error:
        return error


async def _take_feed(
    database: Database, clock: Clock, feed: Feed, answer: Fetched | FeedError, seen: _Seen
) -> list[Taken]:
    if isinstance(answer, FeedError):
        async with database.begin() as connection:
            await feed_rows.went_wrong(connection, feed.id, clock.now(), str(answer))
        log.warning("feed failed", feed=feed.id)
        return [_broken(feed.location, answer)]
    taken, title = [], feed.title
    for name, data in answer.bodies:
        parsed = feeds.parse(data, name=name, today=clock.now().date())
        title = parsed.title or title
        seen.add(parsed.papers)
        taken.append(await take_in(database, clock, parsed, name))
    async with database.begin() as connection:
        if taken and all(source.layout == "unknown" for source in taken):
            # A page that asks to log in, say: with its validators on record it would not even be looked at again.
            await feed_rows.went_wrong(connection, feed.id, clock.now(), taken[0].refused[0].what)
        else:
            await feed_rows.went_well(
                connection, feed.id, clock.now(), title=title, etag=answer.etag, last_modified=answer.last_modified
            )
    if answer.problems:
        taken.append(_unread(feed.location, answer.problems))
    return taken


def _broken(source: str, error: FeedError) -> Taken:
    return _unread(source, (Problem(where="the whole source", what=str(error)),))


def _unread(source: str, problems: tuple[Problem, ...]) -> Taken:
    return Taken(source, "unknown", entries=0, different=0, new=0, merged=0, refused=problems)
