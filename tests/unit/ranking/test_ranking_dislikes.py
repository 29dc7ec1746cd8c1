"""Three dislikes of a kind lower the papers of that kind, and no others; no number of them leaves a reader alone."""

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from outside import ROOT, load

from newsletter.models import Paper, Reason
from newsletter.ranking import Profile, Ranker
from newsletter.ranking.matching import DISLIKES, LIKES

from ranking_library import CATALOGUE, PAPERS  # isort: skip

THEMES = ("heron", "lathe", "quasar", "sonata", "glacier", "enzyme")
MAIL = 10
TODAY = date(2026, 7, 1)


def of_theme(theme: str, number: int, chance: random.Random) -> Paper:
    """Return a paper of a theme: some of its twelve words among words that all use."""
    own = [f"{theme}{letter}" for letter in "abcdefghijkl"]
    common = [f"common{at}" for at in range(60)]
    text = " ".join(chance.choices(own, k=12) + chance.choices(common, k=40))
    return Paper(id=number, title=f"{theme} {' '.join(chance.sample(own, 3))} {number}", abstract=text)


@pytest.fixture(scope="module")
def themes() -> tuple[Ranker, dict[str, list[Paper]], dict[str, list[Paper]]]:
    """Return a ranker, and by theme the papers of its archive and those of a day, 20 each."""
    chance = random.Random(7)
    old = {theme: [of_theme(theme, 100 * at + n, chance) for n in range(40)] for at, theme in enumerate(THEMES)}
    new = {theme: [of_theme(theme, 5000 + 100 * at + n, chance) for n in range(20)] for at, theme in enumerate(THEMES)}
    ranker = Ranker()
    ranker.fit([paper for some in old.values() for paper in some])
    return ranker, old, new


@pytest.mark.parametrize("use", ["topics", "likes", "topics and likes", "topics and many likes"])
def test_three_dislikes_take_half_the_places_of_a_kind(themes: Any, use: str) -> None:
    ranker, old, new = themes
    topics = ["heron", "lathe"] if "topics" in use else []
    count = (15 if "many" in use else 5) if "likes" in use else 0
    likes = old["heron"][:count] + old["lathe"][:count]
    day = [paper for some in new.values() for paper in some]
    before = ranker.profile(topics, likes)
    after = ranker.profile(topics, likes, dislikes=old["heron"][20:23])
    mails = ranker.top([before, after], day, MAIL)
    held, kept = ([at for at, _ in mail if at < 20] for mail in mails)
    assert held
    assert 2 * len(kept) <= len(held)
    places = (-ranker.score([before, after], day)).argsort(axis=1).argsort(axis=1) + 1
    assert places[1, held].mean() >= 2 * places[0, held].mean()
    assert [at for at, _ in mails[1] if 20 <= at < 40], "what they still want is there"


def test_one_dislike_lowers_its_kind_and_three_more_so_and_old_ones_less(themes: Any) -> None:
    ranker, old, new = themes
    day = [paper for some in new.values() for paper in some]
    herons = old["heron"][20:23]
    half_a_year_ago = [(paper, TODAY - timedelta(days=180)) for paper in herons]
    some = [[], herons[:1], herons, half_a_year_ago]
    profiles = [ranker.profile(["heron", "lathe"], dislikes=disliked, today=TODAY) for disliked in some]
    none, one, three, aged = ranker.score(profiles, day)[:, :20].mean(axis=1)
    assert three < one < none
    assert three < aged < none


@pytest.mark.parametrize(("count", "same"), [(3, 8), (30, 6)])
def test_dislikes_leave_papers_of_other_kinds_where_they_were(themes: Any, count: int, same: int) -> None:
    ranker, old, new = themes
    day = [paper for some in new.values() for paper in some]
    profiles = [ranker.profile(["lathe"]), ranker.profile(["lathe"], dislikes=old["sonata"][:count])]
    before, after = ([at for at, _ in mail] for mail in ranker.top(profiles, day, MAIL))
    assert len(set(before) & set(after)) >= same
    assert all(20 <= at < 40 for at in after)


@pytest.mark.parametrize("count", [1, 30, 240])
@pytest.mark.parametrize("wish", [{"topics": ["heron"]}, {"likes": 3}, {}])
def test_no_number_of_dislikes_silences_a_reader(themes: Any, count: int, wish: dict[str, Any]) -> None:
    ranker, old, new = themes
    likes = old["heron"][: wish.get("likes", 0)]
    everything = [paper for one in zip(*old.values(), strict=True) for paper in one if paper not in likes][:count]
    profile = ranker.profile(wish.get("topics", ()), likes, everything)
    assert ranker.top([profile], [paper for some in new.values() for paper in some], MAIL)[0]
    assert ranker.top([profile], new["heron"], MAIL)[0]


@pytest.mark.parametrize("count", [0, 1, 3, 12, 60, 120])
def test_many_dislikes_do_not_drown_what_is_popular(themes: Any, count: int) -> None:
    ranker, old, new = themes
    chance = random.Random(count)
    archive = [paper for some in old.values() for paper in some]
    day = [paper.model_copy(update={"votes": n}) for some in new.values() for n, paper in enumerate(some)]
    for _ in range(5):
        profile = ranker.profile(dislikes=chance.sample(archive, count))
        mail = ranker.top([profile], day, MAIL)[0]
        votes = [day[at].votes for at, _ in mail]
        assert len(votes) == MAIL
        assert sum(votes) / MAIL > sum(paper.votes for paper in day) / len(day)


def test_three_dislikes_take_the_papers_of_a_kind_from_what_is_popular(themes: Any) -> None:
    ranker, old, new = themes
    # The herons lead by far.
    day = [
        paper.model_copy(update={"votes": 50 if theme == "heron" else 5 + at})
        for theme, some in new.items()
        for at, paper in enumerate(some)
    ]
    profiles = [ranker.profile(), ranker.profile(dislikes=old["heron"][20:23])]
    before, after = ([at for at, _ in mail] for mail in ranker.top(profiles, day, MAIL))
    herons = [at for at in after if at < 20]
    held = [at for at in before if at < 20]
    assert len(held) >= 4
    assert 2 * len(herons) <= len(held)


def test_a_person_who_disliked_everything_is_told_that_it_is_popular() -> None:
    ranker = Ranker(CATALOGUE)
    ranker.fit(PAPERS)
    profile = ranker.profile(dislikes=PAPERS)
    assert len(ranker.top([profile], PAPERS, 3)[0]) == 3
    assert ranker.explain(profile, PAPERS[0]) == Reason(kind="popular")
    wishing = ranker.profile(["video generation"], dislikes=PAPERS)
    assert ranker.top([wishing], PAPERS, 3)[0]
    muting = ranker.profile(["video generation"], dislikes=PAPERS, muted=["video", "diffusion"])
    assert not {at for at, _ in ranker.top([muting], PAPERS, 3)[0]} & {4, 5, 6}


def test_the_latest_word_on_a_paper_counts() -> None:
    ranker, paper, day = Ranker(CATALOGUE), PAPERS[4], timedelta(days=1)

    def judged(liked: date | None, disliked: date | None) -> Profile:
        return ranker.profile(
            likes=[paper if liked is None else (paper, liked)],
            dislikes=[paper if disliked is None else (paper, disliked)],
            today=TODAY,
        )

    liked, disliked = judged(TODAY, TODAY - day), judged(TODAY - day, TODAY)
    assert (len(liked.likes), len(liked.dislikes)) == (1, 0)
    assert (len(disliked.likes), len(disliked.dislikes)) == (0, 1)
    assert judged(None, None).dislikes
    assert not judged(None, None).likes
    assert not judged(TODAY, TODAY).likes


def test_a_topic_that_is_not_wanted_lowers_what_it_fits_and_speaks_for_nothing(themes: Any) -> None:
    ranker, _, new = themes
    day = [paper for some in new.values() for paper in some]
    none, against = ranker.score([ranker.profile(), ranker.profile([("heron", -1)])], day)
    assert (against <= none).all()
    assert (against[:20] < none[:20]).all()
    assert ranker.explain(ranker.profile([("heron", -1)]), day[30]) == Reason(kind="popular")


@pytest.fixture(scope="module")
def measured(shared: Path) -> Any:
    measure = load(ROOT / "bench" / "dislikes.py")
    evaluate = load(shared / "bench" / "ranking" / "evaluate.py")
    return measure, evaluate, measure.Library(evaluate, 0, alone=False)


def test_on_real_papers_they_take_half_the_places_too(measured: Any) -> None:
    measure, _, library = measured
    for use, falls in measure.falls(library, 40).items():
        before, after = (sum(getattr(fall, name) for fall in falls) for name in ("before", "after"))
        assert 2 * after <= before, use
        assert sum(fall.times >= 2 for fall in falls) > 0.75 * len(falls), use


def test_on_real_papers_popularity_leads_where_nothing_is_asked_for(measured: Any) -> None:
    measure, _, library = measured
    few, many = (measure.leads(library, 40, count) for count in (measure.DISLIKES, measure.MANY))
    assert 2 * sum(one.after for one in few) <= sum(one.before for one in few)
    for one in (*few, *many):
        assert one.votes_after > one.votes_of_day


def test_on_real_reading_lists_dislikes_of_another_kind_cost_little(measured: Any) -> None:
    measure, evaluate, library = measured
    before, after = measure.harm(library, evaluate, 400)
    assert abs(after["issue ndcg@10"] - before["issue ndcg@10"]) < 0.01


def test_the_decision_tells_how_much_likes_and_dislikes_weigh() -> None:
    told = (ROOT / "docs" / "decisions" / "0011-ranking.md").read_text("utf-8")
    assert f"* Likes weigh {LIKES:g} beside topics, and dislikes {DISLIKES:g}. " in told
