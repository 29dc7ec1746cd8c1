"""A profile is what a person said, cleaned and aged."""

from datetime import date

import pytest

from newsletter.models import Topic
from newsletter.ranking import Ranker
from newsletter.ranking.profile import HALF_LIFE, MOST_LIKES, make_profile

from ranking_library import CATALOGUE, PAPERS  # isort: skip


def test_topics_come_in_three_forms() -> None:
    profile = make_profile(["  video   generation ", Topic(name="lora", weight=0.5), ("spam", -1)])
    assert profile.topics == (("video generation", 1.0), ("lora", 0.5), ("spam", -1.0))


def test_a_topic_named_twice_counts_once_whatever_its_case_and_the_last_weight_counts() -> None:
    assert make_profile([("Video", 1), ("LoRA", 1), ("video", -0.5)]).topics == (("video", -0.5), ("LoRA", 1.0))
    ranker = Ranker(CATALOGUE)
    assert ranker.profile(["low-rank-adaptation", ("Low-Rank Adaptation", 0.5)]).topics == (
        ("low-rank-adaptation", 0.5),
    )


def test_empty_words_and_weights_of_nothing_are_left_out() -> None:
    profile = make_profile(["", " ", ("video", 0)], muted=["", "..."], authors=[" "], muted_authors=["."])
    assert profile == make_profile()
    assert not profile.has_wishes


def test_a_weight_out_of_range_is_refused() -> None:
    for weight in (1.5, -2, float("nan")):
        with pytest.raises(ValueError, match="spam"):
            make_profile([("spam", weight)])


def test_likes_age() -> None:
    today = date(2026, 7, 1)
    old = date.fromordinal(today.toordinal() - int(HALF_LIFE))
    future = date(2027, 1, 1)
    profile = make_profile(likes=[(PAPERS[0], old), PAPERS[1], (PAPERS[2], future)], today=today)
    weights = {paper.id: weight for paper, weight in profile.likes}
    assert weights == {100: 0.5, 101: 1.0, 102: 1.0}


def test_a_paper_liked_twice_counts_once_and_the_newest_are_kept() -> None:
    assert len(make_profile(likes=[PAPERS[0], PAPERS[0]]).likes) == 1
    doubles = [PAPERS[0], PAPERS[0].model_copy(update={"id": 1, "title": f" {PAPERS[0].title.upper()}"})]
    assert len(make_profile(likes=doubles).likes) == 1
    untitled = [PAPERS[0].model_copy(update={"id": number, "title": ""}) for number in range(2)]
    assert len(make_profile(likes=untitled).likes) == 2
    many = [PAPERS[0].model_copy(update={"id": number, "title": f"On {number}"}) for number in range(MOST_LIKES + 5)]
    days = [(paper, date(2024, 1, 1).replace(year=2020 + (number % 6))) for number, paper in enumerate(many)]
    kept = make_profile(likes=days, today=date(2026, 1, 1)).likes
    assert len(kept) == MOST_LIKES
    assert min(weight for _, weight in kept) >= 0.5 ** (366 * 6 / HALF_LIFE)


def test_wishes_are_what_draws_papers() -> None:
    assert make_profile(["video"]).has_wishes
    assert make_profile(likes=[PAPERS[0]]).has_wishes
    assert make_profile(authors=["Bo Li"]).has_wishes
    assert not make_profile([("video", -1)], dislikes=[PAPERS[0]], muted=["robots"]).has_wishes
