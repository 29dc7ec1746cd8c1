"""The archive counted at once is the archive counted paper by paper, and neighbours are other papers."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.models import Paper
from newsletter.ranking.index import LEAST_PAIRS, Index, count_terms, is_pair

WORDS = ("graph", "neural", "x", "the", "of", "cell", "walks", "Zürich", "量子", "C++", "2024")
texts = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
papers = st.lists(st.tuples(texts, texts, st.lists(texts, max_size=2)), max_size=8).map(
    lambda rows: [
        Paper(id=at, title=title, abstract=abstract, keywords=tuple(keywords))
        for at, (title, abstract, keywords) in enumerate(rows)
    ]
)


@settings(max_examples=60, deadline=None)
@given(papers)
def test_terms_are_those_of_each_paper_less_rare_pairs(archive: list[Paper]) -> None:
    index = Index(archive)
    counted = [count_terms(paper) for paper in archive]
    spread = Counter(term for counts in counted for term in counts)
    kept = {term for term in spread if not is_pair(term) or spread[term] >= LEAST_PAIRS}
    assert set(index.vocabulary) == kept
    assert sorted(index.vocabulary.values()) == list(range(len(kept)))
    for row, counts in enumerate(counted):
        columns = index.matrix[row].indices
        assert set(columns.tolist()) == {index.vocabulary[term] for term in counts if term in kept}


@settings(max_examples=40, deadline=None)
@given(papers)
def test_a_paper_of_the_archive_has_its_row_whether_or_not_it_is_known(archive: list[Paper]) -> None:
    index = Index(archive)
    others = [paper.model_copy(update={"id": 1000 + number}) for number, paper in enumerate(archive)]
    mixed = [one for pair in zip(archive, others, strict=True) for one in pair]
    rows, strays = index.encode(mixed)
    assert not strays
    assert np.allclose(rows.toarray(), np.repeat(index.matrix.toarray(), 2, axis=0), atol=1e-5)


def test_a_changed_text_is_read_anew() -> None:
    old = Paper(id=1, title="Graphs of cells")
    index = Index([old, Paper(id=2, title="Neural walks")])
    rows, strays = index.encode([old.model_copy(update={"title": "Neural tangents"})])
    assert rows.indices.tolist() == [index.vocabulary["neural"]]
    assert set(strays) == {"tangent"}


def test_neighbours_are_the_nearest_others() -> None:
    titles = ("graphs of cells", "graphs of cell walls", "neural walks", "neural networks", "cells")
    archive = [Paper(id=number, title=title) for number, title in enumerate(titles)]
    index = Index(archive)
    near = index.nearest(index.matrix, archive, 1).toarray()
    assert near.argmax(axis=1).tolist()[:4] == [1, 0, 3, 2]
    assert not near.diagonal().any()
    assert np.allclose(near.sum(axis=1), 1)
