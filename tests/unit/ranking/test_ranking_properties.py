"""What holds for every profile: finite scores, mutes, no repeats, the same order each time, true reasons."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.models import Paper
from newsletter.ranking import Profile, Ranker
from newsletter.ranking.matching import FEW_LIKES
from newsletter.ranking.names import author_key, same_person
from newsletter.ranking.text import mutes, plain_stream, word_stream

from ranking_library import CATALOGUE, PAPERS  # isort: skip

# So many that the latent dimensions and the taste of others speak too.
COPIES = [one.model_copy(update={"id": 1000 + number}) for number, one in enumerate(PAPERS * 13)]
RANKER = Ranker(CATALOGUE)
RANKER.fit([*PAPERS, *COPIES], [[PAPERS[at], PAPERS[(at + 1) % 16]] for at in range(16)] * 2)

NAMES = st.one_of(
    st.sampled_from([*CATALOGUE, "video", "memory", "diffusion model", "robots", "languages", "nothing of it"]),
    st.text(max_size=20),
)
LIKED = st.lists(st.sampled_from(PAPERS), max_size=6)
PROFILES = st.builds(
    RANKER.profile,
    st.lists(st.tuples(NAMES, st.floats(-1, 1)), max_size=6),
    LIKED,
    LIKED,
    st.lists(
        st.one_of(st.sampled_from(["video", "Proteins", "a", "low-rank update"]), st.text(max_size=8)), max_size=3
    ),
    authors=st.lists(st.sampled_from(["Bo Li", "Zoë Müller", "Nobody"]), max_size=2),
    muted_authors=st.lists(st.sampled_from(["bo li", "Ada Author3"]), max_size=2),
)


@given(st.lists(PROFILES, max_size=4))
def test_scores_are_finite(profiles: list[Profile]) -> None:
    scores = RANKER.score(profiles, PAPERS)
    assert scores.shape == (len(profiles), len(PAPERS))
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


@given(st.lists(PROFILES, min_size=1, max_size=3), st.integers(-1, 20), st.sets(st.integers(100, 115)), st.randoms())
def test_what_top_promises(profiles: list[Profile], k: int, had: set[int], chance: object) -> None:
    chosen = RANKER.top(profiles, PAPERS, k, received=[had] * len(profiles))
    assert chosen == RANKER.top(profiles, PAPERS, k, received=[had] * len(profiles))
    scores = RANKER.score(profiles, PAPERS)
    for row, (profile, picks) in enumerate(zip(profiles, chosen, strict=True)):
        places = [place for place, _ in picks]
        assert len(places) == len(set(places)) <= max(0, k)
        assert [score for _, score in picks] == sorted((score for _, score in picks), reverse=True)
        assert np.allclose([score for _, score in picks], scores[row, places])
        for place in places:
            paper = PAPERS[place]
            texts = (paper.title, paper.abstract)
            assert paper.id not in had
            assert not any(mutes(phrase, word_stream(texts), plain_stream(texts)) for phrase in profile.muted)
            assert not {author_key(name) for name in paper.authors} & set(profile.muted_authors)


def without(profile: Profile, kind: str, subject: str) -> Profile:
    """Return the profile without the thing that a reason names."""
    if kind == "topic":
        read = {name: (entry.name if (entry := CATALOGUE.find(name)) else name) for name, _ in profile.topics}
        gone = next(name for name, weight in profile.topics if read[name] == subject and weight > 0)
        return replace(profile, topics=tuple(topic for topic in profile.topics if topic[0] != gone))
    if kind == "like":
        return replace(profile, likes=tuple(like for like in profile.likes if like[0].title != subject))
    return replace(profile, authors=tuple(p for p in profile.authors if not same_person(p[0], author_key(subject))))


@settings(max_examples=300)
@given(PROFILES, st.sampled_from(PAPERS))
def test_without_the_thing_that_a_reason_names_the_score_is_lower(profile: Profile, paper: object) -> None:
    place = next(at for at, other in enumerate(PAPERS) if other is paper)
    reason = RANKER.explain(profile, PAPERS[place])
    text = f"{PAPERS[place].title}\n{PAPERS[place].abstract}"
    assert all(word in text for word in reason.words)
    if reason.kind == "popular":
        return
    before, after = RANKER.score([profile, without(profile, reason.kind, reason.subject)], PAPERS)[:, place]
    assert after < before


@given(PROFILES, st.lists(st.sampled_from([*PAPERS, *COPIES[:3], Paper(id=9, title="Video memory of robots")])))
def test_the_reasons_of_many_papers_are_those_of_each_alone(profile: Profile, papers: list[Paper]) -> None:
    RANKER.choose([profile], PAPERS, 10)
    assert RANKER.reasons(profile, papers) == [RANKER.explain(profile, paper) for paper in papers]


@given(st.integers(1, 19))
def test_likes_of_a_kind_add_up_while_they_are_few_and_never_say_less(count: int) -> None:
    likes = [Paper(id=100 + at, title=f"Coral reefs {chr(97 + at)}") for at in range(20)]
    ranker = Ranker()
    ranker.fit([*PAPERS, *likes])
    profiles = [ranker.profile(likes=likes[:some]) for some in (count, count + 1)]
    fewer, more = ranker.score(profiles, [Paper(id=99, title="Coral reefs")])[:, 0]
    assert more > fewer
    if count + 1 <= FEW_LIKES:
        assert np.isclose(more / (count + 1), fewer / count, rtol=0.01)
