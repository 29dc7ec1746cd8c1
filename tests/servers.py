# ruff: noqa: N802 - the names of the methods are aiosmtpd's
"""Mail servers on loopback that record what they get, and fail on demand at each step of the dialogue."""

import asyncio
import ssl
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Any, ClassVar, Literal, Self

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

Step = Literal["connect", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "body", "end", "RSET", "QUIT"]


@dataclass(frozen=True)
class Cut:
    """In place of an answer, the connection is closed."""


@dataclass(frozen=True)
class Late:
    """The answer comes so many seconds late."""

    seconds: float
    answer: str | None = None


# What a server does at a step: an answer, a cut, a late answer, or None for what it does by itself.
Answer = str | Cut | Late | None
Rule = Callable[[str], Answer]


@dataclass(frozen=True)
class Received:
    """A message that a server took, with its envelope; `connection` counts from 1."""

    sender: str
    recipient: str
    content: bytes
    connection: int
    options: tuple[str, ...] = ()


@cache
def authority() -> trustme.CA:
    """Return the authority that signs the servers' certificates; one per test session."""
    return trustme.CA()


def trusting() -> ssl.SSLContext:
    """Return a client's TLS context that trusts `authority`."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


def _server_context(name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority().issue_cert(name).configure_cert(context)
    return context


@dataclass
class Server:
    """A mail server for one test, an async context manager.

    `rules` maps a step to what happens there: an answer for all, or a function of the address (of the recipient from
    RCPT on, of the number of the connection, as text, at `connect`). At `DATA` the answer stands in place of 354; at
    `body` a cut comes before the message was read; `end` comes after its last dot, when the message is recorded already
    where the rule is a cut or late without an answer.
    """

    # Whether servers offer it (RFC 2920); for a whole test.
    pipelining: ClassVar[bool] = False

    security: Literal["plain", "starttls", "tls"] = "plain"
    login: tuple[str, str] | None = None
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")
    token: str = ""
    smtputf8: bool = True
    size: int | None = 10_000_000
    most_connections: int | None = None
    certificate_for: str = "127.0.0.1"
    rules: dict[Step, Rule | Answer] = field(default_factory=dict)

    messages: list[Received] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    open_now: int = 0
    most_open: int = 0
    host: str = "127.0.0.1"
    port: int = 0

    async def __aenter__(self) -> Self:
        self._sessions: set[_Session] = set()
        self._context = _server_context(self.certificate_for) if self.security != "plain" else None
        self._server = await asyncio.get_running_loop().create_server(
            self._session, self.host, self.port, ssl=self._context if self.security == "tls" else None
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        self._server.close()
        for session in list(self._sessions):
            session.drop()
        await self._server.wait_closed()
        # The sessions' tasks end in the next turns of the loop.
        for _ in range(5):
            await asyncio.sleep(0)

    @property
    def recipients(self) -> list[str]:
        """Who got a message, in the order of arrival."""
        return [message.recipient for message in self.messages]

    def answer(self, step: Step, about: str) -> Answer:
        """Return what the rules say for a step."""
        rule = self.rules.get(step)
        return rule(about) if callable(rule) else rule

    def _session(self) -> "_Session":
        session = _Session(self, self._context if self.security == "starttls" else None)
        self._sessions.add(session)
        return session

    def forget(self, session: "_Session") -> None:
        """Take a connection off the count."""
        self._sessions.discard(session)


class _Handler:
    """The hooks that aiosmtpd calls; the rest is in the session."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def handle_EHLO(
        self, session: "_Session", state: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        state.host_name = hostname
        return [responses[0], *(["250-PIPELINING"] if self._server.pipelining else []), *responses[1:]]

    async def handle_DATA(self, session: "_Session", *_: object) -> str:
        return await session.end()

    async def auth_XOAUTH2(self, session: "_Session", words: list[str]) -> AuthResult:
        parts = b64decode(words[1]).decode().split("\x01")
        user, token = parts[0].removeprefix("user="), parts[1].removeprefix("auth=Bearer ")
        self._server.logins.append((user, token))
        if token == self._server.token:
            return AuthResult(success=True, auth_data=LoginPassword(user.encode(), b""))
        # The first answer to a bad token is a challenge that explains it, in base64.
        await session.challenge_auth('{"status":"401"}')
        return AuthResult(success=False, handled=False)


class _Session(SMTP):
    """One connection of a server."""

    def __init__(self, server: Server, context: ssl.SSLContext | None) -> None:
        self._rules = server
        self._number = 0
        self._recipient = ""
        mechanisms = set(server.mechanisms) if server.login or server.token else set()
        super().__init__(
            _Handler(server),
            data_size_limit=server.size,
            enable_SMTPUTF8=server.smtputf8,
            hostname="test.example",
            tls_context=context,
            auth_require_tls=False,
            auth_exclude_mechanism={"PLAIN", "LOGIN", "XOAUTH2"} - mechanisms,
            authenticator=self._check,
            loop=asyncio.get_running_loop(),
        )

    def drop(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._number == 0:
            self._rules.connections += 1
            self._number = self._rules.connections
            self._rules.open_now += 1
            self._rules.most_open = max(self._rules.most_open, self._rules.open_now)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._rules.open_now -= 1
        self._rules.forget(self)
        super().connection_lost(error)

    async def _handle_client(self) -> None:
        crowded = self._rules.most_connections is not None and self._rules.open_now > self._rules.most_connections
        answer = "421 4.7.0 Too many connections" if crowded else self._rules.answer("connect", str(self._number))
        if answer is not None and await self._instead(answer):
            self.drop()
            return
        await super()._handle_client()

    async def push(self, status: Any) -> None:
        if self.transport is not None:
            await super().push(status)

    async def _instead(self, answer: Answer) -> bool:
        """Do what a rule says; False where the server is to go on by itself after that."""
        if isinstance(answer, Late):
            await asyncio.sleep(answer.seconds)
            answer = answer.answer
        if answer is None:
            return False
        if isinstance(answer, str):
            await self.push(answer)
            if answer.startswith("421"):
                self.drop()
        else:
            self.drop()
        return True

    async def smtp_EHLO(self, hostname: str) -> None:
        if not await self._instead(self._rules.answer("EHLO", hostname)):
            await super().smtp_EHLO(hostname)

    async def smtp_AUTH(self, arg: str) -> None:
        if not await self._instead(self._rules.answer("AUTH", arg)):
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg: str | None) -> None:
        self._rules.commands.append(f"MAIL {arg}")
        if self._rules.login and not (self.session and self.session.authenticated):
            await self.push("530 5.7.0 Authentication required")
        elif not await self._instead(self._rules.answer("MAIL", _address(arg))):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:
        self._rules.commands.append(f"RCPT {arg}")
        self._recipient = _address(arg)
        if not await self._instead(self._rules.answer("RCPT", self._recipient)):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:
        if await self._instead(self._rules.answer("DATA", self._recipient)):
            return
        answer = self._rules.answer("body", self._recipient)
        if answer is not None:
            await self.push("354 Go on")
            if await self._instead(answer):
                return
        await super().smtp_DATA(arg)

    async def smtp_RSET(self, arg: str) -> None:
        self._rules.commands.append("RSET")
        if not await self._instead(self._rules.answer("RSET", "")):
            await super().smtp_RSET(arg)

    async def smtp_QUIT(self, arg: str) -> None:
        self._rules.commands.append("QUIT")
        if not await self._instead(self._rules.answer("QUIT", "")):
            await super().smtp_QUIT(arg)

    async def end(self) -> str:
        envelope = self.envelope
        assert envelope is not None
        assert envelope.original_content is not None
        answer = self._rules.answer("end", self._recipient)
        if not isinstance(answer, str) or answer.startswith("2"):
            self._rules.messages.append(
                Received(
                    envelope.mail_from or "",
                    self._recipient,
                    envelope.original_content,
                    self._number,
                    tuple(envelope.mail_options),
                )
            )
        if isinstance(answer, Late):
            await asyncio.sleep(answer.seconds)
            answer = answer.answer
        if isinstance(answer, str):
            return answer
        if answer is None:
            return "250 2.0.0 Kept"
        self.drop()
        return "250 2.0.0 Nobody hears this"

    def _check(self, server: SMTP, session: Any, envelope: Any, mechanism: str, data: LoginPassword) -> AuthResult:
        given = (data.login.decode(), data.password.decode())
        self._rules.logins.append(given)
        return AuthResult(success=given == self._rules.login, handled=False, auth_data=data)


def _address(arg: str | None) -> str:
    return (arg or "").partition("<")[2].partition(">")[0]


class Raw:
    """A server on loopback that is only bytes: each connection is a task, which ends with the server."""

    host = "127.0.0.1"
    port = 0

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Say and hear what is to be said and heard on one connection, which is closed after it."""
        raise NotImplementedError

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self.talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()


class Scripted(Raw):
    """A server that says the given lines, one for each line it gets; after the last it says nothing more.

    What arrives between 354 and the lone dot counts as one line; with `early`, so does the first piece of it,
    and no more is read after its answer. None closes the connection.
    """

    def __init__(self, *lines: str | bytes | None, greeting: str = "220 test.example", early: bool = False) -> None:
        self._lines = lines
        self._early = early
        self._greeting = greeting
        self.heard: list[bytes] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Greet, and say line after line."""
        writer.write(self._greeting.encode() + b"\r\n")
        lines = iter(self._lines)
        end = b"\r\n"
        while True:
            if self._early and end != b"\r\n":
                self.heard.append(await reader.read(1000))
                writer.write(f"{next(lines)}\r\n".encode())
                await asyncio.sleep(600)
            self.heard.append(await reader.readuntil(end))
            line = next(lines, "")
            if line is None:
                return
            if line:
                answer = line.encode() if isinstance(line, str) else line
                writer.write(answer + b"\r\n")
                end = b"\r\n.\r\n" if answer.startswith(b"354") else b"\r\n"
