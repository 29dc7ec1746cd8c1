"""What sources hold is put on record, each paper once; it knows neither where it came from nor readers."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock
from newsletter.feeds import identity, marks, works
from newsletter.feeds.works import Shelf, Work
from newsletter.models import Paper, ParsedFeed, Problem
from newsletter.store import merging, papers, searches, updates
from newsletter.store.database import Database, exclusively
from newsletter.store.papers import Known

# So many papers of an older version of this program get their signs at a time.
UNSIGNED = 2_000


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


class Owners(NamedTuple):
    """Whose a source is: everybody's, or that of the people who have it as a search of their own, or both.

    `searches` are the ids of these people's feeds.
    """

    everybody: bool = True
    searches: tuple[int, ...] = ()


EVERYBODY = Owners()


async def take_in(
    database: Database, clock: Clock, parsed: ParsedFeed, source: str, owners: Owners = EVERYBODY
) -> Taken:
    """Put what a source held on record, each paper once, and keep the best of what is known of it.

    A paper that only people's own searches brought is theirs alone; once any other source brings it, it is everybody's,
    for good. A source that nobody has any more brings nothing. What only tells of papers that may be on record
    (`updates`) changes those that are, and adds none; of the others it is kept for when some source brings them.
    """
    async with database.begin() as connection:
        await exclusively(connection, "papers")
        owners = owners._replace(searches=tuple(await searches.living(connection, owners.searches)))
        if not owners.everybody and not owners.searches:
            return Taken(source, parsed.layout, len(parsed.papers), 0, 0, 0, parsed.problems)
        while unsigned := await papers.unsigned(connection, UNSIGNED):
            await papers.note(connection, [_known(_work(one)) for one in unsigned])
        taking = _Taking(connection, owners)
        different = await taking.take(parsed.papers, parsed.updates)
        new, merged = await taking.write(clock.now())
    return Taken(source, parsed.layout, len(parsed.papers), different, new, merged, parsed.problems)


class _Taking:
    """Accounts beside what is on record of their works, and what is to be written of it."""

    def __init__(self, connection: AsyncConnection, owners: Owners) -> None:
        self._connection = connection
        self._owners = owners
        # The numbers of what the source brought.
        self._told: set[int] = set()
        self._shelf = Shelf()
        self._asked: tuple[set[str], set[str], set[int]] = (set(), set(), set())
        # What is on record, by the number on the shelf.
        self._before: dict[int, Work] = {}
        self._stored_under: dict[int, str] = {}
        self._updated: set[int] = set()
        # What was told of works that nobody has brought, by arXiv id.
        self._ahead: dict[str, Paper] = {}

    async def take(self, wanted: Sequence[Paper], told_of: Sequence[Paper]) -> int:
        """Bring accounts together with what is on record, until nothing more turns out to be one.

        Returns of how many works the wanted ones are.
        """
        await self._fetch(map(works.work, (*wanted, *told_of)))
        told = {self._shelf.take(paper) for paper in wanted}
        for paper in told_of:
            if self._shelf.knows(paper):
                self._updated.add(self._shelf.take(paper))
            elif paper.arxiv_id is not None:
                other = self._ahead.get(paper.arxiv_id)
                self._ahead[paper.arxiv_id] = paper if other is None else identity.merge(other, paper)
        new = [work for number, work in self._shelf if number not in self._before]
        ids = [work.paper.arxiv_id for work in new if work.paper.arxiv_id is not None]
        for paper in await updates.of(self._connection, ids, [key for work in new for key in work.titles]):
            if self._shelf.knows(paper):
                self._shelf.take(paper)
        # What became known of a work may lead to further records of it.
        while found := await self._fetch(work for _, work in self._shelf):
            for number in found:
                self._shelf.settle(number)
        for kept, double in self._shelf.ties:
            if double in told:
                told = told - {double} | {kept}
        self._told = told
        return len(told)

    async def write(self, now: datetime) -> tuple[int, int]:
        """Write it down and return how many papers are new and how many changed what was on record."""
        after = dict(self._shelf)
        versions = {number: work.paper.version for number, work in self._before.items()}
        for kept, double in self._shelf.ties:
            if double in self._before:
                versions[kept] = max(filter(None, (versions[kept], versions[double])), default=None)
                await self._merge(kept, double, after)
        stay = {number: work for number, work in after.items() if number in self._before}
        changed = [number for number, work in stay.items() if work.paper != self._before[number].paper]
        noted = [number for number in stay.keys() - changed if stay[number] != self._before[number]]
        # Titles that older versions of this program took for one with those of other signs.
        moved = [one for one in stay.keys() - changed if _stored_key(stay[one].paper) != self._stored_under[one]]
        await papers.change(self._connection, [_known(stay[number]) for number in (*changed, *moved)])
        await papers.note(self._connection, [_known(stay[number]) for number in noted])
        revised = [_id(stay[number]) for number in changed if self._is_revised(number, stay[number], versions[number])]
        await papers.revise(self._connection, revised, now)
        await self._keep_ahead(now)
        new = {number: _known(work) for number, work in after.items() if number not in stay}
        ids = await papers.add(self._connection, list(new.values()), now, shared=self._owners.everybody)
        await self._say_whose(stay, dict(zip(new, ids, strict=True)), now)
        return len(new), len(changed)

    async def _keep_ahead(self, now: datetime) -> None:
        before = {paper.arxiv_id: paper for paper in await updates.of(self._connection, self._ahead, ())}
        merged = [
            identity.merge(before[number], paper) if number in before else paper
            for number, paper in self._ahead.items()
        ]
        told = [(identity.title_key(paper.title), paper) for paper in merged if paper != before.get(paper.arxiv_id)]
        await updates.keep(self._connection, told, now)

    async def _say_whose(self, stay: dict[int, Work], new: dict[int, int], now: datetime) -> None:
        told = [number for number in self._told if number in stay]
        if self._owners.everybody:
            # What became one with a shared paper in this very transaction is shared already, or is so from now on.
            await papers.share(self._connection, [_id(stay[number]) for number in told], now)
        if self._owners.searches:
            brought = {_id(stay[number]) for number in told} | {new[number] for number in self._told if number in new}
            await searches.note(self._connection, self._owners.searches, brought, now)

    async def _merge(self, kept: int, double: int, after: dict[int, Work]) -> None:
        one, other = self._before[kept], self._before[double]
        # The one that is kept may itself have gone into another.
        best = after.get(kept, other)
        told = _text(best) == _text(other) != _text(one)
        await merging.merge(self._connection, _id(one), _id(other), told_by_double=told)

    def _is_revised(self, number: int, work: Work, before: int | None) -> bool:
        version = work.paper.version
        if before is None:
            # Who told of it did not say which version it was, but its source says that this one is another.
            return number in self._updated and version is not None and version > 1
        return version is not None and version > before

    async def _fetch(self, accounts: Iterable[Work]) -> list[int]:
        """Put on the shelf what is on record under a key that was not asked for yet; return the numbers there."""
        ids, titles, signs = self._asked
        new_ids: dict[str, None] = {}
        new_titles: dict[str, None] = {}
        new_signs: dict[int, None] = {}
        for work in accounts:
            new_ids |= dict.fromkeys({work.paper.arxiv_id or ""} - {""} - ids)
            new_titles |= dict.fromkeys(title for title in _stored_keys(work) if title not in titles)
            new_signs |= dict.fromkeys(work.signs - signs)
        self._asked = (ids | new_ids.keys(), titles | new_titles.keys(), signs | new_signs.keys())
        there = {work.paper.id for work in self._before.values()}
        found = [
            known
            for known in await papers.find(self._connection, new_ids, new_titles, new_signs)
            if known.paper.id not in there
        ]
        numbers = []
        for known in found:
            work = _work(known)
            numbers.append(number := self._shelf.put(work))
            self._before[number], self._stored_under[number] = work, known.title_key
        return numbers


def _work(known: Known) -> Work:
    """Return what is on record as a work; papers of an older version of this program have no signs there."""
    titles = {**known.former, known.title_key: known.paper.title}
    by_letters = {marks.of_letters(key): title for key, title in titles.items()}
    return Work(known.paper, by_letters, known.signs or works.signs(known.paper), known.apart)


def _known(work: Work) -> Known:
    key = identity.title_key(work.paper.title)
    former = {title: text for title, text in work.titles.items() if title != key}
    return Known(work.paper, _stored_key(work.paper), former, work.signs)


def _stored_key(paper: Paper) -> str:
    """Return under which title a paper stands.

    Of two of the same letters the database refuses the second one if nothing else is known of them; their signs may
    say that they are two.
    """
    key = identity.title_key(paper.title)
    return marks.told_apart(key, paper.title) if works.is_bare(paper) else key


def _stored_keys(work: Work) -> Iterator[str]:
    for key, title in work.titles.items():
        yield from {key: None, marks.told_apart(key, title): None}


def _text(work: Work) -> tuple[str, str]:
    return work.paper.title, work.paper.abstract


def _id(work: Work) -> int:
    if work.paper.id is None:
        raise ValueError("a paper on record has an id")
    return work.paper.id
