"""Time of `Ranker.top` for many synthetic profiles and papers, and the memory at the peak.

PYTHONPATH=. .venv/bin/python bench/rank.py --papers 1000
PYTHONPATH=. .venv/bin/python bench/rank.py --papers 1000 --profiles 1000000 --lazy

Mutes, the papers that each has received and diversity are part of it. Seconds are by the clock, with those of the
processor beside them, which others' work on the machine changes less. With --lazy profiles are made as they are asked
for, chosen for in parts, and what was chosen is dropped as if it were written; making the profiles is part of the time
then, and told apart too.
"""

import argparse
import random
import resource
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import overload

import numpy as np

from newsletter.models import Paper
from newsletter.ranking import Profile, Ranker
from newsletter.ranking.vectors import Vectors

# Of profiles that are made as they are asked for, so many are chosen for at a time.
PART = 50_000
DAY = datetime(2026, 7, 1, tzinfo=UTC)


class Library:
    """Papers of made-up words, each about one of many themes."""

    def __init__(self, seed: int, themes: int = 60, vocabulary: int = 20_000) -> None:
        """Make the themes: words of their own beside those that all share."""
        self.random = random.Random(seed)
        syllables = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]
        self.words = sorted({"".join(self.random.choices(syllables, k=3)) for _ in range(vocabulary)})
        self.common = self.random.sample(self.words, 800)
        self.themes = [self.random.sample(self.words, 60) for _ in range(themes)]

    def paper(self, identity: int) -> Paper:
        """Return a paper with a title of 9 words and an abstract of 160."""
        theme = self.random.choice(self.themes)

        def text(length: int) -> str:
            sources = self.random.choices((theme, self.common, self.words), (0.2, 0.6, 0.2), k=length)
            return " ".join(source[int(len(source) * self.random.random() ** 2)] for source in sources)

        return Paper(
            id=identity,
            title=text(9),
            abstract=text(160),
            authors=(f"Author {self.random.randrange(3000)}",),
            votes=int(self.random.paretovariate(1.0)),
            first_seen_at=DAY - timedelta(days=self.random.randrange(14)),
        )


class Readers(Sequence[Profile]):
    """Profiles that are made as they are asked for, always the same ones."""

    def __init__(self, ranker: Ranker, library: Library, archive: list[Paper], count: int, likes: int) -> None:
        """Take how many, and how many papers each of them liked."""
        self.ranker, self.library, self.archive, self.size, self.likes = ranker, library, archive, count, likes
        self.seconds = 0.0
        self.topics = [" ".join(theme[:2]) for theme in library.themes] + [theme[3] for theme in library.themes]

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, at: int) -> Profile: ...
    @overload
    def __getitem__(self, at: slice) -> list[Profile]: ...
    def __getitem__(self, at: int | slice) -> Profile | list[Profile]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(self.size))]
        if at >= self.size:
            raise IndexError(at)
        started = time.perf_counter()
        profile = self._made(random.Random(at))
        self.seconds += time.perf_counter() - started
        return profile

    def _made(self, chance: random.Random) -> Profile:
        return self.ranker.profile(
            topics=[(topic, chance.choice((1.0, 1.0, 0.5, -0.5))) for topic in chance.sample(self.topics, 5)],
            likes=chance.sample(self.archive, min(self.likes, len(self.archive))),
            muted=[chance.choice(self.library.common[-200:])] if chance.random() < 0.3 else (),
        )


class Part(Sequence[Profile]):
    """Some of the readers, one after the other."""

    def __init__(self, readers: Sequence[Profile], start: int, end: int) -> None:
        """Take the readers and which of them."""
        self.readers, self.places = readers, range(start, min(end, len(readers)))

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, at: int) -> Profile: ...
    @overload
    def __getitem__(self, at: slice) -> list[Profile]: ...
    def __getitem__(self, at: int | slice) -> Profile | list[Profile]:
        if isinstance(at, slice):
            return [self.readers[one] for one in self.places[at]]
        return self.readers[self.places[at]]


class Watch:
    """Seconds by the clock and of the processor since it was made."""

    def __init__(self) -> None:
        """Start."""
        self._clock, self._processor = time.perf_counter(), time.process_time()

    def __str__(self) -> str:
        clock, processor = time.perf_counter() - self._clock, time.process_time() - self._processor
        return f"{clock:7.2f} s, {processor:.2f} s of the processor"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profiles", type=int, default=10_000)
    parser.add_argument("--papers", type=int, default=1_000)
    parser.add_argument("--archive", type=int, default=5_000)
    parser.add_argument("--likes", type=int, default=10)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lazy", action="store_true", help="make the profiles as they are asked for")
    parser.add_argument("--explain", action="store_true", help="explain every choice as well")
    parser.add_argument("--embeddings", action="store_true", help="with stored vectors of 384 numbers, of chance")
    options = parser.parse_args()
    library = Library(options.seed)
    archive = [library.paper(identity) for identity in range(1, options.archive + 1)]
    papers = archive[-options.papers :]
    ranker = Ranker()
    watch = Watch()
    ranker.fit(archive, vectors=_vectors(archive, options.seed) if options.embeddings else None)
    print(f"fit          {len(archive):9,} papers            {watch}", flush=True)
    made = Readers(ranker, library, archive, options.profiles, options.likes)
    readers: Sequence[Profile] = made if options.lazy else list(made)
    made.seconds = 0.0
    chance = random.Random(options.seed)
    first, last = papers[0].id or 0, papers[-1].id or 0
    had = [chance.sample(range(first, last + 1), min(50, len(papers))) for _ in range(64)]
    before, picks = _peak(), 0
    chosen: list[list[tuple[int, float]]] = []
    watch = Watch()
    for start in range(0, options.profiles, PART if options.lazy else options.profiles):
        part = Part(readers, start, start + (PART if options.lazy else options.profiles))
        received = [had[at % 64] for at in part.places]
        chosen = ranker.top(part, papers, options.k, received=received, today=DAY.date())
        picks += sum(map(len, chosen))
    print(f"top {options.k:3d}      {options.profiles:9,} profiles {len(papers):6,}  {watch}, {picks:,} picks")
    if options.lazy:
        print(f"               of it {made.seconds:.2f} s for making the profiles")
    print(f"peak memory  {_peak():9,.0f} MB, {_peak() - before:,.0f} MB of it by top")
    if options.explain:
        watch = Watch()
        for profile, choice in zip(readers[-len(chosen) :], chosen, strict=True):
            for place, _ in choice:
                ranker.explain(profile, papers[place])
        print(f"explain      {sum(map(len, chosen)):9,} picks             {watch}")


def _vectors(papers: list[Paper], seed: int, dimensions: int = 384) -> Vectors:
    rows = np.random.default_rng(seed).standard_normal((len(papers), dimensions), np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Vectors({paper.id: row for row, paper in enumerate(papers)}, rows.astype(np.float16))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
