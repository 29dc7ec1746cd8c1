"""What a model of embeddings adds to words, and that nothing of it breaks what holds for words."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ranking_library import CATALOGUE, PAPERS

from newsletter.models import Paper
from newsletter.ranking import Ranker
from newsletter.ranking.vectors import Vectors

DIMENSIONS = 12
THEME = {"weights": 0, "video": 1, "protein": 2}


def vectors(papers: tuple[Paper, ...] = PAPERS, *, seed: int = 0, without: frozenset[object] = frozenset()) -> Vectors:
    """Put papers of a theme near each other and all of them into a narrow cone, as models do."""
    chance = np.random.default_rng(seed)
    rows = chance.standard_normal((len(papers), DIMENSIONS)) / 5 + 2
    for row, paper in zip(rows, papers, strict=True):
        for word, axis in THEME.items():
            row[axis] += 2 * (word in f"{paper.title} {paper.abstract}".casefold())
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    places = {paper.id: row for row, paper in enumerate(papers) if paper.id not in without}
    return Vectors(places, rows)


def fitted(found: Vectors | None, archive: tuple[Paper, ...] = PAPERS) -> Ranker:
    ranker = Ranker(CATALOGUE)
    ranker.fit(archive, vectors=found)
    return ranker


def test_a_paper_of_the_same_meaning_rises_though_it_shares_no_word() -> None:
    foreign = Paper(id=900, title="Eiweißstrukturen vorhersagen")
    stranger = Paper(id=901, title="Gedichte übersetzen")
    rows = np.concatenate([vectors().of(PAPERS), vectors().of([PAPERS[7]]), np.eye(DIMENSIONS)[[9]]])
    everything = Vectors({paper.id: row for row, paper in enumerate((*PAPERS, foreign, stranger))}, rows)
    for wish in ({"likes": [PAPERS[8]]}, {"topics": ["protein-structure"]}):
        light, embedded = fitted(None), fitted(everything)
        profile = light.profile(**wish)  # type: ignore[arg-type]
        without = light.score([profile], [foreign, stranger])[0]
        scores = embedded.score([profile], [foreign, stranger])[0]
        assert scores[0] - scores[1] > without[0] - without[1] + 0.1


def test_without_vectors_all_is_as_it_was() -> None:
    empty = Vectors({}, np.zeros((0, DIMENSIONS), np.float16))
    profile = Ranker().profile(["low-rank-adaptation"], likes=PAPERS[:2], dislikes=[PAPERS[5]])
    assert np.array_equal(fitted(None).score([profile], PAPERS), fitted(empty).score([profile], PAPERS))


def test_a_paper_without_a_vector_is_neither_drawn_nor_driven_away() -> None:
    gone = frozenset({PAPERS[12].id})
    profile = Ranker().profile(likes=[PAPERS[13]])
    light = fitted(None).score([profile], PAPERS)[0]
    embedded = fitted(vectors(without=gone)).score([profile], PAPERS)[0]
    assert embedded[12] == pytest.approx(light[12], abs=1e-3)


def test_vectors_that_do_not_fit_their_papers_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        Vectors({1: 5}, np.zeros((2, 3), np.float32))


places = st.integers(0, len(PAPERS) - 1)
wishes = st.fixed_dictionaries(
    {
        "topics": st.lists(st.sampled_from(["video", "adapters", "protein", "laundry"]), max_size=3),
        "likes": st.lists(places, max_size=5).map(lambda found: [PAPERS[at] for at in found]),
    }
)


def test_what_is_far_from_a_topic_stays_below_the_least_score() -> None:
    ranker = fitted(vectors())
    chosen = ranker.top([ranker.profile(["video-generation"])], PAPERS, len(PAPERS))[0]
    assert {4, 5, 6} <= {place for place, _ in chosen}
    assert len(chosen) < len(PAPERS) / 2


@settings(max_examples=60, deadline=None)
@given(wish=wishes, seed=st.integers(0, 3), unknown=st.frozensets(places, max_size=8), column=places)
def test_without_the_thing_that_is_named_the_score_is_lower(
    wish: dict[str, list[object]], seed: int, unknown: frozenset[int], column: int
) -> None:
    ranker = fitted(vectors(seed=seed, without=frozenset(PAPERS[at].id for at in unknown)))
    profile = ranker.profile(**wish)  # type: ignore[arg-type]
    paper = PAPERS[column]
    scores = ranker.score([profile], PAPERS)
    assert np.isfinite(scores).all()
    reason = ranker.explain(profile, paper)
    if reason.kind == "popular":
        return
    rest = ranker.profile(
        [topic for topic in wish["topics"] if not (reason.kind == "topic" and topic == reason.subject)],  # type: ignore[misc]
        [liked for liked in wish["likes"] if not (reason.kind == "like" and liked.title == reason.subject)],  # type: ignore[attr-defined, misc]
    )
    assert ranker.score([rest], PAPERS)[0, column] < scores[0, column]


@settings(max_examples=30, deadline=None)
@given(wish=wishes, seed=st.integers(0, 3))
def test_what_is_chosen_is_in_order_and_of_the_block_the_same(wish: dict[str, list[object]], seed: int) -> None:
    ranker = fitted(vectors(seed=seed))
    profile, other = ranker.profile(**wish), ranker.profile(["video-generation"])  # type: ignore[arg-type]
    (alone,), (together, _) = ranker.top([profile], PAPERS, 6), ranker.top([profile, other], PAPERS, 6)
    assert [place for place, _ in alone] == [place for place, _ in together]
    assert all(first >= second for (_, first), (_, second) in pairwise(alone))


@pytest.mark.parametrize("archive", [(), PAPERS[:1], PAPERS[:6]])
def test_a_tiny_archive_does_no_harm(archive: tuple[Paper, ...]) -> None:
    ranker = fitted(vectors(), archive)
    profile = ranker.profile(["protein-structure"], likes=[PAPERS[0]])
    assert np.isfinite(ranker.score([profile], PAPERS)).all()
    assert ranker.top([profile], PAPERS, 3)[0]
