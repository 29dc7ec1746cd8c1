"""Words that look alike: papers as bags of the pieces of their words; knows no people."""

from collections.abc import Mapping, Sequence
from zlib import crc32

import numpy as np
import scipy.sparse as sp

from newsletter.ranking.index import Floats, Index, Sparse, as_floats, is_pair, unit

# Pieces of so many letters, the ends of words included, as McNamee and Mayfield found best for English.
LENGTH = 4
# A piece that stands in a larger share of the archive tells nothing.
MOST_SPREAD = 0.02
# So many pieces are told apart; two that share a number do little harm.
PIECES = 1 << 16
LEAST_SPREAD = 2
BLOCK = 1024


class Letters:
    """Papers as unit vectors of pieces of words, so that `catalysis` and `catalytic` have something in common.

    Character n-grams (McNamee and Mayfield, Information Retrieval 7, 2004), weighted by their rarity in the archive.
    """

    def __init__(self, index: Index) -> None:
        """Learn which pieces the archive's words have, and how rare they are."""
        self._index = index
        words = [(column, word) for word, column in index.vocabulary.items() if not is_pair(word)]
        self._columns = np.array([column for column, _ in words], np.int32)
        self._pieces = _pieces([word for _, word in words])
        self._rarity: Floats = np.ones(PIECES, np.float32)
        spread = np.zeros(PIECES)
        total = np.zeros(PIECES)
        for start in range(0, index.size, BLOCK):
            spread += np.bincount(self._counted(index.matrix[start : start + BLOCK]).indices, minlength=PIECES)
        rarity = np.log((index.size + 1) / (spread + 1)) + 1
        self._rarity = as_floats(np.where((spread < LEAST_SPREAD) | (spread > MOST_SPREAD * index.size), 0, rarity))
        for start in range(0, index.size, BLOCK):
            total += np.asarray(self.of(index.matrix[start : start + BLOCK]).sum(axis=0)).ravel()
        self.mean: Floats = as_floats(total / max(1, index.size))

    def of(self, matrix: Sparse, strays: Mapping[str, Mapping[int, float]] | None = None) -> Sparse:
        """Return the unit vectors of papers, (papers, pieces), given what `Index.encode` returned for them."""
        counted = self._counted(matrix)
        if strays:
            counted = counted + self._of_strays(strays, matrix.shape[0])
        counted.data *= self._rarity[counted.indices]
        counted.eliminate_zeros()
        return unit(counted)

    def _counted(self, matrix: Sparse) -> Sparse:
        said = matrix[:, self._columns]
        said.data /= self._index.idf[self._columns][said.indices]
        return (said @ self._pieces).tocsr()

    def _of_strays(self, strays: Mapping[str, Mapping[int, float]], papers: int) -> Sparse:
        places = [(row, at, weight) for at, word in enumerate(strays) for row, weight in strays[word].items()]
        rows, columns, weights = zip(*places, strict=True)
        said = sp.csr_matrix(
            (np.array(weights, np.float32) / self._index.rarest, (rows, columns)), shape=(papers, len(strays))
        )
        return said @ _pieces(list(strays))


def _pieces(words: Sequence[str]) -> Sparse:
    """Return the pieces of words, (words, pieces)."""
    columns, ends = [], [0]
    for word in words:
        whole = f" {word} "
        columns += [
            crc32(whole[at : at + LENGTH].encode("utf-8", "surrogatepass")) % PIECES
            for at in range(max(1, len(whole) - LENGTH + 1))
        ]
        ends.append(len(columns))
    return sp.csr_matrix(
        (np.ones(len(columns), np.float32), np.array(columns, np.int32), ends), shape=(len(words), PIECES)
    )
