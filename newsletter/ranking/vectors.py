"""Where a model of embeddings puts papers, as unit vectors by paper; knows no model, no texts and no database."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from newsletter.models import Paper
from newsletter.ranking.index import Floats
from newsletter.ranking.profile import paper_key


class Vectors:
    """Unit vectors of papers, all of one model; a paper that has none gets zeros, which are near to nothing."""

    def __init__(
        self,
        places: Mapping[object, int],
        rows: npt.NDArray[np.floating[Any]],
        texts: Mapping[object, int] | None = None,
    ) -> None:
        """Take vectors of length 1, (papers, dimensions) of float16 or float32, and in which row each paper stands.

        The keys are those of `paper_key`: the paper's id or, without one, its title and abstract. By the same keys
        `texts` has the `text_key` of what was read of papers whose text may change.
        """
        if rows.ndim != 2 or any(not 0 <= row < len(rows) for row in places.values()):
            raise ValueError(f"vectors of the shape {rows.shape} do not fit {len(places)} papers")
        self._places = places
        self._rows = rows
        self._texts = {} if texts is None else texts

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        return int(self._rows.shape[1])

    def lack(self, papers: Sequence[Paper]) -> list[Paper]:
        """Return the papers that stand in no row, or with another text than they have."""
        return [paper for paper in papers if not self._holds(paper)]

    def _holds(self, paper: Paper) -> bool:
        key = paper_key(paper)
        return key in self._places and (key not in self._texts or self._texts[key] == text_key(paper))

    def joined(self, others: "Vectors") -> "Vectors":
        """Return these vectors and others of the same model, which count where a paper has both."""
        if others.dimensions != self.dimensions:
            raise ValueError(f"vectors of {others.dimensions} numbers cannot join those of {self.dimensions}")
        places, rows, texts = others.parts()
        moved = {key: row + len(self._rows) for key, row in places.items()}
        return Vectors({**self._places, **moved}, np.concatenate([self._rows, rows]), {**self._texts, **texts})

    def parts(self) -> tuple[Mapping[object, int], npt.NDArray[np.floating[Any]], Mapping[object, int]]:
        """Return in which row each paper stands, the rows, and of which text they are."""
        return self._places, self._rows, self._texts

    def of(self, papers: Sequence[Paper]) -> Floats:
        """Return the vectors of papers, float32 (papers, dimensions)."""
        found = np.zeros((len(papers), self.dimensions), np.float32)
        known = [
            (at, row) for at, paper in enumerate(papers) if (row := self._places.get(paper_key(paper))) is not None
        ]
        if known:
            at, rows = zip(*known, strict=True)
            found[list(at)] = self._rows[list(rows)]
        return found


def text_key(paper: Paper) -> int:
    """Return what tells the text of a paper that models read from other texts, within this process."""
    return hash((paper.title, paper.abstract))


NONE = Vectors({}, np.zeros((0, 0), np.float32))
