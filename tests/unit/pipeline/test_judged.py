"""Why a paper is not chosen: the answer is what choosing does, for every paper of made-up days."""

from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.config import Ranking
from newsletter.models import Consent, Paper, Subscriber, Topic
from newsletter.pipeline.compose import Asked, choose, profile_of
from newsletter.pipeline.explain import Because, judged
from newsletter.ranking import Ranker

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = date(2026, 3, 2)
WORDS = "violin glacier harbour pepper falcon lantern meadow copper".split()  # noqa: SIM905 - easier to read
AUTHORS = ("Ada Lovelace", "Bo Li", "Zoë Müller")

PAPERS = st.builds(
    lambda words, votes, authors, hidden: {
        "title": " ".join(words[:3]),
        "abstract": " ".join(words),
        "votes": votes,
        "authors": tuple(authors),
        "hidden": hidden,
    },
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=6),
    st.integers(0, 40),
    st.lists(st.sampled_from(AUTHORS), max_size=2),
    st.sampled_from([False, False, True]),
)
PEOPLE = st.builds(
    lambda topics, words, authors, muted: Subscriber(
        id=1,
        key="k",
        email="ada@example.org",
        language="en",
        timezone="UTC",
        cadence="daily",
        hour=7,
        state=Consent.CONFIRMED,
        topics=tuple(Topic(name=name, weight=weight) for name, weight in topics.items()),
        muted_words=tuple(words),
        authors=tuple(authors),
        muted_authors=tuple(muted),
        created_at=NOW,
    ),
    st.dictionaries(st.sampled_from(WORDS), st.floats(-1, 1), max_size=3),
    st.lists(st.sampled_from([*WORDS, "Violins", "copper meadow"]), max_size=2),
    st.lists(st.sampled_from(AUTHORS), max_size=1),
    st.lists(st.sampled_from(["bo li", "Lovelace, Ada"]), max_size=1),
)


def day_of(rows: list[dict[str, Any]]) -> list[Paper]:
    return [Paper(id=number, first_seen_at=NOW, **row) for number, row in enumerate(rows, start=1)]


def holds(one: Because, paper: Paper, asked: Asked, ranker: Ranker, ranking: Ranking, person: Subscriber) -> bool:
    """Tell whether a reason is true, by choosing anew without what it names."""
    chosen = choose(ranker, asked, ranking)[0]
    places = {asked.papers[place].id: number for number, (place, _) in enumerate(chosen, start=1)}
    wishless = Asked(DAY, [paper.model_copy(update={"hidden": False})], [ranker.profile()], [()])
    if one.kind == "chosen":
        return places.get(paper.id) == one.facts["position"]
    if one.kind == "hidden":
        return paper.hidden
    if one.kind == "received":
        return paper.id in asked.received[0]
    if one.kind == "muted":
        named = {"muted": [one.facts["word"]]} if "word" in one.facts else {"muted_authors": [one.facts["author"]]}
        muting = wishless._replace(profiles=[ranker.profile(**named)])
        return choose(ranker, muting, ranking)[0] == [] != choose(ranker, wishless, ranking)[0]
    if one.kind == "least":
        open_person = person.model_copy(update={"muted_words": (), "muted_authors": ()})
        opened = wishless._replace(profiles=[profile_of(ranker, open_person, [], {}, DAY)])
        return choose(ranker, opened, ranking)[0] == []
    if one.kind == "alike":
        return one.facts["paper"] in places
    assert one.kind == "below"
    return len(chosen) == ranking.papers and chosen[-1][1] >= one.facts["score"] - 1e-6


@settings(max_examples=150)
@given(
    st.lists(PAPERS, min_size=1, max_size=14),
    PEOPLE,
    st.sets(st.integers(1, 14), max_size=3),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.02, 0.3]),
    st.sampled_from([0.6, 0.85]),
)
def test_every_answer_is_what_choosing_does(
    rows: list[dict[str, Any]], person: Subscriber, had: set[int], most: int, least: float, same: float
) -> None:
    papers = day_of(rows)
    ranking = Ranking(papers=most, least_score=least, same=same)
    ranker = Ranker(least_score=least, same=same)
    ranker.fit(papers)
    candidates = [paper for paper in papers if not paper.hidden]
    asked = Asked(DAY, candidates, [profile_of(ranker, person, [], {}, DAY)], [had])
    chosen = {candidates[place].id for place, _ in choose(ranker, asked, ranking)[0]}
    for paper in papers:
        because = judged(ranker, ranking, person, paper, asked)
        assert because, paper
        assert (because[0].kind == "chosen") == (paper.id in chosen)
        assert "passed over" not in {one.kind for one in because}
        for one in because:
            assert holds(one, paper, asked, ranker, ranking, person), (one, paper)


@settings(max_examples=100)
@given(st.lists(PAPERS, min_size=2, max_size=14), PEOPLE, st.integers(1, 4))
def test_a_paper_is_chosen_once_what_kept_it_out_is_gone(
    rows: list[dict[str, Any]], person: Subscriber, most: int
) -> None:
    papers = [paper.model_copy(update={"hidden": False}) for paper in day_of(rows)]
    ranking = Ranking(papers=most)
    ranker = Ranker()
    ranker.fit(papers)
    asked = Asked(DAY, papers, [profile_of(ranker, person, [], {}, DAY)], [()])
    for paper in papers:
        because = judged(ranker, ranking, person, paper, asked)
        if {one.kind for one in because} == {"alike"}:
            rest = [one for one in papers if one.id not in {each.facts["paper"] for each in because}]
        elif because[0].kind == "below":
            rest = [paper]
        else:
            continue
        alone = asked._replace(papers=rest)
        if because[0].kind == "below":
            assert [rest[place] for place, _ in choose(ranker, alone, ranking)[0]] == [paper]
        else:
            again = judged(ranker, ranking, person, paper, alone)
            assert again[0].kind in ("chosen", "alike", "below")
