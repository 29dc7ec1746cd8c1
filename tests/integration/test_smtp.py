"""The courier against mail servers that fail at every step: each message ends as what the server made of it."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from servers import Cut, Late, Raw, Scripted, Server, trusting

from newsletter.config import Smtp
from newsletter.delivery import Catcher, Courier, Message, TokenCommand
from newsletter.errors import DeliveryError
from newsletter.models import Outcome

CONTENT = b"Subject: x\r\n\r\nHello\r\n"
PAUSES = (0.01, 0.02, 0.03)


@dataclass
class Book:
    """A ledger in memory that notes what was asked of it, in order."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    released: list[int] = field(default_factory=list)
    postponed: dict[int, float] = field(default_factory=dict)
    events: list[tuple[str, int]] = field(default_factory=list)
    not_ours: frozenset[int] = frozenset()
    fails_at: tuple[str, int] | None = None

    def sending(self, delivery_id: int) -> "asyncio.Future[bool]":
        self._note("sending", delivery_id)
        noted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        noted.set_result(delivery_id not in self.not_ours)
        return noted

    def outcome(self, outcome: Outcome) -> None:
        self._note(outcome.result, outcome.delivery_id)
        assert outcome.delivery_id not in self.outcomes
        self.outcomes[outcome.delivery_id] = outcome

    def release(self, delivery_id: int) -> None:
        self._note("release", delivery_id)
        self.released.append(delivery_id)

    def postpone(self, delivery_id: int, seconds: float) -> None:
        self._note("postpone", delivery_id)
        self.postponed[delivery_id] = seconds

    @property
    def results(self) -> dict[int, str]:
        return {number: outcome.result for number, outcome in sorted(self.outcomes.items())}

    def _note(self, what: str, delivery_id: int) -> None:
        if (what, delivery_id) == self.fails_at:
            raise OSError("the disk is full")
        self.events.append((what, delivery_id))


def reader(number: int) -> str:
    return f"reader{number}@example.org"


async def letters(*numbers: int, content: Any = CONTENT) -> AsyncIterator[Message]:
    for number in numbers:
        yield Message(number, "papers@newsletter.example", reader(number), content)


def settings(server: Any, **changes: Any) -> Smtp:
    known = {"host": server.host, "port": server.port, "connections": 1, "timeout": 5, "local_name": "client.example"}
    return Smtp(**(known | {"final_timeout": changes.get("timeout", 5)} | changes))


def courier(server: Any, **changes: Any) -> Courier:
    return Courier(settings(server, **changes), pauses=PAUSES)


def only(address: str, answer: Any) -> Callable[[str], Any]:
    return lambda about: answer if about == address else None


def once(answer: Any) -> Callable[[str], Any]:
    answers = iter([answer])
    return lambda _: next(answers, None)


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - what is waited for is told to nobody
        await asyncio.sleep(0.01)


@pytest.fixture(params=[False, True], ids=["one-by-one", "pipelined"], autouse=True)
def pipelining(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    offered: bool = request.param
    monkeypatch.setattr(Server, "pipelining", offered)
    return offered


@pytest.fixture(autouse=True)
async def nothing_is_left_behind() -> AsyncIterator[None]:
    yield
    left = [task for task in asyncio.all_tasks() if "_Worker" in repr(task) or "Queue" in repr(task)]
    assert left == []


async def test_every_message_arrives_once_as_it_was_written() -> None:
    book = Book()
    content = b"Subject: x\r\n\r\n.dot\r\n..two\r\nend\r\n.\r\n"
    async with Server() as server:
        await courier(server, connections=4).run(letters(*range(50), content=content), book)
    assert sorted(server.recipients) == sorted(reader(number) for number in range(50))
    assert {message.content for message in server.messages} == {content}
    assert {message.sender for message in server.messages} == {"papers@newsletter.example"}
    assert set(book.results.values()) == {"sent"}
    assert book.outcomes[7].code == 250
    assert book.outcomes[7].enhanced == "2.0.0"
    assert book.outcomes[7].text == "Kept"
    assert book.released == []
    assert 1 <= server.most_open <= 4
    for number in range(50):
        assert [what for what, whose in book.events if whose == number] == ["sending", "sent"]


async def test_an_outcome_is_told_before_the_next_message_of_that_connection_is_committed() -> None:
    book = Book()
    async with Server() as server:
        await courier(server).run(letters(1, 2, 3), book)
    assert book.events == [(what, number) for number in (1, 2, 3) for what in ("sending", "sent")]


async def test_no_more_connections_than_messages_and_none_for_nothing() -> None:
    async with Server() as server:
        await courier(server, connections=20).run(letters(), Book())
        assert server.connections == 0
        await courier(server, connections=20).run(letters(1, 2), Book())
        assert server.connections <= 2


async def test_bare_line_ends_cannot_end_a_message_early() -> None:
    book = Book()
    smuggled = b"Subject: x\r\n\r\nHello\n.\r\nMAIL FROM:<eve@example.org>\r\n.\n\r.\r\nlast"
    async with Server() as server:
        await courier(server).run(letters(1, 2, content=smuggled), book)
    assert [message.content for message in server.messages] == [
        b"Subject: x\r\n\r\nHello\r\n.\r\nMAIL FROM:<eve@example.org>\r\n.\r\n\r\n.\r\nlast\r\n"
    ] * 2


async def test_content_is_made_when_its_turn_comes_and_a_fault_in_it_costs_that_message_only() -> None:
    book = Book()

    async def mixed() -> AsyncIterator[Message]:
        yield Message(1, "papers@newsletter.example", reader(1), lambda: CONTENT)
        yield Message(2, "papers@newsletter.example", reader(2), broken)
        yield Message(3, "papers@newsletter.example", reader(3), lambda: CONTENT)

    def broken() -> bytes:
        raise ValueError("a Message-ID looks like <left@domain>")

    async with Server() as server:
        await courier(server).run(mixed(), book)
    assert book.results == {1: "sent", 2: "deferred", 3: "sent"}
    assert "Message-ID" in book.outcomes[2].text


async def test_one_message_after_the_other_that_cannot_be_made_ends_the_run_and_the_server_is_not_blamed() -> None:
    book = Book()

    async def all_broken() -> AsyncIterator[Message]:
        for number in range(100):
            yield Message(number, "papers@newsletter.example", reader(number), broken)

    def broken() -> bytes:
        raise ValueError("the template prints no papers")

    async with Server() as server:
        with pytest.raises(DeliveryError, match="cannot be made: the template prints no papers") as caught:
            await courier(server, connections=1).run(all_broken(), book)
    assert "server" not in caught.value.message
    assert set(book.results.values()) == {"deferred"}
    assert len(book.results) == 5


async def test_a_stop_does_not_wait_for_a_server_that_is_silent() -> None:
    """Its time-out is an hour, and the test's is shorter."""
    book = Book()
    knocked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        knocked.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        sender = Courier(Smtp(host="127.0.0.1", port=port, security="plain", timeout=3600))
        running = asyncio.create_task(sender.run(letters(1, 2, 3), book))
        await knocked.wait()
        sender.stop()
        async with asyncio.timeout(30):
            await running
    assert sorted(book.released) == [1, 2, 3]
    assert book.results == {}


@pytest.mark.parametrize(
    ("step", "answer", "result", "about"),
    [
        ("RCPT", "550 5.1.1 No such user", "rejected", "reader"),
        ("RCPT", "450 4.2.1 Try later", "deferred", "reader"),
        ("RCPT", "550 5.7.1 Not from you", "deferred", "us"),
        ("DATA", "451 4.3.0 Try later", "deferred", "us"),
        ("DATA", "554 5.5.1 No valid recipients", "deferred", "us"),
        ("end", "452 4.3.1 Disk full", "deferred", "us"),
        ("end", "550 5.1.1 Gone after all", "rejected", "reader"),
        ("end", "552 5.3.4 Too big", "rejected", "us"),
    ],
)
async def test_a_refusal_is_one_messages_own(step: Any, answer: str, result: str, about: str) -> None:
    book = Book()
    async with Server(rules={step: only(reader(2), answer)}) as server:
        await courier(server).run(letters(1, 2, 3), book)
    assert book.results == {1: "sent", 2: result, 3: "sent"}
    assert f"{book.outcomes[2].code} {book.outcomes[2].enhanced} {book.outcomes[2].text}" == answer
    assert book.outcomes[2].about == about
    assert server.recipients == [reader(1), reader(3)]
    assert server.connections == 1
    # Before the body nothing was recorded as being sent, and the envelope was taken back.
    assert (("sending", 2) in book.events) == (step == "end")
    assert ("RSET" in server.commands) == (step != "end")


async def test_the_sender_refused_for_now_is_tried_later() -> None:
    book = Book()
    async with Server(rules={"MAIL": once("451 4.7.1 Greylisted")}) as server:
        await courier(server).run(letters(1, 2), book)
    assert book.results == {1: "deferred", 2: "sent"}


async def test_a_delivery_that_is_no_longer_ours_is_left_alone() -> None:
    book = Book(not_ours=frozenset({2}))
    async with Server() as server:
        await courier(server).run(letters(1, 2, 3), book)
    assert server.recipients == [reader(1), reader(3)]
    assert book.results == {1: "sent", 3: "sent"}
    assert book.released == []


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer", [Cut(), "421 4.3.2 Shutting down", Late(1.0), "220 What?"])
async def test_a_connection_lost_before_the_body_costs_nothing(step: Any, answer: Any) -> None:
    book = Book()
    rule = once(answer)
    async with Server(rules={step: rule}) as server:
        await courier(server, timeout=0.3).run(letters(1, 2, 3), book)
    assert book.results == {1: "sent", 2: "sent", 3: "sent"}
    assert sorted(server.recipients) == [reader(1), reader(2), reader(3)]
    assert server.connections == 2
    assert book.released == []


@pytest.mark.parametrize("step", ["body", "end"])
@pytest.mark.parametrize("answer", [Cut(), Late(1.0)])
async def test_a_connection_lost_after_the_dot_is_unknown(step: Any, answer: Any) -> None:
    book = Book()
    async with Server(rules={step: only(reader(1), answer)}) as server:
        await courier(server, timeout=0.3).run(letters(1, 2), book)
    assert book.results[2] == "sent"
    assert book.outcomes[1].code is None
    # Where the server cut the body, the dot may have left by then or not.
    assert book.results[1] in (("unknown",) if step == "end" else ("unknown", "deferred"))
    assert (reader(1) in server.recipients) == (step == "end")
    assert book.released == []


async def test_421_after_the_body_is_tried_later_on_a_new_connection() -> None:
    book = Book()
    async with Server(rules={"end": only(reader(2), "421 4.7.0 Slow down")}) as server:
        await courier(server).run(letters(1, 2, 3), book)
    assert book.results == {1: "sent", 2: "deferred", 3: "sent"}
    assert book.outcomes[2].code == 421
    assert server.connections == 2


async def test_an_answer_before_the_whole_body_was_read_is_its_answer_and_the_rest_is_no_command() -> None:
    book = Book()
    big = b"Subject: x\r\n\r\n" + b"MAIL FROM:<eve@example.org>\r\n" * 500_000
    async with Scripted("250 hello", "250 ok", "250 ok", "354 go", "452 4.3.1 Enough", early=True) as server:
        await courier(server).run(letters(1, content=big), book)
    assert book.results == {1: "deferred"}
    assert book.outcomes[1].code == 452
    assert len(server.heard) == 5


async def test_one_message_that_breaks_every_connection_cannot_hold_up_the_others() -> None:
    book = Book()
    async with Server(rules={"RCPT": only(reader(2), Cut())}) as server:
        await courier(server).run(letters(1, 2, 3), book)
    assert book.results == {1: "sent", 2: "deferred", 3: "sent"}
    assert book.outcomes[2].about == "us"
    assert "connection" in book.outcomes[2].text
    assert server.connections <= 4


@pytest.mark.parametrize(
    "reply", [b"garbage", b"999 no such class", b"-1", b"\xff\xfe\x00", b"250 yes\r\n250 and again", b"x" * 40_000]
)
async def test_a_garbled_answer_to_the_body_is_unknown_or_the_first_line_of_it(reply: bytes) -> None:
    book = Book()
    lines = ["250 hello", "250 ok", "250 ok", "354 go", reply]
    async with Scripted(*lines) as server:
        run = courier(server, timeout=0.3).run(letters(1), book)
        with contextlib.suppress(DeliveryError):
            await run
    assert book.results == {1: "sent" if reply.startswith(b"250") else "unknown"}


@pytest.mark.parametrize("reply", ["250 no need", "garbage", None])
async def test_a_wrong_answer_to_data_is_no_attempt(reply: str | None) -> None:
    book = Book()
    async with Scripted("250 hello", "250 ok", "250 ok", reply) as server:
        await courier(server, timeout=0.3).run(letters(1), book)
    # Each connection ends so, and after the third it waits for its next time.
    assert book.results == {1: "deferred"}
    assert book.outcomes[1].code is None
    assert book.outcomes[1].text.startswith("Each time before the message was taken")
    assert ("sending", 1) not in book.events
    assert not any(line.endswith(b".\r\n") and line.startswith(b"Subject") for line in server.heard)


class Forgetful(Raw):
    """Drops its first message and never answers the dot, answers MAIL and RCPT of the next, and ends at DATA."""

    def __init__(self, end: str) -> None:
        self._end = end
        self._first = True
        self.kept: list[bytes] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Be forgetful once, and a good server on later connections."""
        first, self._first = self._first, False
        writer.write(b"220 test.example\r\n")
        dropped = False
        while line := await reader.readline():
            if line.startswith(b"EHLO"):
                writer.write(b"250-test.example\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n")
            elif line.startswith((b"MAIL", b"RCPT")):
                writer.write(b"250 2.1.0 Ok\r\n")
            elif line.startswith(b"DATA") and dropped:
                if self._end == "silent":
                    await reader.read()
                elif self._end == "421":
                    writer.write(b"421 4.3.0 Goodbye\r\n")
                return
            elif line.startswith(b"DATA"):
                writer.write(b"354 Go\r\n")
                content = await reader.readuntil(b"\r\n.\r\n")
                if first:
                    dropped = True
                    continue
                self.kept.append(content)
                writer.write(b"250 2.0.0 Kept\r\n")
            else:
                writer.write(b"221 Bye\r\n")
                return


@pytest.mark.parametrize("end", ["421", "close", "silent"])
async def test_what_a_server_says_of_an_address_is_no_answer_to_a_message(end: str) -> None:
    book = Book()
    async with Forgetful(end) as server:
        await courier(server, connections=1, timeout=0.5, final_timeout=0.5).run(letters(1, 2, 3), book)
    assert book.results == {1: "unknown", 2: "sent", 3: "sent"}
    assert len(server.kept) == 2


async def test_a_server_that_is_not_there_stops_the_run_and_nothing_is_attempted() -> None:
    book = Book()
    async with Server() as server:
        pass
    with pytest.raises(DeliveryError) as caught:
        await courier(server, connections=3).run(letters(*range(100)), book)
    assert caught.value.message == (
        f"The mail server 127.0.0.1:{server.port} cannot be reached: it refuses connections."
    )
    assert caught.value.next_step
    assert book.results == {}
    assert 1 <= len(book.released) <= 9


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"host": "no-such-host.invalid"}, "its name is not known"),
        ({"host": "a..b"}, "its name is not known"),
    ],
)
async def test_a_server_without_a_name_stops_the_run(changes: dict[str, Any], words: str) -> None:
    async with Server() as server:
        with pytest.raises(DeliveryError, match=words):
            await courier(server, security="plain", **changes).run(letters(1), Book())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("554 5.7.1 Your address is blocked", "it answered 554 5.7.1 Your address is blocked"),
        ("421 4.7.0 Later", "it answered 421 4.7.0 Later"),
        (Cut(), "it closed the connection"),
        (Late(2.0), "it gave no answer in 0.1 seconds"),
    ],
)
async def test_a_server_that_lets_nobody_in_stops_the_run(answer: Any, words: str) -> None:
    book = Book()
    async with Server(rules={"connect": answer}) as server:
        with pytest.raises(DeliveryError) as caught:
            await courier(server, connections=2, timeout=0.1).run(letters(1, 2, 3), book)
    assert words in caught.value.message
    assert set(book.released) <= {1, 2, 3}
    assert book.results == {}


async def test_a_server_that_dies_in_the_middle_stops_the_run_and_the_next_goes_on() -> None:
    book = Book()
    closing: list[asyncio.Task[None]] = []

    def dies(recipient: str) -> Cut | None:
        if recipient != reader(5):
            return None
        closing.append(asyncio.create_task(server.close()))
        return Cut()

    async with Server(rules={"RCPT": dies}) as server:
        with pytest.raises(DeliveryError, match="cannot be reached"):
            await courier(server).run(letters(*range(10)), book)
        await closing[0]
    assert book.results == dict.fromkeys(range(5), "sent")
    assert 5 in book.released
    assert set(book.released) <= set(range(5, 10))
    async with Server() as alive:
        await courier(alive).run(letters(*range(5, 10)), book)
    assert book.results == dict.fromkeys(range(10), "sent")


async def test_a_server_that_comes_back_is_used_again() -> None:
    book = Book()
    async with Server(
        rules={"connect": lambda number: None if number in ("1", "4") else "421 4.3.2 Back soon"}
    ) as server:
        await courier(server, messages_per_connection=2).run(letters(1, 2, 3), book)
    assert book.results == {1: "sent", 2: "sent", 3: "sent"}
    assert server.connections == 4


async def test_too_many_connections_means_fewer_and_not_the_end() -> None:
    book = Book()
    async with Server(most_connections=2, rules={"end": Late(0.02, "250 2.0.0 Kept")}) as server:
        await courier(server, connections=6).run(letters(*range(30)), book)
    assert book.results == dict.fromkeys(range(30), "sent")
    assert sorted(server.recipients) == sorted(map(reader, range(30)))
    assert book.released == []
    assert {message.connection for message in server.messages} != {1}


async def test_a_connection_is_made_anew_after_its_messages() -> None:
    async with Server() as server:
        await courier(server, messages_per_connection=3).run(letters(*range(8)), Book())
    assert [message.connection for message in server.messages] == [1, 1, 1, 2, 2, 2, 3, 3]
    assert server.commands.count("QUIT") == 3


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("MAIL", "550 5.7.1 You may not send from there"),
        ("MAIL", "553 Sender refused"),
        ("RCPT", "550 5.7.1 Blocked by policy"),
        ("DATA", "554 5.7.1 Blocked by policy"),
        ("end", "550 5.7.515 Access denied"),
        ("RCPT", "530 5.7.0 Authentication required"),
    ],
)
async def test_a_refusal_about_us_stops_the_run_and_harms_nobody(step: Any, answer: str) -> None:
    book = Book()
    async with Server(rules={step: answer}) as server:
        with pytest.raises(DeliveryError) as caught:
            await courier(server, connections=2).run(letters(*range(50)), book)
    assert answer.split(" ", 1)[1] in caught.value.message
    assert "refuses this newsletter" in caught.value.message
    assert len(book.events) < 20
    assert "rejected" not in book.results.values()
    assert all(outcome.about == "us" for outcome in book.outcomes.values())
    assert server.messages == []


async def test_the_only_message_refused_because_of_us_is_told() -> None:
    book = Book()
    async with Server(rules={"end": "550 5.7.1 Blocked"}) as server:
        with pytest.raises(DeliveryError, match="Blocked"):
            await courier(server).run(letters(1), book)
    assert book.results == {1: "deferred"}


async def test_refusals_of_the_readers_never_stop_the_run() -> None:
    book = Book()
    async with Server(rules={"RCPT": "550 5.1.1 No such user"}) as server:
        await courier(server).run(letters(*range(20)), book)
    assert book.results == dict.fromkeys(range(20), "rejected")


@pytest.mark.parametrize("security", ["plain", "starttls", "tls"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
async def test_every_way_in(security: Any, mechanism: str) -> None:
    book = Book()
    async with Server(security, login=("papers", "pässword"), mechanisms=(mechanism,)) as server:
        used = settings(server, security=security, username="papers", password_file=Path("unused"))
        sender = Courier(used, password=SecretStr("pässword"), tls_context=trusting(), pauses=PAUSES)
        await sender.run(letters(1, 2), book)
    assert book.results == {1: "sent", 2: "sent"}
    assert server.logins == [("papers", "pässword")]


async def test_a_wrong_password_stops_the_run_at_once() -> None:
    book = Book()
    async with Server("tls", login=("papers", "right")) as server:
        used = settings(server, security="tls", username="papers", password_file=Path("unused"))
        sender = Courier(used, password=SecretStr("wrong-secret"), tls_context=trusting(), pauses=(60.0,))
        with pytest.raises(DeliveryError) as caught:
            await sender.run(letters(1, 2), book)
    assert "refused the login: 535 5.7.8" in caught.value.message
    assert "wrong-secret" not in str(caught.value)
    assert server.connections == 1
    assert book.results == {}
    assert book.released == [1, 2]


async def test_a_login_that_fails_for_now_is_tried_again() -> None:
    book = Book()
    async with Server("tls", login=("papers", "right"), rules={"AUTH": once("454 4.7.0 Not now")}) as server:
        used = settings(server, security="tls", username="papers", password_file=Path("unused"))
        sender = Courier(used, password=SecretStr("right"), tls_context=trusting(), pauses=PAUSES)
        await sender.run(letters(1), book)
    assert book.results == {1: "sent"}


async def test_a_server_without_starttls_gets_no_mail() -> None:
    book = Book()
    async with Server() as server:
        with pytest.raises(DeliveryError, match="does not offer STARTTLS"):
            await courier(server, security="starttls").run(letters(1), book)
    assert server.commands == []
    assert book.released == [1]


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_of_another_is_refused_unless_told_to_trust_it(security: Any) -> None:
    async with Server(security, certificate_for="other.example") as server:
        with pytest.raises(DeliveryError, match=r"certificate of the mail server .* is not to be trusted"):
            await Courier(settings(server, security=security), tls_context=trusting(), pauses=PAUSES).run(
                letters(1), Book()
            )
        assert server.commands == []
        book = Book()
        await courier(server, security=security, verify=False).run(letters(1), book)
    assert book.results == {1: "sent"}


async def test_tls_where_the_server_speaks_plain_is_said_clearly() -> None:
    async with Server() as server:
        with pytest.raises(DeliveryError, match="does not speak TLS"):
            await courier(server, security="tls").run(letters(1), Book())


def test_a_password_never_crosses_the_network_in_the_open() -> None:
    used = Smtp(host="mail.example.org", security="plain", username="papers", password_file=Path("unused"))
    with pytest.raises(DeliveryError, match="unencrypted"):
        Courier(used, password=SecretStr("secret"))


async def test_a_login_that_the_server_does_not_offer_is_said_clearly() -> None:
    async with Server() as server:
        used = settings(server, username="papers", password_file=Path("unused"))
        with pytest.raises(DeliveryError, match=r"it offers: none"):
            await Courier(used, password=SecretStr("secret"), pauses=PAUSES).run(letters(1), Book())


def xoauth2(server: Server, *command: str) -> Smtp:
    return settings(server, security="tls", username="papers", login="xoauth2", token_command=command)


async def test_an_access_token_is_asked_for_once_and_again_when_it_ran_out(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    code = f"p = {str(asked)!r}; open(p, 'a').write('x'); print('token%d' % len(open(p).read()))"
    book = Book()
    async with Server("tls", mechanisms=("XOAUTH2",), token="token1") as server:
        used = xoauth2(server, sys.executable, "-c", code)
        sender = Courier(used, token=TokenCommand(used.token_command, 20), tls_context=trusting(), pauses=PAUSES)
        await sender.run(letters(1, 2), book)
        await sender.run(letters(3), book)
        assert asked.read_text() == "x"
        server.token = "token2"
        await sender.run(letters(4), book)
        assert asked.read_text() == "xx"
        server.token = "never"
        with pytest.raises(DeliveryError, match="refused the login"):
            await sender.run(letters(5), book)
    assert book.results == dict.fromkeys((1, 2, 3, 4), "sent")
    assert server.logins[0] == ("papers", "token1")
    assert book.released == [5]


async def test_a_token_command_that_fails_stops_the_run() -> None:
    book = Book()
    async with Server("tls", mechanisms=("XOAUTH2",), token="x") as server:
        used = xoauth2(server, sys.executable, "-c", "raise SystemExit(2)")
        sender = Courier(used, token=TokenCommand(used.token_command, 20), tls_context=trusting(), pauses=PAUSES)
        with pytest.raises(DeliveryError, match="token_command failed"):
            await sender.run(letters(1), book)
    assert book.released == [1]


async def to(recipient: str, content: bytes = CONTENT) -> AsyncIterator[Message]:
    yield Message(1, "papers@newsletter.example", recipient, content)
    yield Message(2, "papers@newsletter.example", reader(2), CONTENT)


async def test_an_international_address_reaches_a_server_that_takes_it() -> None:
    book = Book()
    content = "To: zoë@bücher.example\r\n\r\nHello\r\n".encode()
    async with Server() as server:
        await courier(server).run(to("zoë@bücher.example", content), book)
    assert book.results == {1: "sent", 2: "sent"}
    assert server.messages[0].recipient == "zoë@xn--bcher-kva.example"
    assert {"SMTPUTF8", "BODY=8BITMIME"} <= set(server.messages[0].options)
    assert "SMTPUTF8" not in server.messages[1].options


async def test_an_international_address_fails_alone_where_the_server_does_not_take_it() -> None:
    book = Book()
    async with Server(smtputf8=False) as server:
        await courier(server).run(to("zoë@example.org"), book)
    assert book.results == {1: "rejected", 2: "sent"}
    assert "SMTPUTF8" in book.outcomes[1].text
    assert book.outcomes[1].about == "us"
    assert server.recipients == [reader(2)]


async def test_international_addresses_in_a_row_do_not_stop_the_run() -> None:
    book = Book()

    async def many() -> AsyncIterator[Message]:
        for number in range(20):
            yield Message(number, "papers@newsletter.example", f"zoë{number}@example.org", CONTENT)

    async with Server(smtputf8=False) as server:
        await courier(server).run(many(), book)
    assert book.results == dict.fromkeys(range(20), "rejected")


@pytest.mark.parametrize("sender", ["pape rs@newsletter.example", "pápers@newsletter.example"])
async def test_a_sender_that_cannot_send_stops_the_run(sender: str) -> None:
    book = Book()

    async def one() -> AsyncIterator[Message]:
        yield Message(1, sender, reader(1), CONTENT)

    async with Server(smtputf8=False) as server:
        with pytest.raises(DeliveryError, match="sender's address"):
            await courier(server).run(one(), book)
    assert book.released == [1]
    assert server.commands == ["QUIT"]


async def test_a_message_that_is_too_big_is_not_tried() -> None:
    book = Book()
    async with Server(size=1000) as server:
        await courier(server).run(to(reader(1), b"Subject: x\r\n\r\n" + b"x" * 1000 + b"\r\n"), book)
    assert book.results == {1: "rejected", 2: "sent"}
    assert "1016 bytes" in book.outcomes[1].text
    assert "1000" in book.outcomes[1].text
    assert not any(reader(1) in command for command in server.commands)
    assert any("SIZE=" in command for command in server.commands)


async def test_an_old_server_that_knows_helo_only_gets_what_it_can_take() -> None:
    book = Book()
    async with Server(rules={"EHLO": "502 5.5.1 Not here"}) as server:
        await courier(server).run(to("zoë@example.org"), book)
    assert book.results == {1: "rejected", 2: "sent"}
    assert not any("SIZE" in command for command in server.commands)


async def test_an_address_that_is_a_command_is_not_sent() -> None:
    book = Book()
    async with Server() as server:
        await courier(server).run(to("ada@example.org>\r\nRCPT TO:<eve@example.org"), book)
    assert book.results == {1: "rejected", 2: "sent"}
    assert not any("eve" in command for command in server.commands)


async def test_what_the_ledger_raises_ends_the_run_after_the_bodies_under_way() -> None:
    book = Book(fails_at=("sent", 3))
    async with Server(rules={"end": Late(0.05, "250 2.0.0 Kept")}) as server:
        with pytest.raises(OSError, match="the disk is full"):
            await courier(server, connections=3).run(letters(*range(100)), book)
    assert len(server.messages) < 20
    # What reached the server is on record, but for the one that could not be recorded.
    assert sorted({reader(number) for number in book.results} | {reader(3)}) == sorted(server.recipients)


async def test_what_the_source_raises_ends_the_run() -> None:
    book = Book()

    async def failing() -> AsyncIterator[Message]:
        async for message in letters(1, 2):
            yield message
        raise OSError("the database is gone")

    async with Server() as server:
        with pytest.raises(OSError, match="the database is gone"):
            await courier(server, connections=3).run(failing(), book)
    assert set(book.results) | set(book.released) == {1, 2}
    assert sorted(server.recipients) == [reader(number) for number in sorted(book.results)]


async def test_cancelling_lets_the_bodies_under_way_finish_and_gives_the_rest_back() -> None:
    book = Book()
    closed: list[bool] = []

    async def endless() -> AsyncIterator[Message]:
        try:
            number = 0
            while True:
                number += 1
                yield Message(number, "papers@newsletter.example", reader(number), CONTENT)
        finally:
            closed.append(True)

    async with Server(rules={"end": Late(0.05, "250 2.0.0 Kept")}) as server:
        running = asyncio.create_task(courier(server, connections=3).run(endless(), book))
        await until(lambda: len(server.messages) >= 5)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert sorted(server.recipients) == sorted(reader(number) for number in book.results)
    assert set(book.results.values()) == {"sent"}
    assert closed == [True]
    pulled = {number for _, number in book.events}
    assert pulled == set(book.results) | set(book.released)


async def test_cancelling_twice_does_not_wait_for_a_server_that_is_silent() -> None:
    book = Book()
    async with Server(rules={"end": Late(600.0)}) as server:
        running = asyncio.create_task(courier(server, connections=2, timeout=600).run(letters(1, 2, 3), book))
        await until(lambda: len(server.messages) == 2)
        running.cancel()
        await asyncio.sleep(0.05)
        assert not running.done()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(running, 20)
    # What was under way stays as it was committed: being sent.
    assert book.results == {}
    assert not {1, 2} & set(book.released)


async def test_stopping_ends_the_run_even_while_it_waits_for_messages() -> None:
    book = Book()

    async def slow() -> AsyncIterator[Message]:
        async for message in letters(1, 2):
            yield message
        await asyncio.sleep(600)

    async with Server() as server:
        sender = courier(server, connections=3)
        running = asyncio.create_task(sender.run(slow(), book))
        await until(lambda: len(book.results) == 2)
        sender.stop()
        await running
    assert book.results == {1: "sent", 2: "sent"}


async def test_a_message_handed_back_does_not_wait_for_the_next_one() -> None:
    book = Book()

    async def one_after_the_other() -> AsyncIterator[Message]:
        async for message in letters(1, 2, 3):
            yield message
            await until(lambda: message.delivery_id in book.outcomes)  # noqa: B023 - awaited at once

    async with Server(rules={"RCPT": once(Cut())}) as server:
        await asyncio.wait_for(courier(server, connections=3).run(one_after_the_other(), book), 20)
    assert book.results == {1: "sent", 2: "sent", 3: "sent"}


async def test_messages_are_pulled_only_as_they_are_sent() -> None:
    book = Book()
    ahead = 0

    async def counted() -> AsyncIterator[Message]:
        nonlocal ahead
        for number in range(40):
            ahead = max(ahead, number - len(book.results))
            async for message in letters(number):
                yield message

    async with Server() as server:
        await courier(server, connections=4).run(counted(), book)
    # One that is on its way, one that goes next, one that is being made; and as many at hand as connections.
    assert ahead <= 4 * 4


async def test_what_the_catcher_takes_is_caught(tmp_path: Path) -> None:
    book = Book()
    async with Catcher(tmp_path) as catcher:
        await Courier(Smtp(), at=(catcher.host, catcher.port)).run(letters(1, 2), book)
    assert book.results == {1: "caught", 2: "caught"}
    assert len(list(tmp_path.glob("*.eml"))) == 2


def nth(word: str, answer: str) -> Callable[[str], Any]:
    """Give the answer to everybody, with their own address where it says `word`."""
    return lambda about: answer.replace(word, about)


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize(
    "answer",
    ["550 Ask the bursar first", "550 5.2.1 <WHO>: this mailbox is disabled", "554 5.2.2 WHO: the box is full"],
)
async def test_readers_who_are_all_refused_with_the_same_words_are_not_the_cause(answer: str, connections: int) -> None:
    book = Book()
    async with Server(rules={"RCPT": nth("WHO", answer)}) as server:
        with pytest.raises(DeliveryError, match="refused 10 readers in a row with the same words"):
            await courier(server, connections=connections).run(letters(*range(50)), book)
    assert len(book.outcomes) >= 10
    assert "rejected" not in list(book.results.values())[:10]
    assert not any(outcome.suppress for outcome in book.outcomes.values())
    assert set(book.results) | set(book.released) <= set(range(50))
    assert not set(book.results) & set(book.released)


async def test_one_message_taken_in_between_shows_that_readers_are_refused_one_by_one() -> None:
    book = Book()
    fine = {reader(9), reader(18)}
    async with Server(rules={"RCPT": lambda about: None if about in fine else "550 No such user"}) as server:
        await courier(server).run(letters(*range(27)), book)
    assert book.results == {number: "sent" if number in (9, 18) else "rejected" for number in range(27)}
    assert all(outcome.suppress for number, outcome in book.outcomes.items() if number not in (9, 18))


async def test_answers_that_differ_are_of_the_readers() -> None:
    book = Book()
    said = {reader(number): f"550 No such user, {'abcdefghijklmnopqrst'[number]}" for number in range(20)}
    async with Server(rules={"RCPT": said.get}) as server:
        await courier(server).run(letters(*range(20)), book)
    assert book.results == dict.fromkeys(range(20), "rejected")


async def test_bodies_refused_alike_cost_one_reader_an_issue_at_most() -> None:
    book = Book()
    async with Server(rules={"end": "552 5.2.2 The box is full"}) as server:
        with pytest.raises(DeliveryError, match="in a row with the same words"):
            await courier(server).run(letters(*range(30)), book)
    assert list(book.results.values()) == ["rejected", *["deferred"] * 9]


async def test_what_was_held_is_on_record_when_a_run_is_stopped() -> None:
    book = Book()
    async with Server(rules={"RCPT": "550 No such user"}) as server:
        running = courier(server)

        async def some() -> AsyncIterator[Message]:
            async for one in letters(1, 2, 3):
                yield one
            await until(lambda: sum("RCPT" in command for command in server.commands) == 3)
            await asyncio.sleep(0.1)
            running.stop()

        await running.run(some(), book)
    assert book.results == {1: "rejected", 2: "rejected", 3: "rejected"}


@pytest.mark.parametrize("answer", ["221 2.0.0 Goodbye", "200 Fine", "220 Ready", "214 Help"])
async def test_a_goodbye_in_place_of_the_answer_to_a_body_is_no_yes(answer: str) -> None:
    book = Book()
    async with Server(rules={"end": once(answer)}) as server:
        await courier(server).run(letters(1, 2), book)
    assert book.results == {1: "unknown", 2: "sent"}
    assert answer[:3] in book.outcomes[1].text or book.outcomes[1].code == int(answer[:3])
