"""Kinship without a shared word, and where there is too little to learn it from."""

import random

import numpy as np
import pytest

from newsletter.models import Paper
from newsletter.ranking import Ranker
from newsletter.ranking.index import Index
from newsletter.ranking.latent import LEAST_PAPERS, Latent

KITCHEN = ("leek", "onion", "potato", "soup", "salt", "stew", "pan", "oven", "butter", "flour", "spoon", "garlic")
GARAGE = ("engine", "piston", "valve", "diesel", "torque", "clutch", "brake", "axle", "tyre", "pump", "belt", "gear")


def paper(text: str, number: int) -> Paper:
    return Paper(id=number, title=text)


def archive(count: int) -> list[Paper]:
    """Return papers of four words in turn of a kitchen and of a garage; leek and onion never stand together."""
    chance = random.Random(1)
    papers: list[Paper] = []
    while len(papers) < count:
        words = chance.sample((KITCHEN, GARAGE)[len(papers) % 2], 4)
        if not {"leek", "onion"} <= set(words):
            papers.append(paper(" and ".join(words), len(papers) + 1))
    return papers


@pytest.fixture
def two_dimensions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough to tell two kinds apart."""
    monkeypatch.setattr("newsletter.ranking.latent.DIMENSIONS", 2)


@pytest.mark.usefixtures("two_dimensions")
def test_papers_of_a_kind_are_near_though_they_share_no_word() -> None:
    index = Index(archive(LEAST_PAPERS))
    latent = Latent(index)
    names = ("leek", "onion", "piston", "zyzzogeton")
    rows, _ = index.encode([paper(name, 1000 + number) for number, name in enumerate(names)])
    leek, onion, piston, unknown = latent.of(rows)
    assert leek @ onion > 0.3 + leek @ piston
    assert not unknown.any()
    assert np.allclose(np.linalg.norm([leek, onion, piston], axis=1), 1, atol=1e-4)


@pytest.mark.usefixtures("two_dimensions")
@pytest.mark.parametrize("wish", [{"topics": ["leek"]}, {"likes": [paper("leek", 1000)]}])
def test_a_topic_and_a_like_draw_what_is_of_their_kind(wish: dict[str, list[object]]) -> None:
    ranker = Ranker()
    ranker.fit(archive(LEAST_PAPERS))
    kin, stranger = paper("onion", 1001), paper("clutch", 1002)
    scores = ranker.score([ranker.profile(**wish)], [stranger, kin])[0]  # type: ignore[arg-type]
    assert scores[1] > scores[0] + 0.01


def test_a_small_archive_teaches_nothing() -> None:
    index = Index(archive(LEAST_PAPERS - 1))
    latent = Latent(index)
    assert not latent.known
    assert latent.of(index.matrix).shape == (LEAST_PAPERS - 1, 0)


@pytest.mark.parametrize("text", ["", "word", "..."])
def test_an_archive_without_variety_does_no_harm(text: str) -> None:
    papers = [paper(text, number) for number in range(LEAST_PAPERS)]
    ranker = Ranker()
    ranker.fit(papers)
    assert np.isfinite(ranker.score([ranker.profile(["word"], likes=papers[:2])], papers[:5])).all()


def test_the_same_archive_gives_the_same_scores() -> None:
    first, second = Ranker(), Ranker()
    papers = archive(LEAST_PAPERS)
    for ranker in (first, second):
        ranker.fit(papers)
    profile = first.profile(["leek"], likes=papers[:3])
    assert np.array_equal(first.score([profile], papers), second.score([profile], papers))


def test_kinship_by_chance_lifts_few_papers_over_the_least_score() -> None:
    chance = random.Random(2)
    vocabulary = [f"w{number}q" for number in range(300)]
    papers = [paper(" and ".join(chance.sample(vocabulary, 6)), number) for number in range(1200)]
    ranker = Ranker()
    ranker.fit(papers[:900])
    new = papers[900:]
    chosen = ranker.top([ranker.profile([word]) for word in vocabulary[:20]], new, len(new))
    assert all(chosen)
    assert sum(map(len, chosen)) < 0.25 * 20 * len(new)
