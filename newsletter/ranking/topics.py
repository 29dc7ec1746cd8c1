"""Topics as weighted terms: what was asked for, widened by the catalogue and by the archive; knows no people."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from newsletter.ranking.catalogue import Catalogue, Expression
from newsletter.ranking.index import Index, Row, Sparse, chunks, heaviest, is_pair, norms, scaled, unit
from newsletter.ranking.text import STOP, as_terms, words

# The best papers of the archive for a topic lend it so many terms.
FEEDBACK_PAPERS = 40
FEEDBACK_TERMS = 100
# Of these, a paper that has some words of a topic and not all counts so much less.
PARTLY = 0.1
# One word of several that were asked for together means less than all of them.
PART = 0.3
# A topic that touches few papers is lent less: half its terms' weight at so many.
TRUST = 10.0
# A topic that few papers touch says more; with this power of their number. Measured on the public folds.
RARITY = -0.15
# The topic's own terms beside those that the archive lends.
OWN = 0.3
# Two topics count as near with at least this likeness of words, spelling and company.
LEAST_LIKENESS = 0.25
# So many compiled topics are kept; free words have no end.
KEPT = 20_000
BLOCK = 256


@dataclass(frozen=True, slots=True)
class Query:
    """A topic, compiled.

    `expressions` stand for it, the most telling first; `row` is a vector of terms, longer for rarer topics; `strays`
    are weights of own words that the archive does not know; `matches` counts the papers of the archive that it touches.
    """

    name: str
    expressions: tuple[tuple[str, ...], ...]
    row: Row
    strays: tuple[tuple[str, float], ...]
    matches: int


class Topics:
    """Compiles topics and keeps them: readers with the same topic share the work."""

    def __init__(self, index: Index, catalogue: Catalogue) -> None:
        """Take the archive and the catalogue that the topics are read with."""
        self._index = index
        self._catalogue = catalogue
        self._known: dict[str, Query] = {}

    def compile(self, names: Iterable[str]) -> list[Query]:
        """Return the topics of these names, slugs or free words, compiled."""
        wanted = list(names)
        missing = [name for name in dict.fromkeys(wanted) if name not in self._known]
        if len(self._known) + len(missing) > KEPT:
            self._known.clear()
            missing = list(dict.fromkeys(wanted))
        for chunk in chunks(missing, BLOCK):
            self._known.update(zip(chunk, self._compiled(chunk), strict=True))
        return [self._known[name] for name in wanted]

    def matrix(self, queries: Sequence[Query]) -> Sparse:
        """Return the rows of topics as one matrix, (topics, terms)."""
        ends = np.cumsum([0, *(len(query.row.columns) for query in queries)])
        columns = np.concatenate([np.zeros(0, np.int32), *(query.row.columns for query in queries)])
        weights = np.concatenate([np.zeros(0, np.float32), *(query.row.weights for query in queries)])
        return sp.csr_matrix((weights, columns, ends), shape=(len(queries), len(self._index.vocabulary)))

    def touched(self, query: Query) -> npt.NDArray[np.int32]:
        """Return the papers of the archive that a topic touches."""
        return self._touched(Expression(asked, 1.0) for asked in query.expressions)

    def nearest(self, name: str, count: int) -> list[str]:
        """Return the slugs of the catalogue that are nearest to a name, best first; none where nothing is near."""
        own = self._catalogue.find(name)
        slugs = [slug for slug in self._catalogue if own is None or slug != own.slug]
        if not slugs:
            return []
        query, *others = self.compile([name, *slugs])
        company = (unit(self.matrix([query])) @ unit(self.matrix(others)).T).toarray()[0]
        likeness = np.array([_likeness(query, other) for other in others]) + company
        order = np.argsort(-likeness, kind="stable")[:count]
        return [slugs[at] for at in order if likeness[at] >= LEAST_LIKENESS]

    def _expressions(self, name: str) -> tuple[str, tuple[Expression, ...]]:
        entry = self._catalogue.find(name)
        if entry is not None:
            return entry.name, self._catalogue.expressions(entry)
        asked = tuple(words(name))
        return name, (Expression(asked, 1.0),) if asked else ()

    def _compiled(self, names: Sequence[str]) -> list[Query]:
        read = [self._expressions(name) for name in names]
        weights = [_weights(expressions) for _, expressions in read]
        own = self._own(weights)
        touched = [self._touched(expressions) for _, expressions in read]
        lent = self._lent((own @ self._index.by_term).tocsr(), touched)
        own.data *= self._index.idf[own.indices]
        strays = [self._strays(asked) for asked in weights]
        beside = np.array([sum(weight**2 for weight in asked.values()) for asked in strays], np.float32)
        share = OWN / np.maximum(np.sqrt(norms(own) ** 2 + beside), 1e-6)
        mixed = (lent + scaled(own, share)).tocsr()
        whole = 1 / np.maximum(np.sqrt(norms(mixed) ** 2 + beside * share**2), 1e-6)
        whole *= np.array([(len(papers) + 3.0) ** RARITY for papers in touched], np.float32)
        mixed = scaled(mixed, whole)
        return [
            Query(
                name=name,
                expressions=tuple(expression.words for expression in sorted(expressions, key=_telling)),
                row=Row(
                    mixed.indices[mixed.indptr[at] : mixed.indptr[at + 1]].astype(np.int32),
                    mixed.data[mixed.indptr[at] : mixed.indptr[at + 1]].astype(np.float32),
                ),
                strays=tuple((word, float(weight * share[at] * whole[at])) for word, weight in strays[at].items()),
                matches=len(touched[at]),
            )
            for at, (name, expressions) in enumerate(read)
        ]

    def _own(self, weights: Sequence[dict[str, float]]) -> Sparse:
        columns, values, ends = [], [], [0]
        for own in weights:
            known = sorted(
                (self._index.vocabulary[term], weight) for term, weight in own.items() if term in self._index.vocabulary
            )
            columns += [column for column, _ in known]
            values += [weight for _, weight in known]
            ends.append(len(columns))
        return sp.csr_matrix(
            (np.array(values, np.float32), np.array(columns, np.int32), ends),
            shape=(len(weights), len(self._index.vocabulary)),
        )

    def _strays(self, asked: dict[str, float]) -> dict[str, float]:
        """Return the words that the archive does not know, weighted as the rarest."""
        vocabulary = self._index.vocabulary
        return {
            word: weight * self._index.rarest
            for word, weight in asked.items()
            if not is_pair(word) and word not in vocabulary
        }

    def _touched(self, expressions: Iterable[Expression]) -> npt.NDArray[np.int32]:
        """Return the papers of the archive in which all words of one of the expressions stand.

        What bears meaning in `computer use` is a single word, which papers on other things have too; so such an
        expression counts only where a topic has no better.
        """
        asked = [expression.words for expression in expressions]
        whole = [some for some in asked if len(some) == 1 or _meaningful(some) > 1]
        found = [np.zeros(0, np.int32)]
        found += [self._with_all(some) for some in whole or asked]
        return np.unique(np.concatenate(found))

    def _with_all(self, asked: Iterable[str]) -> npt.NDArray[np.int32]:
        papers: npt.NDArray[np.int32] | None = None
        for word in dict.fromkeys(as_terms(asked)):
            if is_pair(word):
                continue
            column = self._index.vocabulary.get(word)
            if column is None:
                return np.zeros(0, np.int32)
            by_term = self._index.by_term
            rows = by_term.indices[by_term.indptr[column] : by_term.indptr[column + 1]]
            papers = rows if papers is None else np.intersect1d(papers, rows, assume_unique=True)
        return papers if papers is not None else np.zeros(0, np.int32)

    def _lent(self, scores: Sparse, touched: Sequence[npt.NDArray[np.int32]]) -> Sparse:
        """Return the terms that the archive lends each topic: pseudo-relevance feedback after Rocchio (1971).

        The best papers for a topic, each as heavy as its score, are added up, and the heaviest terms kept. A topic that
        touches no paper is lent nothing: what came up for it by one word of several would lead away from it.
        """
        columns, weights, ends = [], [], [0]
        for topic, papers in enumerate(touched):
            row = slice(scores.indptr[topic], scores.indptr[topic + 1])
            found, values = scores.indices[row], scores.data[row]
            if not len(papers):
                found, values = found[:0], values[:0]
            values = np.where(np.isin(found, papers), values, values * PARTLY)
            if len(values) > FEEDBACK_PAPERS:
                best = np.argpartition(-values, FEEDBACK_PAPERS)[:FEEDBACK_PAPERS]
                found, values = found[best], values[best]
            columns.append(found)
            weights.append(values)
            ends.append(ends[-1] + len(found))
        papers_of = sp.csr_matrix(
            (np.concatenate(weights), np.concatenate(columns), ends), shape=(len(touched), self._index.size)
        )
        lent = (papers_of @ self._index.matrix).tocsr()
        trust = np.array([len(papers) / (len(papers) + TRUST) for papers in touched], np.float32)
        return scaled(unit(heaviest(lent, FEEDBACK_TERMS)), trust)


def _weights(expressions: Iterable[Expression]) -> dict[str, float]:
    """Return the terms of expressions with the highest weight that one of them gives."""
    weights: dict[str, float] = {}
    for expression in expressions:
        found = list(as_terms(expression.words))
        alone = len(expression.words) == 1
        for term in found:
            weight = expression.weight * (1.0 if alone or is_pair(term) else PART)
            weights[term] = max(weight, weights.get(term, 0.0))
    return weights


def _meaningful(asked: Iterable[str]) -> int:
    """Return how many of the words bear a meaning of their own."""
    return sum(word not in STOP for word in asked)


def _telling(expression: Expression) -> tuple[float, int]:
    """Order expressions by how much they tell of a topic: its own first, the longer before the shorter."""
    return -expression.weight, -len(expression.words)


def _likeness(query: Query, other: Query) -> float:
    """Return how alike two topics are in words and spelling, from 0 to 2."""
    asked = {word for expression in query.expressions for word in expression if word not in STOP}
    offered = {word for expression in other.expressions for word in expression if word not in STOP}
    shared = len(asked & offered) / max(1, len(asked))
    left = " ".join(words(query.name))
    spelling = max(
        (SequenceMatcher(None, left, " ".join(expression)).ratio() for expression in other.expressions), default=0.0
    )
    return shared + (spelling if spelling >= 0.6 else 0.0)
