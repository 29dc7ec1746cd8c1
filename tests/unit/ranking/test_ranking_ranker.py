"""What the ranker chooses, leaves out and says, on a small library and on real papers."""

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from newsletter.models import Paper, Reason
from newsletter.ranking import Profile, Ranker

from ranking_library import CATALOGUE, NOON, PAPERS, TEXTS, titles  # isort: skip


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    ranker = Ranker(CATALOGUE)
    ranker.fit(PAPERS)
    return ranker


def first(ranker: Ranker, profile: Profile, k: int = 3) -> list[str]:
    return titles(ranker.top([profile], PAPERS, k)[0])


def paper(title: str, abstract: str = "", **fields: object) -> Paper:
    return Paper.model_validate({"title": title, "abstract": abstract, "first_seen_at": NOON, **fields})


# Topics


def test_readers_with_different_topics_get_different_papers(ranker: Ranker) -> None:
    one = first(ranker, ranker.profile(["video generation"]))
    other = first(ranker, ranker.profile(["protein-structure"]))
    assert set(one) <= {TEXTS[4][0], TEXTS[5][0], TEXTS[6][0]}
    assert set(other) <= {TEXTS[7][0], TEXTS[8][0], TEXTS[9][0], TEXTS[10][0]}


def test_the_catalogue_widens_a_topic(ranker: Ranker) -> None:
    assert TEXTS[0][0] in first(ranker, ranker.profile(["low-rank-adaptation"]))
    assert TEXTS[0][0] in first(ranker, ranker.profile(["Low-Rank Adaptation"]))


def test_a_parent_finds_what_its_children_are_about_too(ranker: Ranker) -> None:
    profile = ranker.profile(["fine-tuning"])
    assert set(first(ranker, profile, 4)) == {TEXTS[at][0] for at in range(4)}
    assert ranker.explain(profile, PAPERS[3]).words == ("Fine-tuning", "low-rank updates")


def test_the_archive_widens_a_topic() -> None:
    archive = [paper(f"Mamba layer {number}", "selective scan of a sequence", id=number) for number in range(20)]
    archive += [paper(f"Soup {number}", "leek and potato and salt", id=100 + number) for number in range(20)]
    ranker = Ranker()
    ranker.fit(archive)
    new = [paper("Leek and salt"), paper("A selective scan in hardware")]
    assert ranker.top([ranker.profile(["mamba"])], new, 2)[0][0][0] == 1


def test_a_topic_of_words_that_the_archive_does_not_know_finds_new_papers(ranker: Ranker) -> None:
    new = [paper("Leek soup"), paper("A zyzzogeton appears")]
    profile = ranker.profile(["zyzzogeton"])
    assert ranker.matches("zyzzogeton") == 0
    assert [place for place, _ in ranker.top([profile], new, 5)[0]] == [1]
    assert ranker.explain(profile, new[1]) == Reason(kind="topic", subject="zyzzogeton", words=("zyzzogeton",))


def test_a_weight_below_zero_lowers(ranker: Ranker) -> None:
    plain = ranker.score([ranker.profile(["diffusion"])], PAPERS)[0]
    less = ranker.score([ranker.profile(["diffusion", ("protein-structure", -1)])], PAPERS)[0]
    assert np.argmax(less) != 8
    assert less[8] < plain[8]


def test_matches_counts_the_papers_of_the_archive(ranker: Ranker) -> None:
    assert ranker.matches("robots") == 2
    assert ranker.matches("low-rank-adaptation") == 3
    assert ranker.matches("robots in Lean") == 0
    assert ranker.matches("") == ranker.matches("?!") == ranker.matches("of the") == 0


def test_nearest_knows_words_spelling_and_company(ranker: Ranker) -> None:
    assert ranker.nearest("protien folding")[0] == "protein-structure"
    assert ranker.nearest("vidoe generatoin")[0] == "video-generation"
    assert ranker.nearest("alignments")[0] == "protein-structure"
    assert ranker.nearest("qqqq") == []
    assert "video-generation" not in ranker.nearest("video-generation")
    assert len(ranker.nearest("adapter", 1)) == 1


# Likes, dislikes, authors


def test_likes_draw_and_dislikes_push(ranker: Ranker) -> None:
    likes = ranker.profile(likes=[PAPERS[7]])
    assert set(first(ranker, likes)) <= {TEXTS[7][0], TEXTS[8][0], TEXTS[9][0]}
    wide = ranker.profile(["diffusion", "video"])
    narrow = ranker.profile(["diffusion", "video"], dislikes=[PAPERS[8]])
    before, after = ranker.score([wide, narrow], PAPERS)
    rank_before, rank_after = (int((scores > scores[8]).sum()) for scores in (before, after))
    assert rank_after > rank_before


def test_a_person_who_disliked_everything_gets_what_is_popular(ranker: Ranker) -> None:
    profile = ranker.profile(dislikes=PAPERS)
    assert len(ranker.top([profile], PAPERS, 3)[0]) == 3


def test_followed_authors_come_in_without_a_topic(ranker: Ranker) -> None:
    profile = ranker.profile(authors=["muller, zoe"])
    chosen = ranker.top([profile], PAPERS, 10)[0]
    assert sorted(place for place, _ in chosen) == [0, 5, 10, 15]
    assert ranker.explain(profile, PAPERS[5]) == Reason(kind="author", subject="Zoë Müller")


def test_readers_with_a_taste_in_common_help_each_other() -> None:
    archive = [paper(f"alpha{number} topic{number % 2}", id=number) for number in range(40)]
    # The liked ones share no word; what binds them is that the same people liked them.
    likes = [[archive[at] for at in (0, 3, 8, 11, 16, 19)] for _ in range(30)]
    likes += [[archive[at] for at in (1, 2, 9, 10, 17, 18)] for _ in range(30)]
    alone, together = Ranker(), Ranker()
    alone.fit(archive)
    together.fit(archive, likes)
    new = [paper("alpha10 alpha17 returns"), paper("alpha11 alpha16 returns")]
    profile = alone.profile(likes=[archive[0], archive[8]])
    assert alone.score([profile], new)[0, 1] == pytest.approx(alone.score([profile], new)[0, 0], abs=1e-3)
    assert together.score([profile], new)[0, 1] > together.score([profile], new)[0, 0] + 0.01


# Priors


def test_a_person_without_wishes_gets_the_popular_ones(ranker: Ranker) -> None:
    papers = [PAPERS[0], PAPERS[4].model_copy(update={"votes": 90}), PAPERS[8].model_copy(update={"votes": 9})]
    chosen = ranker.top([ranker.profile()], papers, 2)[0]
    assert [place for place, _ in chosen] == [1, 2]
    assert ranker.explain(ranker.profile(), papers[1]) == Reason(kind="popular")


def test_votes_decide_between_equals_and_never_drown_a_match(ranker: Ranker) -> None:
    profile = ranker.profile(["video generation"])
    equal = [PAPERS[4].model_copy(update={"id": 1}), PAPERS[4].model_copy(update={"id": 2, "votes": 50})]
    assert ranker.top([profile], equal, 1)[0][0][0] == 1
    famous = [PAPERS[4], *(other.model_copy(update={"votes": 10**9}) for other in PAPERS[7:])]
    assert ranker.top([profile], famous, 1)[0][0][0] == 0


def test_newer_papers_come_first_among_equals(ranker: Ranker) -> None:
    old = PAPERS[4].model_copy(update={"id": 1, "first_seen_at": NOON - timedelta(days=10)})
    new = PAPERS[4].model_copy(update={"id": 2})
    for today in (None, date(2026, 7, 2)):
        assert ranker.top([ranker.profile(["video"])], [old, new], 1, today=today)[0][0][0] == 1


# What is left out


def test_muted_words_and_authors_are_hard(ranker: Ranker) -> None:
    profile = ranker.profile(["video generation"], muted=["Long Videos", "camera"], muted_authors=["ada author6"])
    assert {TEXTS[4][0], TEXTS[5][0], TEXTS[6][0]} <= set(first(ranker, ranker.profile(["video generation"]), 16))
    assert not {TEXTS[4][0], TEXTS[5][0], TEXTS[6][0]} & set(first(ranker, profile, 16))
    keywords = PAPERS[4].model_copy(update={"keywords": ("survey",)})
    assert ranker.top([ranker.profile(["video"], muted=["surveys"])], [keywords], 5) == [[]]


@pytest.mark.parametrize("field", ["summary", "machine_summary"])
def test_muted_words_are_looked_for_in_what_the_mail_shows_in_place_of_the_abstract(ranker: Ranker, field: str) -> None:
    told = PAPERS[4].model_copy(update={field: "It is about casinos."})
    assert ranker.top([ranker.profile(["video"])], [told], 5) != [[]]
    assert ranker.top([ranker.profile(["video"], muted=["casino"])], [told], 5) == [[]]


def test_received_and_hidden_papers_are_left_out(ranker: Ranker) -> None:
    profile = ranker.profile(["video generation"])
    chosen = ranker.top([profile, profile], PAPERS, 3, received=[{104, 999}, ()])
    assert TEXTS[4][0] not in titles(chosen[0])
    assert TEXTS[4][0] in titles(chosen[1])
    hidden = [PAPERS[4].model_copy(update={"hidden": True}), PAPERS[5]]
    assert [place for place, _ in ranker.top([profile], hidden, 3)[0]] == [1]
    with pytest.raises(ValueError, match="received"):
        ranker.top([profile], PAPERS, 3, received=[(), ()])


def test_no_two_near_equal_papers(ranker: Ranker) -> None:
    again = PAPERS[4].model_copy(update={"id": 500, "title": PAPERS[4].title + "!"})
    chosen = ranker.top([ranker.profile(["video generation"])], [*PAPERS, again], 16)[0]
    assert {place for place, _ in chosen} & {4, 16} == {4}


def test_a_page_full_of_near_equals_still_gives_the_others(ranker: Ranker) -> None:
    copies = [PAPERS[4].model_copy(update={"id": 1000 + number}) for number in range(200)]
    chosen = ranker.top([ranker.profile(["video generation"])], [*copies, PAPERS[5], PAPERS[6]], 3)[0]
    assert {place for place, _ in chosen} == {0, 200, 201}


def test_papers_below_the_least_score_are_left_out(ranker: Ranker) -> None:
    strict = Ranker(CATALOGUE, least_score=0.99)
    strict.fit(PAPERS)
    assert strict.top([strict.profile(["robots"])], PAPERS, 5) == [[]]
    assert ranker.top([ranker.profile(["zyzzogeton"])], PAPERS, 5) == [[]]


# Reasons


def test_a_reason_names_the_topic_and_its_words_as_they_stand(ranker: Ranker) -> None:
    profile = ranker.profile(["robots", "low-rank-adaptation"])
    reason = ranker.explain(profile, PAPERS[0])
    assert reason == Reason(kind="topic", subject="low-rank adaptation", words=("LoRA", "adapters"))
    assert ranker.explain(profile, PAPERS[1]).words == ("low-rank updates", "LoRA", "adapters")


def test_a_reason_names_the_liked_paper(ranker: Ranker) -> None:
    profile = ranker.profile(likes=[PAPERS[11], PAPERS[7]])
    reason = ranker.explain(profile, PAPERS[8])
    assert (reason.kind, reason.subject) == ("like", PAPERS[7].title)
    assert "proteins" in reason.words
    text = f"{PAPERS[8].title} {PAPERS[8].abstract}"
    assert all(word in text for word in reason.words)


def test_a_paper_that_nobody_scored_yet_is_explained(ranker: Ranker) -> None:
    other = paper("Video generation in the kitchen")
    assert ranker.explain(ranker.profile(["video generation"]), other).subject == "video generation"
    assert ranker.explain(ranker.profile(["robots"]), other) == Reason(kind="popular")


# Bad input


@pytest.mark.parametrize("archive", [(), PAPERS[:1], PAPERS])
@pytest.mark.parametrize(
    "odd",
    [
        paper(""),
        paper("word"),
        paper("...", "!!!"),
        paper("扩散模型综述", "本文综述扩散模型。"),
        paper("المحولات للرؤية", "نماذج"),
        paper("🤗🤗"),
        paper("Long", "many different words " * 17_000),
        paper("NUL \x00 and \ud800"),
        paper("x" * 100_000),
    ],
    ids=["empty", "one word", "punctuation", "Chinese", "Arabic", "emoji", "long", "controls", "one long word"],
)
def test_odd_papers_and_small_archives(archive: tuple[Paper, ...], odd: Paper) -> None:
    ranker = Ranker(CATALOGUE)
    ranker.fit([*archive, odd] if archive else ())
    profiles = [
        ranker.profile(["video generation", "扩散模型", "🤗", "?!"], muted=["spam", "综"]),
        ranker.profile(likes=[odd]),
        ranker.profile(dislikes=[odd]),
        ranker.profile(),
    ]
    papers = [odd, PAPERS[4]]
    scores = ranker.score(profiles, papers)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    assert len(ranker.top(profiles, papers, 2)) == 4
    assert ranker.explain(profiles[1], odd).kind in {"like", "popular"}


def test_a_topic_in_chinese_finds_its_papers(ranker: Ranker) -> None:
    papers = [paper("关于猫的研究"), paper("扩散模型综述")]
    profile = ranker.profile(["扩散模型"])
    assert [place for place, _ in ranker.top([profile], papers, 2)[0]] == [1]
    assert ranker.explain(profile, papers[1]).words == ("扩散模型",)


def test_nothing_gives_nothing(ranker: Ranker) -> None:
    assert ranker.score([], PAPERS).shape == (0, 16)
    assert ranker.score([ranker.profile()], []).shape == (1, 0)
    assert ranker.top([ranker.profile()], [], 3) == [[]]
    assert ranker.top([], PAPERS, 3) == []
    assert ranker.top([ranker.profile()], PAPERS, 0) == [[]]
    assert Ranker().matches("video") == 0
    assert Ranker().nearest("video") == []


def test_a_ranker_that_was_never_fitted_learns_from_the_papers_at_hand() -> None:
    ranker = Ranker(CATALOGUE)
    profile = ranker.profile(["video generation"], likes=[PAPERS[5]])
    assert ranker.explain(profile, PAPERS[4]).kind in {"topic", "like"}
    assert titles(ranker.top([profile], PAPERS, 2)[0])[0] in {TEXTS[4][0], TEXTS[5][0]}


def test_a_profile_stays_good_when_the_ranker_is_fitted_anew(ranker: Ranker) -> None:
    other = Ranker(CATALOGUE)
    other.fit(PAPERS[:3])
    profile = other.profile(["video generation"], likes=[PAPERS[5]])
    other.fit(PAPERS)
    assert other.top([profile], PAPERS, 5) == ranker.top([profile], PAPERS, 5)


# Many readers, real papers


def test_blocks_do_not_change_what_is_chosen(ranker: Ranker, monkeypatch: pytest.MonkeyPatch) -> None:
    profiles = [ranker.profile([name], likes=[PAPERS[at % 16]]) for at, name in enumerate(["video", "robots"] * 20)]
    whole = ranker.top(profiles, PAPERS, 4)
    monkeypatch.setattr("newsletter.ranking.ranker.BLOCK", 32)
    monkeypatch.setattr("newsletter.ranking.candidates.LIKE_BYTES", 100)
    assert Ranker(CATALOGUE).top(profiles, PAPERS, 4) == whole
    assert ranker.top(profiles, PAPERS, 4) == whole


def test_real_papers_are_named_by_words_that_stand_in_them(shared: Path) -> None:
    files = sorted((shared / "feeds" / "hf-daily-papers").glob("*.json"))[:8]
    entries = {entry["paper"]["id"]: entry["paper"] for file in files for entry in json.loads(file.read_bytes())}
    papers = [
        paper(entry["title"], entry.get("summary", ""), id=number, votes=entry.get("upvotes", 0))
        for number, entry in enumerate(entries.values())
    ]
    ranker = Ranker(CATALOGUE)
    ranker.fit(papers)
    names = ["reinforcement learning", "video-generation", "robot manipulation", "low-rank-adaptation"]
    profiles = [ranker.profile([name]) for name in names] + [ranker.profile(likes=papers[:3])]
    for profile, chosen in zip(profiles, ranker.top(profiles, papers, 10), strict=True):
        assert len(chosen) >= 3
        for place, _ in chosen:
            reason = ranker.explain(profile, papers[place])
            text = f"{papers[place].title}\n{papers[place].abstract}"
            assert reason.kind != "popular"
            assert all(word in text for word in reason.words)
    assert "reinforcement learning" in papers[ranker.top(profiles[:1], papers, 1)[0][0][0]].model_dump_json().lower()
