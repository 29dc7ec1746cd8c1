"""Readers who ask for pages, as a program of its own: an open loop, which waits for no answer before it asks again.

    python bench/asking.py PLAN PORT

PLAN has a line of JSON an ask, in the order of their moments: when (seconds from the start), kind, method, path, body,
Accept-Language. Each is a connection of its own, as of a browser that comes once in a while. It prints `ready`, begins
with the first line of its input and asks nothing more after the second, waits for what is under way, and prints a line
of JSON: of each ask when it was planned (seconds of the machine's monotonic clock), its kind, the status (0: no answer
in time) and the seconds from the planned moment, not from the sending, to the last byte.
"""

import asyncio
import json
import re
import sys
import time
from pathlib import Path
from typing import NamedTuple

HOST = "127.0.0.1"
# Who gets no answer in so many seconds has gone away.
PATIENCE = 20.0
_TAG = re.compile(rb'\r\netag: *("[^"\r\n]*")', re.IGNORECASE)


class Ask(NamedTuple):
    """One thing that somebody asks for, so many seconds after the start."""

    at: float
    kind: str
    method: str
    path: str
    body: str = ""
    language: str = "en-GB,en;q=0.9"


class Readers:
    """Asks, and remembers of each feed what it was when it was asked for last."""

    def __init__(self, port: int) -> None:
        self.answers: list[tuple[float, str, int, float]] = []
        self._port = port
        self._tags: dict[str, str] = {}

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
        reader, writer = await asyncio.open_connection(HOST, self._port)
        try:
            writer.write(self._request(one))
            answer = await reader.read()
        finally:
            writer.close()
        head, end, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
        if not end or (length is not None and len(body) != int(length[1])):
            raise ValueError("an answer that is cut")
        if tag := _TAG.search(head):
            self._tags[one.path] = tag[1].decode()
        return int(head[9:12])

    def _request(self, one: Ask) -> bytes:
        lines = [
            f"{one.method} {one.path} HTTP/1.1",
            "Host: papers.example.org",
            f"Accept-Language: {one.language}",
            "Connection: close",
        ]
        if one.method == "POST":
            lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(one.body)}"]
        elif one.path in self._tags:
            lines.append(f"If-None-Match: {self._tags[one.path]}")
        return ("\r\n".join(lines) + "\r\n\r\n" + one.body).encode()


async def run(plan: list[Ask], port: int) -> list[tuple[float, str, int, float]]:
    """Ask by the plan until its end, or until somebody says so."""
    loop = asyncio.get_running_loop()
    readers = Readers(port)
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
    return readers.answers


def main() -> None:
    plan = [Ask(*json.loads(line)) for line in Path(sys.argv[1]).read_text().splitlines()]
    print("ready", flush=True)
    try:
        from uvloop import run as fastest
    except ModuleNotFoundError:
        fastest = asyncio.run
    print(json.dumps(fastest(run(plan, int(sys.argv[2])))), flush=True)


if __name__ == "__main__":
    main()
