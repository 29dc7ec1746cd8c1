"""That a paper is popular is said only of one of more votes than half of the papers at hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.models import Paper
from newsletter.pipeline.choosing import arrange
from newsletter.ranking import Ranker

WORDS = ("heron", "lathe", "quasar", "sonata", "glacier", "enzyme", "harbour", "pepper", "violin", "copper")


def day(votes: list[int]) -> list[Paper]:
    return [
        Paper(id=number, title=f"{WORDS[number % len(WORDS)]} {number}", abstract=f"word{number}", votes=count)
        for number, count in enumerate(votes, 1)
    ]


def kinds(papers: list[Paper], size: int = 10, **profile: list[Paper]) -> dict[int, str]:
    """Return by their votes why papers are in the mail of somebody who asked for nothing."""
    ranker = Ranker()
    asking = ranker.profile(**profile)
    (chosen,) = ranker.choose([asking], papers, size)
    return {papers[one.place].votes: one.reason.kind for one in arrange(ranker, asking, papers, chosen)}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=30), st.integers(0, 12))
def test_what_is_called_popular_is_of_the_better_half(votes: list[int], disliked: int) -> None:
    papers = day(votes)
    for count, kind in kinds(papers, dislikes=papers[:disliked]).items():
        beaten = sum(other < count for other in votes)
        if kind == "popular":
            assert count > 1
            assert 2 * sum(other <= count for other in votes) > len(votes)
            assert beaten
        else:
            assert kind == "new"
            assert count <= 1 or 2 * beaten <= len(votes)


@pytest.mark.parametrize(
    ("votes", "popular"),
    [
        ([0, 0, 0], set()),
        ([0, 1, 2], {2}),
        ([0, 9, 90], {90}),
        ([0, 90], {90}),
        ([50], set()),
        ([5, 5, 5, 5], set()),
        ([0, 0, 0, 3, 4], {3, 4}),
    ],
)
def test_where_hardly_anybody_voted_papers_are_new(votes: list[int], popular: set[int]) -> None:
    assert {count for count, kind in kinds(day(votes)).items() if kind == "popular"} == popular


def test_what_the_editor_has_hidden_or_is_others_alone_is_no_measure() -> None:
    papers = day([3, 0, 4, 0, 900, 900, 900, 900, 900])
    shut = [one.model_copy(update={"hidden": True} if one.id == 9 else {"shared": False}) for one in papers[4:]]
    assert kinds([*papers[:4], *shut]) == {4: "popular", 3: "popular", 0: "new"}
