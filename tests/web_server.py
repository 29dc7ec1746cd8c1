"""An HTTP server on loopback that answers as it is told, whole, damaged, late or without end."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Protocol


@dataclass(frozen=True)
class Asked:
    """A request that came in, at `at` of the loop's clock; `connection` counts from 1."""

    path: str
    headers: Mapping[str, str]
    connection: int
    at: float


@dataclass(frozen=True)
class Page:
    """What is answered; the validator is an ETag that answers conditional requests, if it is one."""

    body: bytes = b""
    status: str = "200 OK"
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str = ""


Talk = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Site(Protocol):
    """What is served: a dictionary by path, or what makes its pages as they are asked for."""

    def get(self, path: str, default: Page, /) -> Page | Talk:
        """Return what a path is answered with."""


class WebServer:
    """Serves `pages` by path: a Page, or a function that writes what it likes."""

    def __init__(self) -> None:
        self.pages: dict[str, Page | Talk] = {}
        self.site: Site | None = None
        self.asked: list[Asked] = []
        self.port = 0
        self.scheme = "http"
        self.at_once = 0
        self.most_at_once = 0
        self.open = 0
        self.most_open = 0
        self._connections = 0

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """Return the address of a page."""
        return f"{self.scheme}://{host}:{self.port}{path}"

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [one.path for one in self.asked]

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer request after request of a connection."""
        self._connections += 1
        number = self._connections
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            while await self._one(reader, writer, number):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        path = first.split()[1]
        self.asked.append(Asked(path, headers, number, asyncio.get_running_loop().time()))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            page = (self.site or self.pages).get(path, Page(status="404 Not Found"))
            if not isinstance(page, Page):
                await page(writer)
                await writer.drain()
                return False
            writer.write(_written(page, headers))
            await writer.drain()
        finally:
            self.at_once -= 1
        return headers.get("connection", "").lower() != "close"


def _written(page: Page, headers: Mapping[str, str]) -> bytes:
    known = {"ETag": page.etag} if page.etag else {}
    if page.etag and headers.get("if-none-match") == page.etag:
        lines = {**page.headers, **known}
        return _head("304 Not Modified", lines)
    return _head(page.status, {"Content-Length": str(len(page.body)), **page.headers, **known}) + page.body


def _head(status: str, headers: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode()


def moved(to: str, status: str = "302 Found") -> Page:
    """Return a redirect."""
    return Page(status=status, headers={"Location": to})


def http_date(moment: datetime) -> str:
    """Return a moment as HTTP writes it."""
    return format_datetime(moment, usegmt=True)


@contextlib.asynccontextmanager
async def serving(
    tls: ssl.SSLContext | None = None, *, site: Site | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[WebServer]:
    """Run a server for a test; `site` stands in for its pages."""
    server = WebServer()
    server.site = site
    server.scheme = "https" if tls else "http"
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(server.talk(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listening = await asyncio.start_server(connected, host, 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
