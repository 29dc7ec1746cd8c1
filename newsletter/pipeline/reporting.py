"""What taking papers in led to, as the faces tell it; decides nothing."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NamedTuple

from newsletter import feeds
from newsletter.errors import FeedError
from newsletter.models import Feed, Paper, Problem
from newsletter.pipeline.days import Quiet
from newsletter.pipeline.taking import Taken


class NotAsked(NamedTuple):
    """A feed that was not asked: since it is not due, its server wants silence, it is gone; and when it will be."""

    location: str
    why: Literal["not due", "silence", "gone"]
    until: datetime | None


class IngestReport(NamedTuple):
    """What all sources of one call brought; `papers` counts the different papers over all of them.

    `quiet` are days that were found out of the usual, and `lasting` feeds that stay broken, told for the first time.
    """

    sources: tuple[Taken, ...]
    papers: int
    not_asked: tuple[NotAsked, ...] = ()
    quiet: tuple[Quiet, ...] = ()
    lasting: tuple[Feed, ...] = ()

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


class Seen:
    """Counts the different papers over several sources."""

    def __init__(self) -> None:
        self._papers: list[Paper] = []

    def add(self, found: Iterable[Paper]) -> None:
        """Count the papers of one source."""
        self._papers += [
            Paper(title=one.title, arxiv_id=one.arxiv_id, doi=one.doi, url=one.url, authors=one.authors)
            for one in found
        ]

    @property
    def count(self) -> int:
        """How many different ones there are."""
        return len(feeds.distinct(self._papers))


def broken(source: str, error: FeedError | str) -> Taken:
    """Return the line of a source that could not be read at all."""
    return unread(source, (Problem(where="the whole source", what=str(error)),))


def unread(source: str, problems: tuple[Problem, ...]) -> Taken:
    """Return the line of what could not be read of a source."""
    return Taken(source, "unknown", entries=0, different=0, new=0, merged=0, refused=problems)
