"""Take papers in, from files that an operator names and from the feeds on record; it knows nothing of readers."""

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import structlog

from newsletter import feeds
from newsletter.clock import Clock
from newsletter.config import Feeds as FeedSettings
from newsletter.errors import FeedError, UsageError
from newsletter.feeds import disk
from newsletter.models import Feed
from newsletter.pipeline.reporting import IngestReport, Seen, broken
from newsletter.pipeline.taking import Taken, take_in
from newsletter.store import feeds as feed_rows
from newsletter.store.database import Database

if TYPE_CHECKING:
    from newsletter.feeds.fetching import Fetcher
    from newsletter.feeds.fetching import Manners as Manners

log = structlog.get_logger()

WINDOW_DAYS = 14


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
    seen = Seen()
    sources: list[Taken] = []
    for file in files:
        sources.append(await _take_file(database, clock, settings, file, seen))
        progress(len(sources), len(files))
    log.info("ingested", files=len(files), new=sum(source.new for source in sources))
    return IngestReport(tuple(sources), seen.count)


async def refresh(
    database: Database,
    clock: Clock,
    settings: FeedSettings,
    *,
    everything: bool = False,
    fetcher: "Fetcher | None" = None,
    chance: Callable[[], float] = random.random,
    window_days: int = WINDOW_DAYS,
    manners: "Manners | None" = None,
) -> IngestReport:
    """Look at every feed whose turn it is, or with `everything` at all that may be asked.

    They are asked side by side, and taken in as they answer: a slow or broken one costs the others nothing. A feed
    whose server wants to be left alone is not asked, and one whose server did not answer another a moment ago only with
    `everything`. `manners` are shared by looks that overlap, so that a slow server holds up no other. `fetcher` stands
    in for one made of the settings; `chance` gives numbers from 0 to 1, for the moment of the next look. What a source
    that was never read has of its past counts for days before the last `window_days` (ranking.window_days), so that
    nobody gets it as new.
    """
    # What fetches is slow to import, and most commands do without.
    from newsletter.pipeline import polls

    return await polls.poll(
        database,
        clock,
        settings,
        everything=everything,
        fetcher=fetcher,
        chance=chance,
        window=timedelta(days=window_days),
        manners=manners,
    )


def manners(settings: FeedSettings, clock: Clock) -> "Manners":
    """Return manners for looks of one process that overlap."""
    from newsletter.pipeline import servers

    return servers.manners(settings, clock)


async def add_feed(database: Database, clock: Clock, location: str) -> bool:
    """Put a feed on record: an address, or the path of a file or folder; False if it was there."""
    kind, place = _place(location)
    async with database.begin() as connection:
        return await feed_rows.add(connection, kind, place, clock.now())


async def list_feeds(database: Database) -> list[Feed]:
    """Return the feeds of everybody; people's own searches are theirs."""
    return [feed for feed in await _all_feeds(database) if feed.subscriber_id is None]


async def any_feeds(database: Database) -> bool:
    """Tell whether there is anything to look at."""
    return bool(await _all_feeds(database))


async def _all_feeds(database: Database) -> list[Feed]:
    async with database.connect() as connection:
        return await feed_rows.all_of_them(connection)


async def lasting_faults(database: Database, clock: Clock, settings: FeedSettings) -> list[Feed]:
    """Return the feeds, own searches too, that are gone, or broken for longer than the operator wants to wait."""
    before = clock.now() - timedelta(hours=settings.patience_hours)
    return [
        feed
        for feed in await _all_feeds(database)
        if feed.gone_at is not None or (feed.faulty_since is not None and feed.faulty_since <= before)
    ]


async def remove_feed(database: Database, location: str) -> bool:
    """Forget a feed and what it answered; its papers stay. False if it was not on record."""
    async with database.begin() as connection:
        return await feed_rows.remove(connection, place_of(location))


def place_of(location: str) -> str:
    """Return how a location is kept on record, whatever its kind."""
    return location if "://" in location else str(Path(location).absolute())


def _place(location: str) -> tuple[Literal["file", "web"], str]:
    """Return what kind of source a location is, and how it is kept on record."""
    scheme, separator, _ = location.partition("://")
    if separator and scheme.lower() not in ("http", "https"):
        raise UsageError(f"{location} is no address of the web.", next_step="Give one with https://, or a path.")
    if separator:
        return "web", location
    if not Path(location).exists():
        raise UsageError(f"There is no file or folder {location}.", next_step="Give its path, or an https:// address.")
    if not location.isprintable():
        raise UsageError("That name has signs that cannot be kept.", next_step="Rename the file or folder.")
    return "file", place_of(location)


def _files(paths: Sequence[Path]) -> list[Path]:
    try:
        files = [file for path in paths for file in disk.files(path)]
    except FeedError as error:
        raise UsageError(error.message, next_step="Look at the path; nothing was taken in.") from error
    if not files:
        raise UsageError("There is no file to take in.", next_step="Name saved pages, JSON, Atom or RSS files.")
    return files


async def _take_file(database: Database, clock: Clock, settings: FeedSettings, file: Path, seen: Seen) -> Taken:
    try:
        data = await asyncio.to_thread(disk.read, file, largest=settings.largest)
    except FeedError as error:
        return broken(str(file), error)
    parsed = feeds.parse(data, name=file.name, today=clock.now().date())
    seen.add(parsed.papers)
    return await take_in(database, clock, parsed, str(file))
