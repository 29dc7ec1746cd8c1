"""What sources hold is put on record, each paper once; it knows neither where it came from nor readers."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock
from newsletter.feeds import identity
from newsletter.models import Paper, ParsedFeed, Problem
from newsletter.store import papers
from newsletter.store.database import Database, exclusively
from newsletter.store.papers import Known


class Taken(NamedTuple):
    """What one source brought.

    `entries` counts what it held, `different` the different papers among them, `new` those that were not on record,
    `merged` those that were on record and became better known, and `refused` what could not be read.
    """

    source: str
    layout: str
    entries: int
    different: int
    new: int
    merged: int
    refused: tuple[Problem, ...]


async def take_in(database: Database, clock: Clock, parsed: ParsedFeed, source: str) -> Taken:
    """Put what a source held on record, each paper once, and keep the best of what is known of it."""
    wanted = identity.distinct(parsed.papers)
    async with database.begin() as connection:
        await exclusively(connection, "papers")
        new, merged = await _record(connection, wanted, clock.now())
    return Taken(source, parsed.layout, len(parsed.papers), len(wanted), new, merged, parsed.problems)


async def _record(connection: AsyncConnection, wanted: Sequence[Paper], now: datetime) -> tuple[int, int]:
    """Write papers and return how many were new and how many changed what was on record."""
    shelf = _Shelf(
        await papers.find(
            connection,
            [paper.arxiv_id for paper in wanted if paper.arxiv_id],
            [identity.title_key(paper.title) for paper in wanted],
        )
    )
    added: list[Known] = []
    changed: dict[int, Known] = {}
    revised: list[int] = []
    for paper in wanted:
        title_key = identity.title_key(paper.title)
        matches = shelf.matches(paper, title_key)
        if not matches:
            added.append(Known(paper, title_key))
            continue
        kept = matches[0]
        better = kept.paper
        for double in matches[1:]:
            # One source told what two others had not: that these two are one.
            better = identity.merge(better, double.paper)
            await papers.merge(connection, _id(kept), _id(double))
            changed.pop(_id(double), None)
            shelf.remove(double)
        if better.version is not None and paper.version is not None and paper.version > better.version:
            revised.append(_id(kept))
        better = identity.merge(better, paper)
        if better != kept.paper:
            changed[_id(kept)] = shelf.replace(kept, better)
    await papers.change(connection, list(changed.values()))
    await papers.revise(connection, revised, now)
    await papers.add(connection, added, now)
    return len(added), len(changed)


class _Shelf:
    """The papers on record that a source could mean, by id and by title, those they bore before included."""

    def __init__(self, known: Iterable[Known]) -> None:
        self._known: dict[int, Known] = {}
        self._by_arxiv_id: dict[str, int] = {}
        self._by_title: dict[str, list[int]] = defaultdict(list)
        for one in known:
            self._put(one)

    def matches(self, paper: Paper, title_key: str) -> list[Known]:
        """Return the records of this very work, the one to keep first."""
        titled = [self._known[number] for number in self._by_title.get(title_key, ())]
        if paper.arxiv_id is None:
            return titled[:1]
        # Two works may bear one title; two ids tell them apart.
        same_title = [one for one in titled if one.paper.arxiv_id is None]
        number = self._by_arxiv_id.get(paper.arxiv_id)
        return same_title if number is None else [self._known[number], *same_title]

    def replace(self, old: Known, paper: Paper) -> Known:
        """Put a better known paper in the place of what was known of it."""
        self.remove(old)
        new = Known(paper, identity.title_key(paper.title), (*old.former, old.title_key))
        self._put(new)
        return new

    def remove(self, gone: Known) -> None:
        """Take a record off the shelf."""
        number = _id(gone)
        del self._known[number]
        for title in {gone.title_key, *gone.former}:
            self._by_title[title].remove(number)
        if gone.paper.arxiv_id is not None:
            del self._by_arxiv_id[gone.paper.arxiv_id]

    def _put(self, one: Known) -> None:
        number = _id(one)
        self._known[number] = one
        for title in {one.title_key, *one.former}:
            self._by_title[title].append(number)
        if one.paper.arxiv_id is not None:
            self._by_arxiv_id[one.paper.arxiv_id] = number


def _id(known: Known) -> int:
    if known.paper.id is None:
        raise ValueError("a paper on record has an id")
    return known.paper.id
