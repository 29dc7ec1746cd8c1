"""Mail servers for measures, on loopback and in a process of their own: Postfix's smtp-sink, or one that has TLS.

    python bench/relay.py FOLDER [--look]

Run as a program it is the latter: it offers PIPELINING, STARTTLS and AUTH PLAIN (any password will do), takes every
message and counts them. It writes ca.pem, which vouches for it, into FOLDER, prints its port, answers each line of its
input with a line of JSON: how many messages it took, how many of them after STARTTLS and a login, and with --look, for
which it keeps whole bodies and takes its time, the figures of bench/looking.py. It ends with its input.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from looking import Seen
from sink import Sink

CAPABILITIES = (
    b"250-relay\r\n%b250-PIPELINING\r\n250-SIZE 50000000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n"
)
END = b"\r\n.\r\n"
_TO = re.compile(rb"<([^>]*)>")


class Relay:
    """A running server of this module: where it is, what vouches for it, and what it took."""

    def __init__(self, folder: Path, *, look: bool = False) -> None:
        self.certificates = folder / "ca.pem"
        words = [sys.executable, __file__, str(folder), *(["--look"] if look else [])]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._line())

    def taken(self) -> tuple[int, int]:
        """Return how many messages it took so far, and how many of them after STARTTLS and a login."""
        told = self._ask()
        return told["taken"], told["private"]

    def seen(self) -> dict[str, int]:
        """Return what it saw of them, as `looking.Seen.figures` does; nothing where it does not look."""
        return {name: number for name, number in self._ask().items() if name not in ("taken", "private")}

    def _ask(self) -> dict[str, int]:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        told: dict[str, int] = json.loads(self._line())
        return told

    def stop(self) -> None:
        """End it."""
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextlib.contextmanager
def relay(folder: Path, *, look: bool = False) -> Iterator[Relay]:
    """Start the server of this module; with `look` it looks at each message."""
    started = Relay(folder, look=look)
    try:
        yield started
    finally:
        started.stop()


@contextlib.contextmanager
def smtp_sink() -> Iterator[tuple[str, int]]:
    """Start a server that takes everything, Postfix's smtp-sink where it is installed; give its name and port."""
    if shutil.which("smtp-sink") is None:
        with Sink() as sink:
            yield "the sink of this bench", sink.port
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    server = subprocess.Popen(
        ["smtp-sink", *user, f"127.0.0.1:{port}", "1024"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.02)
        yield "smtp-sink", port
    finally:
        server.terminate()
        server.wait()


class Counter:
    """What all dialogues share."""

    def __init__(self, context: ssl.SSLContext, seen: Seen | None) -> None:
        self.context = context
        self.seen = seen
        self.messages = 0
        self.private = 0
        self.tasks: set[asyncio.Task[None]] = set()


class Dialogue(asyncio.Protocol):
    """One connection."""

    def __init__(self, shared: Counter) -> None:
        self._shared = shared
        self._secure = False
        self._known = False
        self._in_body = False
        self._recipient = ""
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet; after STARTTLS the client speaks first."""
        self._transport = transport
        if not self._secure:
            transport.write(b"220 relay ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Take bytes of commands and bodies in any cut; all answers to them go out together."""
        data = self._rest + data
        answers: list[bytes] = []
        at = 0
        while True:
            end = data.find(END if self._in_body else b"\r\n", at)
            if end < 0:
                break
            if self._in_body:
                if self._shared.seen is not None:
                    self._shared.seen.add(self._recipient, data[at:end])
                at = end + len(END)
                self._in_body = False
                self._shared.messages += 1
                self._shared.private += self._known
                answers.append(b"250 2.0.0 Ok: taken\r\n")
                continue
            line = data[at:end]
            at = end + 2
            answers.append(self._answer(line))
            if line[:8].upper() == b"STARTTLS":
                self._transport.write(b"".join(answers))
                self._rest = b""
                self._secured()
                return
            if self._in_body:
                # So that a body whose first line is a dot ends there.
                at -= 2
        # Of a body that nobody looks at no more is kept than may be the beginning of its end.
        passing = self._in_body and self._shared.seen is None
        self._rest = data[max(at, len(data) - len(END) + 1) :] if passing else data[at:]
        if answers:
            self._transport.write(b"".join(answers))

    def _answer(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"EHLO":
            return CAPABILITIES % (b"250-AUTH PLAIN\r\n" if self._secure else b"250-STARTTLS\r\n")
        if verb == b"DATA":
            self._in_body = True
            return b"354 Go on\r\n"
        if verb == b"AUTH" and self._secure:
            self._known = True
            return b"235 2.7.0 Welcome\r\n"
        if verb == b"RCPT" and self._shared.seen is not None:
            found = _TO.search(line)
            self._recipient = found[1].decode() if found else ""
        if verb == b"QUIT":
            asyncio.get_running_loop().call_soon(self._transport.close)
            return b"221 2.0.0 Bye\r\n"
        return b"220 2.0.0 Ready\r\n" if verb == b"STAR" else b"250 2.0.0 Ok\r\n"

    def _secured(self) -> None:
        self._transport.pause_reading()
        task = asyncio.create_task(self._secure_now())
        self._shared.tasks.add(task)
        task.add_done_callback(self._shared.tasks.discard)

    async def _secure_now(self) -> None:
        loop = asyncio.get_running_loop()
        self._secure = True
        self._transport = await loop.start_tls(self._transport, self, self._shared.context, server_side=True)


async def _serve(folder: Path, *, look: bool) -> None:
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    shared = Counter(context, Seen() if look else None)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Dialogue(shared), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        figures = {} if shared.seen is None else shared.seen.figures()
        print(json.dumps({"taken": shared.messages, "private": shared.private, **figures}), flush=True)
    server.close()


if __name__ == "__main__":
    from newsletter.app import run

    run(_serve(Path(sys.argv[1]), look="--look" in sys.argv[2:]))
