"""Fetching, from a real server on loopback and from disk."""

import asyncio
import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from newsletter.errors import FeedError
from newsletter.feeds.fetch import Fetched, fetch, files, read
from newsletter.models import Feed

GZIP = {"content_encoding": "gzip"}
ANSWERS: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "/feed": (200, b"<rss/>", {"etag": '"v1"', "last_modified": "Thu, 20 Nov 2026 10:00:00 GMT"}),
    "/gzip": (200, gzip.compress(b"<rss/>"), GZIP),
    "/cut-gzip": (200, gzip.compress(os.urandom(500))[:-20], GZIP),
    "/bad-gzip": (200, b"no gzip at all", GZIP),
    "/bomb": (200, gzip.compress(b"\0" * 30_000_000), GZIP),
    "/twice": (200, gzip.compress(gzip.compress(b"x")), {"content_encoding": "gzip, gzip"}),
    "/large": (200, b"x" * 3_000_000, {}),
    "/moved": (302, b"", {"location": "/feed"}),
    "/loop": (302, b"", {"location": "/loop"}),
    "/away": (302, b"", {"location": "file:///etc/hostname"}),
}


class Handler(BaseHTTPRequestHandler):
    """Answers by path; what it was asked is kept."""

    server: "Server"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        if self.path == "/feed" and self.headers.get("If-None-Match") == '"v1"':
            self.answer(304, etag='"v1"')
        elif self.path in ANSWERS:
            status, body, headers = ANSWERS[self.path]
            self.answer(status, body, **headers)
        elif self.path == "/slow":
            self.server.released.wait(20)
            self.answer(200, b"late")
        elif self.path == "/breaks-off":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x" * 10)
            self.close_connection = True
        else:
            self.answer(int(self.path.strip("/").partition("?")[0]))

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            # Who has had enough hangs up.
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.released = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.released.set()
        running.shutdown()
        thread.join()


def feed(location: str, kind: str = "url", **fields: str) -> Feed:
    return Feed.model_validate(
        {"id": 1, "kind": kind, "location": location, "added_at": datetime(2026, 11, 21, tzinfo=UTC), **fields}
    )


async def get(location: str, *, largest: int = 1_000_000, seconds: float = 10, **fields: str) -> Fetched:
    return await fetch(feed(location, **fields), timeout=seconds, largest=largest, contact="https://a.example/contact")


async def test_a_feed_comes_with_its_validators(server: Server) -> None:
    got = await get(server.url("/feed"))
    assert [(body.name, body.data) for body in got.bodies] == [(server.url("/feed"), b"<rss/>")]
    assert (got.etag, got.last_modified) == ('"v1"', "Thu, 20 Nov 2026 10:00:00 GMT")
    assert not got.not_modified


async def test_what_has_not_changed_is_not_sent_again(server: Server) -> None:
    got = await get(server.url("/feed"), etag='"v1"', last_modified="Thu, 20 Nov 2026 10:00:00 GMT")
    assert got == Fetched(not_modified=True, etag='"v1"', last_modified="Thu, 20 Nov 2026 10:00:00 GMT")
    headers = server.asked[0][1]
    assert headers["If-None-Match"] == '"v1"'
    assert headers["If-Modified-Since"] == "Thu, 20 Nov 2026 10:00:00 GMT"


async def test_the_server_learns_who_asks(server: Server) -> None:
    await get(server.url("/feed"))
    await fetch(feed(server.url("/feed")), timeout=10, largest=1000)
    await fetch(feed(server.url("/feed")), timeout=10, largest=1000, contact="a\r\nX-Evil: 1")
    agents = [headers["User-Agent"] for _, headers in server.asked]
    assert agents[0].startswith("paper-newsletter/")
    assert agents[0].endswith(" (+https://a.example/contact)")
    assert agents[1] == agents[2] == agents[0].partition(" ")[0]
    assert not any("X-Evil" in headers for _, headers in server.asked)


async def test_a_validator_that_is_no_header_is_not_sent_back(server: Server) -> None:
    got = await get(server.url("/feed"), etag='"é"', last_modified="a\r\nb")
    assert got.bodies
    assert not {"If-None-Match", "If-Modified-Since"} & set(server.asked[0][1])


async def test_gzip_is_unpacked_and_redirects_are_followed(server: Server) -> None:
    assert (await get(server.url("/gzip"))).bodies[0].data == b"<rss/>"
    assert (await get(server.url("/moved"))).bodies[0].data == b"<rss/>"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/404", "answered 404 Not Found"),
        ("/429", "answered 429 Too Many Requests"),
        ("/500?token=secret", "answered 500"),
        ("/large", "larger than 1,000,000 bytes"),
        ("/bomb", "larger than 1,000,000 bytes"),
        ("/twice", "encoding 'gzip, gzip'"),
        ("/cut-gzip", "broke off"),
        ("/bad-gzip", "damaged gzip"),
        ("/loop", "without an end"),
        ("/away", "not http or https"),
        ("/breaks-off", "cannot be reached"),
    ],
)
async def test_a_failure_is_a_sentence(server: Server, path: str, words: str) -> None:
    with pytest.raises(FeedError, match=words) as failure:
        await get(server.url(path))
    assert "secret" not in str(failure.value)
    assert len([1 for asked, _ in server.asked if asked == path]) <= 6


async def test_a_slow_server_is_given_up(server: Server) -> None:
    with pytest.raises(FeedError, match=r"longer than 0\.2 seconds"):
        await get(server.url("/slow"), seconds=0.2)


async def test_a_server_that_is_not_there() -> None:
    with Server() as closed:
        url = closed.url("/feed")
    with pytest.raises(FeedError, match="cannot be reached"):
        await get(url)


@pytest.mark.parametrize(
    "location", ["ftp://a.example/x", "file:///etc/hostname", "gopher://a", "a.example/feed", "http://["]
)
async def test_only_the_web_is_asked(location: str) -> None:
    with pytest.raises(FeedError):
        await get(location)


async def test_a_client_that_is_handed_in_is_used_and_left_open(server: Server) -> None:
    import httpx

    async with httpx.AsyncClient() as client:
        got = await fetch(feed(server.url("/moved")), timeout=10, largest=1000, client=client)
        assert got.bodies[0].data == b"<rss/>"
        assert not client.is_closed


async def test_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "b.txt").write_bytes(b"two")
    (tmp_path / "a.txt").write_bytes(b"one")
    (tmp_path / "below" / "c.txt").write_bytes(b"three")
    (tmp_path / ".hidden").write_bytes(b"no")
    assert (await get(str(tmp_path / "a.txt"), kind="file")).bodies == (("a.txt", b"one"),)
    assert [data for _, data in (await get(str(tmp_path), kind="file")).bodies] == [b"one", b"two", b"three"]
    assert [path.name for path in files(tmp_path)] == ["a.txt", "b.txt", "c.txt"]


async def test_a_large_file_of_a_folder_costs_no_other(tmp_path: Path) -> None:
    for name, size in (("a", 10), ("b", 500), ("c", 20)):
        (tmp_path / name).write_bytes(b"x" * size)
    got = await get(str(tmp_path), kind="file", largest=100)
    assert [name for name, _ in got.bodies] == ["a", "c"]
    assert [problem.where for problem in got.problems] == ["b"]


async def test_what_cannot_be_read_from_disk_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 101)
    os.mkfifo(tmp_path / "pipe")
    for name, words in (
        ("large", "larger than 100"),
        ("pipe", "no plain file"),
        ("missing", "no file"),
        ("a\0b", "path"),
    ):
        with pytest.raises(FeedError, match=words):
            await get(str(tmp_path / name), kind="file", largest=100)
    with pytest.raises(FeedError, match="no plain file"):
        await asyncio.to_thread(read, Path("/dev/zero"), largest=100)


def test_reading_feeds_imports_no_http_client() -> None:
    program = "import sys, newsletter.feeds, newsletter.feeds.fetch; print({'httpx', 'feedparser'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
