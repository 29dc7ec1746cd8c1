"""Which papers make an issue: no two of a kind, the reader's own length and bar, votes, and the place outside."""

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.models import Paper
from newsletter.ranking import Profile, Ranker, selection
from newsletter.ranking.names import author_key
from newsletter.ranking.selection import Chosen, minutes_to_read
from newsletter.ranking.text import mutes, plain_stream, word_stream

from ranking_library import CATALOGUE, NOON, PAPERS  # isort: skip

WORDS = """
    video diffusion camera protein folding robot cloth speech attention kernel proof privacy gradient memory
""".split()  # noqa: SIM905 - a quote for each would hide the words
THEMES = ["video generation", "protein folding", "robots", "speech", "privacy", "nothing of it"]
COPIES = [one.model_copy(update={"id": 1000 + number}) for number, one in enumerate(PAPERS * 13)]
RANKER = Ranker(CATALOGUE)
RANKER.fit([*PAPERS, *COPIES])

MADE = st.builds(
    lambda title, abstract, votes, days, hidden, author: Paper(
        title=" ".join(title),
        abstract=" ".join(abstract),
        votes=votes,
        first_seen_at=NOON - timedelta(days=days),
        hidden=hidden,
        authors=(author,),
    ),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=4),
    st.lists(st.sampled_from(WORDS), max_size=40),
    st.integers(0, 10**9),
    st.integers(0, 14),
    st.booleans(),
    st.sampled_from(["Bo Li", "Ada Author3", "Zoë Müller"]),
)
POOLS = st.lists(MADE, min_size=1, max_size=40).map(
    lambda made: [*(one.model_copy(update={"id": 1 + at}) for at, one in enumerate(made)), *PAPERS]
)
PROFILES = st.builds(
    RANKER.profile,
    st.lists(st.tuples(st.sampled_from(THEMES), st.floats(-1, 1)), max_size=4),
    st.lists(st.sampled_from(PAPERS), max_size=4),
    st.lists(st.sampled_from(PAPERS), max_size=4),
    st.lists(st.sampled_from(["video", "proteins", "low-rank update"]), max_size=2),
    authors=st.lists(st.sampled_from(["Bo Li", "Zoë Müller"]), max_size=1),
    muted_authors=st.lists(st.sampled_from(["bo li", "Ada Author3"]), max_size=1),
    papers=st.none() | st.integers(1, 12),
    minutes=st.none() | st.integers(2, 12),
    bar=st.sampled_from(["few", "normal", "many"]),
)


def all_of(chosen: Chosen) -> list[int]:
    return [place for place, _ in [*chosen.picks, *([chosen.outside] if chosen.outside else [])]]


def cosines(papers: list[Paper], places: list[int]) -> np.ndarray:
    rows, _ = RANKER._prepared(papers).vectors()
    return np.asarray((rows[places] @ rows[places].T).toarray())


@settings(max_examples=150, deadline=None)
@given(st.lists(PROFILES, min_size=1, max_size=3), POOLS, st.integers(1, 12), st.sets(st.integers(1, 40), max_size=20))
def test_what_an_issue_promises(profiles: list[Profile], papers: list[Paper], k: int, had: set[int]) -> None:
    received = [had] * len(profiles)
    chosen = RANKER.choose(profiles, papers, k, received=received)
    assert chosen == RANKER.choose(profiles, papers, k, received=received)
    scores = RANKER.score(profiles, papers)
    for row, (profile, one) in enumerate(zip(profiles, chosen, strict=True)):
        places = all_of(one)
        assert len(places) == len(set(places)) <= (profile.papers or k)
        assert bool(places) is not bool(one.cause)
        if profile.minutes is not None:
            assert sum(minutes_to_read(papers[place]) for place in places) <= profile.minutes + 1e-4
        values = [score for _, score in one.picks]
        assert values == sorted(values, reverse=True)
        assert np.allclose(values, scores[row, [place for place, _ in one.picks]], rtol=1e-3, atol=1e-5)
        alike = cosines(papers, [place for place, _ in one.picks]) if one.picks else np.zeros((0, 0))
        assert not (alike[~np.eye(len(alike), dtype=bool)] > 0.8501).any()
        for place in places:
            texts = (papers[place].title, papers[place].abstract)
            assert not papers[place].hidden
            assert papers[place].id not in had
            assert not any(mutes(phrase, word_stream(texts), plain_stream(texts)) for phrase in profile.muted)
            assert not {author_key(name) for name in papers[place].authors} & set(profile.muted_authors)


@settings(max_examples=100, deadline=None)
@given(PROFILES, POOLS, st.floats(0, 1), st.floats(0, 1))
def test_votes_never_put_a_paper_before_one_that_matches_clearly_better(
    profile: Profile, papers: list[Paper], popularity: float, freshness: float
) -> None:
    ranker, bare = (Ranker(CATALOGUE, popularity=p, freshness=f) for p, f in ((popularity, freshness), (0, 0)))
    for one in (ranker, bare):
        one.fit(PAPERS)
    scores, matches = (one.score([profile], papers)[0] for one in (ranker, bare))
    most = popularity + freshness
    for better in range(len(papers)):
        clearly = (matches[better] > 0) & (matches[better] > np.maximum(matches, 0) * (1 + most) + 1e-3 * most + 1e-5)
        assert (scores[better] > scores[clearly]).all()


def day(count: int = 30) -> list[Paper]:
    """Return papers on a few themes, of which several say nearly the same."""
    kinds = ("video camera", "protein folding", "speech hours", "privacy gradients")
    return [
        Paper(
            id=1 + at,
            title=f"{kinds[at % 4]} {WORDS[at % 13]}",
            abstract=f"{kinds[at % 4]} {WORDS[(at * 5) % 14]} {WORDS[(at * 3) % 11]} number{at}",
            votes=at,
            first_seen_at=NOON,
        )
        for at in range(count)
    ]


def test_a_reader_gets_as_many_as_they_asked_for() -> None:
    profiles = [RANKER.profile(["video generation"], papers=papers) for papers in (None, 1, 3)]
    assert [len(picks) for picks in RANKER.top(profiles, day(), 2)] == [2, 1, 3]


def test_minutes_are_held_and_shorter_papers_fill_what_is_left() -> None:
    long = [one.model_copy(update={"abstract": f"{one.abstract} " + "zyzzo " * 300}) for one in day(20)]
    for minutes in (2, 5):
        [picks] = RANKER.top([RANKER.profile(["video generation"], minutes=minutes)], [*long, *PAPERS], 10)
        spent = sum(minutes_to_read([*long, *PAPERS][place]) for place, _ in picks)
        assert minutes - 1.5 < spent <= minutes


def test_no_paper_is_too_long_to_be_read_at_all() -> None:
    endless = PAPERS[4].model_copy(update={"abstract": PAPERS[4].abstract + " video generation" * 25_000})
    assert len(RANKER.top([RANKER.profile(["video generation"], minutes=2)], [endless], 5)[0]) == 1


def test_few_is_less_than_normal_and_many_more() -> None:
    wide = RANKER.profile(["video generation", "protein folding"], likes=[PAPERS[4]])
    few, normal, many = (
        {place for place, _ in picks}
        for picks in RANKER.top([replace(wide, bar=bar) for bar in ("few", "normal", "many")], PAPERS, 16)
    )
    assert few < normal <= many
    assert few


def test_an_empty_issue_has_a_cause() -> None:
    video = RANKER.profile(["video generation"])
    papers = list(PAPERS)
    ids = [paper.id for paper in papers]
    good = [paper.id for paper in papers if "video" in f"{paper.title} {paper.abstract}".lower()]
    hidden = [paper.model_copy(update={"hidden": True}) for paper in papers]

    def cause(profile: Profile, papers: list[Paper], had: list[int | None]) -> str:
        [one] = RANKER.choose([profile], papers, 5, received=[[number for number in had if number is not None]])
        assert one.picks == []
        return one.cause

    assert cause(video, [], []) == "no papers"
    assert cause(video, hidden, []) == "no papers"
    assert cause(video, papers, ids) == "received"
    assert cause(RANKER.profile(["zyzzogeton"]), papers, []) == "no match"
    assert cause(RANKER.profile(["video"], bar="few"), papers, good) == "no match"
    assert cause(RANKER.profile(["video"], muted=["diffusion"]), [papers[4]], []) == "muted"


def test_an_issue_is_of_more_than_one_kind_where_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = RANKER.profile(["video generation", "protein folding", "speech", "privacy"])

    def kinds() -> Counter[int]:
        return Counter(place % 4 for place, _ in RANKER.top([profile], day(), 6)[0])

    after = kinds()
    monkeypatch.setattr(selection, "DIVERSITY", 0.0)
    assert len(after) > len(kinds()) or max(after.values()) < max(kinds().values())


def test_the_place_outside_is_one_and_last_and_of_nothing_that_they_asked_for() -> None:
    profile = RANKER.profile(["video generation"])
    papers = [*day(), *PAPERS]
    [one] = RANKER.choose([profile], papers, 6)
    assert one.outside is not None
    assert len(one.picks) == 5
    assert one.picks == RANKER.top([profile], papers, 6)[0][:5]
    assert one.outside[1] < min(score for _, score in one.picks)
    place = one.outside[0]
    assert "video" not in papers[place].title
    [calm] = RANKER.choose([replace(profile, muted=("protein", "privacy", "speech"))], papers, 6)
    assert calm.outside is None or calm.outside[0] != place


@pytest.mark.parametrize(
    "profile",
    [
        RANKER.profile(),
        RANKER.profile(["video generation"], bar="few"),
        RANKER.profile(["video generation"], papers=4),
        RANKER.profile(dislikes=PAPERS),
    ],
    ids=["no wishes", "few", "a short issue", "only dislikes"],
)
def test_there_is_no_place_outside_for_who_would_not_want_one(profile: Profile) -> None:
    [one] = RANKER.choose([profile], [*day(), *PAPERS], 6)
    assert one.outside is None
    assert one.picks


def test_the_place_outside_can_be_turned_off_and_is_never_near_a_dislike() -> None:
    papers = [*day(), *PAPERS]
    profile = RANKER.profile(["video generation"])
    off = Ranker(CATALOGUE, outside=False)
    off.fit([*PAPERS, *COPIES])
    assert off.choose([profile], papers, 6)[0].outside is None
    rejected = replace(profile, dislikes=tuple((paper, 1.0) for paper in PAPERS[7:]))
    [one] = RANKER.choose([rejected], papers, 6)
    if one.outside is not None:
        near = RANKER._prepared(papers).like_scores(PAPERS[7:])[:, one.outside[0]]
        assert near.max() < selection.NEAR_DISLIKE


def test_many_papers_are_chosen_from_without_holding_the_likeness_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    profiles = [RANKER.profile([theme]) for theme in THEMES]
    papers = day(40)
    whole = RANKER.top(profiles, papers, 5)
    monkeypatch.setattr(selection, "HELD", 3)
    other = Ranker(CATALOGUE)
    other.fit([*PAPERS, *COPIES])
    assert other.top(profiles, papers, 5) == whole


KINDS = [[f"{name}{number}" for number in range(12)] for name in ("alpha", "beta", "gamma", "delta", "eta", "theta")]


def month(seed: int = 1, count: int = 240) -> list[Paper]:
    """Return papers of six kinds, the older ones first."""
    chance = random.Random(seed)
    common = [f"word{number}" for number in range(60)]
    papers = []
    for number in range(1, count + 1):
        words = [*chance.choices(KINDS[number % len(KINDS)], k=12), *chance.choices(common, k=24)]
        papers.append(Paper(id=number, title=" ".join(words[:4]), abstract=" ".join(words), votes=number % 7))
    return papers


@pytest.mark.parametrize("likes", [1, 5, 30, 120])
@pytest.mark.parametrize("topics", [(), ("alpha1 alpha2",)])
def test_likes_of_many_kinds_silence_nobody(likes: int, topics: tuple[str, ...]) -> None:
    papers = month()
    ranker = Ranker(outside=False)
    ranker.fit(papers)
    liked = random.Random(likes).sample(papers[:120], likes)
    (chosen,) = ranker.choose([ranker.profile(topics, likes=liked)], papers[120:], 10)
    assert len(chosen.picks) >= 5


def test_a_liked_paper_at_hand_does_not_set_the_bar_of_those_who_want_few() -> None:
    papers = month()
    ranker = Ranker(outside=False)
    ranker.fit(papers)
    liked = papers[130]
    profile = ranker.profile(["alpha1 alpha2 alpha3"], likes=[liked], bar="few")
    (chosen,) = ranker.choose([profile], papers[120:], 10, received=[[liked.id]])
    assert chosen.picks


def test_what_was_asked_for_does_not_come_from_outside_the_topics() -> None:
    # Each of two kinds: what is asked for stands beside what is asked against.
    papers = [
        one.model_copy(update={"abstract": f"{one.abstract} {' '.join(other.abstract.split()[:6])}"})
        for one, other in zip(month(), month(seed=2)[7:] + month(seed=2)[:7], strict=True)
    ]
    ranker = Ranker()
    ranker.fit(papers)
    came = 0
    for weight in (-0.2, -0.4, -0.6, -0.8, -1.0):
        for kind in KINDS[1:]:
            profile = ranker.profile([("alpha1 alpha2", 1.0), (" ".join(kind[1:3]), weight)])
            (chosen,) = ranker.choose([profile], papers[120:], 10)
            (wishing,) = ranker.top([ranker.profile(["alpha1 alpha2"])], papers[120:], 120)
            if chosen.outside is not None:
                came += 1
                assert chosen.outside[0] not in dict(wishing)
    assert came > 5


def test_what_comes_from_outside_is_not_of_a_kind_with_what_was_chosen() -> None:
    papers = month()
    ranker = Ranker()
    ranker.fit(papers)
    topics, came = [("delta1 delta2", 0.3)], 0
    for at in range(120, 170):
        # A followed author's paper is in the mail; a popular one outside the topics says the very same.
        star = papers[at].model_copy(update={"authors": ("Ada Lovelace",)})
        update = {"id": 9999, "title": f"{star.title} extended", "authors": ("Bo Li",), "votes": 500}
        day = [*papers[120:at], star, *papers[at + 1 :], star.model_copy(update=update)]
        profiles = [ranker.profile(topics), ranker.profile(topics, authors=["Ada Lovelace"])]
        without, following = ranker.choose(profiles, day, 10)
        best = without.outside is not None and day[without.outside[0]].id == 9999
        if best and star.id in {day[place].id for place, _ in following.picks}:
            came += 1
            assert following.outside is None or day[following.outside[0]].id != 9999
    assert came > 2


def test_who_disliked_everything_gets_nothing_from_outside() -> None:
    papers = month(count=60)
    ranker = Ranker()
    ranker.fit(papers)
    (chosen,) = ranker.choose([ranker.profile(["alpha1 alpha2"], dislikes=papers)], papers, 10)
    assert chosen.picks
    assert chosen.outside is None
