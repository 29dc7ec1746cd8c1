"""What follows DATA has CRLF and doubled dots only, whatever it was made of."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.wire import Ready, transparent

pieces = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"x", b".\r\n", b"\n."]), max_size=20).map(b"".join)


def meant(content: bytes) -> list[bytes]:
    """Return the lines that content has, by any kind of line end."""
    lines = re.split(rb"\r\n|\r|\n", content)
    return lines[:-1] if lines[-1] == b"" and len(lines) > 1 else lines


def read(sent: bytes) -> list[bytes]:
    """Return the lines that a server reads (RFC 5321 section 4.5.2)."""
    return [line.removeprefix(b".") for line in sent.split(b"\r\n")[:-1]]


@given(pieces)
def test_nothing_in_it_ends_it_early(content: bytes) -> None:
    sent = transparent(content)
    assert sent.endswith(b"\r\n")
    assert sent.count(b"\r") == sent.count(b"\n") == sent.count(b"\r\n")
    assert b"\r\n.\r\n" not in b"\r\n" + sent
    assert read(sent) == meant(content)


@given(pieces)
def test_the_head_of_what_is_marked_ready_is_looked_at_again(content: bytes) -> None:
    sent = transparent(Ready(content))
    head = sent.partition(b"\r\n\r\n")[0]
    if not re.search(rb"\r[^\n]+\n", content):
        assert head.count(b"\r") - head.endswith(b"\r") == head.count(b"\n") == head.count(b"\r\n")
        assert b"\n." not in head.replace(b"\n..", b"")


def test_what_is_right_already_is_not_copied() -> None:
    plain, marked = b"Subject: x\r\n\r\nHello\r\n", Ready(b"Subject: x\r\n\r\nHello\r\n")
    assert transparent(plain) is plain
    assert transparent(marked) is marked


@pytest.mark.parametrize("inside", [b"a\rX\n.\r\nMAIL FROM:<x@y>\r\nb", b"a\nb\rc", b"\r\r\n\n", b"a\n\rb"])
def test_what_only_looks_ready_is_made_so(inside: bytes) -> None:
    ready = transparent(Ready(inside + b"\r\n"))
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", ready) is None
    assert b"\r\n.\r\n" not in ready
