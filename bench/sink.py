"""A small SMTP server for measures: it keeps what it accepted, and calls back at chosen moments of the dialogue.

It runs on a thread of its own, on loopback.  A message counts as accepted once its final dot has come, whether or not
the answer could still be sent: that is how a mail server sees it.
"""

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

# How much of a body has come when its middle is told of.
MIDDLE = 10_000


class Accepted(NamedTuple):
    """A message that the server took: to whom, under which Message-ID, and how many bytes."""

    recipient: str
    message_id: str
    size: int


class Sink:
    """Use it as a context manager; `arm` sets what is called, once, at the n-th event of a stage from now on.

    Stages: `mail` (MAIL has come), `body` (a good part of a body has come), `dot` (a body is complete and not
    answered), `reply` (its answer has been sent). What is called gets the name that the client gave with EHLO.
    """

    def __init__(self) -> None:
        self.accepted: list[Accepted] = []
        self.port = 0
        self._armed: tuple[str, int, Callable[[str], object]] | None = None
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Sink":
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def arm(self, stage: str, after: int, act: Callable[[str], object]) -> None:
        """Call `act` at the `after`-th event of a stage from now on."""
        self._armed = (stage, after, act)

    def disarm(self) -> None:
        """Call nothing any more."""
        self._armed = None

    def forget(self) -> None:
        """Begin a new record of what came."""
        self.accepted = []

    def counts(self) -> Counter[str]:
        """Return how many messages came under each Message-ID."""
        return Counter(one.message_id for one in list(self.accepted))

    def event(self, stage: str, client: str) -> None:
        """Tell that a client reached a stage."""
        armed = self._armed
        if armed is None or armed[0] != stage:
            return
        _, left, act = armed
        if left > 1:
            self._armed = (stage, left - 1, act)
            return
        self._armed = None
        act(client)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Dialogue(self), "127.0.0.1", 0, backlog=512)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


class _Dialogue(asyncio.Protocol):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._buffer = bytearray()
        self._recipient = ""
        self._client = ""
        self._in_body = False
        self._middle_told = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._say(b"220 sink ESMTP")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._body() if self._in_body else self._command():
            pass

    def _say(self, line: bytes) -> None:
        self._transport.write(line + b"\r\n")

    def _command(self) -> bool:
        line, end, rest = bytes(self._buffer).partition(b"\r\n")
        if not end:
            return False
        self._buffer = bytearray(rest)
        verb = line[:4].upper()
        if verb == b"EHLO":
            self._client = line[5:].decode()
            self._say(b"250-sink\r\n250-PIPELINING\r\n250-SIZE 50000000\r\n250-8BITMIME\r\n250 SMTPUTF8")
        elif verb == b"MAIL":
            self._sink.event("mail", self._client)
            self._say(b"250 2.1.0 Ok")
        elif verb == b"RCPT":
            self._recipient = re.search(rb"<([^>]*)>", line)[1].decode()
            self._say(b"250 2.1.5 Ok")
        elif verb == b"DATA":
            self._in_body, self._middle_told = True, False
            self._say(b"354 End data with <CR><LF>.<CR><LF>")
        elif verb == b"QUIT":
            self._say(b"221 2.0.0 Bye")
            self._transport.close()
        else:
            self._say(b"250 2.0.0 Ok")
        return True

    def _body(self) -> bool:
        if not self._middle_told and len(self._buffer) > MIDDLE:
            self._middle_told = True
            self._sink.event("body", self._client)
        end = self._buffer.find(b"\r\n.\r\n")
        if end < 0:
            return False
        content = bytes(self._buffer[: end + 2])
        self._buffer = self._buffer[end + 5 :]
        self._in_body = False
        named = re.search(rb"(?mi)^Message-ID:\s*(<[^>]+>)", content)
        message_id = named[1].decode() if named else ""
        self._sink.accepted.append(Accepted(self._recipient, message_id, len(content)))
        self._sink.event("dot", self._client)
        self._say(b"250 2.0.0 Ok: queued")
        self._sink.event("reply", self._client)
        return True
