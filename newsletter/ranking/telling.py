"""Which words tell what a paper is about, and which stand in papers of all kinds; measured on the archive."""

from functools import cached_property

import numpy as np
import numpy.typing as npt

from newsletter.ranking.index import Floats, Index
from newsletter.ranking.latent import Latent
from newsletter.ranking.text import STOP

Places = npt.NDArray[np.int32]

# Of what stands in papers, this part is no telling word: its papers are no more of a kind than those of most words.
COMMON = 0.8
# The likeness of few papers is chance as well: it counts half at so many.
FEW = 2.0
# A word in a larger share of the archive, and in more papers than so many, tells nothing.
MOST_SPREAD = 0.1
MANY = 5
# A word shows a topic if so large a part of its papers is about the topic, with so many more counted against it.
OF_A_TOPIC = 0.5
DOUBT = 3
# What both papers say so often, the title counted twice, is no slip of the pen though the archive knows it hardly.
TWICE = 2
SAMPLE = 4000


class Telling:
    """Tells generic words from telling ones by the company that they keep in the archive."""

    def __init__(self, index: Index, latent: Latent) -> None:
        """Take the archive's terms and its subjects; nothing is computed until it is asked for."""
        self._index = index
        self._latent = latent
        self._known: dict[int, bool] = {}

    def shows(self, term: str, touched: Places) -> bool:
        """Tell whether a term shows a topic, which the papers `touched` of the archive are about.

        The share of its papers that are is the precision of the term as a query for them. What the archive does not
        know is as rare as can be.
        """
        column = self._index.vocabulary.get(term)
        if column is None:
            return True
        papers = self._papers(column)
        if self._common(len(papers)):
            return False
        about = np.isin(papers, touched, assume_unique=True).sum()
        return bool(about >= OF_A_TOPIC * (len(papers) + DOUBT))

    def tells(self, term: str, often: float) -> bool:
        """Tell whether a term tells what two papers have in common, which both say at least so `often`.

        The papers of a telling word are alike beyond that word: the mean cosine of their subjects, a coherence as
        Mimno and others measure it for topics (EMNLP 2011), is above that of most running words of the archive.
        """
        column = self._index.vocabulary.get(term)
        if column is None or len(self._papers(column)) < 2:
            return often >= TWICE
        if column not in self._known:
            alike = not self._latent.known or self._coherence(column) > self._usual
            self._known[column] = alike and not self._common(len(self._papers(column)))
        return self._known[column]

    def _common(self, spread: int) -> bool:
        return spread > max(MOST_SPREAD * self._index.size, MANY)

    def _papers(self, column: int) -> Places:
        by_term = self._index.by_term
        found: Places = by_term.indices[by_term.indptr[column] : by_term.indptr[column + 1]]
        return found

    def _coherence(self, column: int) -> float:
        """Return the mean cosine of the subjects of two papers in which a term stands, held back where they are few."""
        papers = self._papers(column)
        count = len(papers)
        total: Floats = self._latent.archive[papers].sum(axis=0)
        return float(total @ total - count) / ((count - 1) * (count + FEW))

    @cached_property
    def _usual(self) -> float:
        """The coherence that so many of the running words of the archive do not reach."""
        spread = np.diff(self._index.by_term.indptr)
        columns = [
            column
            for term, column in self._index.vocabulary.items()
            if " " not in term and term not in STOP and spread[column] > FEW
        ]
        columns = columns[:: max(1, len(columns) // SAMPLE)]
        if not columns:
            return 0.0
        found = np.array([self._coherence(column) for column in columns])
        order = found.argsort()
        weight = np.cumsum(spread[columns][order])
        return float(found[order][np.searchsorted(weight, COMMON * weight[-1])])
