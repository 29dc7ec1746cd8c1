"""Papers as rows of weighted terms: the vocabulary and statistics of the archive; knows no people and no topics."""

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple, TypeVar
from zlib import crc32

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from newsletter.models import Paper
from newsletter.ranking.profile import paper_key
from newsletter.ranking.text import terms

Floats = npt.NDArray[np.float32]
Sparse = Any  # scipy publishes no types

# Saturation and length of BM25 (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009, section 3.5).
K1 = 1.5
B = 0.75
# A word of the title counts as often as so many of the abstract.
TITLE = 2
# A pair of words that stands in fewer papers of the archive is left out; it is most often chance.
LEAST_PAIRS = 2
SKETCH = 1 << 22

T = TypeVar("T")


def fields(paper: Paper) -> tuple[str, ...]:
    """Return the texts of a paper that are read, the title first."""
    return (paper.title, paper.abstract, *paper.keywords)


def count_terms(paper: Paper) -> Counter[str]:
    """Return how often each term stands in a paper."""
    title, *rest = fields(paper)
    counts = Counter(terms(title))
    for term in counts:
        counts[term] *= TITLE
    for text in rest:
        counts.update(terms(text))
    return counts


def is_pair(term: str) -> bool:
    """Tell whether a term is a pair of words."""
    return " " in term


class Row(NamedTuple):
    """A sparse row: columns and weights."""

    columns: npt.NDArray[np.int32]
    weights: Floats


class _Entries:
    """A sparse matrix of counts that grows by rows."""

    def __init__(self) -> None:
        self._columns, self._counts, self._ends, self._lengths = array("i"), array("f"), array("q", [0]), array("f")

    def add(self, column: int, count: int) -> None:
        self._columns.append(column)
        self._counts.append(count)

    def end_row(self, counted: Counter[str]) -> None:
        self._ends.append(len(self._columns))
        self._lengths.append(sum(count for term, count in counted.items() if not is_pair(term)))

    def lengths(self) -> Floats:
        """The words of each row, those that the vocabulary lacks included."""
        return np.array(self._lengths, np.float32)

    def matrix(self, width: int) -> Sparse:
        matrix = sp.csr_matrix(
            (np.array(self._counts, np.float32), np.array(self._columns, np.int32), np.array(self._ends, np.int64)),
            shape=(len(self._ends) - 1, width),
        )
        matrix.sort_indices()
        return matrix


class Index:
    """The archive as a matrix of BM25 weights, halfway normalised, and whatever it takes to weigh other papers alike.

    A row is the BM25 weights of a paper's terms (inverse document frequency included), divided by the root of their
    length and by the mean of these roots. Between a unit vector and such a row the product is the cosine, a little
    higher for papers that say more; pivoted normalisation (Singhal, Buckley and Mitra, SIGIR 1996) is the same idea.
    """

    def __init__(self, archive: Sequence[Paper]) -> None:
        """Read the archive; the papers themselves are not kept."""
        self.size = len(archive)
        self.rows: dict[object, int] = {paper_key(paper): row for row, paper in enumerate(archive)}
        self.vocabulary: dict[str, int] = {}
        counted, lengths = self._count(archive)
        spread = np.bincount(counted.indices, minlength=len(self.vocabulary))
        self.idf: Floats = np.log1p((self.size - spread + 0.5) / (spread + 0.5)).astype(np.float32)
        # A word that the archive does not know is as rare as can be.
        self.rarest = float(np.log1p((self.size + 0.5) / 0.5))
        self._mean_length = float(lengths.mean()) if self.size else 1.0
        weighted = self._bm25(counted, lengths)
        roots = np.sqrt(norms(weighted))
        self._mean_root = float(roots[roots > 0].mean()) if (roots > 0).any() else 1.0
        self.matrix = scaled(weighted, 1 / (np.maximum(roots, 1e-6) * self._mean_root))

    @cached_property
    def by_term(self) -> Sparse:
        """The archive's matrix by term: (terms, papers)."""
        return self.matrix.T.tocsr()

    @cached_property
    def mean(self) -> Floats:
        """The mean of the archive's rows, (terms,)."""
        return as_floats(self.matrix.sum(axis=0)).ravel() / np.float32(max(1, self.size))

    def encode(self, papers: Sequence[Paper]) -> tuple[Sparse, dict[str, dict[int, float]]]:
        """Return rows for other papers, (papers, terms), and the words that the archive does not know.

        The latter are weights by word and row, so that a topic about something new finds its first papers.
        """
        entries = _Entries()
        strays: list[tuple[str, int, int]] = []
        for row, paper in enumerate(papers):
            counted = count_terms(paper)
            for term, count in counted.items():
                column = self.vocabulary.get(term)
                if column is not None:
                    entries.add(column, count)
                elif not is_pair(term):
                    strays.append((term, row, count))
            entries.end_row(counted)
        lengths = entries.lengths()
        weighted = self._bm25(entries.matrix(len(self.vocabulary)), lengths)
        roots = np.sqrt(norms(weighted))
        scale = 1 / (np.where(roots > 0, roots, np.sqrt(self.rarest)) * self._mean_root)
        unknown: dict[str, dict[int, float]] = {}
        for word, row, count in strays:
            weight = self.rarest * self._saturation(count, lengths[row]) * scale[row]
            unknown.setdefault(word, {})[row] = float(weight)
        return scaled(weighted, scale), unknown

    def _count(self, archive: Sequence[Paper]) -> tuple[Sparse, Floats]:
        frequent = self._frequent_pairs(archive)
        entries = _Entries()
        vocabulary = self.vocabulary
        for paper in archive:
            counted = count_terms(paper)
            for term, count in counted.items():
                if not is_pair(term) or frequent[_bucket(term)] >= LEAST_PAIRS:
                    entries.add(vocabulary.setdefault(term, len(vocabulary)), count)
            entries.end_row(counted)
        return entries.matrix(len(vocabulary)), entries.lengths()

    def _frequent_pairs(self, archive: Sequence[Paper]) -> bytearray:
        # Most pairs stand in one paper only. Counting them in buckets keeps them out of memory; two that share a
        # bucket may both stay, which does no harm.
        buckets = bytearray(SKETCH)
        for paper in archive:
            for term in count_terms(paper):
                if is_pair(term) and buckets[bucket := _bucket(term)] < LEAST_PAIRS:
                    buckets[bucket] += 1
        return buckets

    def _bm25(self, counted: Sparse, lengths: Floats) -> Sparse:
        weighted = counted.copy()
        per_entry = np.repeat(lengths, np.diff(weighted.indptr))
        weighted.data = self._saturation(weighted.data, per_entry) * self.idf[weighted.indices]
        return weighted

    def _saturation(self, count: Any, length: Any) -> Any:
        return count * (K1 + 1) / (count + K1 * (1 - B + B * length / max(self._mean_length, 1.0)))


def norms(matrix: Sparse) -> Floats:
    """Return the Euclidean length of each row."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return as_floats(np.sqrt(np.bincount(rows, matrix.data**2, minlength=matrix.shape[0])))


def as_floats(values: Any) -> Floats:
    """Return values as an array of float32."""
    return np.asarray(values, np.float32)


def scaled(matrix: Sparse, factors: npt.NDArray[Any]) -> Sparse:
    """Return a matrix with each row multiplied by its factor."""
    data = matrix.data * np.repeat(factors, np.diff(matrix.indptr)).astype(np.float32)
    return sp.csr_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def unit(matrix: Sparse) -> Sparse:
    """Return a matrix with rows of length 1; rows of zeros stay."""
    return scaled(matrix, 1 / np.maximum(norms(matrix), 1e-6))


def chunks(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield slices of at most `size`."""
    for start in range(0, len(things), size):
        yield things[start : start + size]


def _bucket(term: str) -> int:
    return crc32(term.encode("utf-8", "surrogatepass")) % SKETCH
