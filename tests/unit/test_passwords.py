"""What the settings keep of a password."""

import re

import pytest
from pydantic import ValidationError

from newsletter import passwords
from newsletter.config import Operator


def test_the_right_password_fits_and_no_other() -> None:
    kept = passwords.kept("correct horse battery staple")
    assert passwords.fits("correct horse battery staple", kept)
    assert not passwords.fits("correct horse battery stapler", kept)
    assert not passwords.fits("", kept)


def test_each_time_it_looks_different_and_says_nothing() -> None:
    one, other = passwords.kept("pässwörd of words"), passwords.kept("pässwörd of words")
    assert one != other
    assert all(re.fullmatch(passwords.FORM, kept) and "words" not in kept for kept in (one, other))
    assert Operator(password_hash=one).open


@pytest.mark.parametrize("wrong", ["a password", "scrypt:99:8:3:" + "a" * 22 + ":" + "a" * 43, "scrypt:15:8:3::"])
def test_what_is_no_hash_is_told(wrong: str) -> None:
    with pytest.raises(ValidationError, match="newsletter operator password"):
        Operator(password_hash=wrong)
