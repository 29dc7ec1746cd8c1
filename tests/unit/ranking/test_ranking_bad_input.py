"""Whatever feeds and readers send, scores are finite, a mail can be chosen, and nothing ends a run."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.models import Paper
from newsletter.ranking import Profile, Ranker

from ranking_library import CATALOGUE, PAPERS  # isort: skip

ODD_TEXTS = (
    "",
    " ",
    "word",
    "...",
    "NUL \x00 and \x1b[31m",
    "lone \ud800 surrogate \udfff",
    "🤗🤗 👩‍🔬",
    "扩散模型综述",
    "المحولات للرؤية الحاسوبية",
    "Диффузионные модели для видео",
    "การเรียนรู้เชิงลึก",
    "हिन्दी भाषा मॉडल",
    "$\\mathcal{L}_{\\alpha}$ \\cite{x} {{{",
    "the of and",
    "a" * 100_000,
    "1 2 3 4",
    "\u202eright to left\u202c \ufeff",
    "e" + "\u0301" * 5000,
)
TEXTS = st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=60), st.text(st.characters(), max_size=60))
ODD_PAPERS = st.builds(
    lambda title, abstract, votes, authors, keywords, identity, day: Paper(
        id=identity,
        title=title,
        abstract=abstract,
        votes=votes,
        authors=tuple(authors),
        keywords=tuple(keywords),
        first_seen_at=day,
    ),
    TEXTS,
    TEXTS,
    st.sampled_from([0, 1, -1, -(10**9), 10**9, 2**63]),
    st.lists(TEXTS, max_size=2),
    st.lists(TEXTS, max_size=2),
    st.one_of(st.none(), st.integers(0, 5)),
    st.sampled_from([None, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]),
)
DAYS = st.sampled_from([date.min, date(2026, 7, 1), date.max])
LIKED = st.lists(st.one_of(ODD_PAPERS, st.sampled_from(PAPERS), st.tuples(ODD_PAPERS, DAYS)), max_size=5)
NAMES = st.lists(TEXTS, max_size=3)
WISHES = st.fixed_dictionaries(
    {
        "topics": st.lists(st.tuples(TEXTS, st.sampled_from([0, 1, -1, 0.5, 1e-300, -1e-9])), max_size=5),
        "likes": LIKED,
        "dislikes": LIKED,
        "muted": NAMES,
        "authors": NAMES,
        "muted_authors": NAMES,
        "today": st.one_of(st.none(), DAYS),
    }
)


def check(ranker: Ranker, profiles: list[Profile], papers: list[Paper]) -> None:
    scores = ranker.score(profiles, papers)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    for profile, chosen in zip(profiles, ranker.top(profiles, papers, 5, today=date(2026, 7, 1)), strict=True):
        for place, score in chosen:
            assert np.isfinite(score)
            reason = ranker.explain(profile, papers[place])
            assert all(
                any(word in text for text in (papers[place].title, papers[place].abstract, *papers[place].keywords))
                for word in reason.words
            )


@settings(max_examples=80, deadline=None)
@given(st.lists(ODD_PAPERS, max_size=6), st.lists(ODD_PAPERS, min_size=1, max_size=6), st.lists(WISHES, max_size=3))
def test_nothing_that_is_sent_ends_a_run(
    archive: list[Paper], papers: list[Paper], wishes: list[dict[str, Any]]
) -> None:
    ranker = Ranker(CATALOGUE)
    ranker.fit([*archive, *PAPERS[:4]] if len(archive) % 2 else archive)
    check(ranker, [ranker.profile(**wish) for wish in wishes], papers)


@pytest.mark.parametrize("size", [0, 1, 2, 300])
def test_archives_of_any_size_with_readers_of_any_taste(size: int) -> None:
    archive = [Paper(id=at, title=ODD_TEXTS[at % len(ODD_TEXTS)] + f" {at % 7}") for at in range(size)]
    ranker = Ranker(CATALOGUE)
    ranker.fit(archive, [archive[at % 3 : at % 3 + 3] for at in range(40)])
    profiles = [
        ranker.profile(["video", "扩散模型"], archive[:3], archive[2:5]),
        ranker.profile(likes=PAPERS, dislikes=PAPERS),
        ranker.profile(),
    ]
    check(ranker, profiles, [*PAPERS, *archive[:5]])


@pytest.mark.parametrize(
    ("topic", "title", "other"),
    [
        ("扩散模型", "基于扩散模型的图像生成", "关于猫的研究"),
        ("المحولات", "المحولات للرؤية الحاسوبية", "دراسة عن القطط"),
        ("диффузионные модели", "Диффузионные модели для видео", "Исследование кошек"),
        ("言語モデル", "大規模言語モデルの評価", "猫についての研究"),
        ("언어 모델", "대규모 언어 모델 평가", "고양이 연구"),
        ("भाषा मॉडल", "हिन्दी भाषा मॉडल", "बिल्ली का अध्ययन"),
        ("ภาษาไทย", "แบบจำลองภาษาไทยขนาดใหญ่", "การศึกษาแมว"),
        ("γλωσσικά μοντέλα", "Μεγάλα γλωσσικά μοντέλα", "Μελέτη για γάτες"),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_a_topic_in_any_language_finds_its_papers(topic: str, title: str, other: str, known: bool) -> None:
    papers = [Paper(id=1, title=other), Paper(id=2, title=title)]
    ranker = Ranker(CATALOGUE)
    ranker.fit([*PAPERS, *papers] if known else PAPERS)
    profile = ranker.profile([topic])
    assert ranker.top([profile], papers, 1)[0][0][0] == 1
    reason = ranker.explain(profile, papers[1])
    assert reason.kind == "topic"
    assert reason.words
    assert all(word in title for word in reason.words)


def test_equal_papers_a_hundred_times_are_one_pick_and_do_not_hide_the_others() -> None:
    copies = [PAPERS[4].model_copy(update={"id": 1000 + number}) for number in range(100)]
    ranker = Ranker(CATALOGUE)
    ranker.fit([*copies, *PAPERS])
    profile = ranker.profile(["video generation"], copies)
    chosen = ranker.top([profile], [*copies, *PAPERS], 10)[0]
    assert len({at for at, _ in chosen} & set(range(100))) <= 1
    ranker.fit(PAPERS)
    assert {at for at, _ in ranker.top([profile], [*copies, *PAPERS], 10)[0]} >= {105, 106}


def test_votes_without_measure_decide_nothing() -> None:
    ranker = Ranker(CATALOGUE)
    ranker.fit(PAPERS)
    papers = [
        PAPERS[4],
        *(one.model_copy(update={"votes": votes}) for one, votes in zip(PAPERS[7:10], (-5, 10**9, 2**70), strict=True)),
    ]
    assert ranker.top([ranker.profile(["video generation"])], papers, 1)[0][0][0] == 0
    assert np.isfinite(ranker.score([ranker.profile()], papers)).all()


def test_wishes_without_measure() -> None:
    ranker = Ranker(CATALOGUE)
    ranker.fit(PAPERS)
    elsewhere = [Paper(id=9000 + at, title=f"robot {at} walks", abstract="rubble") for at in range(500)]
    profile = ranker.profile(
        ["video " * 200, "?!" * 500, "the of and", *(f"topic {at}" for at in range(300)), ("robots", 0)],
        elsewhere,
        elsewhere[::2],
        ["the" * 400, *(f"word{at}" for at in range(300))],
        authors=["X" * 1000, ",", "Bo Li"] * 100,
    )
    check(ranker, [profile], [*PAPERS])
    assert ranker.top([profile], PAPERS, 5)[0]


def test_a_topic_of_nothing_finds_nothing_and_harms_nothing() -> None:
    ranker = Ranker(CATALOGUE)
    ranker.fit(PAPERS)
    for nothing in ("?!", "the of and", "🤗", "\x00"):
        assert ranker.top([ranker.profile([nothing])], PAPERS, 5) == [[]]
        both = ranker.profile([nothing, "video generation"])
        assert (
            ranker.top([both], PAPERS, 1)[0][0][0]
            == ranker.top([ranker.profile(["video generation"])], PAPERS, 1)[0][0][0]
        )


@pytest.mark.parametrize("words", [1, 50_000])
def test_abstracts_of_any_length(words: int) -> None:
    chance = np.random.default_rng(0)
    long = Paper(
        id=1, title="On video", abstract=" ".join(f"w{number}" for number in chance.integers(0, 30_000, words))
    )
    ranker = Ranker(CATALOGUE)
    ranker.fit([*PAPERS, long])
    check(ranker, [ranker.profile(["video"], [long], [PAPERS[3]])], [long, *PAPERS])
