"""The papers at hand, encoded once for all readers: rows, priors, mutes and near-equals; knows no single person."""

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from newsletter.models import Paper
from newsletter.ranking.index import Floats, Index, Sparse, chunks, count_terms, fields, unit
from newsletter.ranking.latent import Latent
from newsletter.ranking.profile import paper_key
from newsletter.ranking.reasons import telling_words
from newsletter.ranking.taste import Taste
from newsletter.ranking.text import author_key, mutes, plain_stream, word_stream
from newsletter.ranking.topics import Query, Topics

Bools = npt.NDArray[np.bool_]

# After so many days since it came in, the freshness of a paper counts half.
HALF_LIFE = 7.0
# Fewer votes than so many are never the most that is possible.
LEAST_VOTES = 10
# How much the taste of other readers counts beside the words of a liked paper; measured on the public folds.
TASTE = 0.5
# How much the latent dimensions count beside the words, of a liked paper and of a topic; measured there too.
LATENT_LIKE = 0.1
LATENT_TOPIC = 0.15
# A cosine of a topic and a paper that is no more than chance, so that it lifts no paper over the least score.
CHANCE = 0.15
TOPIC_BYTES = 16 << 20
LIKE_BYTES = 48 << 20
MOST_MUTED = 5_000
MOST_WORDS_KEPT = 100_000
BLOCK = 256


class Rows:
    """Scores of things over the papers at hand, computed once per thing and shared by all readers who have it."""

    def __init__(self, width: int, most_bytes: int) -> None:
        """`width` is the number of papers; over `most_bytes` all rows are dropped and computed anew as needed."""
        self._most = max(1, most_bytes // max(1, 2 * width))
        self._at: dict[Hashable, int] = {}
        self._scores = np.zeros((0, width), np.float16)

    def take(self, keys: Sequence[Hashable], compute: Callable[[list[int]], Floats]) -> Floats:
        """Return the rows of different keys, (keys, papers); `compute` is asked for those at the positions it gets."""
        missing = [at for at, key in enumerate(keys) if key not in self._at]
        if missing and len(self._at) + len(missing) > self._most:
            self._at.clear()
            missing = list(range(len(keys)))
        for chunk in chunks(missing, BLOCK):
            self._add([keys[at] for at in chunk], compute(list(chunk)))
        return self._scores[[self._at[key] for key in keys]].astype(np.float32)

    def _add(self, keys: Sequence[Hashable], scores: Floats) -> None:
        start = len(self._at)
        if start + len(keys) > len(self._scores):
            larger = np.zeros((max(2 * len(self._scores), start + len(keys), 64), self._scores.shape[1]), np.float16)
            larger[:start] = self._scores[:start]
            self._scores = larger
        self._scores[start : start + len(keys)] = scores
        self._at.update((key, start + at) for at, key in enumerate(keys))


class Candidates:
    """The papers that can be chosen, in the order given."""

    def __init__(self, papers: Sequence[Paper], index: Index, latent: Latent, taste: Taste) -> None:
        """Encode the papers with the archive's vocabulary."""
        self.papers = tuple(papers)
        self._index = index
        self._latent = latent
        self._taste = taste
        self.matrix, self._strays = index.encode(self.papers)
        self._topics = Rows(len(papers), TOPIC_BYTES)
        self._likes = Rows(len(papers), LIKE_BYTES)
        self._muted: dict[str, Bools] = {}
        self._words: dict[tuple[int, object], tuple[str, ...]] = {}
        self._alike: tuple[float, dict[int, set[int]]] | None = None

    def holds(self, papers: Sequence[Paper]) -> bool:
        """Tell whether these are the very papers, in the same order."""
        return len(papers) == len(self.papers) and all(a is b for a, b in zip(papers, self.papers, strict=True))

    def find(self, paper: Paper) -> int | None:
        """Return where a paper stands, or None."""
        at = self._by_key.get(paper_key(paper))
        return at if at is not None and fields(self.papers[at]) == fields(paper) else None

    def topic_scores(self, topics: Topics, queries: Sequence[Query]) -> Floats:
        """Return how well each paper fits each topic, (topics, papers)."""

        def compute(positions: list[int]) -> Floats:
            wanted = [queries[at] for at in positions]
            rows = topics.matrix(wanted)
            scores: Floats = (rows @ self._by_term).toarray()
            if self._latent.known:
                near = self._latent.of_topics(rows)
                lengths = np.linalg.norm(near, axis=1, keepdims=True)
                scores += LATENT_TOPIC * (near @ self._placed.T - CHANCE * lengths)
            for row, query in enumerate(wanted):
                for word, weight in query.strays:
                    for column, value in self._strays.get(word, {}).items():
                        scores[row, column] += weight * value
            return scores

        return self._topics.take([query.name for query in queries], compute)

    def like_scores(self, liked: Sequence[Paper]) -> Floats:
        """Return how alike each paper is to each liked one in words, subject and whom it pleases, (liked, papers).

        0 is as alike as the papers of the archive are on average.
        """

        def compute(positions: list[int]) -> Floats:
            rows, placed, factors = self._of_liked([liked[at] for at in positions])
            rows = unit(rows)
            scores: Floats = (rows @ self._by_term).toarray() - (rows @ self._index.mean)[:, None]
            if self._latent.known:
                scores += LATENT_LIKE * (placed @ self._placed.T)
            if self._taste.known:
                scores += TASTE * (factors @ (self._factors - self._taste.mean).T)
            return scores

        return self._likes.take([paper_key(paper) for paper in liked], compute)

    def words_for_topic(self, column: int, query: Query) -> tuple[str, ...]:
        """Return the words of a paper that show a topic, as they stand there."""
        key = (column, query.name)
        if key not in self._words:
            weights = dict(zip(query.row.columns.tolist(), query.row.weights.tolist(), strict=True))
            self._keep_words(key, query.expressions, weights, dict(query.strays))
        return self._words[key]

    def words_for_like(self, column: int, liked: Paper) -> tuple[str, ...]:
        """Return the words of a paper that it shares with a liked one, as they stand there."""
        key = (column, paper_key(liked))
        if key not in self._words:
            places = [place for term in count_terms(liked) if (place := self._index.vocabulary.get(term)) is not None]
            self._keep_words(key, (), {place: float(self._index.idf[place]) for place in places}, {})
        return self._words[key]

    def _keep_words(
        self,
        key: tuple[int, object],
        expressions: Sequence[tuple[str, ...]],
        weights: dict[int, float],
        strays: dict[str, float],
    ) -> None:
        def weight(term: str) -> float:
            place = self._index.vocabulary.get(term)
            return strays.get(term, 0.0) if place is None else weights.get(place, 0.0)

        if len(self._words) >= MOST_WORDS_KEPT:
            self._words.clear()
        self._words[key] = telling_words(fields(self.papers[key[0]]), expressions, weight)

    def prior(self, today: date | None, popularity: float, freshness: float) -> Floats:
        """Return what speaks for each paper whoever reads it, from 0 to popularity + freshness.

        Votes count by their logarithm and relative to the most that one of the papers has; newness halves in
        `HALF_LIFE` days before `today`, by default the day on which the newest came in.
        """
        votes = np.log1p(np.array([max(0, paper.votes) for paper in self.papers], np.float64))
        most = max(float(votes.max(initial=0.0)), float(np.log1p(LEAST_VOTES)))
        days = [paper.first_seen_at.date() if paper.first_seen_at else None for paper in self.papers]
        now = today or max((day for day in days if day is not None), default=None)
        fresh = [
            0.5 ** (max(0, (now - day).days) / HALF_LIFE) if now is not None and day is not None else 0.0
            for day in days
        ]
        return (popularity * votes / most + freshness * np.array(fresh)).astype(np.float32)

    def muted(self, phrase: str) -> Bools:
        """Return in which papers muted words stand, in the form of `Profile.muted`."""
        if phrase not in self._muted:
            if len(self._muted) >= MOST_MUTED:
                self._muted.clear()
            self._muted[phrase] = np.array([mutes(phrase, *text) for text in self._texts], bool)
        return self._muted[phrase]

    def by_authors(self, keys: Iterable[str]) -> list[int]:
        """Return the papers of authors, once for each author that a paper has."""
        return [at for key in keys for at in self._authors.get(key, ())]

    def with_ids(self, ids: Collection[int]) -> list[int]:
        """Return where the papers with these ids stand."""
        return [self._places[identity] for identity in ids if identity in self._places]

    def alike(self, same: float) -> dict[int, set[int]]:
        """Return for each paper the others whose words have a cosine above `same`."""
        if self._alike is None or self._alike[0] != same:
            rows = unit(self.matrix)
            near: dict[int, set[int]] = {}
            for start in range(0, len(self.papers), BLOCK):
                cosines = (rows[start : start + BLOCK] @ rows.T).tocoo()
                close = cosines.data > same
                for row, column in zip(cosines.row[close] + start, cosines.col[close], strict=True):
                    if row != column:
                        near.setdefault(int(row), set()).add(int(column))
            self._alike = (same, near)
        return self._alike[1]

    def _of_liked(self, liked: Sequence[Paper]) -> tuple[Sparse, Floats, Floats]:
        """Return terms, latent vectors and factors of liked papers; those of the archive are taken from there."""
        places = [self._index.rows.get(paper_key(paper)) for paper in liked]
        new = [at for at, place in enumerate(places) if place is None]
        encoded, _ = self._index.encode([liked[at] for at in new])
        known = [place for place in places if place is not None]
        order = np.argsort([at for at, place in enumerate(places) if place is not None] + new)
        rows = sp.vstack([self._index.matrix[known], encoded]).tocsr()[order]
        placed = np.concatenate([self._latent.archive[known], self._latent.of(encoded)])[order]
        factors = np.concatenate([self._taste.factors[known], self._taste.of(encoded)])[order]
        return rows, placed, factors

    @cached_property
    def hidden(self) -> Bools:
        """Which papers are hidden."""
        return np.array([paper.hidden for paper in self.papers], bool)

    @cached_property
    def _by_term(self) -> Sparse:
        return self.matrix.T.tocsr()

    @cached_property
    def _placed(self) -> Floats:
        return self._latent.of(self.matrix)

    @cached_property
    def _factors(self) -> Floats:
        return self._taste.of(self.matrix)

    @cached_property
    def _texts(self) -> list[tuple[str, str]]:
        return [(word_stream(fields(paper)), plain_stream(fields(paper))) for paper in self.papers]

    @cached_property
    def _authors(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for at, paper in enumerate(self.papers):
            for key in {author_key(name) for name in paper.authors} - {""}:
                found.setdefault(key, []).append(at)
        return found

    @cached_property
    def _by_key(self) -> dict[object, int]:
        return {paper_key(paper): at for at, paper in enumerate(self.papers)}

    @cached_property
    def _places(self) -> dict[int, int]:
        return {paper.id: at for at, paper in enumerate(self.papers) if paper.id is not None}
