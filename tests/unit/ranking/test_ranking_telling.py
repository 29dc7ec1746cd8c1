"""Words of reasons are telling: what stands in papers of all kinds is not named, and what is named shows the topic."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.models import Paper
from newsletter.ranking import Catalogue, Ranker
from newsletter.ranking.index import Index, count_terms, fields
from newsletter.ranking.latent import Latent
from newsletter.ranking.reasons import telling_words
from newsletter.ranking.telling import MANY, MOST_SPREAD, Telling
from newsletter.ranking.text import words

SEEDS = Path(__file__).resolve().parents[3] / "seeds"
# Subjects with words of their own, beside those that papers of all kinds have.
SUBJECTS = tuple(tuple(f"{word}{number}" for word in ("reef", "coral", "fish", "tide")) for number in range(12))
COMMON = tuple(f"all{number}" for number in range(200))


def made_up(count: int = 240) -> list[Paper]:
    """Return papers of the subjects in turn; a common word is as rare as one of a subject, and stands in any."""
    chance = random.Random(1)
    papers = []
    for at in range(count):
        own = SUBJECTS[at % len(SUBJECTS)]
        told = [own[(at // len(SUBJECTS) + step) % 4] for step in range(3)] + [*chance.sample(COMMON, 14)]
        papers.append(Paper(id=at + 1, title=" and ".join(told[:2]), abstract=". ".join(told)))
    return papers


@pytest.fixture
def telling() -> Telling:
    return FITTED_TELLING


def test_a_word_in_papers_of_all_kinds_tells_nothing_however_rare(telling: Telling) -> None:
    assert all(telling.tells(word, 1) for own in SUBJECTS for word in own)
    assert sum(telling.tells(word, 1) for word in COMMON) < 0.1 * len(COMMON)
    assert telling.tells("axolotl", 2)
    assert not telling.tells("axolotl", 1)


def test_a_word_shows_a_topic_if_its_papers_are_about_it() -> None:
    papers = [
        Paper(id=at + 1, title=f"{'reef' if at < 12 else 'time'} only{at} {'ray' * (at < 9)}") for at in range(400)
    ]
    index = Index(papers)
    telling = Telling(index, Latent(index))
    reef = index.by_term.indices[slice(*index.by_term.indptr[[index.vocabulary["reef"], index.vocabulary["reef"] + 1]])]
    assert telling.shows("ray", reef)
    assert not telling.shows("time", reef)
    # What the archive does not know is as rare as can be; a paper alone is no evidence.
    assert telling.shows("axolotl", reef)
    assert not telling.shows("only5", reef)


def test_generic_words_of_a_split_phrase_are_not_named() -> None:
    catalogue = Catalogue.load(
        """
        [[topic]]
        slug = "test-time-scaling"
        name = "test-time scaling"
        phrases = ["best of n", "inference-time scaling"]
        parent = ""
        """
    )
    usual = "We train a model for a long time, and tests show the best results of all."
    papers = [
        Paper(id=at + 1, title=f"Paper {at}", abstract=usual if at % 3 else "Test-time scaling.") for at in range(60)
    ]
    ranker = Ranker(catalogue)
    ranker.fit(papers)
    profile = ranker.profile(["test-time-scaling"])
    assert ranker.explain(profile, papers[3]).words == ("Test-time scaling",)
    asked = Paper(id=99, title="Tests of all times", abstract="The best scaling.")
    reason = ranker.explain(profile, asked)
    assert (reason.kind, reason.words) == ("topic", ())


def test_what_is_left_of_a_phrase_without_its_small_words_touches_no_paper() -> None:
    topic = '[[topic]]\nslug = "gui-agents"\nname = "GUI agents"\nphrases = ["computer use"]\nparent = ""\n'
    papers = [Paper(id=at + 1, title="Computer vision" if at else "GUI agents") for at in range(20)]
    ranker = Ranker(Catalogue.load(topic))
    ranker.fit(papers)
    assert ranker.matches("gui-agents") == 1
    # Where there is nothing better it is what was asked for.
    assert ranker.matches("computer use") == 19


def test_an_expression_ends_where_a_sentence_or_a_bracket_does() -> None:
    texts = ("Large models (MLLMs) reward. Entropy is state-of-the-art in multi-head attention",)
    asked = [("model", "mllm"), ("reward", "entropy"), ("multi", "head"), ("state", "of", "the", "art")]
    assert telling_words(texts, asked, lambda term: 0.0) == ("multi-head", "state-of-the-art")


@settings(max_examples=60)
@given(st.integers(0, 239), st.sets(st.integers(0, 239), min_size=1, max_size=5))
def test_what_papers_of_one_subject_share_is_named_before_what_all_share(at: int, liked: set[int]) -> None:
    papers = made_up()
    reason = FITTED.explain(FITTED.profile(likes=[papers[one] for one in sorted(liked)]), papers[at])
    named = {word for piece in reason.words for word in words(piece)}
    telling = {word for word in COMMON if FITTED_TELLING.tells(word, 1)}
    assert not named & ({*COMMON} - telling)
    assert named & set(SUBJECTS[at % 12]) or all(one % 12 != at % 12 for one in liked)


FITTED = Ranker()
FITTED.fit(made_up())
INDEX = Index(made_up())
FITTED_TELLING = Telling(INDEX, Latent(INDEX))


def test_reasons_of_real_papers_name_phrases_that_were_asked_for_or_words_that_are_rare(shared: Path) -> None:
    files = sorted((shared / "feeds" / "hf-daily-papers").glob("*.json"))[-20:]
    entries = {entry["paper"]["id"]: entry["paper"] for file in files for entry in json.loads(file.read_bytes())}
    papers = [
        Paper(id=number, title=entry["title"], abstract=entry.get("summary", ""))
        for number, entry in enumerate(entries.values(), 1)
    ]
    catalogue = Catalogue.load((SEEDS / "topics.toml").read_bytes())
    ranker = Ranker(catalogue)
    ranker.fit(papers)
    spread = Counter(term for paper in papers for term in count_terms(paper))
    most = max(MOST_SPREAD * len(papers), MANY)
    day, shown = papers[-60:], 0
    for slug, entry in catalogue.items():
        asked = {expression.words for expression in catalogue.expressions(entry)}
        profile = ranker.profile([slug])
        for place, _ in ranker.top([profile], day, 5)[0]:
            reason = ranker.explain(profile, day[place])
            shown += bool(reason.words)
            for piece in reason.words:
                read = tuple(words(piece))
                assert read in asked or spread[" ".join(read)] <= most, (slug, piece)
                assert any(piece in text for text in fields(day[place]))
    assert shown > 100
