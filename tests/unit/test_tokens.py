"""Tokens: what one purpose signed serves no other, and what was changed is refused."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter import tokens
from newsletter.tokens import Signer, TokenError, claimed, marked

SIGNER = Signer(b"k" * 32)


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_a_tag_survives_a_change_of_case_and_is_short_enough_for_an_address(number: int) -> None:
    tag = SIGNER.tag("bounce", number)
    assert SIGNER.read_tag("bounce", tag.upper()) == number
    assert len(f"a-long-name-of-a-mailbox+{tag}") <= 64


@given(st.integers(min_value=0, max_value=10**6), st.integers(min_value=0), st.sampled_from("0a2z-"))
def test_a_changed_tag_is_refused(number: int, place: int, letter: str) -> None:
    tag = SIGNER.tag("bounce", number)
    place %= len(tag)
    changed = tag[:place] + letter + tag[place + 1 :]
    if changed != tag:
        with pytest.raises(TokenError):
            SIGNER.read_tag("bounce", changed)


@pytest.mark.parametrize("tag", ["", "-", "1-", "7", "x-y", "1-" + "a" * 16, "f" * 17 + "-" + "a" * 16])
def test_what_is_no_tag_is_refused(tag: str) -> None:
    with pytest.raises(TokenError):
        SIGNER.read_tag("bounce", tag)


def test_a_tag_serves_its_purpose_and_its_installation_alone() -> None:
    tag = SIGNER.tag("bounce", 7)
    with pytest.raises(TokenError):
        SIGNER.read_tag("unsubscribe", tag)
    with pytest.raises(TokenError):
        Signer(b"j" * 32).read_tag("bounce", tag)


@given(st.lists(st.text(max_size=40) | st.integers(), max_size=3))
def test_a_token_is_what_itsdangerous_writes_and_reads(words: list[str | int]) -> None:
    token = SIGNER.sign("unsubscribe", *words)
    assert SIGNER.read("unsubscribe", token) == tuple(words)
    with pytest.raises(TokenError):
        SIGNER.read("confirm", token)
    with pytest.raises(TokenError):
        SIGNER.read("unsubscribe", token[:-2] + ("AA" if token[-2:] != "AA" else "BB"))


@given(st.lists(st.text(max_size=12) | st.integers(), max_size=3), st.data())
def test_a_token_that_is_spelled_in_any_other_way_is_refused(words: list[str | int], data: st.DataObject) -> None:
    token = SIGNER.sign("confirm", *words)
    place = data.draw(st.integers(0, len(token)))
    put = data.draw(st.text(max_size=3) | st.sampled_from("!=.-_ \n\0"))
    taken = data.draw(st.integers(0, 3))
    for changed in (token[:place] + put + token[place + taken :], token.swapcase(), token[:place]):
        if changed != token:
            with pytest.raises(TokenError):
                SIGNER.read("confirm", changed)


def test_of_the_last_letter_each_bit_counts() -> None:
    token = SIGNER.sign("confirm", 7, "ada@example.org")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    read = []
    for letter in letters:
        with contextlib.suppress(TokenError):
            read.append(SIGNER.read("confirm", token[:-1] + letter))
    assert read == [(7, "ada@example.org")]


@given(st.integers(0, 2**63 - 1), st.text(max_size=20), st.text(max_size=20))
def test_a_tag_is_good_with_the_words_that_it_is_about_alone(number: int, about: str, other: str) -> None:
    tag = SIGNER.tag("confirm", number, about)
    assert SIGNER.read_tag("confirm", tag.upper(), about) == claimed(tag) == number
    if other != about:
        with pytest.raises(TokenError):
            SIGNER.read_tag("confirm", tag, other)


@pytest.mark.parametrize("tag", ["", "7", "x-y", "1-" + "g" * 16, "f" * 17 + "-" + "a" * 16])
def test_what_is_no_tag_claims_nothing(tag: str) -> None:
    with pytest.raises(TokenError):
        claimed(tag)


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=4))
def test_a_seal_carries_its_numbers_for_its_purpose_alone(numbers: list[int]) -> None:
    seal = SIGNER.seal("own", *numbers)
    assert SIGNER.read_seal("own", seal) == tuple(numbers)
    for other, purpose in ((SIGNER, "settings"), (Signer(b"j" * 32), "own")):
        with pytest.raises(TokenError):
            other.read_seal(purpose, seal)
    with pytest.raises(TokenError):
        SIGNER.read_tag("own", seal)


def test_an_older_key_is_read_for_tokens_of_all_forms() -> None:
    new = Signer(b"n" * 32, [b"k" * 32])
    assert new.read_tag("unsubscribe", SIGNER.tag("unsubscribe", 7)) == 7
    assert new.read("confirm", SIGNER.sign("confirm", 7, "a@example.org")) == (7, "a@example.org")
    assert new.read_seal("own", SIGNER.seal("own", 7)) == (7,)
    assert new.read_mark("feedback", 7, SIGNER.marks("feedback", 7, [(3, 40)])[0], 40) == 3
    assert new.tag("unsubscribe", 7) != SIGNER.tag("unsubscribe", 7)
    with pytest.raises(ValueError, match="32 bytes"):
        Signer(b"n" * 32, [b"short"])


NUMBERS = st.integers(0, 2**63 - 1)
PLACES = st.integers(1, 999)
MAILS = st.dictionaries(PLACES, NUMBERS, min_size=1, max_size=12).map(lambda found: sorted(found.items()))


@given(NUMBERS, MAILS)
def test_each_mark_is_read_with_what_it_was_made_for_and_survives_a_change_of_case(
    number: int, places: list[tuple[int, int]]
) -> None:
    marks = SIGNER.marks("feedback", number, places)
    for mark, (place, about) in zip(marks, places, strict=True):
        assert SIGNER.read_mark("feedback", number, mark.upper(), about) == marked(mark) == place
        # However many others stand beside it.
        assert SIGNER.marks("feedback", number, [(place, about)]) == [mark]
    assert SIGNER.marks("feedback", number, []) == []


# These draw the same numbers each time: of 32 bits, two in four thousand million are alike by chance.
@settings(derandomize=True)
@given(NUMBERS, PLACES, NUMBERS, NUMBERS, PLACES, NUMBERS)
def test_a_mark_is_refused_at_any_other_mail_place_and_paper(
    number: int, place: int, about: int, other_number: int, other_place: int, other_about: int
) -> None:
    (mark,) = SIGNER.marks("feedback", number, [(place, about)])
    bits = mark.partition("-")[2]
    elsewhere = [(number, place, other_about), (other_number, place, about), (number, other_place, about)]
    elsewhere += [(other_number, other_place, other_about), (about, place, number)]
    for there in elsewhere:
        if there != (number, place, about):
            with pytest.raises(TokenError):
                SIGNER.read_mark("feedback", there[0], f"{there[1]}-{bits}", there[2])


@settings(derandomize=True)
@given(NUMBERS, MAILS)
def test_a_mark_serves_its_purpose_and_its_installation_alone(number: int, places: list[tuple[int, int]]) -> None:
    for signer, purpose in ((SIGNER, "bounce"), (Signer(b"j" * 32), "feedback")):
        for mark, (_, about) in zip(SIGNER.marks("feedback", number, places), places, strict=True):
            with pytest.raises(TokenError):
                signer.read_mark(purpose, number, mark, about)


@settings(derandomize=True)
@given(NUMBERS, st.lists(NUMBERS, min_size=2, max_size=40))
def test_the_marks_of_a_mail_tell_nothing_of_each_other(number: int, abouts: list[int]) -> None:
    marks = SIGNER.marks("feedback", number, list(enumerate(abouts, 1)))
    bits = [int(mark.partition("-")[2], 16) for mark in marks]
    assert len(set(bits)) == len(bits)
    # Nor those of another mail with the same papers.
    others = [
        int(one.partition("-")[2], 16) for one in SIGNER.marks("feedback", number + 1, list(enumerate(abouts, 1)))
    ]
    assert len({one ^ other for one, other in zip(bits, others, strict=True)}) == len(bits)


@given(NUMBERS, PLACES, NUMBERS, st.integers(0, 31))
def test_of_a_mark_each_bit_counts(number: int, place: int, about: int, bit: int) -> None:
    (mark,) = SIGNER.marks("feedback", number, [(place, about)])
    changed = int(mark.partition("-")[2], 16) ^ 1 << bit
    with pytest.raises(TokenError):
        SIGNER.read_mark("feedback", number, f"{place}-{changed:08x}", about)


@pytest.mark.parametrize(
    "mark",
    ["", "3", "3-", "-", "x-01234567", "3-0123456", "3-012345678", "3-0123456g", "0-01234567", "03-01234567",
     "1000-01234567", "-3-01234567", "3-01234567-", " 3-01234567", "3-01234567\n", "٣-01234567",
     "9" * 5000 + "-01234567"],
)  # fmt: skip
def test_what_is_no_mark_is_of_no_place(mark: str) -> None:
    for read in (marked, lambda mark: SIGNER.read_mark("feedback", 7, mark, 40)):
        with pytest.raises(TokenError):
            read(mark)


def test_ten_marks_of_a_mail_are_one_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    signer, made = Signer(b"k" * 32), []
    places = list(enumerate(range(100, 110), 1))
    first = signer.marks("feedback", 1, places)

    class Counted:
        """What is begun, as it was."""

        def __init__(self, begun: Any) -> None:
            self.begun = begun

        def copy(self) -> Any:
            made.append(1)
            return self.begun.copy()

    pads = signer._marks._pads
    pads["feedback"] = Counted(pads["feedback"])  # type: ignore[assignment]
    # Of papers that stood in a mail before nothing is hashed anew.
    monkeypatch.setattr(tokens, "blake2b", None)
    assert signer.marks("feedback", 1, places) == first
    for number in range(2, 12):
        assert signer.marks("feedback", number, places) != first
    assert len(made) == 11


def test_marks_made_while_the_key_turns_are_of_one_of_the_keys() -> None:
    older, newer = b"k" * 32, b"n" * 32
    signer = Signer(older)

    class Turning(list[tuple[int, int]]):
        """The key turns while what stands in them is looked at."""

        def __iter__(self) -> Iterator[tuple[int, int]]:
            signer.turn(newer, [older])
            return super().__iter__()

    (mark,) = signer.marks("feedback", 7, Turning([(1, 40)]))
    assert signer.read_mark("feedback", 7, mark, 40) == 1
