"""What readers with similar taste liked: a few factors per paper, learnt from everybody's likes; knows no words."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from sklearn.utils.extmath import randomized_svd

from newsletter.models import Paper
from newsletter.ranking.index import Floats, Index, Sparse, as_floats, unit
from newsletter.ranking.profile import paper_key

FACTORS = 128
# With fewer readers who liked two papers or more, what they share is chance.
LEAST_READERS = 20
# A new paper takes its factors from so many of the nearest papers of the archive.
NEIGHBOURS = 40
# A paper whose neighbours disagree gets short factors, which count little.
DOUBT = 0.1
BLOCK = 64


class Taste:
    """The factors of the archive's papers, (papers, factors), and of new papers through their neighbours.

    The factors are those of a truncated singular value decomposition of the matrix of readers and likes (Sarwar and
    others, WebKDD 2000), papers and readers with many likes damped. A new paper, which nobody has judged, takes the
    mean of its nearest neighbours by text (Gantner and others, ICDM 2010, mapping attributes to factors).
    """

    def __init__(self, index: Index, readers: Sequence[Sequence[Paper]]) -> None:
        """Learn from the likes of readers; papers that the archive does not hold are passed over."""
        rows = [
            sorted({row for paper in likes if (row := index.rows.get(paper_key(paper))) is not None})
            for likes in readers
        ]
        rows = [row for row in rows if len(row) > 1]
        self.factors: Floats = np.zeros((index.size, 0), np.float32)
        if len(rows) >= LEAST_READERS:
            self.factors = _factors(rows, index.size)
            self._archive = unit(index.matrix).T.tocsr()
        self.mean = self.factors.mean(axis=0) if index.size else np.zeros(0, np.float32)

    @property
    def known(self) -> bool:
        """Tell whether there were readers enough."""
        return bool(self.factors.shape[1])

    def of(self, matrix: Sparse) -> Floats:
        """Return the factors of new papers, given their rows of `Index.encode`."""
        found = np.zeros((matrix.shape[0], self.factors.shape[1]), np.float32)
        rows = unit(matrix)
        for start in range(0, rows.shape[0], BLOCK):
            near = (rows[start : start + BLOCK] @ self._archive).tocsr()
            for row in range(near.shape[0]):
                columns = near.indices[near.indptr[row] : near.indptr[row + 1]]
                weights = near.data[near.indptr[row] : near.indptr[row + 1]] ** 2
                if len(weights) > NEIGHBOURS:
                    best = np.argpartition(-weights, NEIGHBOURS)[:NEIGHBOURS]
                    columns, weights = columns[best], weights[best]
                found[start + row] = weights @ self.factors[columns] / (weights.sum() + DOUBT / 2)
        return as_floats(found / (np.linalg.norm(found, axis=1, keepdims=True) + DOUBT))


def _factors(rows: list[list[int]], papers: int) -> Floats:
    columns = np.concatenate([np.array(row, np.int32) for row in rows])
    ends = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    likes = sp.csr_matrix((np.ones(len(columns), np.float32), columns, ends), shape=(len(rows), papers))
    by_reader = np.sqrt(np.diff(ends) + 1.0)
    by_paper = np.sqrt(np.bincount(columns, minlength=papers) + 5.0)
    damped = (sp.diags(1 / by_reader) @ likes @ sp.diags(1 / by_paper)).astype(np.float32)
    count = min(FACTORS, len(rows) - 1, papers - 1)
    _, _, right = randomized_svd(damped, count, random_state=0)
    factors = right.T.astype(np.float32)
    return as_floats(factors / (np.linalg.norm(factors, axis=1, keepdims=True) + 1e-6))
