"""People are known by their names however these are written, and as seldom as can be taken for each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.models import Paper
from newsletter.ranking import Ranker
from newsletter.ranking.names import author_key, family_name, same_person


def same(one: str, other: str) -> bool:
    found = same_person(author_key(one), author_key(other))
    assert found == same_person(author_key(other), author_key(one))
    return found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("John Smith", "J. Smith"),
        ("John Smith", "Smith, J."),
        ("John Smith", "SMITH, John"),
        ("John Smith", "John A. Smith"),
        ("John A. Smith", "J. A. Smith"),
        ("J. Smith", "J. A. Smith"),
        ("Zoë Müller", "Muller, Zoe"),
        ("Zoë Müller", "Zoe\u0308 Mu\u0308ller"),
        ("Łukasz Kaiser", "L. Kaiser"),
        ("Søren Bøgh", "Soren Bogh"),
        ("Jean-Pierre Serre", "J.-P. Serre"),
        ("Laurens van der Maaten", "van der Maaten, Laurens"),
        ("Laurens van der Maaten", "L. van der Maaten"),
        ("Conan O'Brien", "Conan O’Brien"),
        ("Robert Downey Jr.", "Robert Downey"),
        ("Dr. Jane Doe", "Jane Doe"),
        ("Prof. Dr. Jane Doe", "Doe, Jane"),
        ("Jane Doe, PhD", "J. Doe"),
        ("Jane Doe, Ph.D.", "Jane Doe"),
        ("Иван Петров", "И. Петров"),
        ("李明", "李明"),
        ("OpenAI", "openai"),
    ],
)
def test_one_person_by_two_names(one: str, other: str) -> None:
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("John Smith", "Jane Smith"),
        ("John Smith", "Jo Smith"),
        ("John A. Smith", "John B. Smith"),
        ("John Smith", "A. J. Smith"),
        ("John Smith", "Smith"),
        ("John Smith", "John Smithson"),
        ("Wei Wang", "Wei Zhang"),
        ("李 明", "李明 明"),
        ("Plato", "P. Plato"),
        ("Jr", "Sr"),
    ],
)
def test_two_people(one: str, other: str) -> None:
    assert not same(one, other)


def test_names_are_compared_without_case_accents_points_and_order() -> None:
    assert author_key("Müller, Zoë A.") == author_key("zoe a muller") == "zoe a muller"
    assert author_key("..") == ""


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_name_is_itself_and_compared_either_way(one: str, other: str) -> None:
    same(one, other)
    if author_key(one):
        assert same(one, one)
        assert family_name(author_key(one)) == author_key(one).split()[-1]


def test_initials_are_followed_and_muted_like_full_names() -> None:
    ranker = Ranker()
    names = ("John Smith", "J. Smith", "Jane Smith", "Smith, John A.", "Ada Byron")
    papers = [
        Paper(id=at, title=f"{word} {word}ism", authors=("Bo Li", name))
        for at, (word, name) in enumerate(zip(("heron", "otter", "lynx", "newt", "toad"), names, strict=True))
    ]
    following = ranker.profile(authors=["John Smith"])
    assert {at for at, _ in ranker.top([following], papers, 5)[0]} == {0, 1, 3}
    assert ranker.explain(following, papers[1]).subject == "J. Smith"
    assert not {at for at, _ in ranker.top([ranker.profile(muted_authors=["Smith, John"])], papers, 5)[0]} & {0, 1, 3}


def test_two_follows_of_one_author_both_count() -> None:
    ranker = Ranker()
    papers = [Paper(id=1, title="On herons", authors=("J. Smith", "John Smith"))]
    profiles = [ranker.profile(authors=names) for names in ((), ["J. Smith"], ["J. Smith", "John Smith"])]
    none, one, two = ranker.score(profiles, papers)[:, 0]
    assert none < one < two


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Dr. Doe", "Doe"),
        ("Doe, Ph. D.", "Doe"),
        ("Md. Rahman", "Rahman"),
        ("Rahman, Md", "Jane Rahman"),
        ("Dr. Jane Doe", "John Doe"),
        ("Jane Doe, PhD", "John Doe"),
        ("Drew Doe", "Ew Doe"),
    ],
)
def test_titles_make_nobody_of_somebody_else(one: str, other: str) -> None:
    assert not same(one, other)
