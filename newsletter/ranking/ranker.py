"""Profiles and papers to scores, choices and reasons; knows neither where they come from nor who is mailed."""

import math
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple, TypeVar

import numpy as np
import scipy.sparse as sp

from newsletter.models import Paper, Reason
from newsletter.ranking.candidates import Bools, Candidates
from newsletter.ranking.catalogue import Catalogue
from newsletter.ranking.index import Floats, Index, Sparse, as_floats
from newsletter.ranking.latent import Latent
from newsletter.ranking.profile import Liked, Profile, Wanted, make_profile, paper_key
from newsletter.ranking.reasons import followed
from newsletter.ranking.taste import Taste
from newsletter.ranking.topics import Topics

# How much all likes count beside all topics, and how much a dislike takes away; a followed author is as good as a
# paper that fits a topic very well.
LIKES = 2.0
DISLIKES = 0.5
AUTHOR = 0.4
# What is known of a paper itself decides between papers that a reader's profile says nothing of.
UNDECIDED = 1e-3
# Entries of a block of scores, readers times papers.
BLOCK = 1 << 19
# A loss below this is rounding.
LEAST_LOSS = 1e-5

T = TypeVar("T")
_NONE: frozenset[int] = frozenset()


class Weighed(NamedTuple):
    """How papers stand with one profile, by their places.

    `matches` and `scores` are float32 (papers,); `allowed` (papers,) tells which are not hidden, muted, received or a
    match below `least`, which holds for profiles with wishes; `alike` has the near-equals of a paper.
    """

    matches: Floats
    scores: Floats
    allowed: Bools
    least: float
    alike: Mapping[int, Collection[int]]


class Ranker:
    """Ranks papers for many readers.

    The match of a reader and a paper is the sum over their topics, liked papers and followed authors, less what they
    disliked; topics and likes are each damped by the root of their number. What speaks for a paper by itself, votes
    and newness, raises a match by a share of at most `popularity + freshness`, so it never outweighs a better match.
    """

    def __init__(
        self,
        catalogue: Catalogue | None = None,
        *,
        popularity: float = 0.15,
        freshness: float = 0.1,
        least_score: float = 0.02,
        same: float = 0.85,
    ) -> None:
        """Take the catalogue of topics and how papers are chosen.

        `least_score` is the match below which a paper is left out; of two papers with a cosine of words above `same` a
        reader gets one.
        """
        self._catalogue = catalogue if catalogue is not None else Catalogue()
        self._popularity = popularity
        self._freshness = freshness
        self._least = least_score
        self._same = same
        self._fitted = False
        self._learn((), ())

    def fit(self, archive: Sequence[Paper], likes: Sequence[Sequence[Paper]] = ()) -> None:
        """Learn the words of the archive and, from all readers' likes, what they have in common.

        With an empty archive the papers that are scored take its place.
        """
        self._fitted = len(archive) > 0
        self._learn(archive, likes)

    def profile(
        self,
        topics: Iterable[Wanted] = (),
        likes: Iterable[Liked] = (),
        dislikes: Iterable[Liked] = (),
        muted: Iterable[str] = (),
        *,
        authors: Iterable[str] = (),
        muted_authors: Iterable[str] = (),
        today: date | None = None,
    ) -> Profile:
        """Return the profile of a person, as `make_profile` says; it stays good when the ranker is fitted anew."""
        return make_profile(topics, likes, dislikes, muted, authors=authors, muted_authors=muted_authors, today=today)

    def score(self, profiles: Sequence[Profile], papers: Sequence[Paper]) -> Floats:
        """Return finite scores, float32 (profiles, papers), higher is better; mutes do not show in them."""
        scores = np.zeros((len(profiles), len(papers)), np.float32)
        if not len(profiles) or not len(papers):
            return scores
        candidates = self._prepared(papers)
        prior = candidates.prior(None, self._popularity, self._freshness)
        for start, block in self._blocks(profiles, len(papers)):
            scores[start : start + len(block)] = _with_prior(self._matches(block, candidates), prior)
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

        Left out are papers that are hidden, muted, or among the ids that the profile `received`, those that match
        less than the least score, and those near-equal to a better one. A profile without wishes gets what is popular.
        Profiles are read block by block, so `profiles` may be any sequence that makes them as they are asked for.
        """
        if received and len(received) != len(profiles):
            raise ValueError(f"received has {len(received)} entries for {len(profiles)} profiles")
        if k <= 0 or not len(papers):
            return [[] for _ in range(len(profiles))]
        candidates = self._prepared(papers)
        prior = candidates.prior(today, self._popularity, self._freshness)
        alike = candidates.alike(self._same)
        chosen: list[list[tuple[int, float]]] = []
        for start, block in self._blocks(profiles, len(papers)):
            matches = self._matches(block, candidates)
            scores = _with_prior(matches, prior)
            for row, profile in enumerate(block):
                allowed = self._allowed(profile, matches[row], candidates, received[start + row] if received else ())
                chosen.append(_best(scores[row], allowed, alike, k))
        return chosen

    def weigh(
        self, profile: Profile, papers: Sequence[Paper], *, received: Collection[int] = (), today: date | None = None
    ) -> Weighed:
        """Return that by which `top` chooses among papers for one profile."""
        candidates = self._prepared(papers)
        matches = self._matches([profile], candidates)
        scores = _with_prior(matches, candidates.prior(today, self._popularity, self._freshness))
        allowed = self._allowed(profile, matches[0], candidates, received)
        return Weighed(matches[0], scores[0], allowed, self._least, candidates.alike(self._same))

    def explain(self, profile: Profile, paper: Paper) -> Reason:
        """Return what moved the score of a paper most: the topic, liked paper or author without which it loses most.

        Its words are those that show it, as they stand in the paper. Where nothing of the profile speaks for the
        paper, the reason is that it is popular.
        """
        candidates, column = self._place(paper)
        queries = self._topics.compile([name for name, _ in profile.topics])
        by_topic = candidates.topic_scores(self._topics, queries)[:, column]
        by_like = candidates.like_scores([liked for liked, _ in profile.likes])[:, column]
        topic, topic_loss = _largest_loss(by_topic, [weight for _, weight in profile.topics])
        like, like_loss = _largest_loss(by_like, [weight for _, weight in profile.likes])
        author = followed(profile, paper)
        largest = max(topic_loss, LIKES * like_loss, AUTHOR if author else 0.0)
        if largest < LEAST_LOSS:
            return Reason(kind="popular")
        if author and largest == AUTHOR:
            return Reason(kind="author", subject=author)
        if topic_loss == largest:
            query = queries[topic]
            return Reason(kind="topic", subject=query.name, words=candidates.words_for_topic(column, query))
        liked = profile.likes[like][0]
        return Reason(kind="like", subject=liked.title, words=candidates.words_for_like(column, liked))

    def matches(self, topic: str) -> int:
        """Return how many papers of the archive a topic touches."""
        return self._topics.compile([topic])[0].matches

    def nearest(self, topic: str, n: int = 3) -> list[str]:
        """Return the slugs of the catalogue that are nearest to a topic by words, spelling and company, best first."""
        return self._topics.nearest(topic, n)

    def _learn(self, archive: Sequence[Paper], likes: Sequence[Sequence[Paper]]) -> None:
        self._index = Index(archive)
        self._latent = Latent(self._index)
        self._taste = Taste(self._index, likes)
        self._topics = Topics(self._index, self._catalogue)
        self._candidates: Candidates | None = None
        self._single: Candidates | None = None

    def _prepared(self, papers: Sequence[Paper]) -> Candidates:
        if self._candidates is None or not self._candidates.holds(papers):
            if not self._fitted:
                self._learn(papers, ())
            self._candidates = Candidates(papers, self._index, self._latent, self._taste)
        return self._candidates

    def _place(self, paper: Paper) -> tuple[Candidates, int]:
        for candidates in (self._candidates, self._single):
            if candidates is not None and (column := candidates.find(paper)) is not None:
                return candidates, column
        if not self._fitted:
            return self._prepared([paper]), 0
        self._single = Candidates([paper], self._index, self._latent, self._taste)
        return self._single, 0

    def _allowed(self, profile: Profile, matches: Floats, candidates: Candidates, received: Collection[int]) -> Bools:
        allowed = ~candidates.hidden
        if profile.has_wishes:
            allowed &= matches >= self._least
        _exclude(allowed, profile, candidates, received)
        return allowed

    def _blocks(self, profiles: Sequence[Profile], papers: int) -> Iterator[tuple[int, list[Profile]]]:
        size = max(1, BLOCK // papers)
        for start in range(0, len(profiles), size):
            yield start, [profiles[at] for at in range(start, min(start + size, len(profiles)))]

    def _matches(self, profiles: Sequence[Profile], candidates: Candidates) -> Floats:
        """Return how well papers match readers, before anything that speaks for a paper by itself."""
        names, weights = _shared([profile.topics for profile in profiles], lambda name: name)
        queries = self._topics.compile(names)
        found: Floats = weights @ candidates.topic_scores(self._topics, queries)
        liked, weights = _shared([profile.likes for profile in profiles], paper_key)
        if liked:
            found += LIKES * (weights @ candidates.like_scores(liked))
        disliked, weights = _shared([profile.dislikes for profile in profiles], paper_key)
        if disliked:
            found -= DISLIKES * (weights @ np.maximum(candidates.like_scores(disliked), 0))
        for row, profile in enumerate(profiles):
            for column in candidates.by_authors(key for key, _ in profile.authors):
                found[row, column] += AUTHOR
        return found


def _shared(groups: Sequence[Sequence[tuple[T, float]]], key: Callable[[T], Hashable]) -> tuple[list[T], Sparse]:
    """Return the different things of readers, and their damped weights, (readers, things)."""
    places: dict[Hashable, int] = {}
    things: list[T] = []
    columns, weights, ends = [], [], [0]
    for group in groups:
        damping = _damping(weight for _, weight in group)
        for thing, weight in group:
            place = places.setdefault(key(thing), len(things))
            if place == len(things):
                things.append(thing)
            columns.append(place)
            weights.append(weight / damping)
        ends.append(len(columns))
    shape = (len(groups), len(things))
    return things, sp.csr_matrix((np.array(weights, np.float32), np.array(columns, np.int32), ends), shape=shape)


def _damping(weights: Iterable[float]) -> float:
    """Return what a sum over things of these weights is divided by: many things are more than one, but not as often.

    With the root, taking away the thing that fits a paper best always lowers the quotient, whatever the weights.
    """
    return math.sqrt(sum(abs(weight) for weight in weights)) or 1.0


def _largest_loss(scores: Floats, weights: Sequence[float]) -> tuple[int, float]:
    """Return which thing the sum over all would lose most by going, and how much; a loss of 0 where there is none."""
    best, loss = 0, 0.0
    total = sum(float(score) * weight for score, weight in zip(scores, weights, strict=True))
    size = sum(abs(weight) for weight in weights)
    for at, (score, weight) in enumerate(zip(scores, weights, strict=True)):
        rest = (total - float(score) * weight) / (math.sqrt(max(0.0, size - abs(weight))) or 1.0)
        if weight > 0 and score > 0 and total / math.sqrt(size) - rest > loss:
            best, loss = at, total / math.sqrt(size) - rest
    return best, loss


def _with_prior(matches: Floats, prior: Floats) -> Floats:
    """Return scores: the match raised by the share that speaks for the paper by itself; monotone in the match."""
    raised = np.where(matches >= 0, matches * (1 + prior), matches / (1 + prior))
    return as_floats(raised + UNDECIDED * prior)


def _exclude(allowed: Bools, profile: Profile, candidates: Candidates, received: Collection[int]) -> None:
    """Take out of `allowed` what the reader muted and what they had."""
    for phrase in profile.muted:
        allowed &= ~candidates.muted(phrase)
    allowed[candidates.by_authors(profile.muted_authors)] = False
    allowed[candidates.with_ids(received)] = False


def _best(scores: Floats, allowed: Bools, alike: dict[int, set[int]], k: int) -> list[tuple[int, float]]:
    """Return up to `k` allowed positions, best first and the earlier of equals first, no two of them alike."""
    places = np.flatnonzero(allowed)
    pool = min(len(places), 4 * k + 16)
    while True:
        values = scores[places]
        bar = np.partition(values, -pool)[-pool] if pool else 0.0
        near_top = places[values >= bar]
        chosen: list[int] = []
        for place in near_top[np.argsort(-scores[near_top], kind="stable")].tolist():
            if alike.get(place, _NONE).isdisjoint(chosen):
                chosen.append(place)
                if len(chosen) == k:
                    break
        if len(chosen) == k or len(near_top) == len(places):
            return [(place, float(scores[place])) for place in chosen]
        pool = len(places)
