"""Return paths: one for each delivery, that nobody else can make, and that survive what servers do to addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.verp import ReturnPath, deliveries_quoted, delivery_of
from newsletter.tokens import Signer

SIGNER = Signer(b"k" * 32)
OTHER = Signer(b"o" * 32)

numbers = st.integers(1, 2**63 - 1)
# What the settings allow for the mailbox.
locals_ = st.from_regex(r"[a-z0-9]([a-z0-9.+=-]{0,28}[a-z0-9])?", fullmatch=True)


@given(numbers, locals_, st.sampled_from("+-"))
def test_a_return_path_leads_back_and_fits_into_a_local_part(number: int, local: str, delimiter: str) -> None:
    made = ReturnPath(f"{local}@example.org", SIGNER, delimiter).of(number)
    assert len(made.rpartition("@")[0]) <= 64
    assert made.isascii()
    assert made.startswith(f"{local}{delimiter}")
    assert delivery_of(made, SIGNER) == number


@given(numbers, st.sampled_from("+-="), st.randoms(use_true_random=False))
def test_it_survives_a_change_of_case_of_delimiter_and_of_domain(number: int, delimiter: str, chance: object) -> None:
    made = ReturnPath("me+bounces@example.org", SIGNER).of(number)
    local = made.rpartition("@")[0].replace("me+bounces+", f"prvs=9=me+bounces{delimiter}")
    spelled = "".join(letter.upper() if chance.random() < 0.5 else letter for letter in local)  # type: ignore[attr-defined]
    assert delivery_of(f"<{spelled}@mx.example.net>", SIGNER) == number


@given(numbers, st.integers(0, 200), st.characters(codec="ascii", categories=["Ll", "Nd"]))
def test_a_tag_that_was_changed_is_no_tag(number: int, place: int, letter: str) -> None:
    made = ReturnPath("b@example.org", SIGNER).of(number)
    place = 2 + place % (made.index("@") - 2)
    changed = made[:place] + letter + made[place + 1 :]
    if changed != made:
        # A zero before the number changes nothing but the look.
        assert delivery_of(changed, SIGNER) in (None, number) if letter == "0" else delivery_of(changed, SIGNER) is None
    assert delivery_of(made, OTHER) is None


@pytest.mark.parametrize(
    "address",
    ["", "@", "b@example.org", "b+@example.org", "b+1@example.org", "b+1-aaaaaaaaaaaaaaaa@example.org", "b+é-ß@x.org"],
)
def test_other_addresses_are_nobodys(address: str) -> None:
    assert delivery_of(address, SIGNER) is None


@given(st.text(max_size=200))
def test_whatever_the_address_is_something_is_said(address: str) -> None:
    assert delivery_of(address, SIGNER) is None


@given(st.binary(max_size=300), st.lists(numbers, max_size=5, unique=True))
def test_return_paths_are_found_where_they_are_quoted(noise: bytes, quoted: list[int]) -> None:
    path = ReturnPath("bounces@example.org", SIGNER)
    content = b"".join(noise + b"\nReturn-Path: <" + path.of(number).encode() + b">\n" for number in quoted * 2)
    assert list(deliveries_quoted(content, SIGNER)) == quoted


def test_a_mail_full_of_addresses_is_not_searched_for_ever() -> None:
    content = b"a+1-aaaaaaaaaaaaaaaa@x " * 60 + ReturnPath("b@example.org", SIGNER).of(7).encode()
    assert list(deliveries_quoted(content, SIGNER)) == []
