"""Tokens: what one purpose signed serves no other, and what was changed is refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.tokens import Signer, TokenError, claimed

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
    assert new.tag("unsubscribe", 7) != SIGNER.tag("unsubscribe", 7)
    with pytest.raises(ValueError, match="32 bytes"):
        Signer(b"n" * 32, [b"short"])
