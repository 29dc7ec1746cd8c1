"""Readers who ask for pages, as a program of its own: an open loop, which waits for no answer before it asks again.

    python bench/asking.py PLAN PORT [--closing]

PLAN has a line of JSON an ask, in the order of their moments: when (seconds from the start), kind, method, path, body,
Accept-Language, number of the reader. Each reader keeps a connection and asks on it again, as browsers do; who asks
while it waits for an answer there opens one more. With --closing each ask is a connection of its own, as of browsers
that come once in a while. It prints `ready`, begins with the first line of its input and asks nothing more after the
second, waits for what is under way, and prints a line of JSON: of each ask when it was planned (seconds of the
machine's monotonic clock), its kind, the status (0: no answer in time) and the seconds from the planned moment, not
from the sending, to the last byte; and to its log (stderr) how many connections there were.
"""

import asyncio
import json
import re
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

HOST = "127.0.0.1"
# Who gets no answer in so many seconds has gone away.
PATIENCE = 20.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_TAG = re.compile(rb'\r\netag: *("[^"\r\n]*")', re.IGNORECASE)

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Ask(NamedTuple):
    """One thing that somebody asks for, so many seconds after the start."""

    at: float
    kind: str
    method: str
    path: str
    body: str = ""
    language: str = "en-GB,en;q=0.9"
    reader: int = 0


class Readers:
    """Asks, and remembers of each feed what it was when it was asked for last.

    With `closing` no connection is used twice; `opened` is how many there were.
    """

    def __init__(self, port: int, *, closing: bool = False) -> None:
        self.answers: list[tuple[float, str, int, float]] = []
        self.opened = 0
        self._port = port
        self._closing = closing
        self._tags: dict[str, str] = {}
        self._kept: dict[int, list[Connection]] = defaultdict(list)

    async def ask(self, one: Ask, planned: float) -> None:
        """Ask, and note what came of it."""
        status = 0
        try:
            async with asyncio.timeout(PATIENCE):
                status = await self._answer(one)
        except (OSError, TimeoutError, ValueError):
            # What is no answer counts as lost.
            pass
        self.answers.append((planned, one.kind, status, time.monotonic() - planned))

    async def _answer(self, one: Ask) -> int:
        kept = self._kept[one.reader]
        # One that the server closed meanwhile is none.
        while kept and kept[-1][0].at_eof():
            kept.pop()[1].close()
        reader, writer = connection = kept.pop() if kept else await self._open()
        keep = False
        try:
            writer.write(self._request(one))
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head[9:12])
            if status not in (204, 304):
                await reader.readexactly(int(_LENGTH.search(head)[1]))
            keep = not self._closing and _CLOSE.search(head) is None
        except (asyncio.IncompleteReadError, TypeError) as error:
            raise ValueError("an answer that is cut, or has no length") from error
        finally:
            if keep:
                kept.append(connection)
            else:
                writer.close()
        if tag := _TAG.search(head):
            self._tags[one.path] = tag[1].decode()
        return status

    async def _open(self) -> Connection:
        self.opened += 1
        return await asyncio.open_connection(HOST, self._port)

    def close(self) -> None:
        """Close what is kept open."""
        for _, writer in (one for kept in self._kept.values() for one in kept):
            writer.close()
        self._kept.clear()

    def _request(self, one: Ask) -> bytes:
        lines = [
            f"{one.method} {one.path} HTTP/1.1",
            "Host: papers.example.org",
            f"Accept-Language: {one.language}",
            f"Connection: {'close' if self._closing else 'keep-alive'}",
        ]
        if one.method == "POST":
            lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(one.body)}"]
        elif one.path in self._tags:
            lines.append(f"If-None-Match: {self._tags[one.path]}")
        return ("\r\n".join(lines) + "\r\n\r\n" + one.body).encode()


async def run(plan: list[Ask], port: int, *, closing: bool) -> list[tuple[float, str, int, float]]:
    """Ask by the plan until its end, or until somebody says so."""
    loop = asyncio.get_running_loop()
    readers = Readers(port, closing=closing)
    await loop.run_in_executor(None, sys.stdin.readline)
    ended = loop.run_in_executor(None, sys.stdin.readline)
    began, under_way = time.monotonic(), set()
    for one in plan:
        planned = began + one.at
        while (wait := planned - time.monotonic()) > 0 and not ended.done():
            await asyncio.wait([ended], timeout=wait)
        if ended.done():
            break
        task = asyncio.create_task(readers.ask(one, planned))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    await ended
    print(f"{len(readers.answers)} asks on {readers.opened} connections", file=sys.stderr, flush=True)
    readers.close()
    return readers.answers


def main() -> None:
    plan = [Ask(*json.loads(line)) for line in Path(sys.argv[1]).read_text().splitlines()]
    print("ready", flush=True)
    try:
        from uvloop import run as fastest
    except ModuleNotFoundError:
        fastest = asyncio.run
    print(json.dumps(fastest(run(plan, int(sys.argv[2]), closing="--closing" in sys.argv))), flush=True)


if __name__ == "__main__":
    main()
