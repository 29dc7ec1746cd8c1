"""Replies are read in pieces of any size, and matched one by one to what was asked."""

import asyncio
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.dialogue import LONGEST_LINE, MOST_LINES, Answer, Dialogue, LostError


class Transport:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.aborted = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


def dialogue(owed: int) -> Dialogue:
    one = Dialogue(cast("asyncio.Transport", Transport()))
    one.ask(b"", owed)
    return one


async def heard(one: Dialogue) -> list[Answer]:
    answers = []
    while True:
        try:
            answers.append(await one.reply(0.0))
        except LostError:
            return answers


codes = st.integers(200, 599).filter(lambda code: code != 421)
words = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(str.encode)
replies = st.lists(st.tuples(codes, st.lists(words, min_size=1, max_size=3)), max_size=6)


@given(replies, st.lists(st.integers(1, 40), max_size=60), st.booleans())
async def test_replies_in_any_pieces(said: list[tuple[int, list[bytes]]], sizes: list[int], crlf: bool) -> None:
    end = b"\r\n" if crlf else b"\n"
    data = b""
    for code, lines in said:
        for line in lines[:-1]:
            data += b"%d-%s%s" % (code, line, end)
        data += b"%d %s%s" % (code, lines[-1], end)
    one = dialogue(len(said))
    for size in sizes:
        one.data_received(data[:size])
        data = data[size:]
    one.data_received(data)
    assert one.fault == ""
    assert await heard(one) == [(code, b"\n".join(lines)) for code, lines in said]


@given(st.binary(max_size=200), st.lists(st.integers(1, 40), max_size=20))
async def test_whatever_comes_gives_no_more_answers_than_are_owed(data: bytes, sizes: list[int]) -> None:
    one = dialogue(2)
    for size in sizes:
        one.data_received(data[:size])
        data = data[size:]
    one.data_received(data)
    answers = await heard(one)
    assert len(answers) <= 2
    assert all(200 <= code < 600 for code, _ in answers)


@pytest.mark.parametrize(
    "said",
    [
        b"-1\r\n",
        b"25\r\n",
        b"250yes\r\n",
        b"199 no\r\n",
        b"600 no\r\n",
        b"\xb2\xb2\xb2 no\r\n",
        b"250-one\r\n251 two\r\n",
        b"250 " + b"x" * LONGEST_LINE + b"\r\n",
        b"x" * (LONGEST_LINE + 1),
        b"250-x\r\n" * (MOST_LINES + 1),
    ],
)
async def test_what_is_no_reply_ends_the_dialogue(said: bytes) -> None:
    one = dialogue(2)
    one.data_received(b"250 fine\r\n" + said)
    assert not one.open
    # What was answered before stays good.
    assert await heard(one) == [(250, b"fine")]
    assert one.fault == "the server's answer was not SMTP"


async def test_a_reply_that_nobody_asked_for_ends_the_dialogue() -> None:
    one = dialogue(1)
    one.data_received(b"250 fine\r\n250 2.0.0 Once more\r\n")
    assert await heard(one) == [(250, b"fine")]
    assert one.fault == "the server answered 250 2.0.0 Once more without being asked"
    assert one.early == (250, b"2.0.0 Once more")


async def test_nothing_is_written_after_the_end() -> None:
    transport = Transport()
    one = Dialogue(cast("asyncio.Transport", transport))
    one.ask(b"MAIL\r\n", 1)
    one.eof_received()
    one.ask(b"RCPT\r\n", 1)
    one.say(b"x")
    one.end()
    assert transport.written == [b"MAIL\r\n"]
    assert transport.aborted


async def test_after_354_no_command_can_be_given_until_the_dot() -> None:
    one = dialogue(1)
    one.data_received(b"354 Go on\r\n")
    assert not one.idle
    one.end()
    one.data_received(b"250 Kept\r\n")
    assert one.idle
