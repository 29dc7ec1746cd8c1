"""Which papers stand on the same lists of readers, and near those which new ones lie; knows no words."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from newsletter.models import Paper
from newsletter.ranking.index import Floats, Index, Sparse, as_floats, scaled
from newsletter.ranking.profile import paper_key
from newsletter.ranking.taste import LEAST_READERS, reading_lists


class Company:
    """How much a liked paper is in the company of others on the lists of readers, and of new papers near those.

    The likeness of two papers is the cosine of who liked them, readers of many likes damped (item-based collaborative
    filtering, Sarwar and others, WWW 2001; the damping of Deshpande and Karypis, ACM TOIS 22(1), 2004). Unlike the
    factors of `taste`, which sum up, it keeps what few readers have in common.
    """

    def __init__(self, index: Index, readers: Sequence[Sequence[Paper]]) -> None:
        """Learn from the likes of readers; papers that the archive does not hold are passed over."""
        self._rows = index.rows
        self._size = index.size
        lists = reading_lists(index, readers)
        self.known = len(lists) >= LEAST_READERS
        self._by_reader: Sparse = sp.csr_matrix((0, index.size), dtype=np.float32)
        if self.known:
            columns = np.concatenate([np.array(row, np.int32) for row in lists])
            ends = np.concatenate([[0], np.cumsum([len(row) for row in lists])])
            liked = sp.csr_matrix((np.ones(len(columns), np.float32), columns, ends), shape=(len(lists), index.size))
            by_paper = np.sqrt(np.bincount(columns, minlength=index.size) + 5.0)
            liked.data /= by_paper[columns]
            damped = scaled(liked, 1 / np.sqrt(np.diff(ends) + 1.0))
            # How much papers are in their own company differs from few readers to many, and is made 1 in the mean.
            own = np.bincount(columns, damped.data**2)
            self._by_reader = (damped / np.sqrt(own[own > 0].mean())).astype(np.float32)
        self._by_paper: Sparse = self._by_reader.T.tocsr()
        self._mean = as_floats(self._by_reader.sum(axis=1)).ravel() / np.float32(max(1, index.size))

    def lacks(self, liked: Sequence[Paper]) -> list[int]:
        """Return which of some papers the archive does not hold."""
        return [at for at, paper in enumerate(liked) if paper_key(paper) not in self._rows]

    def likeness(self, liked: Sequence[Paper], near: Sparse, near_lacking: Sparse) -> Floats:
        """Return how much liked papers are in the company of new ones, (liked, new); 0 is as much as any paper's.

        `near` has the neighbours of the new papers, (new, archive), and `near_lacking` those of the liked ones that the
        archive lacks, which stand in for them.
        """
        lacking = self.lacks(liked)
        there = [(at, row) for at, paper in enumerate(liked) if (row := self._rows.get(paper_key(paper))) is not None]
        order = np.argsort([at for at, _ in there] + lacking)
        ends = np.arange(len(there) + 1)
        ones = np.ones(len(there), np.float32)
        own = sp.csr_matrix((ones, [row for _, row in there], ends), shape=(len(there), self._size))
        readers = sp.vstack([own, near_lacking]).tocsr()[order] @ self._by_paper
        alike = as_floats((readers @ (self._by_reader @ near.T)).toarray())
        return as_floats(alike - np.outer(readers @ self._mean, np.diff(near.indptr) > 0))
