"""The papers at hand, encoded once for all readers: rows, priors, mutes and near-equals; knows no single person."""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from newsletter.models import Paper
from newsletter.ranking.index import Floats, Sparse, as_floats, chunks, count_terms, fields, heaviest, unit
from newsletter.ranking.latent import LEAST_PAPERS
from newsletter.ranking.learned import Learned
from newsletter.ranking.names import author_key, family_name, same_person
from newsletter.ranking.profile import paper_key
from newsletter.ranking.reasons import telling_words
from newsletter.ranking.taste import shortened
from newsletter.ranking.text import Texts
from newsletter.ranking.topics import Query, Topics

Bools = npt.NDArray[np.bool_]

# After so many days since it came in, the freshness of a paper counts half.
HALF_LIFE = 7.0
# Votes say no more beyond what this share of the papers has; and fewer than so many are never all that is possible.
MANY_VOTES = 0.99
LEAST_VOTES = 10
# How much the taste of other readers counts beside the words of a liked paper; measured on the public folds.
TASTE = 0.5
# How much it counts, where there is a model, that readers of a liked paper liked those near a new one; measured too.
COMPANY = 2.0
# How much the latent dimensions count beside the words, of a liked paper and of a topic; measured there too.
LATENT_LIKE = 0.1
LATENT_TOPIC = 0.15
# How much the meaning of papers counts beside the words, where there is a model; measured there too.
MEANING_LIKE = 3.0
MEANING_TOPIC = 0.8
# How much the pieces of words count beside the words.
LETTERS = 0.5
# A paper's neighbours in an archive of some size lend it their place and the heaviest of their words, so heavy.
NEIGHBOURS = 20
NEAR = 0.4
LENT = 60
# What a topic and a paper reach in the latent dimensions by chance, and what a liked paper and another reach in all
# views or in taste alone. It is taken off, so that it lifts no paper over the least score; the order stays.
CHANCE_TOPIC = 0.35
CHANCE_LIKE = 0.02
CHANCE_TASTE = 0.06
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

    def __init__(self, papers: Sequence[Paper], learned: Learned) -> None:
        """Encode the papers with the archive's vocabulary."""
        self.papers = tuple(papers)
        # What is usual is told by what everybody may get: nobody's choice depends on what others search for.
        self.common = np.array([paper.shared for paper in self.papers], bool)
        self._index = learned.index
        self._letters = learned.letters
        self._latent = learned.latent
        self._taste = learned.taste
        self._company = learned.company
        self._telling = learned.telling
        self._meaning = learned.meaning
        self.matrix, self._strays = learned.index.encode(self.papers)
        self._topics = Rows(len(papers), TOPIC_BYTES)
        self._likes = Rows(len(papers), LIKE_BYTES)
        self._muted: dict[str, Bools] = {}
        self._words: dict[tuple[int, object], tuple[str, ...]] = {}
        self._counts: dict[int, Counter[str]] = {}

    def holds(self, papers: Sequence[Paper]) -> bool:
        """Tell whether these are the very papers, in the same order."""
        return len(papers) == len(self.papers) and all(a is b for a, b in zip(papers, self.papers, strict=True))

    def find(self, paper: Paper) -> int | None:
        """Return where a paper stands, or None."""
        at = self._by_key.get(paper_key(paper))
        if at is None:
            return None
        there = self.papers[at]
        return at if there is paper or fields(there) == fields(paper) else None

    def topic_scores(self, topics: Topics, queries: Sequence[Query]) -> Floats:
        """Return how well each paper fits each topic, (topics, papers)."""

        def compute(positions: list[int]) -> Floats:
            wanted = [queries[at] for at in positions]
            rows = topics.matrix(wanted)
            scores: Floats = (rows @ self._by_term).toarray()
            if self._latent.known:
                near = self._latent.of_topics(rows)
                lengths = np.linalg.norm(near, axis=1, keepdims=True)
                scores += LATENT_TOPIC * (near @ self._placed.T - CHANCE_TOPIC * lengths)
            if self._meaning.known:
                scores += MEANING_TOPIC * self._meaning.fitness(rows, self._meant)
            for row, query in enumerate(wanted):
                for word, weight in query.strays:
                    for column, value in self._strays.get(word, {}).items():
                        scores[row, column] += weight * value
            return scores

        return self._topics.take([query.name for query in queries], compute)

    def like_scores(self, liked: Sequence[Paper]) -> Floats:
        """Return how alike each paper is to each liked one in all views, (liked, papers).

        0 is a little more alike than papers of the archive are by chance.
        """

        def compute(positions: list[int]) -> Floats:
            wanted = [liked[at] for at in positions]
            rows, pieces, placed, factors = self._of_liked(wanted)
            rows = unit(rows)
            scores: Floats = (rows @ self._by_term).toarray() - (rows @ self._index.mean)[:, None]
            if self._near is not None:
                scores -= self._index.mean @ self._by_term
                # A paper that is a little like everything is like nothing in particular.
                usual = self._letters.mean @ self._by_piece + (pieces @ self._letters.mean)[:, None]
                scores += LETTERS * ((pieces @ self._by_piece).toarray() - usual) - CHANCE_LIKE
            if self._latent.known:
                scores += LATENT_LIKE * (placed @ self._placed.T)
            if self._taste.known:
                scores += TASTE * (factors @ (self._factors - self._taste.mean).T - CHANCE_TASTE)
            if self._meaning.known:
                meant = self._meaning.of(wanted)
                scores += MEANING_LIKE * self._meaning.likeness(meant, self._meant)
                if self._company.known:
                    near = self._meaning.near(meant[self._company.lacks(wanted)])
                    scores += COMPANY * self._company.likeness(wanted, self._near_in_meaning, near)
            return scores

        return self._likes.take([paper_key(paper) for paper in liked], compute)

    def words_for_topic(self, column: int, topics: Topics, query: Query) -> tuple[str, ...]:
        """Return the words of a paper that show a topic, as they stand there; none where it has only generic ones."""
        key = (column, query.name)
        if key not in self._words:
            weights = dict(zip(query.row.columns.tolist(), query.row.weights.tolist(), strict=True))
            strays = dict(query.strays)
            touched: list[npt.NDArray[np.int32]] = []

            def weight(term: str) -> float:
                place = self._index.vocabulary.get(term)
                found = strays.get(term, 0.0) if place is None else weights.get(place, 0.0)
                if found <= 0:
                    return 0.0
                touched[:] = touched or [topics.touched(query)]
                return found if self._telling.shows(term, touched[0]) else 0.0

            self._keep_words(key, query.expressions, weight)
        return self._words[key]

    def words_for_like(self, column: int, liked: Paper) -> tuple[str, ...]:
        """Return the words of a paper that it shares with a liked one, as they stand there, if they are telling."""
        key = (column, paper_key(liked))
        if key not in self._words:
            theirs, ours = count_terms(liked), self._counted(column)

            def weight(term: str) -> float:
                often = min(theirs.get(term, 0), ours.get(term, 0))
                if not often or not self._telling.tells(term, often):
                    return 0.0
                place = self._index.vocabulary.get(term)
                rarity = self._index.rarest if place is None else float(self._index.idf[place])
                return rarity**2 * often / (often + 1)

            self._keep_words(key, (), weight)
        return self._words[key]

    def _counted(self, column: int) -> Counter[str]:
        if column not in self._counts:
            self._counts[column] = count_terms(self.papers[column])
        return self._counts[column]

    def _keep_words(
        self, key: tuple[int, object], expressions: Sequence[tuple[str, ...]], weight: Callable[[str], float]
    ) -> None:
        if len(self._words) >= MOST_WORDS_KEPT:
            self._words.clear()
        self._words[key] = telling_words(fields(self.papers[key[0]]), expressions, weight)

    def prior(self, today: date | None, popularity: float, freshness: float) -> Floats:
        """Return what speaks for each paper whoever reads it, from 0 to popularity + freshness.

        Votes count by their logarithm and relative to what one paper in a hundred has, so that one with a million
        does not make all others alike; nothing is taken off for the day (docs/ranking.md). Newness halves in
        `HALF_LIFE` days before `today`, by default the day on which the newest came in.
        """
        votes = np.log1p(np.array([max(0, paper.votes) for paper in self.papers], np.float64))
        usual = votes[self.common]
        most = max(float(np.quantile(usual, MANY_VOTES)) if len(usual) else 0.0, float(np.log1p(LEAST_VOTES)))
        votes = np.minimum(votes, most)
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
            self._muted[phrase] = np.zeros(len(self.papers), bool)
            self._muted[phrase][self._text.holding(phrase)] = True
        return self._muted[phrase]

    def by_authors(self, keys: Iterable[str]) -> list[int]:
        """Return the papers of authors, once for each author that a paper has."""
        return [
            at
            for key in keys
            for at in sorted({at for name, at in self._authors.get(family_name(key), ()) if same_person(name, key)})
        ]

    def with_ids(self, ids: Collection[int]) -> list[int]:
        """Return where the papers with these ids stand."""
        return [self._places[identity] for identity in ids if identity in self._places]

    def vectors(self) -> tuple[Sparse, Floats]:
        """Return unit rows of words, (papers, terms), and unit vectors of subjects, (papers, dimensions)."""
        return unit(self.matrix), self._placed

    def _of_liked(self, liked: Sequence[Paper]) -> tuple[Sparse, Sparse, Floats, Floats]:
        """Return terms, pieces, latent vectors and factors of liked papers; those of the archive are taken from there.

        A liked paper that the archive lacks loses its words that are new.
        """
        places = [self._index.rows.get(paper_key(paper)) for paper in liked]
        new = [at for at, place in enumerate(places) if place is None]
        encoded, _ = self._index.encode([liked[at] for at in new])
        known = [place for place in places if place is not None]
        order = np.argsort([at for at, place in enumerate(places) if place is not None] + new)
        rows = sp.vstack([self._index.matrix[known], encoded]).tocsr()[order]
        placed = np.concatenate([self._latent.archive[known], self._latent.of(encoded)])[order]
        factors = np.concatenate([self._taste.factors[known], self._of_taste(encoded, [liked[at] for at in new])])[
            order
        ]
        return rows, self._letters.of(rows), placed, factors

    @cached_property
    def _near(self) -> Sparse | None:
        if self._index.size < LEAST_PAPERS:
            return None
        return self._index.nearest(self.matrix, self.papers, NEIGHBOURS)

    def _of_taste(self, rows: Sparse, papers: Sequence[Paper]) -> Floats:
        """Return the factors of new papers: by their words and, of those that have a vector, by their meaning too."""
        by_words = self._taste.of(rows)
        if not self._taste.known or not self._meaning.known:
            return by_words
        placed = self._meaning.of(papers)
        near = self._near_in_meaning if papers is self.papers else self._meaning.near(placed)
        both = (by_words + shortened(as_floats(near @ self._taste.factors))) / 2
        return np.where(placed.any(axis=1, keepdims=True), both, by_words)

    @cached_property
    def _by_term(self) -> Sparse:
        # A title says little; the words of a paper's neighbours say what else it could have said.
        if self._near is None:
            return self.matrix.T.tocsr()
        # By the block, since the neighbours of all papers have millions of words before the heaviest are kept.
        known, starts = unit(self._index.matrix), range(0, self.matrix.shape[0], BLOCK)
        lent = [unit(heaviest(self._near[start : start + BLOCK] @ known, LENT)) for start in starts]
        return (self.matrix + NEAR * sp.vstack([self.matrix[:0], *lent], format="csr")).T.tocsr()

    @cached_property
    def _by_piece(self) -> Sparse:
        return self._letters.of(self.matrix, self._strays).T.tocsr()

    @cached_property
    def _placed(self) -> Floats:
        placed = self._latent.of(self.matrix)
        return placed if self._near is None else placed + self._latent.among(self._near)

    @cached_property
    def _factors(self) -> Floats:
        return self._of_taste(self.matrix, self.papers)

    @cached_property
    def _meant(self) -> Floats:
        return self._meaning.of(self.papers)

    @cached_property
    def _near_in_meaning(self) -> Sparse:
        return self._meaning.near(self._meant)

    @cached_property
    def _text(self) -> Texts:
        # Summaries too, which mail shows in place of the abstract.
        return Texts([(*fields(paper), paper.summary, paper.machine_summary) for paper in self.papers])

    @cached_property
    def _authors(self) -> dict[str, list[tuple[str, int]]]:
        found: dict[str, list[tuple[str, int]]] = {}
        for at, paper in enumerate(self.papers):
            for key in {author_key(name) for name in paper.authors} - {""}:
                found.setdefault(family_name(key), []).append((key, at))
        return found

    @cached_property
    def _by_key(self) -> dict[object, int]:
        return {paper_key(paper): at for at, paper in enumerate(self.papers)}

    @cached_property
    def _places(self) -> dict[int, int]:
        return {paper.id: at for at, paper in enumerate(self.papers) if paper.id is not None}
