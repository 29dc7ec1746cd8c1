"""Cutting, wrapping and cleaning of text in any script."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.rendering.prose import clean, cut, direction, excerpt, unrepeated, width, wrap


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


SHOWN = ("https://github.com/x/y", "https://www.x.example/page/")


@pytest.mark.parametrize(
    "tail",
    [
        "Code is available at https://github.com/x/y.",
        "Our code and data are publicly available at: https://github.com/X/Y",
        "https://github.com/x/y",
        "See https://github.com/x/y/ .",
        "Code: https://github.com/x/y.git. Project page: x.example/page.",
        "Code: https://github.com/x/y{https://github.com/x/y}.",
        "Code (https://github.com/x/y).",
    ],
)
def test_a_sentence_that_only_repeats_an_address_goes(tail):
    assert unrepeated(f"It works. It is e.g. fast! {tail}", SHOWN) == "It works. It is e.g. fast!"
    assert unrepeated(tail, SHOWN) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It works (https://github.com/x/y).", "It works."),
        ("It works [code: https://github.com/x/y]", "It works"),
        ("It works (twice). Code: https://github.com/x/y", "It works (twice)."),
    ],
)
def test_brackets_that_only_repeat_an_address_go(text, expected):
    assert unrepeated(text, SHOWN) == expected


@pytest.mark.parametrize(
    "text",
    [
        "It works. Code is available at https://github.com/x/other.",
        "It works. Code is at https://github.com/x/y, data at https://data.example/z.",
        "It works. We release four environments with graders at https://github.com/x/y.",
        "It works. The code is not available at https://github.com/x/y.",
        "It works, as the code at https://github.com/x/y shows. Others follow.",
        "Code: https://github.com/x/y. It works.",
        "It beats the tool of Smith et al. https://github.com/x/y.",
        "It works. Our code is available.",
        "It works",
        "",
    ],
)
def test_what_says_more_than_an_address_stays(text):
    assert unrepeated(text, SHOWN) == text


SENTENCES = st.lists(
    st.sampled_from(
        [
            "It works.",
            "Does it (not)?",
            "We see e.g. code.",
            "Code: https://github.com/x/y.",
            "https://x.example/page",
            "Data is at https://other.example/z.",
            "It works (https://github.com/x/y).",
            "So it is released at https://github.com/x/y",
            "本論文では手法を提案する。",
        ]
    )
    | st.text(alphabet="aC .(:/", max_size=12),
    max_size=6,
).map(" ".join)


@given(SENTENCES.map(clean))
def test_only_an_end_goes_and_only_where_an_address_is_repeated(text):
    left = unrepeated(text, SHOWN)
    kept = left if text.startswith(left) else left[:-1]
    assert text.startswith(kept)
    gone = text[len(kept) :]
    assert not gone or any(address in gone for address in ("github.com/x/y", "x.example/page"))
    assert not any(word in gone for word in ("works.", "not", "e.g.", "other", "So", "手法"))
    # A sentence keeps its end.
    assert kept == text or not kept or left[-1] in ".!?。)" or gone.lstrip().startswith("(")
    assert unrepeated(text, ()) == text


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


def test_no_line_begins_or_ends_with_a_sign_that_belongs_to_its_neighbour():
    text = "本論文では、少ない計算資源で「言語モデル」を微調整する手法を提案する。" * 4
    for columns in range(12, 72):
        lines = wrap(text, columns).split("\n")
        assert "".join(lines) == text
        assert all(width(line) <= columns for line in lines)
        assert not {line[0] for line in lines} & set("、。」")
        assert not {line[-1] for line in lines} & set("「")


def test_addresses_are_not_broken():
    address = "https://x.example/" + "long/" * 30
    assert address in wrap(f"See {address} for more", 40).split("\n")


@given(st.text())
def test_clean_text_is_one_line_that_can_be_encoded(text):
    cleaned = clean(text)
    cleaned.encode()
    assert len(cleaned.splitlines()) <= 1
    assert clean(cleaned) == cleaned


# Openings of abstracts of arXiv, whose metadata are in the public domain (CC0), and where readers see them end.
OPENINGS = json.loads((Path(__file__).parent / "openings.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("known", OPENINGS, ids=lambda known: known["opening"][:30])
def test_the_opening_of_a_real_abstract_ends_where_a_sentence_does(known):
    shown = excerpt(known["opening"], 320)
    assert known["opening"].startswith(shown)
    assert shown.endswith(known["ends"])
    assert 160 <= len(shown) <= 480


@pytest.mark.parametrize(
    "trap",
    [
        "as in e.g. LoRA", "that is, i.e. We", "Smith et al. 2020 show", "Adam vs. SGD", "see Fig. 3 for", "at 3.5 Hz",
        "by J. R. Smith of", "GPT-5.2 wins", "cf. Section", "w.r.t. Adam", "in Eq. 4 of", "No. 5 is", "Dr. Who says",
        "Sec. IV has", "approx. 30 of", "Vol. 2 has", "the U.S. Army has", "a.k.a. Bob", "v2.0. x", "Qwen2.5-VL of",
    ],
)  # fmt: skip
def test_no_abbreviation_number_or_initial_ends_a_sentence(trap):
    text = f"{'word ' * 58}and {trap} {'more ' * 20}until here. {'Then more comes. ' * 20}"
    assert excerpt(text, 320).endswith("until here.")


@pytest.mark.parametrize(
    "letter",
    [
        "e\u0301\u0323", "👩‍👩‍👧‍👦", "👍🏽", "🇩🇪", "한", "क्ष", "நி", "กำ", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️", "1️⃣", "שָׁ", "ﾊﾞ",
    ],
)  # fmt: skip
@given(before=st.integers(0, 70), data=st.data())
def test_no_letter_emoji_or_flag_is_cut_in_two(letter, before, data):
    text = "x" * before + letter * 40
    limit = data.draw(st.integers(2, len(text)))
    shown = cut(text, limit)
    assert len(shown) <= limit
    if shown != text:
        assert shown.endswith("…")
        rest = shown.removesuffix("…").removeprefix("x" * before)
        assert not rest.strip("x") or rest == letter * (len(rest) // len(letter))


@pytest.mark.parametrize(
    ("title", "subject"),
    [
        ("深層学習による画像生成の研究" * 6, ("深層学習による画像生成の研究" * 6)[:59] + "…"),
        ("Ein Titel mit vielen Wörtern, der an einem Wort enden soll und nicht darin", None),
        ("למידה עמוקה " * 9, ("למידה עמוקה " * 5)[:59].rstrip().rsplit(" ", 1)[0] + "…"),
    ],
)
def test_a_subject_is_cut_at_a_word_where_there_are_words(title, subject):
    shown = cut(title.strip(), 60)
    assert len(shown) <= 60
    if subject is None:
        assert title.startswith(shown.removesuffix("…") + " ")
    elif " " not in title:
        assert shown == subject
    else:
        assert title.split()[: len(shown.split())] == shown.removesuffix("…").split()
