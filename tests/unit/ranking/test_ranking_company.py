"""Readers who liked a paper tell of new ones that lie near what else they liked, however few they are."""

import numpy as np
import scipy.sparse as sp

from newsletter.models import Paper
from newsletter.ranking import Ranker
from newsletter.ranking.company import Company
from newsletter.ranking.index import Index
from newsletter.ranking.taste import LEAST_READERS
from newsletter.ranking.vectors import Vectors

ARCHIVE = [Paper(id=at + 1, title=f"word{at} thing{at}") for at in range(12)]
# Papers 0 to 5 are liked together, and 6 to 11.
READERS = [[ARCHIVE[6 * (at % 2) + (at + step) % 6] for step in range(3)] for at in range(LEAST_READERS)]
NEAR = sp.csr_matrix(np.eye(12, dtype=np.float32)[[1, 7]])
NONE = sp.csr_matrix((0, 12), dtype=np.float32)


def test_a_new_paper_is_in_the_company_of_what_the_readers_of_its_neighbours_liked() -> None:
    alike = Company(Index(ARCHIVE), READERS).likeness([ARCHIVE[0], ARCHIVE[8]], NEAR, NONE)
    assert alike[0, 0] > 0 > alike[0, 1]
    assert alike[1, 1] > 0 > alike[1, 0]


def test_a_liked_paper_that_the_archive_lacks_is_in_the_company_of_its_neighbours() -> None:
    company = Company(Index(ARCHIVE), READERS)
    stranger = Paper(id=99, title="of none of these words")
    assert company.lacks([ARCHIVE[3], stranger]) == [1]
    alike = company.likeness([stranger, ARCHIVE[0]], NEAR, NEAR[[0]])
    assert np.allclose(alike[0], company.likeness([ARCHIVE[1]], NEAR, NONE)[0])


def test_a_paper_without_neighbours_is_neither_drawn_nor_driven_away() -> None:
    nowhere = sp.csr_matrix((1, 12), dtype=np.float32)
    assert Company(Index(ARCHIVE), READERS).likeness(ARCHIVE, nowhere, NONE).tolist() == [[0.0]] * 12


def test_few_readers_tell_nothing() -> None:
    assert not Company(Index(ARCHIVE), READERS[:-1]).known
    assert not Company(Index([]), READERS).known


def test_as_many_readers_again_count_no_more() -> None:
    once, twice = (Company(Index(ARCHIVE), READERS * times).likeness(ARCHIVE, NEAR, NONE) for times in (1, 8))
    assert 0.5 < twice.max() / once.max() < 2


def test_what_the_company_likes_comes_up_with_a_model() -> None:
    new = [Paper(id=50, title="nothing in common"), Paper(id=51, title="neither has this")]
    rows = np.eye(24, dtype=np.float32)[[*range(12), 1, 7]] + 0.1
    vectors = Vectors({one.id: at for at, one in enumerate((*ARCHIVE, *new))}, rows)
    ranker = Ranker()
    ranker.fit(ARCHIVE, READERS, vectors=vectors)
    first, second = ranker.score([ranker.profile(likes=[ARCHIVE[0]])], new)[0]
    assert first > second + 0.1


def test_the_company_is_learnt_only_where_a_model_tells_what_new_papers_are_near_to() -> None:
    ranker = Ranker()
    ranker.fit(ARCHIVE, READERS)
    assert not ranker._learned.company.known
    ranker.fit(ARCHIVE, READERS, vectors=Vectors({one.id: at for at, one in enumerate(ARCHIVE)}, np.eye(12)))
    assert ranker._learned.company.known
