"""Why a paper is not chosen: the answer is what choosing does, for every paper of made-up days."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.config import Ranking
from newsletter.models import Consent, Feedback, Paper, Subscriber, Topic
from newsletter.pipeline.choosing import Asked, arrange, choose, in_order, popular_from, profile_of
from newsletter.pipeline.explain import Because, judged
from newsletter.ranking import Ranker
from newsletter.ranking.selection import minutes_to_read

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = date(2026, 3, 2)
WORDS = "violin glacier harbour pepper falcon lantern meadow copper".split()  # noqa: SIM905 - easier to read
AUTHORS = ("Ada Lovelace", "Bo Li", "Zoë Müller")

PAPERS = st.builds(
    lambda words, length, votes, authors, hidden: {
        "title": " ".join(words[:3]),
        "abstract": " ".join(words * length),
        "votes": votes,
        "authors": tuple(authors),
        "hidden": hidden,
    },
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=6),
    st.sampled_from([1, 1, 30, 60]),
    st.integers(0, 40),
    st.lists(st.sampled_from(AUTHORS), max_size=2),
    st.sampled_from([False, False, True]),
)
PEOPLE = st.builds(
    lambda topics, words, authors, muted, papers, minutes, bar: Subscriber(
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
        papers=papers,
        minutes=minutes,
        bar=bar,
        created_at=NOW,
    ),
    st.dictionaries(st.sampled_from(WORDS), st.floats(-1, 1), max_size=3),
    st.lists(st.sampled_from([*WORDS, "Violins", "copper meadow"]), max_size=2),
    st.lists(st.sampled_from(AUTHORS), max_size=1),
    st.lists(st.sampled_from(["bo li", "Lovelace, Ada"]), max_size=1),
    st.sampled_from([None, None, 1, 3, 6]),
    st.sampled_from([None, None, 2, 3, 5]),
    st.sampled_from(["normal", "few", "many"]),
)
JUDGED = st.dictionaries(st.integers(1, 14), st.sampled_from(["less", "less", "more"]), max_size=3)


class Case(NamedTuple):
    """A person on a day, and who chooses for them."""

    ranker: Ranker
    ranking: Ranking
    person: Subscriber
    said: list[Feedback]
    papers: list[Paper]
    received: set[int]

    def profile(self, *, despite: bool = False, **changed: Any) -> Any:
        """Return their profile with changes, or but for what they disliked."""
        known = {paper.id: paper for paper in self.papers if paper.id is not None}
        profile = profile_of(self.ranker, self.person.model_copy(update=changed), self.said, known, DAY)
        # What they said less of may have taken the place of a like of its twin, and still does.
        return replace(profile, dislikes=()) if despite else profile

    def asked(self, papers: list[Paper] | None = None, **changed: Any) -> Asked:
        """Return what is chosen by, for other papers or a changed person."""
        open_to_all = [paper for paper in self.papers if not paper.hidden] if papers is None else papers
        return Asked(DAY, open_to_all, [self.profile(**changed)], [self.received])

    def sent(self, asked: Asked, **changed: Any) -> list[int | None]:
        """Return the ids of the papers of the issue, in order."""
        [one] = choose(self.ranker, asked, self.ranking.model_copy(update=changed))
        return [asked.papers[place].id for place, _ in in_order(one)]

    def arranged(self) -> list[int | None]:
        """Return the ids of the papers of the issue, as they stand in the mail."""
        asked = self.asked()
        [one] = choose(self.ranker, asked, self.ranking)
        popular = popular_from(asked.papers)
        placed = arrange(self.ranker, asked.profiles[0], asked.papers, one, popular=popular)
        return [asked.papers[each.place].id for each in placed]


def case_of(
    rows: list[dict[str, Any]], person: Subscriber, judged_: dict[int, str], had: set[int], ranking: Ranking
) -> Case:
    papers = [Paper(id=number, first_seen_at=NOW, **row) for number, row in enumerate(rows, start=1)]
    ranker = Ranker(least_score=ranking.least_score, same=ranking.same, outside=bool(ranking.outside))
    ranker.fit(papers)
    said = [
        Feedback(subscriber_id=1, paper_id=number, verdict=verdict, at=NOW)
        for number, verdict in judged_.items()
        if number <= len(papers)
    ]
    return Case(ranker, ranking, person, said, papers, had)


def holds(one: Because, paper: Paper, case: Case) -> bool:
    """Tell whether a reason is true, by choosing anew without what it names."""
    opened = paper.model_copy(update={"hidden": False, "id": 99})
    match one.kind:
        case "chosen":
            return case.arranged().index(paper.id) + 1 == one.facts["position"]
        case "outside":
            asked = case.asked()
            [chosen] = choose(case.ranker, asked, case.ranking)
            return chosen.outside is not None and asked.papers[chosen.outside[0]].id == paper.id
        case "hidden":
            return paper.hidden
        case "received":
            return paper.id in case.received
        case "muted":
            named = {"muted": [one.facts["word"]]} if "word" in one.facts else {"muted_authors": [one.facts["author"]]}
            alone = Asked(DAY, [opened], [case.ranker.profile()], [()])
            muting = alone._replace(profiles=[case.ranker.profile(**named)])
            return case.sent(muting) == [] != case.sent(alone)
        case "least" | "few" | "disliked":
            return fits_too_little(one, opened, paper, case)
    return beaten(one, paper, case)


def fits_too_little(one: Because, opened: Paper, paper: Paper, case: Case) -> bool:
    """Tell whether a paper that nothing else keeps out fits too little."""
    free = {"muted_words": (), "muted_authors": (), "minutes": None}
    alone = case.sent(case.asked([opened], despite=True, **free))
    if one.kind == "least":
        # But for what they disliked it would fit no better.
        return alone == []
    if one.kind == "disliked":
        return bool(case.profile().dislikes) and alone == [99]
    others = [each for each in case.asked().papers if each.id != paper.id]
    had = {each.id for each in others if each.id is not None}
    # What they had counts too for what is the best of the day.
    few, normal = (
        case.sent(case.asked([*others, opened], bar=bar, **free)._replace(received=[had])) for bar in ("few", "normal")
    )
    return normal == [99] and (few == [] or bool(case.profile().dislikes))


def beaten(one: Because, paper: Paper, case: Case) -> bool:
    """Tell whether a paper that may be chosen is kept out by others."""
    asked = case.asked()
    [chosen] = choose(case.ranker, asked, case.ranking)
    picks = {asked.papers[place].id for place, _ in chosen.picks}
    sent = case.sent(asked)
    size = case.person.papers or case.ranking.papers
    [top] = case.ranker.top(asked.profiles, asked.papers, size, received=asked.received, today=DAY)
    within = {asked.papers[place].id for place, _ in top}
    match one.kind:
        case "alike":
            return one.facts["paper"] in within
        case "near":
            full = len(within) == size and paper.id not in within
            return full and one.facts["paper"] in within and one.facts["score"] >= top[-1][1] - 1e-6
        case "minutes":
            lengths = {each.id: minutes_to_read(each) for each in case.papers}
            minutes = case.person.minutes
            return minutes is not None and lengths[paper.id] > minutes - sum(map(lengths.__getitem__, within)) - 1e-6
        case "gave way":
            return chosen.outside is not None and paper.id in within - picks
        case "below":
            return len(sent) == size and chosen.picks[-1][1] >= one.facts["score"] - 1e-6
    return False


RANKINGS = st.builds(
    Ranking,
    papers=st.integers(1, 7),
    least_score=st.sampled_from([0.0, 0.02, 0.3]),
    same=st.sampled_from([0.6, 0.85]),
    outside=st.sampled_from([0, 1]),
)


@settings(max_examples=300)
@given(st.lists(PAPERS, min_size=1, max_size=14), PEOPLE, JUDGED, st.sets(st.integers(1, 14), max_size=3), RANKINGS)
def test_every_answer_is_what_choosing_does(
    rows: list[dict[str, Any]], person: Subscriber, judgements: dict[int, str], had: set[int], ranking: Ranking
) -> None:
    case = case_of(rows, person, judgements, had, ranking)
    asked = case.asked()
    sent = case.sent(asked)
    for paper in case.papers:
        because = judged(case.ranker, ranking, person, paper, asked)
        assert because, paper
        assert (because[0].kind in ("chosen", "outside")) == (paper.id in sent)
        for one in because:
            assert holds(one, paper, case), (one, paper)


@settings(max_examples=150)
@given(st.lists(PAPERS, min_size=2, max_size=14), PEOPLE, JUDGED, st.integers(1, 4))
def test_a_paper_is_chosen_once_what_kept_it_out_is_gone(
    rows: list[dict[str, Any]], person: Subscriber, judgements: dict[int, str], most: int
) -> None:
    shown = [{**row, "hidden": False} for row in rows]
    case = case_of(shown, person, judgements, set(), Ranking(papers=most))
    asked = case.asked()
    for paper in case.papers:
        because = judged(case.ranker, case.ranking, person, paper, asked)
        if {one.kind for one in because} == {"alike"}:
            twins = {each.facts["paper"] for each in because}
            alone = case.asked([one for one in case.papers if one.id not in twins])
            again = judged(case.ranker, case.ranking, person, paper, alone)
            assert again[0].kind not in ("least", "few", "hidden", "received", "muted")
        elif because[0].kind in ("below", "near", "gave way"):
            assert case.sent(case.asked([paper])) == [paper.id]
        elif because[0].kind == "minutes":
            assert case.sent(case.asked([paper], minutes=None)) == [paper.id]
        elif because[0].kind == "disliked":
            assert case.sent(case.asked([paper], minutes=None, despite=True)) == [paper.id]
