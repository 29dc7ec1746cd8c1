"""Papers as rows of weighted terms: the vocabulary and statistics of the archive; knows no people and no topics."""

import itertools
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
from newsletter.ranking.text import STOP, is_term, terms, words

Floats = npt.NDArray[np.float32]
Sparse = Any  # scipy publishes no types

# Saturation and length of BM25 (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009, section 3.5).
K1 = 1.5
B = 0.75
# A word of the title counts as often as so many of the abstract.
TITLE = 2
# A pair of words that stands in fewer papers of the archive is left out; it is most often chance.
LEAST_PAIRS = 2
# So many papers beside those of the archive, with no words at all, stand for what is not known of the usual.
TOO_FEW = 10
# What stands where no word is that bears meaning.
NO_WORD = -1
NEAREST_BLOCK = 64

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


def _print(paper: Paper) -> int:
    return crc32("\n".join(fields(paper)).encode("utf-8", "surrogatepass"))


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


class _Numbers(dict[str, int]):
    """Numbers of words in the order in which they are first asked for."""

    def __missing__(self, word: str) -> int:
        self[word] = self._next
        self._next += 1
        return self._next - 1

    _next = 0


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
        self._prints = array("L", map(_print, archive))
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
        """What is usual, (terms,): the mean of the archive's rows, held back where they are too few to tell."""
        return as_floats(self.matrix.sum(axis=0)).ravel() / np.float32(self.size + TOO_FEW)

    @cached_property
    def units_by_term(self) -> Sparse:
        """The archive's rows at length 1, by term: (terms, papers)."""
        return unit(self.matrix).T.tocsr()

    def nearest(self, matrix: Sparse, papers: Sequence[Paper], count: int) -> Sparse:
        """Return for each paper the `count` of the archive that share most with it, (papers, archive); rows sum to 1.

        `matrix` are their rows of `encode`; a paper is not its own neighbour.
        """
        rows = unit(matrix)
        found = [sp.csr_matrix((0, self.size), dtype=np.float32)]
        for start in range(0, rows.shape[0], NEAREST_BLOCK):
            cosines = (rows[start : start + NEAREST_BLOCK] @ self.units_by_term).tocsr()
            for row, paper in enumerate(papers[start : start + NEAREST_BLOCK]):
                if (own := self.rows.get(paper_key(paper))) is not None:
                    there = slice(cosines.indptr[row], cosines.indptr[row + 1])
                    cosines.data[there][cosines.indices[there] == own] = 0
            found.append(heaviest(cosines, count))
        near = sp.vstack(found).tocsr()
        return scaled(near, 1 / np.maximum(as_floats(near.sum(axis=1)).ravel(), 1e-6))

    def encode(self, papers: Sequence[Paper]) -> tuple[Sparse, dict[str, dict[int, float]]]:
        """Return rows for other papers, (papers, terms), and the words that the archive does not know.

        The latter are weights by word and row, so that a topic about something new finds its first papers.
        """
        new = [at for at, paper in enumerate(papers) if self._place(paper) is None]
        there = [(at, place) for at, paper in enumerate(papers) if (place := self._place(paper)) is not None]
        encoded, unknown = self._encode_new([papers[at] for at in new])
        order = np.argsort([at for at, _ in there] + new)
        matrix = sp.vstack([self.matrix[[place for _, place in there]], encoded]).tocsr()[order]
        return matrix, {word: {new[row]: value for row, value in rows.items()} for word, rows in unknown.items()}

    def _place(self, paper: Paper) -> int | None:
        """Return where a paper stands in the archive, if it stands there with the very text."""
        place = self.rows.get(paper_key(paper))
        return place if place is not None and self._prints[place] == _print(paper) else None

    def _encode_new(self, papers: Sequence[Paper]) -> tuple[Sparse, dict[str, dict[int, float]]]:
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
        """Fill the vocabulary and return the counts, (papers, terms), and the words of each paper.

        What `count_terms` counts of each paper, for all of them at once: words are numbers, a pair is one of two.
        """
        numbers = _Numbers.fromkeys(STOP, NO_WORD)
        stream, weights, rows, lengths = array("i"), array("f"), array("i"), array("i")
        for row, paper in enumerate(archive):
            for place, text in enumerate(fields(paper)):
                before = len(stream)
                stream.extend(map(numbers.__getitem__, words(text)))
                stream.append(NO_WORD)
                lengths.append(len(stream) - before)
                weights.append(1 if place else TITLE)
                rows.append(row)
        read, sizes = np.array(stream, np.int32), np.array(lengths)
        weight, row_of = np.repeat(np.array(weights, np.float32), sizes), np.repeat(np.array(rows, np.int32), sizes)
        names = [word for word, number in numbers.items() if number >= 0]
        telling = np.array([is_term(word) for word in names], bool)
        self.vocabulary.update((word, at) for at, word in enumerate(itertools.compress(names, telling)))
        alone = read >= 0
        alone[alone] = telling[read[alone]]
        columns = (np.cumsum(telling) - 1)[read[alone]]
        shape = (self.size, len(self.vocabulary))
        single = sp.csr_matrix((weight[alone], (row_of[alone], columns)), shape=shape, dtype=np.float32)
        paired = np.flatnonzero((read[:-1] >= 0) & (read[1:] >= 0))
        codes, places = np.unique(read[paired].astype(np.int64) << 32 | read[paired + 1], return_inverse=True)
        shape = (self.size, len(codes))
        pairs = sp.csr_matrix((weight[paired], (row_of[paired], places)), shape=shape, dtype=np.float32)
        frequent = np.bincount(pairs.indices, minlength=len(codes)) >= LEAST_PAIRS
        for code in codes[frequent].tolist():
            self.vocabulary[f"{names[code >> 32]} {names[code & 0xFFFFFFFF]}"] = len(self.vocabulary)
        counted = sp.hstack([single, pairs[:, frequent]], format="csr", dtype=np.float32)
        return counted, as_floats(single.sum(axis=1)).ravel()

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


def heaviest(matrix: Sparse, count: int) -> Sparse:
    """Return a matrix with only the heaviest entries of each row."""
    keep = np.ones(len(matrix.data), bool)
    for row in range(matrix.shape[0]):
        start, end = matrix.indptr[row], matrix.indptr[row + 1]
        if end - start > count:
            keep[start + np.argpartition(-matrix.data[start:end], count)[count:]] = False
    kept = matrix.copy()
    kept.data[~keep] = 0
    kept.eliminate_zeros()
    return kept


def unit(matrix: Sparse) -> Sparse:
    """Return a matrix with rows of length 1; rows of zeros stay."""
    return scaled(matrix, 1 / np.maximum(norms(matrix), 1e-6))


def chunks(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield slices of at most `size`."""
    for start in range(0, len(things), size):
        yield things[start : start + size]
