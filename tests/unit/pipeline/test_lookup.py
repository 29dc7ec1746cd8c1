"""A title that is misspelled is found by the words that are nearest to its own."""

from hypothesis import given
from hypothesis import strategies as st

from newsletter.pipeline.lookup import MOST_NEAR, nearest

TITLES = [
    (5, "Glacier dynamics under shifting harbours"),
    (4, "A violin for every orchestra"),
    (3, "Thunder and lanterns over the meadow"),
    (2, "Pyramid schemes in walnut pottery"),
    (1, "Velvet compass"),
]
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@st.composite
def misspelled(draw: st.DrawFn) -> tuple[int, str]:
    """Return the number of a title, and some of its words, in one of which a letter is wrong, missing or too much."""
    number, title = draw(st.sampled_from(TITLES))
    words = draw(st.lists(st.sampled_from(title.split()), min_size=1, max_size=3, unique=True))
    long = [at for at, word in enumerate(words) if len(word) > 5] or [0]
    at = draw(st.sampled_from(long))
    word, place = words[at], draw(st.integers(0, len(words[at]) - 1))
    if len(word) > 5:
        letter = draw(st.sampled_from(["", *LETTERS]))
        words[at] = word[:place] + letter + word[place + draw(st.integers(0, 1)) :]
    return number, " ".join(words)


@given(misspelled())
def test_a_title_is_among_the_nearest_whatever_letter_is_wrong(asked: tuple[int, str]) -> None:
    number, text = asked
    found = nearest(text, TITLES)
    assert number in [one for one, _ in found]
    assert nearest(text.upper(), TITLES) == found


@given(st.text(max_size=300), st.lists(st.tuples(st.integers(), st.text(max_size=60)), max_size=8))
def test_whatever_is_asked_only_titles_are_named_and_few(text: str, titles: list[tuple[int, str]]) -> None:
    found = nearest(text, titles)
    assert len(found) <= MOST_NEAR
    assert all(one in titles for one in found)


@given(st.text(alphabet="0123456789 ?!%", max_size=40))
def test_what_shares_no_word_is_not_near(text: str) -> None:
    assert nearest(text, TITLES) == []
