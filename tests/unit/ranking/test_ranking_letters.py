"""Words that look alike make papers alike, also words that the archive does not know."""

import random

import numpy as np

from newsletter.models import Paper
from newsletter.ranking import Ranker
from newsletter.ranking.index import Index
from newsletter.ranking.latent import LEAST_PAPERS
from newsletter.ranking.letters import Letters

SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]


def archive(*titles: str) -> list[Paper]:
    chance = random.Random(3)
    made_up = [" ".join("".join(chance.choices(SYLLABLES, k=3)) for _ in range(6)) for _ in range(LEAST_PAPERS)]
    return [Paper(id=number, title=title) for number, title in enumerate([*made_up, *titles])]


def test_kindred_words_have_pieces_in_common() -> None:
    index = Index(archive("catalysis", "catalytic"))
    letters = Letters(index)
    rows, strays = index.encode(
        [Paper(id=9000 + at, title=t) for at, t in enumerate(("catalytic", "catalysts", "piano"))]
    )
    known, new, other = letters.of(rows, strays).toarray()
    assert known @ new > 0.4 > 0.1 > known @ other
    assert np.isclose(np.linalg.norm(known), 1, atol=1e-4)


def test_a_like_draws_a_paper_whose_only_word_is_new_and_kindred() -> None:
    papers = archive("catalysis", "catalytic")
    ranker = Ranker()
    ranker.fit(papers)
    kin, stranger = Paper(id=9001, title="catalysts"), Paper(id=9002, title="piano")
    scores = ranker.score([ranker.profile(likes=[papers[-2]])], [stranger, kin])[0]
    assert scores[1] > scores[0] + 0.1


def test_an_empty_archive_and_empty_papers_do_no_harm() -> None:
    index = Index([Paper(id=1, title="")])
    assert Letters(index).of(index.matrix).nnz == 0
