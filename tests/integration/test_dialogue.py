"""The dialogue with a server that breaks off, repeats itself or talks nonsense at every step keeps the promises."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import Raw

from newsletter.config import Smtp
from newsletter.delivery import Courier, Message
from newsletter.errors import DeliveryError
from newsletter.models import Outcome

CONTENT = b"Subject: x\r\n\r\nHello\r\n"
SENDER = "papers@newsletter.example"

Step = Literal["EHLO", "MAIL", "RCPT", "DATA", "end", "RSET", "QUIT"]
USUAL: dict[Step, bytes] = {
    "EHLO": b"",
    "MAIL": b"250 2.1.0 Sender ok\r\n",
    "RCPT": b"250-2.1.5 Recipient\r\n250 2.1.5 ok\r\n",
    "DATA": b"354 Go on\r\n",
    "end": b"250 2.0.0 Kept\r\n",
    "RSET": b"250 2.0.0 Forgotten\r\n",
    "QUIT": b"221 2.0.0 Bye\r\n",
}


@dataclass
class Breaking(Raw):
    """A server that is only bytes; the first connection may be bad, the others behave.

    `cut_in` and `cut_out` close the first connection after so many bytes heard and said; `pieces` are the sizes in
    which it speaks; `says` gives what it says in place of the usual at a step of the first connection, for a recipient.
    """

    pipelining: bool = True
    cut_in: int | None = None
    cut_out: int | None = None
    pieces: tuple[int, ...] = ()
    says: Callable[[Step, str], bytes | None] = lambda step, recipient: None

    connections: int = 0
    flights: list[list[bytes]] = field(default_factory=list)
    # Messages whose dot arrived and were kept, and those of them whose yes was said to its end.
    took: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    heard: int = 0
    said: int = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk badly on the first connection, and well on all others."""
        self.connections += 1
        await _Talk(self, reader, writer, bad=self.connections == 1).go()


class _Talk:
    def __init__(
        self, server: Breaking, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, bad: bool
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._bad = bad
        self._flights: list[bytes] = []
        server.flights.append(self._flights)
        self._said = 0
        self._heard = 0
        self._recipient = ""
        self._content = False
        self._closing = False

    async def go(self) -> None:
        rest = b""
        await self._say(b"220 raw.example\r\n")
        while not self._closing:
            data = await self._reader.read(65536)
            if not data:
                return
            if self._bad and self._server.cut_in is not None:
                data = data[: self._server.cut_in - self._heard]
                self._closing = self._heard + len(data) >= self._server.cut_in
            self._heard += len(data)
            if self._bad:
                self._server.heard = self._heard
            self._flights.append(data)
            rest += data
            while True:
                end = b"\r\n.\r\n" if self._content else b"\r\n"
                line, found, after = rest.partition(end)
                if self._content and rest.startswith(b".\r\n"):
                    line, found, after = b"", b".\r\n", rest[3:]
                if not found:
                    break
                rest = after
                await self._hear(line)

    async def _hear(self, line: bytes) -> None:
        step: Step = "end" if self._content else line[:4].decode().upper()  # type: ignore[assignment]
        self._content = False
        if step == "RCPT":
            self._recipient = line.decode().partition("<")[2].partition(">")[0]
        usual = USUAL[step]
        if step == "EHLO":
            usual = (
                b"250-raw.example\r\n" + (b"250-PIPELINING\r\n" if self._server.pipelining else b"") + b"250 SIZE\r\n"
            )
        instead = self._server.says(step, self._recipient) if self._bad else None
        answer = usual if instead is None else instead
        if step == "end" and not line:
            answer = b"554 5.5.1 No mail without content\r\n"
        elif step == "end" and (instead is None or answer.startswith(b"2") or not answer[:1].isdigit()):
            self._server.took[self._recipient] += 1
        self._content = answer.startswith(b"354")
        whole = await self._say(answer)
        if step == "end" and whole and answer.startswith(b"2"):
            self._server.told[self._recipient] += 1
        if step == "QUIT" or answer.startswith(b"421"):
            self._closing = True

    async def _say(self, answer: bytes) -> bool:
        """Say it, or what may still be said; tell whether a whole first line was."""
        left = len(answer)
        if self._bad and self._server.cut_out is not None:
            left = max(0, min(left, self._server.cut_out - self._said))
            self._closing = self._closing or self._said + left >= self._server.cut_out
        out = answer[:left]
        self._said += left
        if self._bad:
            self._server.said = self._said
        sizes = deque(self._server.pieces)
        while out:
            size = sizes.popleft() if sizes else len(out)
            self._writer.write(out[:size])
            out = out[size:]
            await self._writer.drain()
            if out:
                await asyncio.sleep(0)
        return left >= answer.find(b"\n") + 1 > 0


class Record:
    """A ledger in memory that holds the courier to the order of things; commits end some turns of the loop later."""

    def __init__(self, turns: int = 0) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self.released: list[int] = []
        self.pulled: set[int] = set()
        self.in_doubt: set[int] = set()
        self.most_in_doubt = 0
        self._turns = turns

    def sending(self, delivery_id: int) -> "asyncio.Future[bool]":
        assert delivery_id not in self.outcomes
        assert delivery_id not in self.in_doubt
        self.in_doubt.add(delivery_id)
        self.most_in_doubt = max(self.most_in_doubt, len(self.in_doubt))
        loop = asyncio.get_running_loop()
        noted: asyncio.Future[bool] = loop.create_future()

        def turn(left: int) -> None:
            if noted.done():
                return
            if left:
                loop.call_soon(turn, left - 1)
            else:
                noted.set_result(True)

        turn(self._turns)
        return noted

    def outcome(self, outcome: Outcome) -> None:
        assert outcome.delivery_id not in self.outcomes
        self.in_doubt.discard(outcome.delivery_id)
        self.outcomes[outcome.delivery_id] = outcome

    def release(self, delivery_id: int) -> None:
        assert delivery_id not in self.outcomes
        self.in_doubt.discard(delivery_id)
        self.released.append(delivery_id)

    def postpone(self, delivery_id: int, seconds: float) -> None:
        raise AssertionError("nothing is held up here")

    @property
    def results(self) -> dict[int, str]:
        return {number: outcome.result for number, outcome in sorted(self.outcomes.items())}


def reader(number: int) -> str:
    return f"r{number}@example.org"


async def letters(record: Record, count: int, content: bytes = CONTENT) -> AsyncIterator[Message]:
    for number in range(count):
        record.pulled.add(number)
        yield Message(number, SENDER, reader(number), content)


async def send(server: Breaking, record: Record, count: int = 3, content: bytes = CONTENT, **changes: Any) -> None:
    known = {"connections": 1, "timeout": 5.0, "final_timeout": 5.0, "local_name": "client.example"}
    used = Smtp(host=server.host, port=server.port, **(known | changes))
    await Courier(used, pauses=(0.0, 0.0, 0.0)).run(letters(record, count, content), record)


def promised(server: Breaking, record: Record) -> None:
    """Hold a run to what is promised, by the server's own knowledge; what was not pulled is of no concern."""
    assert record.most_in_doubt <= 1
    assert record.in_doubt == set()
    for number in sorted(record.pulled):
        result = record.results.get(number, "released" if number in record.released else "lost")
        took, told = server.took[reader(number)], server.told[reader(number)]
        assert took <= 1, (number, result)
        if result == "sent":
            assert (took, told) == (1, 1), number
        elif result != "unknown":
            assert result != "lost"
            assert took == 0, (number, result)
    assert list(record.results.values()).count("unknown") <= 1


async def test_one_round_trip_a_message() -> None:
    record = Record()
    async with Breaking() as server:
        await send(server, record, 3)
    assert record.results == dict.fromkeys(range(3), "sent")
    _ehlo, *flights = server.flights[0]
    whole = b"".join(flights)
    envelopes = [f"MAIL FROM:<{SENDER}> SIZE=21\r\nRCPT TO:<{reader(n)}>\r\nDATA\r\n".encode() for n in range(3)]
    assert whole == b"".join(envelope + CONTENT + b".\r\n" for envelope in envelopes) + b"QUIT\r\n"
    # The dot and the next envelope leave together; so there is one turn for each message.
    assert sum(flight.endswith(b"DATA\r\n") for flight in flights) == 3
    assert [flight for flight in flights if flight.startswith(b"MAIL")] == [envelopes[0]]


@pytest.mark.parametrize("pipelining", [True, False])
async def test_a_recipient_that_a_server_will_try_is_a_yes(pipelining: bool) -> None:
    # RFC 5321 section 3.5.3: 252, it cannot verify the user but will take the message.
    said = {reader(0): b"251 2.1.5 will forward\r\n", reader(1): b"252 2.1.5 will try\r\n"}
    record = Record()
    async with Breaking(
        pipelining, says=lambda step, recipient: said.get(recipient) if step == "RCPT" else None
    ) as server:
        await send(server, record, 3)
    assert record.results == dict.fromkeys(range(3), "sent")
    assert server.connections == 1


async def test_without_pipelining_each_command_waits_for_its_answer() -> None:
    record = Record()
    async with Breaking(pipelining=False) as server:
        await send(server, record, 2)
    assert record.results == {0: "sent", 1: "sent"}
    assert [flight for flight in server.flights[0] if flight.count(b"\r\n") > 1] == [
        flight for flight in server.flights[0] if flight.startswith(b"Subject")
    ]


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("turns", [0, 5])
@pytest.mark.parametrize("way", ["heard", "said"])
async def test_a_connection_cut_after_each_byte(way: str, pipelining: bool, turns: int) -> None:
    whole = Record()
    async with Breaking(pipelining) as server:
        await send(server, whole)
    assert whole.results == dict.fromkeys(range(3), "sent")
    for cut in range(1, (server.heard if way == "heard" else server.said) + 1):
        record = Record(turns)
        async with Breaking(pipelining, **{"cut_in" if way == "heard" else "cut_out": cut}) as cutting:
            await send(cutting, record)
        promised(cutting, record)


ODD = {
    "twice": lambda usual: usual + usual,
    "nothing": lambda usual: b"",
    "garbage": lambda usual: b"\xff\x00 what\r\n",
    "no line": lambda usual: b"2" * 100_000,
    "without end": lambda usual: usual[:4].replace(b" ", b"-") + b"more\r\n",
    "another code inside": lambda usual: b"250-yes\r\n550 no\r\n",
    "later": lambda usual: b"450 4.2.1 Later\r\n",
    "no": lambda usual: b"550 5.1.1 No such user\r\n",
    "closing": lambda usual: b"421 4.3.2 Closing\r\n",
    "ok": lambda usual: b"250 fine\r\n",
    "go on": lambda usual: b"354 go on\r\n",
    "what": lambda usual: b"220 what\r\n",
    "much": lambda usual: b"250-x\r\n" * 5000 + usual,
}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    pipelining=st.booleans(),
    step=st.sampled_from(["MAIL", "RCPT", "DATA", "end", "RSET"]),
    odd=st.sampled_from(sorted(ODD)),
    whose=st.integers(0, 3),
    refused=st.sets(st.integers(0, 3), max_size=2),
    pieces=st.lists(st.integers(1, 9), max_size=12).map(tuple),
    turns=st.integers(0, 4),
)
async def test_whatever_a_server_says_at_a_step(
    pipelining: bool, step: Step, odd: str, whose: int, refused: set[int], pieces: tuple[int, ...], turns: int
) -> None:
    def says(now: Step, recipient: str) -> bytes | None:
        if now == step and recipient == reader(whose):
            return ODD[odd](USUAL[step])
        if now == "RCPT" and recipient in {reader(number) for number in refused}:
            return b"550 5.1.1 No such user\r\n"
        if now == "DATA" and recipient in {reader(number) for number in refused}:
            return b"503 5.5.1 Nobody to send it to\r\n"
        return None

    record = Record(turns)
    async with Breaking(pipelining, pieces=pieces, says=says) as server:
        try:
            await send(server, record, 4, timeout=0.1, final_timeout=0.1)
        except DeliveryError as error:
            # The sender was refused, which ends the run.
            assert "refuses this newsletter" in error.message  # noqa: PT017 - it need not be raised
            assert (step, odd) == ("MAIL", "no")
    promised(server, record)
    for number in refused - {whose}:
        # A connection that was lost tells nobody's refusal, and the next one took them; or all were put off.
        assert record.results.get(number, "released") in ("rejected", "sent", "released", "deferred")


async def test_a_recipient_refused_whose_data_is_wanted_gets_a_lone_dot_and_no_mail() -> None:
    def says(step: Step, recipient: str) -> bytes | None:
        return b"550 5.1.1 No such user\r\n" if (step, recipient) == ("RCPT", reader(1)) else None

    record = Record()
    async with Breaking(says=says) as server:
        await send(server, record)
    assert record.results == {0: "sent", 1: "rejected", 2: "sent"}
    assert server.connections == 1
    assert b"DATA\r\n.\r\n" in b"".join(server.flights[0])
    assert b"RSET" not in b"".join(server.flights[0])


async def test_a_sender_refused_whose_data_is_wanted_closes_the_connection() -> None:
    def says(step: Step, recipient: str) -> bytes | None:
        return b"451 4.7.1 Later\r\n" if step == "MAIL" else None

    record = Record()
    async with Breaking(says=says) as server:
        await send(server, record, 1)
    assert record.results == {0: "deferred"}
    assert server.took == Counter()


@pytest.mark.parametrize("answer", [b"452 4.3.1 Enough\r\n", b"250 2.0.0 Kept\r\n", b"421 4.3.2 Bye\r\n", b"what\r\n"])
async def test_an_answer_before_the_end_of_the_content_is_no_yes(answer: bytes) -> None:
    committed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    class Slow(Record):
        def sending(self, delivery_id: int) -> "asyncio.Future[bool]":
            super().sending(delivery_id)
            return committed

    def says(step: Step, recipient: str) -> bytes | None:
        if step == "DATA":
            asyncio.get_running_loop().call_later(0.05, committed.set_result, True)
            return b"354 Go on\r\n" + answer
        return None

    record = Slow()
    async with Breaking(says=says) as server:
        await send(server, record, 1)
    assert record.results == {0: "deferred"}
    assert record.outcomes[0].code == (452 if answer.startswith(b"452") else None)
    assert server.took == Counter()


@pytest.mark.parametrize("pipelining", [True, False])
async def test_the_body_leaves_at_once_and_its_dot_only_when_sending_is_durable(pipelining: bool) -> None:
    asked: list[asyncio.Future[bool]] = []

    class Slow(Record):
        def sending(self, delivery_id: int) -> "asyncio.Future[bool]":
            super().sending(delivery_id)
            asked.append(asyncio.get_running_loop().create_future())
            return asked[-1]

    record = Slow()
    async with Breaking(pipelining) as server:
        sending = asyncio.create_task(send(server, record, 3))
        for number in range(3):
            while len(asked) <= number or not b"".join(server.flights[0]).endswith(CONTENT):  # noqa: ASYNC110 - bytes
                await asyncio.sleep(0.001)
            assert server.took == Counter([reader(one) for one in range(number)])
            assert record.results == dict.fromkeys(range(number), "sent")
            asked[number].set_result(True)
        await sending
    assert record.results == dict.fromkeys(range(3), "sent")


async def test_a_connection_lost_while_sending_is_committed_was_no_attempt_that_is_in_doubt() -> None:
    committed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    class Slow(Record):
        def sending(self, delivery_id: int) -> "asyncio.Future[bool]":
            noted = super().sending(delivery_id)
            return committed if delivery_id == 0 else noted

    def says(step: Step, recipient: str) -> bytes | None:
        if step == "DATA":
            asyncio.get_running_loop().call_later(0.05, committed.set_result, True)
            return b"354 Go on\r\n421 4.3.2 Closing\r\n"
        return None

    record = Slow()
    async with Breaking(says=says) as server:
        await send(server, record, 2)
    assert record.results == {0: "deferred", 1: "sent"}
    assert "before the message was whole" in record.outcomes[0].text
    assert server.took == Counter({reader(1): 1})


async def test_a_delivery_that_was_taken_away_is_never_completed() -> None:
    class Theirs(Record):
        def sending(self, delivery_id: int) -> "asyncio.Future[bool]":
            noted = super().sending(delivery_id)
            if delivery_id == 1:
                noted = asyncio.get_running_loop().create_future()
                noted.set_result(False)
                self.in_doubt.discard(1)
            return noted

    record = Theirs()
    async with Breaking() as server:
        await send(server, record)
    assert record.results == {0: "sent", 2: "sent"}
    assert server.took == Counter({reader(0): 1, reader(2): 1})
    assert server.connections == 2


async def test_more_than_the_network_takes_waits_before_the_dot() -> None:
    big = b"Subject: x\r\n\r\n" + b"x" * 70 + b"\r\n" * 1_000_000
    record = Record()
    async with Breaking() as server:
        await send(server, record, 2, big)
    assert record.results == {0: "sent", 1: "sent"}


async def test_what_the_server_said_of_its_own_before_we_took_over_closes_the_connection() -> None:
    said = iter([b"250-raw.example\r\n250 PIPELINING\r\n250 and one more\r\n"])

    record = Record()
    async with Breaking(says=lambda step, _: next(said, None) if step == "EHLO" else None) as server:
        await send(server, record, 2)
    assert record.results == {0: "sent", 1: "sent"}
    assert server.connections == 2
    assert not any(b"MAIL" in flight for flight in server.flights[0])
