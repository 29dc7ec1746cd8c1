"""What papers mean to a model that somebody else trained: their vectors, made even over the archive; knows no words."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from newsletter.models import Paper
from newsletter.ranking.index import Floats, Index, Sparse, as_floats, norms
from newsletter.ranking.latent import best_papers
from newsletter.ranking.vectors import NONE, Vectors

# Fewer papers show neither a centre nor a spread.
LEAST_PAPERS = 5
# At so many papers their spread counts as much as one that is the same in all directions.
PRIOR = 100.0
# How far directions in which papers differ much are held back: 1 makes all alike, 0 leaves them. Measured.
EVENNESS = 0.5
# How the likeness of two papers is sharpened. Measured.
POWER = 2
# A new paper takes its factors of taste from so many of the nearest papers, weighted by this power of their likeness.
NEIGHBOURS = 40
NEAR = 4
# A paper whose neighbours disagree gets short factors, which count little.
DOUBT = 0.05
# A cosine of a topic and a paper that is no more than chance: with this, as many pass the least score as without model.
CHANCE = 0.1
SAMPLE = 400
BLOCK = 256


class Meaning:
    """Papers and topics as unit vectors of a model, in which no direction that all papers share drowns the others.

    Vectors of a model lie in a narrow cone. They are centred and whitened halfway on the archive (all-but-the-top, Mu
    and Viswanath, ICLR 2018; whitening of sentence vectors, Su and others, arXiv 2103.15316, 2021). The product of two
    whitened vectors is also what a ridge regression with the archive as negatives adds for one liked paper.
    """

    def __init__(self, index: Index, archive: Sequence[Paper], vectors: Vectors = NONE) -> None:
        """Take the vectors of papers, and make them even over those of the archive."""
        self._index = index
        self._vectors = vectors
        raw = vectors.of(archive)
        there = raw.any(axis=1)
        self.known = int(there.sum()) >= LEAST_PAPERS
        self.archive = raw
        if not self.known:
            return
        self._centre = raw[there].mean(axis=0)
        self._axes = _axes(raw[there] - self._centre)
        self.archive = self._even(raw)
        sample = self.archive[there][:: max(1, int(there.sum()) // SAMPLE)]
        self._mean = (float(_sharpened(sample @ sample.T).sum()) - len(sample)) / (len(sample) * (len(sample) - 1))

    def unplaced(self, papers: Sequence[Paper]) -> list[Paper]:
        """Return the papers of whose vectors, by their text of now, nothing was told; none where there is no model."""
        return self._vectors.lack(papers) if self.known else []

    def place(self, vectors: Vectors) -> None:
        """Take the vectors of papers that came after the archive; what was made even over that stays."""
        self._vectors = self._vectors.joined(vectors)

    def of(self, papers: Sequence[Paper]) -> Floats:
        """Return the even unit vectors of papers, (papers, dimensions); zeros for those without."""
        return self._even(self._vectors.of(papers)) if self.known else self._vectors.of(papers)

    def likeness(self, liked: Floats, papers: Floats) -> Floats:
        """Return how alike papers are to liked ones, (liked, papers) from their vectors; 0 is as alike as any two."""
        alike = _sharpened(liked @ papers.T) - np.float32(self._mean)
        alike[~liked.any(axis=1)] = 0
        alike[:, ~papers.any(axis=1)] = 0
        return as_floats(alike)

    def fitness(self, topics: Sparse, papers: Floats) -> Floats:
        """Return how well papers fit topics, (topics, papers), given the topics' rows of terms and the papers' vectors.

        A topic lies where its best papers of the archive lie: what its own words mean to the model added nothing.
        """
        placed = _unit(as_floats(best_papers(self._index, topics) @ self.archive))
        fit = placed @ papers.T - np.float32(CHANCE) * placed.any(axis=1, keepdims=True)
        fit[:, ~papers.any(axis=1)] = 0
        return as_floats(fit * norms(topics)[:, None])

    def near(self, papers: Floats) -> Sparse:
        """Return the neighbours of papers, given their vectors, (papers, archive); rows sum to nearly 1."""
        columns, weights, ends = [np.zeros(0, np.int32)], [np.zeros(0, np.float32)], [0]
        for start in range(0, len(papers), BLOCK):
            for row in np.maximum(papers[start : start + BLOCK] @ self.archive.T, 0) ** NEAR:
                best = np.argpartition(-row, NEIGHBOURS)[:NEIGHBOURS] if len(row) > NEIGHBOURS else np.arange(len(row))
                columns.append(best.astype(np.int32))
                weights.append(row[best] / (row[best].sum() + DOUBT))
                ends.append(ends[-1] + len(best))
        shape = (len(papers), len(self.archive))
        near = sp.csr_matrix((np.concatenate(weights), np.concatenate(columns), ends), shape=shape)
        near.eliminate_zeros()
        return near

    def _even(self, raw: Floats) -> Floats:
        even = _unit(as_floats((raw - self._centre) @ self._axes))
        even[~raw.any(axis=1)] = 0
        return even


def _axes(centred: Floats) -> Floats:
    """Return what makes centred vectors even, (dimensions, dimensions)."""
    count, dimensions = centred.shape
    spread = centred.T.astype(np.float64) @ centred
    spread += PRIOR / count * np.trace(spread) / dimensions * np.eye(dimensions)
    values, axes = np.linalg.eigh(spread)
    held = np.maximum(values, 0) + max(values.mean(), 1e-12)
    return as_floats(axes * (held / held.mean()) ** (-EVENNESS / 2))


def _sharpened(cosines: Floats) -> Floats:
    return as_floats(np.maximum(cosines, 0) ** POWER)


def _unit(vectors: Floats) -> Floats:
    return as_floats(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6))
