"""Text is cleaned in the same way whatever stands beside it."""

import string

from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds.text import clean


@given(st.text(alphabet=string.ascii_letters[:4] + " \n\t\r\f\v\0\x1c\x1f\x7f.-", max_size=60))
def test_plain_text_is_cleaned_as_text_with_other_signs_is(text: str) -> None:
    assert clean(text) == clean(f"{text} é").removesuffix("é").rstrip()
