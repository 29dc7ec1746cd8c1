"""Papers that only some people's own searches brought: nobody else gets them, or has an issue that depends on them."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.models import Paper, Reason
from newsletter.ranking import Profile

from test_ranking_selection import POOLS, PROFILES, RANKER  # isort: skip


def chosen(profile: Profile, papers: list[Paper], k: int) -> tuple[list[tuple[Paper, float]], str]:
    (one,) = RANKER.choose([profile], papers, k)
    places = [*one.picks, *([one.outside] if one.outside else [])]
    return [(papers[place], score) for place, score in places], one.cause


@settings(max_examples=200, deadline=None)
@given(PROFILES, POOLS, st.integers(1, 12), st.sets(st.integers(1, 40)), st.sets(st.integers(1, 40)))
def test_nobody_gets_what_others_searched_for_and_gets_the_same_as_without_it(
    profile: Profile, papers: list[Paper], k: int, private: set[int], theirs: set[int]
) -> None:
    papers = [one.model_copy(update={"shared": one.id not in private}) for one in papers]
    profile = replace(profile, own=tuple((number, "all:x") for number in sorted(theirs)))
    got, cause = chosen(profile, papers, k)
    assert all(paper.shared or paper.id in theirs for paper, _ in got)
    seen = [one for one in papers if one.shared or one.id in theirs]
    without, why = chosen(profile, seen, k)
    assert [paper.id for paper, _ in got] == [paper.id for paper, _ in without]
    assert cause == why
    weighed = RANKER.weigh(profile, papers, k)
    assert [papers[place].id for place, _ in weighed.chosen.picks] == [
        seen[place].id for place, _ in RANKER.weigh(profile, seen, k).chosen.picks
    ]
    for paper, reason in zip(papers, RANKER.reasons(profile, papers), strict=True):
        if not paper.shared and paper.id in theirs:
            assert reason == Reason("search", "all:x")
        if paper.id not in theirs:
            assert reason.kind != "search"


@settings(max_examples=50, deadline=None)
@given(PROFILES, POOLS, st.integers(1, 12), st.sets(st.integers(1, 40), min_size=1))
def test_without_own_searches_nothing_changes_where_all_is_everybodys(
    profile: Profile, papers: list[Paper], k: int, numbers: set[int]
) -> None:
    named = replace(profile, own=tuple((10_000 + number, "all:x") for number in sorted(numbers)))
    assert chosen(named, papers, k) == chosen(profile, papers, k)
