"""Reasons are true: without what is named a score is lower, and nothing else that could be named moves it more."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.models import Paper, Reason
from newsletter.ranking import Profile, Ranker
from newsletter.ranking.names import author_key, same_person
from newsletter.ranking.vectors import Vectors

from ranking_library import CATALOGUE, PAPERS  # isort: skip

TODAY = date(2026, 7, 1)
COPIES = [one.model_copy(update={"id": 1000 + number}) for number, one in enumerate(PAPERS * 13)]
READERS = [[PAPERS[at], PAPERS[(at + 1) % 16], COPIES[at]] for at in range(16)] * 2
# What differs by one letter, or is the same paper again, is nearly a tie.
TWINS = tuple(
    one.model_copy(update={"id": 300 + number, "title": f"{one.title} {'!' * (number % 2)}again"})
    for number, one in enumerate(PAPERS)
)
NAMES = (*CATALOGUE, "low-rank adaptation", "video", "Videos", "memory", "diffusion model", "robots", "nothing of it")
WHOM = ("Bo Li", "B. Li", "Zoë Müller", "Muller, Z.", "Ada Author4", "Nobody")
ROUNDING = 3e-4
ROWS = np.linalg.qr(np.random.default_rng(0).standard_normal((20, 16)))[0].T.astype(np.float32) + np.float32(0.1)
ROWS /= np.linalg.norm(ROWS, axis=1, keepdims=True)
PLACES = {one.id: number % 16 for number, one in enumerate((*PAPERS, *COPIES, *TWINS))}


def fitted(archive: list[Paper], readers: list[list[Paper]], vectors: Vectors | None = None) -> Ranker:
    ranker = Ranker(CATALOGUE)
    ranker.fit(archive, readers, vectors=vectors)
    return ranker


RANKERS = {
    "words": fitted(list(PAPERS), []),
    "words, dimensions": fitted([*PAPERS, *COPIES], []),
    "words, dimensions, taste": fitted([*PAPERS, *COPIES], READERS),
    "all and meaning": fitted([*PAPERS, *COPIES], READERS, Vectors(PLACES, ROWS)),
}


def profiles(papers: tuple[Paper, ...], names: tuple[str, ...], whom: tuple[str, ...]) -> st.SearchStrategy[Profile]:
    """Return all kinds of profiles: weights below nothing, old likes, dislikes, follows, many of one."""
    days = st.integers(0, 3000).map(lambda age: TODAY - timedelta(days=age))
    weights = st.one_of(st.floats(-1, 1), st.sampled_from([1.0, 0.5, 1e-3, 1e-9, -1.0, 1e-300]))
    judged = st.lists(st.one_of(st.sampled_from(papers), st.tuples(st.sampled_from(papers), days)), max_size=12)
    return st.builds(
        lambda topics, likes, dislikes, authors: RANKERS["words"].profile(
            topics, likes, dislikes, authors=authors, today=TODAY
        ),
        st.lists(st.tuples(st.sampled_from(names), weights), max_size=8),
        judged,
        judged,
        st.lists(st.sampled_from(whom), max_size=3),
    )


def apart(ranker: Ranker, profile: Profile, paper: Paper) -> dict[tuple[str, str], Profile]:
    """Return the profile without each of the things that could be named, by the reason that would name it."""
    found = {}
    for at, (name, weight) in enumerate(profile.topics):
        entry = CATALOGUE.find(name)
        if weight > 0:
            rest = profile.topics[:at] + profile.topics[at + 1 :]
            found["topic", entry.name if entry else name] = replace(profile, topics=rest)
    for at, (liked, _) in enumerate(profile.likes):
        found["like", liked.title] = replace(profile, likes=profile.likes[:at] + profile.likes[at + 1 :])
    for at, (key, _) in enumerate(profile.authors):
        for name in paper.authors:
            if same_person(author_key(name), key):
                found["author", name] = replace(profile, authors=profile.authors[:at] + profile.authors[at + 1 :])
    return found


def check(ranker: Ranker, profile: Profile, paper: Paper, among: list[Paper]) -> None:
    place = among.index(paper)
    reason = ranker.explain(profile, paper)
    text = f"{paper.title}\n{paper.abstract}"
    assert all(word in text for word in reason.words)
    others = apart(ranker, profile, paper)
    scores = ranker.score([profile, *others.values()], among)[:, place]
    losses = dict(zip(others, (scores[0] - scores[1:]).tolist(), strict=True))
    if reason.kind == "popular":
        spoken = ranker.score([replace(profile, dislikes=())], among)[0, place]
        assert spoken < 0.01 or not others
        return
    loss = losses[reason.kind, reason.subject]
    assert loss > 0
    assert ranker.score([profile], [paper])[0, 0] > ranker.score([others[reason.kind, reason.subject]], [paper])[0, 0]
    for other in losses.values():
        assert loss >= other - ROUNDING * (1 + abs(other)) or scores[0] <= 0


@pytest.mark.parametrize("known", list(RANKERS))
def test_reasons_are_true(known: str) -> None:
    ranker = RANKERS[known]

    @settings(max_examples=150)
    @given(profiles((*PAPERS, *TWINS), NAMES, WHOM), st.sampled_from(PAPERS), st.booleans())
    def holds(profile: Profile, paper: Paper, scored: bool) -> None:
        # A reason may be asked of a paper that was scored among others, and of one that never was.
        among = [*PAPERS] if scored else [paper]
        if scored:
            ranker.score([profile], PAPERS)
        check(ranker, profile, paper, among)

    holds()


def test_reasons_are_true_of_real_papers(shared: Path) -> None:
    files = sorted((shared / "feeds" / "hf-daily-papers").glob("*.json"))[:8]
    entries = {entry["paper"]["id"]: entry["paper"] for file in files for entry in json.loads(file.read_bytes())}
    papers = [
        Paper(
            id=number,
            title=entry["title"],
            abstract=entry.get("summary", ""),
            votes=entry.get("upvotes", 0),
            authors=tuple(author["name"] for author in entry.get("authors", ())),
        )
        for number, entry in enumerate(entries.values())
    ]
    archive, day = papers[80:], papers[:80]
    ranker = fitted(archive, [archive[at : at + 5] for at in range(0, len(archive) - 5, 3)])
    names = ("reinforcement learning", "video-generation", "robot manipulation", "low-rank-adaptation", "diffusion")
    whom = tuple(name for paper in day[:10] for name in paper.authors[:2])

    @settings(max_examples=100)
    @given(profiles(tuple(papers[60:110]), names, whom), st.sampled_from(day[:30]))
    def holds(profile: Profile, paper: Paper) -> None:
        check(ranker, profile, paper, day)

    holds()


def test_a_paper_liked_under_two_ids_is_one_thing() -> None:
    ranker = RANKERS["words"]
    twins = [PAPERS[7].model_copy(update={"id": 900 + number}) for number in range(40)]
    profile = ranker.profile(likes=[*twins, *PAPERS[10:14]])
    reason = ranker.explain(profile, PAPERS[8])
    assert (reason.kind, reason.subject) == ("like", PAPERS[7].title)
    rest = replace(profile, likes=tuple(like for like in profile.likes if like[0].title != reason.subject))
    before, after = ranker.score([profile, rest], PAPERS)[:, 8]
    assert after < before


def test_a_topic_that_is_not_wanted_is_no_reason() -> None:
    # Its likeness to papers of other kinds is below nothing; what takes off less than nothing must not be named.
    ranker = RANKERS["words, dimensions, taste"]
    for paper in PAPERS:
        assert ranker.explain(ranker.profile([("video-generation", -1)]), paper) == Reason(kind="popular")


def test_many_scores_are_the_same_however_the_papers_come() -> None:
    ranker = RANKERS["words, dimensions, taste"]
    profile = ranker.profile(["video", "memory"], PAPERS[:5], PAPERS[9:11], authors=["Bo Li"])
    together = ranker.score([profile], PAPERS)[0]
    alone = np.array([ranker.score([profile], [paper])[0, 0] for paper in PAPERS])
    # Rows are kept with half precision.
    assert np.allclose(together, alone, atol=2e-3)
