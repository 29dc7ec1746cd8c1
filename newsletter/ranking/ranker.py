"""Profiles and papers to scores, choices and reasons; knows neither where they come from nor who is mailed."""

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

import numpy as np

from newsletter.bounds import Bar
from newsletter.models import Paper, Reason
from newsletter.ranking.candidates import Candidates
from newsletter.ranking.catalogue import Catalogue
from newsletter.ranking.index import Floats, as_floats
from newsletter.ranking.learned import learn
from newsletter.ranking.matching import Mover, Searched, largest_movers, matches, rejected, wished, with_prior
from newsletter.ranking.profile import Liked, Profile, Wanted, make_profile
from newsletter.ranking.selection import Chosen, Kin, Selection
from newsletter.ranking.topics import Query
from newsletter.ranking.vectors import NONE, Vectors
from newsletter.ranking.weighing import Weighed, weigh

# Entries of a block of scores, readers times papers.
BLOCK = 1 << 19


class Ranker:
    """Ranks papers for many readers.

    The match of a reader and a paper is the sum over their topics, liked papers and followed authors, less what they
    disliked; topics and more than a few likes are damped by the root of their number. What speaks for a paper by
    itself, votes and newness, raises a match by a share of at most `popularity + freshness`, so it never outweighs a
    better match.
    """

    def __init__(
        self,
        catalogue: Catalogue | None = None,
        *,
        popularity: float = 0.15,
        freshness: float = 0.1,
        least_score: float = 0.02,
        same: float = 0.85,
        outside: bool = True,
    ) -> None:
        """Take the catalogue of topics and how papers are chosen.

        `least_score` is the match below which a paper is left out; of two papers with a cosine of words above `same` a
        reader gets one. `outside` gives an issue a place for something that nobody asked for.
        """
        self._catalogue = catalogue if catalogue is not None else Catalogue()
        self._popularity = popularity
        self._freshness = freshness
        self._least = least_score
        self._same = same
        self._outside = outside
        self._fitted = False
        self._vectors = NONE
        self._learn((), ())

    def fit(
        self, archive: Sequence[Paper], likes: Sequence[Sequence[Paper]] = (), *, vectors: Vectors | None = None
    ) -> None:
        """Learn the words of the archive and, from all readers' likes, what they have in common.

        `vectors` tells where a model of embeddings puts papers: those of the archive, new ones and liked ones.
        With an empty archive the papers that are scored take its place.
        """
        self._fitted = len(archive) > 0
        self._vectors = vectors if vectors is not None else NONE
        self._learn(archive, likes)

    def unplaced(self, papers: Sequence[Paper]) -> list[Paper]:
        """Return the papers of whose vectors the ranker was never told, by their text of now; none without a model."""
        return self._learned.meaning.unplaced(papers)

    def place(self, vectors: Vectors) -> None:
        """Take the vectors of papers that came in, or were liked, since the ranker was fitted."""
        self._learned.meaning.place(vectors)
        self._forget()

    def profile(
        self,
        topics: Iterable[Wanted] = (),
        likes: Iterable[Liked] = (),
        dislikes: Iterable[Liked] = (),
        muted: Iterable[str] = (),
        *,
        authors: Iterable[str] = (),
        muted_authors: Iterable[str] = (),
        own: Mapping[int, str] | None = None,
        today: date | None = None,
        papers: int | None = None,
        minutes: int | None = None,
        bar: Bar = "normal",
    ) -> Profile:
        """Return the profile of a person, as `make_profile` says; it stays good when the ranker is fitted anew."""
        profile = make_profile(
            topics,
            likes,
            dislikes,
            muted,
            authors=authors,
            muted_authors=muted_authors,
            own=own,
            today=today,
            papers=papers,
            minutes=minutes,
            bar=bar,
        )
        # A slug and a name of one topic are one wish; so a reason that names it means all that was asked for it.
        wanted = tuple({self._slug(name): weight for name, weight in profile.topics}.items())
        return profile if wanted == profile.topics else replace(profile, topics=wanted)

    def score(self, profiles: Sequence[Profile], papers: Sequence[Paper]) -> Floats:
        """Return finite scores, float32 (profiles, papers), higher is better; mutes do not show in them."""
        scores = np.zeros((len(profiles), len(papers)), np.float32)
        if not len(profiles) or not len(papers):
            return scores
        candidates = self._prepared(papers)
        prior = candidates.prior(None, self._popularity, self._freshness)
        for start, block in self._blocks(profiles, len(papers)):
            scores[start : start + len(block)] = with_prior(matches(block, candidates, self._learned.topics), prior)
        return scores

    def top(
        self,
        profiles: Sequence[Profile],
        papers: Sequence[Paper],
        k: int,
        *,
        received: Sequence[Collection[int]] = (),
        today: date | None = None,
    ) -> list[list[tuple[int, float]]]:
        """Return for each profile up to `k` pairs of a position in `papers` and its score, best first.

        As `choose`, without the place for something outside the topics.
        """
        return [one.picks for one in self._choose(profiles, papers, k, received, today, outside=False)]

    def choose(
        self,
        profiles: Sequence[Profile],
        papers: Sequence[Paper],
        k: int,
        *,
        received: Sequence[Collection[int]] = (),
        today: date | None = None,
    ) -> list[Chosen]:
        """Return what each profile gets: up to `k` papers, or as many as it asks for, in the minutes that it gives.

        Left out are papers that are hidden, muted, that only others' own searches found, or among the ids that the
        profile `received`, those that match less than its bar, and those near-equal to a better one. A profile without
        wishes gets what is popular. Profiles are read block by block, so `profiles` may be any sequence that makes them
        as they are asked for.
        """
        return self._choose(profiles, papers, k, received, today, outside=self._outside)

    def _choose(
        self,
        profiles: Sequence[Profile],
        papers: Sequence[Paper],
        k: int,
        received: Sequence[Collection[int]],
        today: date | None,
        *,
        outside: bool,
    ) -> list[Chosen]:
        if received and len(received) != len(profiles):
            raise ValueError(f"received has {len(received)} entries for {len(profiles)} profiles")
        if k <= 0 or not len(papers):
            return [Chosen([], cause="no papers") for _ in range(len(profiles))]
        candidates = self._prepared(papers)
        selection = self._selection(candidates, today, outside=outside)
        chosen: list[Chosen] = []
        for start, block in self._blocks(profiles, len(papers)):
            had = received[start : start + len(block)]
            wishes = wished(block, candidates, self._learned.topics)
            found = as_floats(wishes - rejected(block, candidates, self._learned.topics))
            scores = with_prior(found, selection.prior)
            part = selection.choose(block, found, scores, k, had, wishes)
            for row, one in enumerate(part):
                if one.cause == "no match" and block[row].dislikes:
                    wishing, by_wishes = self._despite_dislikes(block[row], candidates)
                    (part[row],) = selection.choose([wishing], by_wishes, scores[[row]], k, had[row : row + 1])
            chosen += part
        return chosen

    def weigh(
        self,
        profile: Profile,
        papers: Sequence[Paper],
        k: int,
        *,
        received: Collection[int] = (),
        today: date | None = None,
    ) -> Weighed:
        """Return what `choose` goes by for one profile, and what keeps papers out of its issue."""
        candidates = self._prepared(papers)
        selection = self._selection(candidates, today, outside=self._outside)
        wishes = wished([profile], candidates, self._learned.topics)
        found = as_floats(wishes - rejected([profile], candidates, self._learned.topics))
        scores = with_prior(found, selection.prior)
        wishing, by_wishes = self._despite_dislikes(profile, candidates)
        weighed = weigh(selection, profile, found, by_wishes[0], scores, k, received, wishes)
        if weighed.chosen.cause != "no match" or not profile.dislikes:
            return weighed
        return weigh(selection, wishing, by_wishes, by_wishes[0], scores, k, received, None)

    def _despite_dislikes(self, profile: Profile, candidates: Candidates) -> tuple[Profile, Floats]:
        """Return a profile with its wishes alone, and its matches: dislikes lower papers, and leave nobody without."""
        wishing = replace(profile, dislikes=())
        return wishing, matches([wishing], candidates, self._learned.topics)

    def explain(self, profile: Profile, paper: Paper) -> Reason:
        """Return what moved the score of a paper most, as `reasons` does."""
        return self.reasons(profile, [paper])[0]

    def reasons(self, profile: Profile, papers: Sequence[Paper]) -> list[Reason]:
        """Return what moved the score of each paper most: the topic, liked paper, author or own
        search without which it loses most.

        Its words are those that show it, as they stand in the paper. Where nothing of the profile speaks for the
        paper, the reason is that it is popular.
        """
        found: list[Reason] = []
        placed = [self._place(paper) for paper in papers]
        for candidates, group in itertools.groupby(zip(papers, placed, strict=True), key=lambda one: one[1][0]):
            together = [(paper, column) for paper, (_, column) in group]
            some, columns = [paper for paper, _ in together], [column for _, column in together]
            movers = largest_movers(profile, some, columns, candidates, self._learned.topics)
            found += map(partial(self._reason, candidates), columns, movers)
        return found

    def _reason(self, candidates: Candidates, column: int, mover: Mover | None) -> Reason:
        if mover is None:
            return Reason(kind="popular")
        if isinstance(mover, Searched):
            return Reason(kind="search", subject=mover.query)
        if isinstance(mover, str):
            return Reason(kind="author", subject=mover)
        if isinstance(mover, Query):
            words = candidates.words_for_topic(column, self._learned.topics, mover)
            return Reason(kind="topic", subject=mover.name, words=words)
        return Reason(kind="like", subject=mover.title, words=candidates.words_for_like(column, mover))

    def matches(self, topic: str) -> int:
        """Return how many papers of the archive a topic touches."""
        return self._learned.topics.compile([topic])[0].matches

    def nearest(self, topic: str, n: int = 3) -> list[str]:
        """Return the slugs of the catalogue that are nearest to a topic by words, spelling and company, best first."""
        return self._learned.topics.nearest(topic, n)

    def _learn(self, archive: Sequence[Paper], likes: Sequence[Sequence[Paper]]) -> None:
        self._learned = learn(archive, likes, self._vectors, self._catalogue)
        self._forget()

    def _forget(self) -> None:
        """Let go of the papers at hand, which were encoded by what is no longer so."""
        self._candidates: Candidates | None = None
        self._single: Candidates | None = None
        self._kin: Kin | None = None
        self._kept: tuple[Candidates, date | None, bool, Selection] | None = None

    def _prepared(self, papers: Sequence[Paper]) -> Candidates:
        if self._candidates is None or not self._candidates.holds(papers):
            if not self._fitted:
                self._learn(papers, ())
            self._candidates = Candidates(papers, self._learned)
            self._kin = self._kept = None
        return self._candidates

    def _selection(self, candidates: Candidates, today: date | None, *, outside: bool) -> Selection:
        """Return what chooses among the papers at hand; the last one is kept, since many blocks come of one day."""
        if self._kin is None:
            self._kin = Kin(*candidates.vectors(), self._same)
        kept = self._kept
        if kept is None or kept[:3] != (candidates, today, outside):
            prior = candidates.prior(today, self._popularity, self._freshness)
            selection = Selection(candidates, self._kin, prior, least=self._least, outside=outside)
            kept = self._kept = (candidates, today, outside, selection)
        return kept[3]

    def _place(self, paper: Paper) -> tuple[Candidates, int]:
        for candidates in (self._candidates, self._single):
            if candidates is not None and (column := candidates.find(paper)) is not None:
                return candidates, column
        if not self._fitted:
            return self._prepared([paper]), 0
        self._single = Candidates([paper], self._learned)
        return self._single, 0

    def _slug(self, name: str) -> str:
        """Return the slug of a topic that the catalogue has, else its name."""
        entry = self._catalogue.find(name) if len(self._catalogue) else None
        return name if entry is None else entry.slug

    def _blocks(self, profiles: Sequence[Profile], papers: int) -> Iterator[tuple[int, list[Profile]]]:
        size = max(1, BLOCK // papers)
        for start in range(0, len(profiles), size):
            yield start, [profiles[at] for at in range(start, min(start + size, len(profiles)))]
