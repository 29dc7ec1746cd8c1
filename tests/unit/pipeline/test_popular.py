"""That a paper is popular is said only of one with more votes than three quarters of the others, and than a few."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.models import Paper
from newsletter.pipeline.arranging import Placed
from newsletter.pipeline.choosing import arrange, popular_from
from newsletter.ranking import Ranker

WORDS = ("heron", "lathe", "quasar", "sonata", "glacier", "enzyme", "harbour", "pepper", "violin", "copper")


def day(votes: list[int]) -> list[Paper]:
    return [
        Paper(id=number, title=f"{WORDS[number % len(WORDS)]} {number}", abstract=f"word{number}", votes=count)
        for number, count in enumerate(votes, 1)
    ]


def mail(papers: list[Paper], size: int = 10, **profile: list[Paper]) -> list[Placed]:
    """Return the mail of somebody who asked for nothing."""
    ranker = Ranker()
    asking = ranker.profile(**profile)
    (chosen,) = ranker.choose([asking], papers, size)
    return arrange(ranker, asking, papers, chosen, popular=popular_from(papers))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=30), st.integers(0, 12))
def test_what_is_called_popular_beats_three_quarters_of_the_others(votes: list[int], disliked: int) -> None:
    papers = day(votes)
    for one in mail(papers, dislikes=papers[:disliked]):
        count = papers[one.place].votes
        voted = [other for other in votes if other]
        beaten = sum(other < count for other in voted)
        popular = count >= 10 and 4 * beaten >= 3 * (len(voted) - 1)
        assert one.reason.kind == ("popular" if popular else "new")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=25), st.integers(1, 25))
def test_what_is_popular_stands_before_what_is_merely_new(votes: list[int], size: int) -> None:
    papers = day(votes)
    placed = mail(papers, size)
    kinds = [one.reason.kind for one in placed]
    assert kinds == sorted(kinds, key=["popular", "new"].index)
    for kind in ("popular", "new"):
        scores = [one.score for one in placed if one.reason.kind == kind]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("votes", "popular"),
    [
        ([0, 0, 0], set()),
        ([0, 1, 2], set()),
        ([0, 0, 0, 9], set()),
        ([0, 0, 0, 10], {10}),
        ([0, 9, 90], {90}),
        ([0, 90], {90}),
        ([50], {50}),
        ([50, 50, 50, 50], set()),
        # Of a source that counts no votes nothing can be told, and nothing is made popular by it.
        ([0, 0, 0, 0, 0, 0, 11, 12, 13, 14, 15], {14, 15}),
        ([10, 20, 30, 40, 50, 60, 70, 80, 90], {70, 80, 90}),
    ],
)
def test_where_hardly_anybody_voted_papers_are_new(votes: list[int], popular: set[int]) -> None:
    papers = day(votes)
    assert {papers[one.place].votes for one in mail(papers) if one.reason.kind == "popular"} == popular


def test_what_the_editor_has_hidden_or_is_others_alone_is_no_measure() -> None:
    papers = day([6, 0, 19, 12, 0, 900, 900, 900, 900, 900])
    shut = [one.model_copy(update={"hidden": True} if one.id == 9 else {"shared": False}) for one in papers[5:]]
    assert popular_from([*papers[:5], *shut]) == popular_from(papers[:5]) == 13
    assert popular_from(shut) == 10
