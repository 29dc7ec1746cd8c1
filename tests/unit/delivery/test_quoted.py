"""Pieces of a body in quoted-printable: what they hold, and that nothing in them can end a message."""

import re

from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.quoted import Quoted, decode, encode

texts = st.lists(
    st.text(max_size=300) | st.sampled_from(["\r", "\n", ".", "From x\n", "a\r\n.\r\nb", "=" * 90]), max_size=6
)


@given(texts)
def test_pieces_in_a_row_are_read_as_one_text(pieces: list[str]) -> None:
    whole = "".join(re.sub(r"\r\n?", "\n", piece) for piece in pieces)
    assert decode(b"".join(map(encode, pieces))) == whole.encode("utf-8", "replace").decode()


@given(texts)
def test_nothing_in_them_ends_a_message_or_a_line_on_its_own(pieces: list[str]) -> None:
    assert {type(piece) for piece in map(encode, pieces)} <= {Quoted}
    joined = b"".join(map(encode, pieces))
    assert re.search(rb"\r(?!\n)|(?<!\r)\n|(?:^|\n)(?:\.|From )", joined) is None
    assert all(len(line) <= 76 for line in joined.split(b"\r\n"))
