"""The connection is taken over after TLS and login, on both event loops, and nothing from before TLS is believed."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
from pydantic import SecretStr
from servers import Server, authority, trusting
from test_dialogue import Record, letters

from newsletter.config import Smtp
from newsletter.delivery import Courier

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


async def on_its_own_loop(loop: str, used: Smtp, content: bytes, *, count: int = 5) -> Record:
    """Send from another thread, whose loop is of the given kind; the servers stay here."""
    record = Record(turns=2)

    async def send() -> None:
        courier = Courier(used, password=SecretStr("secret"), tls_context=trusting(), pauses=(0.0,))
        await courier.run(letters(record, count, content), record)

    def run() -> None:
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            runner.run(send())

    await asyncio.to_thread(run)
    return record


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("security", ["plain", "starttls", "tls"])
@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("size", [100, 300_000])
async def test_a_connection_is_taken_over(
    loop: str, security: Any, pipelining: bool, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Server, "pipelining", pipelining)
    content = b"Subject: x\r\n\r\n" + b"0123456789012345678901234567890123456789\r\n" * (size // 42)
    login = None if security == "plain" else ("papers", "secret")
    async with Server(security, login=login) as server:
        used = Smtp(
            host=server.host,
            port=server.port,
            security=security,
            connections=2,
            timeout=20,
            username="papers" if login else "",
            password_file=Path("unused") if login else None,
            local_name="client.example",
        )
        record = await on_its_own_loop(loop, used, content)
    assert record.results == dict.fromkeys(range(5), "sent")
    assert [message.content for message in server.messages] == [content] * 5


class Injecting:
    """A server that says more than its answer to STARTTLS, in the open, as someone in between could."""

    def __init__(self, injected: bytes) -> None:
        self._injected = injected
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority().issue_cert("127.0.0.1").configure_cert(self._context)
        self.port = 0
        self.heard: list[bytes] = []

    async def __aenter__(self) -> "Injecting":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 raw.example\r\n")
        secured = False
        try:
            while line := await reader.readline():
                self.heard.append(line)
                if line.startswith(b"STARTTLS"):
                    writer.write(b"220 2.0.0 Go on\r\n" + self._injected)
                    await writer.start_tls(self._context)
                    secured = True
                elif line.startswith(b"EHLO"):
                    writer.write(b"250-raw.example\r\n" + (b"250 SIZE\r\n" if secured else b"250 STARTTLS\r\n"))
                elif line.startswith(b"DATA"):
                    writer.write(b"354 Go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    writer.write(b"250 2.0.0 Kept\r\n")
                else:
                    writer.write(b"250 2.0.0 Ok\r\n")
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.mark.parametrize("loop", LOOPS)
async def test_what_came_in_the_open_with_the_answer_to_starttls_is_not_believed(loop: str) -> None:
    # The answers to EHLO, MAIL and RCPT, each of them a lie.
    lies = b"250-evil.example\r\n250 SIZE 1\r\n550 5.1.1 No such user\r\n550 5.1.1 No such user\r\n"
    async with Injecting(lies) as server:
        used = Smtp(host="127.0.0.1", port=server.port, security="starttls", timeout=20, local_name="client.example")
        record = await on_its_own_loop(loop, used, b"Subject: x\r\n\r\nHello\r\n", count=1)
    assert record.results == {0: "sent"}
    assert [line[:4] for line in server.heard] == [b"EHLO", b"STAR", b"EHLO", b"MAIL", b"RCPT", b"DATA", b"QUIT"]
