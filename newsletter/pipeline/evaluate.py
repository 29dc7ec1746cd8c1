"""Replay the past on the record: what other settings would have sent, and what readers said of it; it only reads."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple, Protocol

from newsletter.clock import Clock
from newsletter.config import Ranking
from newsletter.models import Feedback, Paper, Subscriber
from newsletter.pipeline.chooser import Chooser, came_at, there_by
from newsletter.pipeline.choosing import Asked, choose, in_order, profile_of, window
from newsletter.pipeline.learning import Learns, lesson_of
from newsletter.pipeline.vectors import Placing
from newsletter.pipeline.worth import Caught, verdict
from newsletter.store import history, papers, searches, subscribers
from newsletter.store.database import Database
from newsletter.store.history import Had, Put
from newsletter.store.searches import Found

# People are replayed in blocks of so many, each through all its days, so that memory does not grow with their number.
BLOCK = 2_000

Progress = Callable[[int, int], None]


class Replayer(Chooser, Learns, Protocol):
    """A chooser that can be fitted."""


class Score(NamedTuple):
    """What one way of choosing gave: `place` is the mean over likes of 1 / position, 0 for one that was not sent."""

    name: str
    issues: int
    papers: int
    caught: int
    likes: int
    place: float
    dislikes: int


class Evaluation(NamedTuple):
    """What was really sent and the replays, over the same issues, and what may be said of their difference."""

    since: date
    readers: int
    scores: tuple[Score, ...]
    verdict: str


class _Reader:
    """What is counted of one reader under one way of choosing: the position of each liked paper, and dislikes."""

    def __init__(self) -> None:
        self.positions: dict[int, int] = {}
        self.dislikes: set[int] = set()


class _Tally:
    """The counts of one way of choosing."""

    def __init__(self) -> None:
        self.issues = self.papers = 0
        self.readers: dict[int, _Reader] = {}

    def add(self, person: int, sent: Sequence[int], later: Mapping[int, str]) -> None:
        """Count an issue; `later` is what its reader said after it."""
        self.issues += bool(sent)
        self.papers += len(sent)
        for position, paper in enumerate(sent, start=1):
            if paper in later:
                reader = self.readers.setdefault(person, _Reader())
                if later[paper] == "less":
                    reader.dislikes.add(paper)
                else:
                    reader.positions.setdefault(paper, position)


async def evaluate(
    database: Database,
    clock: Clock,
    ways: Mapping[str, Ranking],
    make: Callable[[Ranking], Replayer],
    placing: Callable[[Ranking], Placing],
    *,
    days: int,
    progress: Progress = lambda _done, _of: None,
) -> Evaluation:
    """Return how these ways of choosing would have done on the issues of the last days, beside what was really sent.

    Each issue is chosen anew by what its reader had received and said before it was put together. The archive and what
    all readers liked are learned as they were at the beginning. Only what readers wish for is that of now.
    """
    since = clock.now() - timedelta(days=days)
    lesson = await lesson_of(database, before=since)
    choosers, placings = {}, {}
    for name, ranking in ways.items():
        choosers[name], placings[name] = make(ranking), placing(ranking)
        vectors = await placings[name].of_archive(lesson.archive)
        choosers[name].fit(lesson.archive, lesson.likes, vectors=vectors)
    really = _Tally()
    tallies = {name: _Tally() for name in ways}
    chances: dict[int, set[int]] = defaultdict(set)
    async with database.connect() as connection:
        total = await history.count_issues(connection, since)
    done = after = 0
    while True:
        async with database.connect() as connection:
            ids = await history.readers_since(connection, since, after=after, limit=BLOCK)
        if not ids:
            break
        replay = await _Replay.of(database, ids, since, ways)
        for day, put in replay.by_day():
            await replay.go_to(day)
            replay.count_real(put, really, chances)
            for name, chooser in choosers.items():
                await placings[name].complete(chooser, replay.papers_of(name))
                replay.choose(name, chooser, put, tallies[name])
            done += len(put)
            progress(done, total)
        after = ids[-1]
    scores = [_score("sent", really, chances), *(_score(name, tally, chances) for name, tally in tallies.items())]
    return Evaluation(since.date(), len(chances), tuple(scores), verdict(list(ways), _caught(tallies, chances)))


class _Replay:
    """A block of people and their issues, gone through day by day."""

    def __init__(
        self,
        database: Database,
        people: Mapping[int, Subscriber],
        puts: Sequence[Put],
        had: Mapping[int, Sequence[Had]],
        said: Mapping[int, Sequence[Feedback]],
        ways: Mapping[str, Ranking],
    ) -> None:
        self._database = database
        self._people = people
        self._puts = puts
        self._had = had
        self._said = said
        self._ways = ways
        self._sent: dict[str, dict[int, set[int]]] = {name: defaultdict(set) for name in ways}
        self._known: dict[int, Paper] = {}
        self._candidates: dict[int, list[Paper]] = {}
        self._day = date.min
        # What only these people's own searches brought, and what was found for each.
        self._alone: list[Paper] = []
        self._found: dict[int, dict[int, Found]] = {}

    @classmethod
    async def of(
        cls, database: Database, ids: Sequence[int], since: datetime, ways: Mapping[str, Ranking]
    ) -> "_Replay":
        """Load what is on record of people."""
        async with database.connect() as connection:
            people = await subscribers.by_ids(connection, ids)
            puts = await history.put_since(connection, ids, since)
            had = await history.had_by(connection, ids)
            said = await subscribers.feedback_of(connection, ids)
            replay = cls(database, people, [one for one in puts if one.subscriber_id in people], had, said, ways)
            named = {one.paper_id for words in said.values() for one in words}
            replay._known = await papers.by_ids(connection, named)
            widest = max((ranking.window_days for ranking in ways.values()), default=1)
            searching = [person.id for person in people.values() if person.searches]
            replay._alone, replay._found = await searches.found(
                connection, searching, since=since - timedelta(days=widest + 1), until=datetime.max.replace(tzinfo=UTC)
            )
        return replay

    def by_day(self) -> Iterable[tuple[date, list[Put]]]:
        """Return the issues of each day, oldest first."""
        for day, put in groupby(self._puts, key=lambda one: one.day):
            yield day, list(put)

    async def go_to(self, day: date) -> None:
        """Load the papers of a day, for each length of the window."""
        self._day = day
        self._candidates = {}
        async with self._database.connect() as connection:
            for days in {ranking.window_days for ranking in self._ways.values()}:
                since, until = window(day, days)
                alone = [one for one in self._alone if one.first_seen_at and since <= one.first_seen_at < until]
                self._candidates[days] = [*await papers.candidates(connection, since=since, until=until), *alone]

    def papers_of(self, name: str) -> list[Paper]:
        """Return the papers of the day under one way of choosing."""
        return self._candidates[self._ways[name].window_days]

    def count_real(self, puts: Sequence[Put], tally: _Tally, chances: dict[int, set[int]]) -> None:
        """Count what was really sent, and the later likes that any way of choosing had a chance to catch."""
        there = {paper.id: paper for candidates in self._candidates.values() for paper in candidates}
        for put in puts:
            later = self._later(put)
            tally.add(put.subscriber_id, put.paper_ids, later)
            earlier = self._received(put) if later else set()
            for paper, word in later.items():
                there_then = paper in there and there_by(there[paper], put.at) and paper not in earlier
                if word != "less" and (there_then or paper in put.paper_ids):
                    chances[put.subscriber_id].add(paper)

    def choose(self, name: str, chooser: Chooser, puts: Sequence[Put], tally: _Tally) -> None:
        """Choose anew for these issues; people for whom the same papers were there are chosen for together."""
        ranking = self._ways[name]
        candidates = self.papers_of(name)
        moments = sorted(came for paper in candidates if (came := came_at(paper)) is not None)
        by_papers: dict[int, list[Put]] = defaultdict(list)
        for put in puts:
            by_papers[bisect_right(moments, put.at)].append(put)
        for together in by_papers.values():
            last = max(put.at for put in together)
            asked = Asked(
                self._day,
                [paper for paper in candidates if there_by(paper, last)],
                [self._profile(chooser, put) for put in together],
                [self._done_with(put) | self._sent[name][put.subscriber_id] for put in together],
            )
            for put, chosen in zip(together, choose(chooser, asked, ranking), strict=True):
                sent = [asked.papers[place].id or 0 for place, _ in in_order(chosen)]
                self._sent[name][put.subscriber_id].update(sent)
                tally.add(put.subscriber_id, sent, self._later(put))

    def _profile(self, chooser: Chooser, put: Put) -> object:
        found = self._found.get(put.subscriber_id, {})
        own = {paper: one.query for paper, one in found.items() if one.at < put.at}
        return profile_of(chooser, self._people[put.subscriber_id], self._earlier(put), self._known, self._day, own)

    def _earlier(self, put: Put) -> list[Feedback]:
        return [one for one in self._said.get(put.subscriber_id, ()) if one.at < put.at]

    def _done_with(self, put: Put) -> set[int]:
        """Return what a reader had or judged before."""
        return self._received(put) | {one.paper_id for one in self._earlier(put)}

    def _received(self, put: Put) -> set[int]:
        return {one.paper_id for one in self._had.get(put.subscriber_id, ()) if one.at < put.at}

    def _later(self, put: Put) -> dict[int, str]:
        return {one.paper_id: one.verdict for one in self._said.get(put.subscriber_id, ()) if one.at >= put.at}


def _score(name: str, tally: _Tally, chances: Mapping[int, set[int]]) -> Score:
    likes = sum(map(len, chances.values()))
    found = [
        position
        for person, reader in tally.readers.items()
        for paper, position in reader.positions.items()
        if paper in chances.get(person, ())
    ]
    return Score(
        name=name,
        issues=tally.issues,
        papers=tally.papers,
        caught=len(found),
        likes=likes,
        place=sum(1 / position for position in found) / likes if likes else 0.0,
        dislikes=sum(len(reader.dislikes) for reader in tally.readers.values()),
    )


def _caught(tallies: Mapping[str, _Tally], chances: Mapping[int, set[int]]) -> list[Caught]:
    """Return for each reader how many of their likes the first and the last way of choosing caught."""
    first, *_, last = [*tallies.values()] * 2
    found = []
    for person, liked in chances.items():
        one, other = (
            liked & tally.readers[person].positions.keys() if person in tally.readers else set[int]()
            for tally in (first, last)
        )
        found.append(Caught(len(liked), len(one), len(other), len(one ^ other)))
    return found
