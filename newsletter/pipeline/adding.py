"""Put a source on record: find out what it is, and show what it would bring; takes nothing in."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from newsletter import resources
from newsletter.clock import Clock
from newsletter.config import Feeds as FeedSettings
from newsletter.errors import FeedError, NotFoundError, UsageError
from newsletter.feeds import disk, sources
from newsletter.feeds.sources import Alternate as Alternate
from newsletter.feeds.sources import Recognised
from newsletter.feeds.sources import catalogue as fields_of
from newsletter.feeds.sources.catalogue import Field as Field
from newsletter.models import Feed, Paper, ParsedFeed
from newsletter.pipeline import refresh
from newsletter.pipeline.asking import Asking
from newsletter.store import feeds as feed_rows
from newsletter.store.database import Database

# What gets the bytes at an address; raises FeedError where there are none.
Ask = Callable[[str], Awaitable[bytes]]

NEWEST = 5
# The hub's days may be empty, at weekends say: so many are looked at for what it would bring.
_MOST_ASKED = 4
_LONGEST_PAUSE = timedelta(days=1)


class Look(NamedTuple):
    """What a source is and would bring.

    `location` is the right address of it, and `title` its own. `newest` are titles. `every` is how often it would be
    asked, but on `skip_days` (0 is Monday). Of a folder, `files` counts what is in it so far. A page that names several
    feeds has `offers` and nothing else; what is `known` is on record and was not asked.
    """

    location: str
    kind: str = ""
    layout: str = ""
    title: str = ""
    entries: int = 0
    papers: int = 0
    updates: int = 0
    refused: int = 0
    newest: tuple[str, ...] = ()
    every: timedelta = timedelta()
    skip_days: tuple[int, ...] = ()
    offers: tuple[Alternate, ...] = ()
    known: bool = False
    files: int | None = None


async def add(database: Database, clock: Clock, location: str, kind: str = "") -> bool:
    """Put a source on record without a look at it: an address, a category, a path; False if it was there.

    `kind` is what a look found it to be, which an address alone may not tell.
    """
    refuse_blank(location)
    if is_path(location):
        return await refresh.add_feed(database, clock, location)
    found = sources.recognise(location)
    async with database.begin() as connection:
        return await feed_rows.add(connection, kind or found.kind, found.location, clock.now())


def unseen(location: str) -> Look:
    """Return the right address and the kind of a source as far as they are known without asking."""
    refuse_blank(location)
    if is_path(location):
        return Look(location, kind="file")
    found = sources.recognise(location)
    return Look(found.location, kind=found.kind)


async def look(database: Database, clock: Clock, settings: FeedSettings, location: str, ask: Ask | None = None) -> Look:
    """Return what a source would bring, without any change of the record; of files and folders what they are alone.

    A page is followed to the feed that it names. Raises UsageError where the location is none, FeedError where nothing
    can be had from there or where it is no feed.
    """
    refuse_blank(location)
    if is_path(location):
        return await asyncio.to_thread(_on_disk, location)
    found = sources.recognise(location)
    known = {feed.location for feed in await refresh.list_feeds(database)}
    if found.location in known:
        return Look(found.location, found.kind, known=True)
    async with Asking(database, clock, settings) as over_http:
        answered = await _first_answer(found, settings, clock, ask or over_http)
        if len(answered.offers) == 1:
            # A page leads to its feed, and no further.
            found = sources.recognise(answered.offers[0].url)
            if found.location in known:
                return Look(found.location, found.kind, known=True)
            answered = await _first_answer(found, settings, clock, ask or over_http)
    parsed = answered.parsed
    if parsed is None or parsed.layout == "unknown":
        if len(answered.offers) > 1:
            return Look(answered.location, offers=answered.offers)
        raise _no_feed(answered, parsed)
    return Look(
        location=answered.location,
        kind=answered.kind,
        layout=parsed.layout,
        title=parsed.title,
        entries=parsed.entries or len(parsed.papers),
        papers=len(parsed.papers),
        updates=len(parsed.updates),
        refused=len(parsed.problems),
        newest=_newest(parsed.papers),
        every=min(max(timedelta(minutes=settings.refresh_minutes), parsed.ttl or timedelta()), _LONGEST_PAUSE),
        skip_days=tuple(sorted(parsed.skip_days)),
    )


def refuse_blank(location: str) -> None:
    """Raise UsageError for a location without a sign, which as a path is the folder that one happens to be in."""
    if not location.strip():
        raise UsageError(
            "No source is named.", next_step="Give an address, a category of arXiv, or the path of a file or folder."
        )


def is_path(location: str) -> bool:
    """Tell whether a location is the path of a file or folder; one that is there is it even under an odd name."""
    if "://" in location:
        return False
    return _exists(location) or not sources.is_address(location)


def catalogue(words: Sequence[str] = ()) -> tuple[Field, ...]:
    """Return the fields of research that have ready sources, those that all of the words fit."""
    known = fields_of.load((resources.seeds() / "feeds.toml").read_bytes())
    return tuple(field for field in known if field.has(words))


def ready(name: str) -> Field:
    """Return the field of that name. Raises NotFoundError with the nearest names."""
    known = catalogue()
    wanted = name.strip().lower().removeprefix("@")
    for field in known:
        if field.name == wanted:
            return field
    near = [field.name for field in known if wanted and wanted in field.name]
    near = near or [field.name for field in known if wanted and field.has([wanted])]
    hint = f"Did you mean @{' or @'.join(near[:3])}? " if near else ""
    raise NotFoundError(
        f"There is no field @{wanted} in the catalogue.",
        next_step=f"{hint}`newsletter feeds catalogue` lists them all.",
    )


def _on_disk(location: str) -> Look:
    """Return what a path is, and of a folder how much is in it."""
    path = Path(location)
    if not _exists(location):
        raise UsageError(f"There is no file or folder {location}.", next_step="Give its path, or an https:// address.")
    return Look(location, kind="file", files=len(disk.files(path)) if path.is_dir() else None)


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


async def _first_answer(found: Recognised, settings: FeedSettings, clock: Clock, ask: Ask) -> Recognised:
    """Return what the first answer is that holds papers, or else the last answer."""
    now = clock.now()
    feed = Feed(id=0, kind=found.kind, location=found.location, added_at=now)
    answered = found
    for request in sources.of_kind(found.kind, follow_days=settings.follow_days).first(feed, now)[:_MOST_ASKED]:
        answered = sources.recognise(found.location, await ask(request.url), today=now.date())
        if answered.parsed is None or answered.parsed.papers or answered.parsed.layout == "unknown":
            break
    return answered


def _newest(papers: Sequence[Paper]) -> tuple[str, ...]:
    # Stable: those of one day stay in the order of the source.
    dated = sorted(papers, key=lambda paper: paper.published_on.toordinal() if paper.published_on else 0, reverse=True)
    return tuple(paper.title for paper in dated[:NEWEST])


def _no_feed(answered: Recognised, parsed: ParsedFeed | None) -> FeedError:
    # What stands last is what it came to.
    why = parsed.problems[-1].what if parsed and parsed.problems else "There is nothing in it."
    return FeedError(
        f"{answered.location} is no feed. {why}",
        next_step="Look on its site for RSS, Atom or JSON Feed; `newsletter feeds catalogue` lists ready sources.",
    )
