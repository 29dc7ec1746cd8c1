"""How far three dislikes lower the papers of a kind, and what dislikes of another kind cost; on real reading lists.

PYTHONPATH=. .venv/bin/python bench/dislikes.py [--fold 0] [--kinds 100] [--readers 1000] [--alone]

A reader of two kinds of papers, asked for or liked, gets a mail of ten, dislikes the first three papers of the one
kind in it, and gets the next mail from papers that they have not seen; a kind is a tag of papers-a. Then real readers
dislike three papers that share no tag with anything they liked: their figures should stay.
"""

import argparse
import importlib
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from newsletter.models import Paper
from newsletter.ranking import Ranker

MEASURES = Path(__file__).resolve().parents[2] / "shared" / "bench" / "ranking"
# Papers of a day, and among them of each of the two kinds.
DAY = 200
OF_A_KIND = 25
MAIL = 10
LIKES = 5
DISLIKES = 3
# By chance, of all kinds.
MANY = 60


class Library:
    """The papers of a fold, what readers kept of the others, and the tags that are large enough to be a kind."""

    def __init__(self, evaluate: ModuleType, fold: int, *, alone: bool) -> None:
        """Load papers-a, and fit a ranker on what is not in the fold; `alone` without the likes of others."""
        likes, found, folds = evaluate.load("papers-a")
        self.papers = [
            Paper(id=at, title=one["title"], abstract=one.get("abstract", "")) for at, one in enumerate(found)
        ]
        self.readers = np.asarray((likes > 0).sum(axis=0)).ravel().tolist()
        self.tags = [{tag for tag in one["tags"] if not evaluate.NOT_A_TOPIC.match(tag.lower())} for one in found]
        self.new, self.archive = np.flatnonzero(folds // 2 == fold), np.flatnonzero(folds // 2 != fold)
        self.known, self.truth = likes[:, self.archive].tocsr(), likes[:, self.new].tocsr()
        self.likes = [
            [self.papers[at] for at in self.archive[self.known.indices[start:end]]]
            for start, end in zip(self.known.indptr[:-1], self.known.indptr[1:], strict=True)
        ]
        self.old_of, self.new_of = self._by_tag(self.archive), self._by_tag(self.new)
        self.ranker = Ranker()
        self.ranker.fit([self.papers[at] for at in self.archive], () if alone else self.likes)

    def voted(self, places: Sequence[int]) -> list[Paper]:
        """Return papers with as many votes as they have readers."""
        return [self.papers[at].model_copy(update={"votes": self.readers[at]}) for at in places]

    def _by_tag(self, places: Any) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for at in places.tolist():
            for tag in sorted(self.tags[at]):
                found[tag].append(at)
        return found


class Fall(NamedTuple):
    """Papers of the kind in the next mail without and with the dislikes, and how many times lower the former stand."""

    before: int
    after: int
    times: float


def falls(library: Library, count: int) -> dict[str, list[Fall]]:
    """Return what three dislikes did to `count` pairs of kinds, by what had spoken for both of them."""
    chance = np.random.default_rng(0)
    kinds = sorted(tag for tag, places in library.new_of.items() if len(places) >= OF_A_KIND)
    found: dict[str, list[Fall]] = {"topics": [], "likes": [], "topics and likes": []}
    for _ in range(count):
        pair = chance.choice(kinds, 2, replace=False).tolist()
        liked = [at for tag in pair for at in _some(library.old_of[tag], LIKES, chance)]
        first = [at for at in _day(library.old_of, library.archive, pair, chance) if at not in liked]
        second = _day(library.new_of, library.new, pair, chance)
        for use, rows in found.items():
            topics = [tag.replace("_", " ") for tag in pair] if "topics" in use else []
            likes = [library.papers[at] for at in liked] if "likes" in use else []
            rows.extend(_fall(library, pair[0], topics, likes, first, second))
    return found


class Lead(NamedTuple):
    """What readers who asked for nothing got, papers of the kind and votes, without and with dislikes."""

    before: int
    after: int
    votes_before: float
    votes_after: float
    votes_of_day: float


def leads(library: Library, count: int, dislikes: int) -> list[Lead]:
    """Return what dislikes did to readers who get what is popular, for `count` kinds: of the most popular of the kind.

    With more than `DISLIKES` they are of all kinds, by chance.
    """
    chance = np.random.default_rng(2)
    kinds = sorted(tag for tag, places in library.new_of.items() if len(places) >= OF_A_KIND)
    ranker, found = library.ranker, []
    for _ in range(count):
        pair = chance.choice(kinds, 2, replace=False).tolist()
        first = _day(library.old_of, library.archive, pair, chance)
        second = _day(library.new_of, library.new, pair, chance)
        old, day = library.voted(first), library.voted(second)
        best = sorted((paper for paper in old if pair[0] in library.tags[paper.id or 0]), key=lambda one: -one.votes)
        disliked = best[:dislikes] if dislikes <= DISLIKES else old[-dislikes:]
        mails = ranker.top([ranker.profile(), ranker.profile(dislikes=disliked)], day, MAIL)
        held, kept = (sum(pair[0] in library.tags[second[at]] for at, _ in mail) for mail in mails)
        votes = [[day[at].votes for at, _ in mail] for mail in mails]
        found.append(Lead(held, kept, *map(_mean, (*votes, [paper.votes for paper in day]))))
    return found


def harm(library: Library, evaluate: ModuleType, count: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return the figures of `count` readers by their likes, without and with dislikes of another kind."""
    chance = np.random.default_rng(1)
    readers = np.flatnonzero((np.diff(library.truth.indptr) > 0) & (np.diff(library.known.indptr) > 0))
    readers = np.sort(chance.permutation(readers)[:count])
    papers = [library.papers[at] for at in library.new]
    profiles: tuple[list[Any], list[Any]] = ([], [])
    for reader in readers:
        likes = library.likes[reader]
        ours = set().union(*(library.tags[paper.id or 0] for paper in likes))
        ours |= set().union(*(library.tags[at] for at in library.new[library.truth[reader].indices]))
        tried = chance.permutation(library.archive)[:200].tolist()
        others = [library.papers[at] for at in tried if library.tags[at] and not library.tags[at] & ours][:DISLIKES]
        profiles[0].append(library.ranker.profile(likes=likes))
        profiles[1].append(library.ranker.profile(likes=likes, dislikes=others))
    before, after = (evaluate.measure(library.ranker.score(some, papers), library.truth[readers]) for some in profiles)
    return before, after


def _mean(numbers: Sequence[int]) -> float:
    return sum(numbers) / len(numbers)


def _some(places: Sequence[int], count: int, chance: np.random.Generator) -> list[int]:
    found: list[int] = chance.permutation(places)[:count].tolist()
    return found


def _day(of: dict[str, list[int]], places: Any, pair: Sequence[str], chance: np.random.Generator) -> list[int]:
    wanted = [at for tag in pair for at in _some(of[tag], OF_A_KIND, chance)]
    return list(dict.fromkeys(wanted + _some(places, DAY, chance)))[:DAY]


def _fall(
    library: Library, kind: str, topics: list[str], likes: list[Paper], first: list[int], second: list[int]
) -> Iterator[Fall]:
    """Yield what happened, unless the first mail had fewer than three papers of the kind or the second none."""
    ranker = library.ranker
    before = ranker.profile(topics, likes)
    mail = ranker.top([before], [library.papers[at] for at in first], MAIL)[0]
    disliked = [library.papers[first[at]] for at, _ in mail if kind in library.tags[first[at]]][:DISLIKES]
    papers = [library.papers[at] for at in second]
    both = [before, ranker.profile(topics, likes, disliked)]
    held, kept = ([at for at, _ in one if kind in library.tags[second[at]]] for one in ranker.top(both, papers, MAIL))
    if len(disliked) == DISLIKES and held:
        places = (-ranker.score(both, papers)).argsort(axis=1, kind="stable").argsort(axis=1) + 1
        yield Fall(len(held), len(kept), float(places[1, held].mean() / places[0, held].mean()))


def main() -> None:
    """Print both measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--kinds", type=int, default=100, help="pairs of kinds")
    parser.add_argument("--readers", type=int, default=1000)
    parser.add_argument("--alone", action="store_true", help="without what readers have in common")
    options = parser.parse_args()
    sys.path.insert(0, str(MEASURES))
    evaluate = importlib.import_module("evaluate")
    library = Library(evaluate, options.fold, alone=options.alone)
    for use, rows in falls(library, options.kinds).items():
        before, after = (np.mean([getattr(row, name) for row in rows]) for name in ("before", "after"))
        half = np.mean([2 * row.after <= row.before for row in rows])
        twice = np.mean([row.times >= 2 for row in rows])
        print(
            f"{use:16s} {len(rows)} readers: {before:.2f} papers of the kind in the mail, {after:.2f} after three"
            f" dislikes; half or fewer for {half:.0%}; places from the top {np.median([row.times for row in rows]):.1f}"
            f" times as many, twice or more for {twice:.0%}"
        )
    for count in (DISLIKES, MANY):
        one = Lead(*np.mean(leads(library, options.kinds, count), axis=0))
        print(
            f"nothing asked for, {count} dislikes: {one.before:.2f} papers of the kind in the mail,"
            f" {one.after:.2f} after; mean votes {one.votes_before:.1f} and {one.votes_after:.1f}"
            f" where the day has {one.votes_of_day:.1f}"
        )
    before, after = harm(library, evaluate, options.readers)
    for key in ("recall@100", "ndcg@20", "issue ndcg@10"):
        print(f"dislikes of another kind: {key} {before[key]:.4f} without, {after[key]:.4f} with")


if __name__ == "__main__":
    main()
