"""On real reading lists the ranker is better than the centroid of TF-IDF that it is measured against."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from outside import ROOT, load
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

READERS = 800


class Centroid:
    """The baseline: the mean TF-IDF vector of what a reader liked, or of their topics."""

    def fit(self, archive: list[dict[str, Any]], likes: list[list[int]], topics: list[list[str]]) -> None:
        self.vectorizer = TfidfVectorizer(sublinear_tf=True, stop_words="english")
        rows = self.vectorizer.fit_transform(document["text"] for document in archive)
        liked = [(reader, paper) for reader, papers in enumerate(likes) for paper in papers]
        places = tuple(zip(*liked, strict=True)) if liked else ((), ())
        lists = sp.csr_matrix((np.ones(len(liked)), places), shape=(len(likes), len(archive)))
        asked = self.vectorizer.transform(" ".join(words) for words in topics)
        self.centroids = normalize(lists @ rows + asked)

    def score(self, new_papers: list[dict[str, Any]], readers: Any) -> Any:
        return (self.centroids[readers] @ self.vectorizer.transform(one["text"] for one in new_papers).T).toarray()


@pytest.fixture(scope="module")
def measured(shared: Path) -> Any:
    evaluate = load(shared / "bench" / "ranking" / "evaluate.py")
    adapters = load(ROOT / "bench" / "ranking.py")
    likes, papers, fold = evaluate.load("papers-a")
    new, archive = np.flatnonzero(fold // 2 == 0), np.flatnonzero(fold // 2 != 0)
    known, truth = likes[:, archive].tocsr(), likes[:, new].tocsr()
    readers = np.flatnonzero((np.diff(truth.indptr) > 0) & (np.diff(known.indptr) > 0))[:READERS]
    lists = [known.indices[known.indptr[row] : known.indptr[row + 1]].tolist() for row in range(known.shape[0])]
    topics = evaluate.explicit_topics(known, [papers[at]["tags"] for at in archive])
    documents = [{"id": int(at), "text": evaluate.text_of(papers[at])} for at in range(len(papers))]

    def measure(adapter: Any, use: str) -> dict[str, float]:
        nothing: list[list[Any]] = [[] for _ in lists]
        adapter.fit(
            [documents[at] for at in archive],
            lists if use == "likes" else nothing,
            topics if use == "topics" else nothing,
        )
        scores = adapter.score([documents[at] for at in new], readers)
        figures: dict[str, float] = evaluate.measure(np.asarray(scores, np.float32), truth[readers])
        return figures

    return measure, adapters


@pytest.mark.parametrize(
    ("adapter", "use", "gain"), [("LightAlone", "topics", 1.1), ("LightAlone", "likes", 1.0), ("Light", "likes", 1.1)]
)
def test_it_beats_the_centroid(measured: Any, adapter: str, use: str, gain: float) -> None:
    measure, adapters = measured
    ours, theirs = measure(getattr(adapters, adapter)(), use), measure(Centroid(), use)
    for figure in ("recall@100", "issue ndcg@10"):
        assert ours[figure] > gain * theirs[figure], (ours, theirs)
