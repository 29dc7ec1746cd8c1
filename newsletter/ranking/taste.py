"""What readers with similar taste liked: a few factors per paper, learnt from everybody's likes; knows no words."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from newsletter.models import Paper
from newsletter.ranking.decomposition import leading
from newsletter.ranking.index import Floats, Index, Sparse, as_floats, unit
from newsletter.ranking.profile import paper_key

FACTORS = 128
# Rounds after which factors are sure enough, and where they are so small a part of what there could be.
ROUNDS, MORE_ROUNDS = 4, 7
FEW = 0.1
# With fewer readers who liked two papers or more, what they share is chance.
LEAST_READERS = 20
# A new paper takes its factors from so many of the nearest papers of the archive.
NEIGHBOURS = 40
# A paper whose neighbours disagree gets short factors, which count little.
DOUBT = 0.1
# How much the regression from words to factors is held back, and after how many steps it is near enough.
RIDGE = 1.0
STEPS = 15
# A factor so much smaller than the largest is rounding.
NOTHING = 1e-4
BLOCK = 64


class Taste:
    """The factors of the archive's papers, (papers, factors), and of new papers through their neighbours.

    The factors are those of a truncated singular value decomposition of the matrix of readers and likes (Sarwar and
    others, WebKDD 2000), papers and readers with many likes damped. A new paper, which nobody has judged, takes the
    mean of two guesses from its text (Gantner and others, ICDM 2010, mapping attributes to factors): the mean of its
    nearest neighbours, and a kernel ridge regression on all of the archive (Saunders, Gammerman and Vovk, ICML 1998).
    """

    def __init__(self, index: Index, readers: Sequence[Sequence[Paper]]) -> None:
        """Learn from the likes of readers; papers that the archive does not hold are passed over."""
        rows = reading_lists(index, readers)
        self.factors: Floats = np.zeros((index.size, 0), np.float32)
        if len(rows) >= LEAST_READERS:
            self.factors = _factors(rows, index.size)
            rows_of_terms = unit(index.matrix)
            self._archive = index.units_by_term
            self._regression = _regression(rows_of_terms, self._archive, self.factors - self.factors.mean(axis=0))
        # What the two guesses give for a paper of no particular taste; the regression gives zeros.
        self.mean = self.factors.mean(axis=0) / 2 if index.size else np.zeros(0, np.float32)

    @property
    def known(self) -> bool:
        """Tell whether there were readers enough."""
        return bool(self.factors.shape[1])

    def of(self, matrix: Sparse) -> Floats:
        """Return the factors of new papers, given their rows of `Index.encode`."""
        by_neighbours = np.zeros((matrix.shape[0], self.factors.shape[1]), np.float32)
        if not self.known:
            return by_neighbours
        by_regression = by_neighbours.copy()
        rows = unit(matrix)
        for start in range(0, rows.shape[0], BLOCK):
            near = (rows[start : start + BLOCK] @ self._archive).tocsr()
            by_regression[start : start + BLOCK] = near @ self._regression
            for row in range(near.shape[0]):
                columns = near.indices[near.indptr[row] : near.indptr[row + 1]]
                weights = near.data[near.indptr[row] : near.indptr[row + 1]] ** 2
                if len(weights) > NEIGHBOURS:
                    best = np.argpartition(-weights, NEIGHBOURS)[:NEIGHBOURS]
                    columns, weights = columns[best], weights[best]
                by_neighbours[start + row] = weights @ self.factors[columns] / (weights.sum() + DOUBT / 2)
        return as_floats((shortened(by_neighbours) + shortened(by_regression)) / 2)


def reading_lists(index: Index, readers: Sequence[Sequence[Paper]]) -> list[list[int]]:
    """Return which papers of the archive readers liked, of those who liked two or more."""
    rows = [
        sorted({row for paper in likes if (row := index.rows.get(paper_key(paper))) is not None}) for likes in readers
    ]
    return [row for row in rows if len(row) > 1]


def shortened(guesses: Floats) -> Floats:
    """Return factors of nearly the same length; those that were short stay the shorter ones."""
    return as_floats(guesses / (np.linalg.norm(guesses, axis=1, keepdims=True) + DOUBT))


def _regression(rows: Sparse, by_term: Sparse, targets: Floats) -> Floats:
    """Return the weights of the archive's papers in a kernel ridge regression, (papers, factors).

    The kernel is the cosine of words. Solved for all factors at once by conjugate gradients (Hestenes and Stiefel,
    1952), so that no matrix of papers and papers is made.
    """
    weights = np.zeros_like(targets)
    rest, step = targets.copy(), targets.copy()
    size = (rest**2).sum(axis=0)
    for _ in range(STEPS):
        moved = rows @ (by_term @ step) + RIDGE * step
        length = size / ((step * moved).sum(axis=0) + 1e-12)
        weights += length * step
        rest -= length * moved
        before, size = size, (rest**2).sum(axis=0)
        step = rest + size / (before + 1e-12) * step
    return as_floats(weights)


def _factors(rows: list[list[int]], papers: int) -> Floats:
    columns = np.concatenate([np.array(row, np.int32) for row in rows])
    ends = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    likes = sp.csr_matrix((np.ones(len(columns), np.float32), columns, ends), shape=(len(rows), papers))
    by_reader = np.sqrt(np.diff(ends) + 1.0)
    by_paper = np.sqrt(np.bincount(columns, minlength=papers) + 5.0)
    damped = (sp.diags(1 / by_reader) @ likes @ sp.diags(1 / by_paper)).astype(np.float32)
    count = min(FACTORS, len(rows) - 1, papers - 1)
    few = count < FEW * min(damped.shape)
    sizes, right = leading(damped, count, MORE_ROUNDS if few else ROUNDS)
    # Where likes have fewer dimensions than were asked for, the others are chance, and would set like papers apart.
    factors = right[sizes > NOTHING * sizes[0]].T.astype(np.float32)
    return as_floats(factors / (np.linalg.norm(factors, axis=1, keepdims=True) + 1e-6))
