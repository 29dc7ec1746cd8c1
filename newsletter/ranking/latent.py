"""What papers are about beyond their very words: a few dimensions of the archive's words; knows no people."""

import numpy as np

from newsletter.ranking.decomposition import leading
from newsletter.ranking.index import Floats, Index, Sparse, as_floats, norms, unit

DIMENSIONS = 96
# After so many rounds the dimensions are sure enough.
ROUNDS = 3
# In fewer papers, words that stand together do so by chance.
LEAST_PAPERS = 200
# A term that stands in fewer papers of the archive tells nothing of the company that it keeps.
LEAST_SPREAD = 3
# Of what the archive could span, at most one dimension in so many: with more nothing is summed up.
SHARE = 4
# A topic lies where so many of its best papers of the archive lie.
PAPERS_OF_A_TOPIC = 50


class Latent:
    """Papers and topics as unit vectors of a few dimensions, so that kinship shows where no word is shared.

    Latent semantic analysis (Deerwester and others, JASIS 41(6), 1990): a truncated singular value decomposition of the
    archive's terms, by random projection (Halko, Martinsson and Tropp, SIAM Review 53(2), 2011).
    """

    def __init__(self, index: Index) -> None:
        """Decompose the archive."""
        self._index = index
        self.archive: Floats = np.zeros((index.size, 0), np.float32)
        if index.size >= LEAST_PAPERS:
            self._decompose()

    @property
    def known(self) -> bool:
        """Tell whether the archive was large enough."""
        return bool(self.archive.shape[1])

    def of(self, matrix: Sparse) -> Floats:
        """Return the unit vectors of papers, given their rows of `Index.encode`; a paper of no known word has zeros."""
        if not self.known:
            return np.zeros((matrix.shape[0], 0), np.float32)
        placed = as_floats(unit(matrix[:, self._columns]) @ self._axes) - self._centre
        placed[norms(matrix) == 0] = 0
        return _unit(placed)

    def among(self, near: Sparse) -> Floats:
        """Return the unit vectors of where the neighbours of papers lie, given their rows of `Index.nearest`."""
        return _unit(as_floats(near @ self.archive))

    def of_topics(self, matrix: Sparse) -> Floats:
        """Return the vectors of topics, given their rows of terms: where their best papers lie, as long as the rows."""
        return _unit(as_floats(best_papers(self._index, matrix) @ self.archive)) * norms(matrix)[:, None]

    def _decompose(self) -> None:
        spread = np.diff(self._index.by_term.indptr)
        self._columns = np.flatnonzero(spread >= LEAST_SPREAD)
        rows = unit(self._index.matrix[:, self._columns])
        count = min(DIMENSIONS, min(rows.shape) // SHARE)
        if count < 1:
            return
        _, right = leading(rows, count, ROUNDS)
        self._axes = as_floats(right.T)
        placed = as_floats(rows @ self._axes)
        self._centre = placed.mean(axis=0)
        self.archive = _unit(placed - self._centre)


def best_papers(index: Index, topics: Sparse) -> Sparse:
    """Return the scores of the best papers of the archive for topics, (topics, papers), given their rows of terms."""
    scores = (topics @ index.by_term).tocsr()
    for row in range(scores.shape[0]):
        values = scores.data[scores.indptr[row] : scores.indptr[row + 1]]
        if len(values) > PAPERS_OF_A_TOPIC:
            values[np.argpartition(-values, PAPERS_OF_A_TOPIC)[PAPERS_OF_A_TOPIC:]] = 0
    return scores


def _unit(vectors: Floats) -> Floats:
    return as_floats(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6))
