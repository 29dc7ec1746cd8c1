"""The fields of a form, however they are encoded and whatever the bytes are."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.web.forms import UnreadError, parse

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
NAMES = st.text(st.sampled_from("abcdefgh-_"), min_size=1, max_size=12)


@given(st.text(max_size=60) | st.just("multipart/form-data; boundary=x"), st.binary(max_size=400))
def test_whatever_comes_is_read_or_refused(kind: str, body: bytes) -> None:
    with contextlib.suppress(UnreadError):
        assert all(isinstance(text, str) for pair in parse(kind, body).items() for text in pair)


@given(st.lists(st.tuples(NAMES, WORDS), max_size=6, unique_by=lambda pair: pair[0]), st.booleans(), st.booleans())
def test_a_multipart_form_gives_its_fields_back(pairs: list[tuple[str, str]], quoted: bool, bare: bool) -> None:
    end = "\n" if bare else "\r\n"
    mark = '"' if quoted else ""
    lines = [
        f"--b{end}Content-Disposition: form-data; name={mark}{name}{mark}{end}{end}{value}{end}"
        for name, value in pairs
    ]
    body = ("".join(lines) + f"--b--{end}").encode()
    assert parse("multipart/form-data; boundary=b", body) == dict(pairs)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nOne-Click\r\n--x--"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\nOne-Click\r\n--x--"),
        ("application/x-www-form-urlencoded", b"&".join([b"a=1"] * 21)),
    ],
)
def test_what_is_no_form_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(UnreadError):
        parse(kind, body)


def test_the_first_of_a_name_counts() -> None:
    assert parse("", b"act=leave&act=return") == {"act": "leave"}
