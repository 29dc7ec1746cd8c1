"""Cutting, wrapping and cleaning of text in any script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.rendering.prose import clean, cut, direction, excerpt, width, wrap


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("short", 60, "short"),
        ("exactly ten", 11, "exactly ten"),
        ("one two three four", 14, "one two three…"),
        ("one two three four", 12, "one two…"),
        ("one, two", 6, "one…"),
        ("Pneumonoultramicroscopic", 10, "Pneumonou…"),
        ("大規模言語モデルの効率的な微調整", 8, "大規模言語モデ…"),
        ("cafe\u0301 au lait", 5, "caf…"),
    ],
)
def test_cut(text, limit, expected):
    assert cut(text, limit) == expected


@given(st.text(), st.integers(2, 80))
def test_a_cut_fits(text, limit):
    assert len(cut(text, limit)) <= limit


def test_an_excerpt_ends_with_a_sentence_and_knows_abbreviations():
    text = (
        "We compare with Smith et al. 2020 and e.g. Figures of others, i.e. All of them. " + "Then more follows. " * 9
    )
    assert excerpt(text, 80) == "We compare with Smith et al. 2020 and e.g. Figures of others, i.e. All of them."
    assert excerpt("本論文では手法を提案する。" * 10, 30) == "本論文では手法を提案する。" * 2
    assert excerpt("No end here " * 40, 100).endswith("…")
    assert excerpt("Short. Text.", 100) == "Short. Text."


@given(st.text(), st.integers(80, 400))
def test_an_excerpt_is_an_opening_of_about_that_length(text, characters):
    shown = excerpt(text * 5, characters)
    assert len(shown) <= characters * 3 // 2
    assert (text * 5).startswith(shown.removesuffix("…"))


def test_direction():
    assert [direction(text) for text in ("Deep", "123 עברית", "(العربية) and", "", "42")] == [
        "ltr",
        "rtl",
        "rtl",
        "ltr",
        "ltr",
    ]


@given(st.text(alphabet=st.sampled_from("ab 中文\u0301é"), max_size=300), st.integers(0, 8), st.integers(0, 8))
def test_wrapped_text_fits_and_loses_nothing(text, first, indent):
    lines = wrap(text, 30, first=first, indent=indent).split("\n")
    assert first + width(lines[0]) <= 30
    assert all(width(line) <= 30 and line.startswith(" " * indent) for line in lines[1:])
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_addresses_are_not_broken():
    address = "https://x.example/" + "long/" * 30
    assert address in wrap(f"See {address} for more", 40).split("\n")


@given(st.text())
def test_clean_text_is_one_line_that_can_be_encoded(text):
    cleaned = clean(text)
    cleaned.encode()
    assert len(cleaned.splitlines()) <= 1
    assert clean(cleaned) == cleaned
