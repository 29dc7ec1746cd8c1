"""Asking one address, of a real server on loopback: what it says is told, and what it does wrong costs only itself."""

import asyncio
import contextlib
import gzip
import itertools
import os
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from newsroom import NOW, Clock
from web_server import Page, WebServer, http_date, moved, serving

from newsletter.errors import FeedError, NewsletterError
from newsletter.feeds.fetching import Answer, Fetcher, PausedError, Terms

GZIP = {"Content-Encoding": "gzip"}


@pytest.fixture
async def server() -> AsyncIterator[WebServer]:
    async with serving() as running:
        yield running


def terms(**values: Any) -> Terms:
    given = {"largest": 1_000_000, "gap": 0, "allow_hosts": frozenset({"127.0.0.1"}), **values}
    return Terms(**given)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "turns"


@contextlib.asynccontextmanager
async def fetching(folder: Path, resolve: Any = None, **values: Any) -> AsyncIterator[Fetcher]:
    async with Fetcher(terms(**values), Clock(NOW), folder=folder, resolve=resolve) as fetcher:
        yield fetcher


async def ask(server: WebServer, folder: Path, path: str, *, host: str = "127.0.0.1", **values: Any) -> Answer:
    async with fetching(folder, **values) as fetcher:
        return await fetcher.ask(server.url(path, host))


def resolving(**names: str) -> Any:
    """Return a resolver that knows these names only (a dot is written as two underscores)."""
    known = {name.replace("__", "."): addresses.split() for name, addresses in names.items()}

    async def resolve(host: str, port: int) -> list[str]:
        if host not in known:
            raise OSError(0, "it is not known here")
        return known[host]

    return resolve


# What is asked


async def test_a_feed_comes_with_its_validators_and_is_asked_with_them(server: WebServer, folder: Path) -> None:
    server.pages["/feed"] = Page(b"<rss/>", etag='"v1"', headers={"Last-Modified": http_date(NOW)})
    async with fetching(folder) as fetcher:
        first = await fetcher.ask(server.url("/feed"))
        again = await fetcher.ask(server.url("/feed"), etag='"v1"', last_modified=http_date(NOW))
    assert (first.status, first.data, first.headers["etag"]) == (200, b"<rss/>", '"v1"')
    assert (again.status, again.data) == (304, b"")
    assert "if-none-match" not in server.asked[0].headers
    assert server.asked[1].headers["if-none-match"] == '"v1"'
    assert server.asked[1].headers["if-modified-since"] == http_date(NOW)


async def test_the_server_learns_who_asks(server: WebServer, folder: Path) -> None:
    server.pages["/feed"] = Page(b"<rss/>")
    for contact in ("https://a.example/contact", "", "a\r\nX-Evil: 1"):
        await ask(server, folder, "/feed", contact=contact)
    agents = [one.headers["user-agent"] for one in server.asked]
    assert agents[0].startswith("paper-newsletter/")
    assert agents[0].endswith(" (+https://a.example/contact)")
    assert agents[1] == agents[2] == agents[0].partition(" ")[0]
    assert not any("x-evil" in one.headers for one in server.asked)


async def test_a_validator_that_is_no_header_is_not_sent_back(server: WebServer, folder: Path) -> None:
    server.pages["/feed"] = Page(b"<rss/>")
    async with fetching(folder) as fetcher:
        assert (await fetcher.ask(server.url("/feed"), etag='"é"', last_modified="a\r\nb")).data
    assert not {"if-none-match", "if-modified-since"} & set(server.asked[0].headers)


async def test_cookies_are_not_sent_back(server: WebServer, folder: Path) -> None:
    server.pages["/feed"] = Page(b"<rss/>", headers={"Set-Cookie": "who=you"})
    async with fetching(folder) as fetcher:
        for _ in range(2):
            await fetcher.ask(server.url("/feed"))
    assert not any("cookie" in one.headers for one in server.asked)


# What is answered


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("gzip", lambda data: gzip.compress(data[:3]) + gzip.compress(data[3:]) + bytes(10)),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data, wbits=-15)),
        ("identity", bytes),
    ],
)
async def test_what_is_packed_is_unpacked(server: WebServer, folder: Path, coding: str, pack: Any) -> None:
    server.pages["/feed"] = Page(pack(b"<rss> and more </rss>"), headers={"Content-Encoding": coding})
    assert (await ask(server, folder, "/feed")).data == b"<rss> and more </rss>"


async def says(writer: asyncio.StreamWriter, *parts: bytes, pause: float = 0, head: bytes = b"") -> None:
    writer.write(head or b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(pause)


async def breaks_off(writer: asyncio.StreamWriter) -> None:
    await says(writer, b"x" * 10)


async def breaks_off_in_a_chunk(writer: asyncio.StreamWriter) -> None:
    await says(writer, b"5\r\nab", head=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")


async def never_ends(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def never_ends_packed(writer: asyncio.StreamWriter) -> None:
    """Stored blocks without content: endless to read, and nothing unpacked."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10])
    while True:
        writer.write(b"\x00\x00\x00\xff\xff" * 10_000)
        await writer.drain()


async def drips(writer: asyncio.StreamWriter) -> None:
    await says(writer, *[b"x"] * 1000, pause=0.01)


async def drips_headers(writer: asyncio.StreamWriter) -> None:
    await says(writer, *[b"X-A: b\r\n"] * 1000, pause=0.01, head=b"HTTP/1.1 200 OK\r\n")


async def says_nothing(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def falls_silent(writer: asyncio.StreamWriter) -> None:
    await says(writer, b"x", pause=60)


async def talks_nonsense(writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n\r\n")


async def long_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"b" * 500_000 + b"\r\n\r\n")


async def hangs_up(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


DAMAGE: dict[str, tuple[Any, str]] = {
    "large": (Page(b"x" * 1_000_001), "larger than 1,000,000 bytes"),
    "bomb": (Page(gzip.compress(bytes(30_000_000)), headers=GZIP), "larger than 1,000,000 bytes"),
    "members": (Page(gzip.compress(b"") * 10_000, headers=GZIP), "larger than 1,000,000 bytes"),
    "twice": (Page(gzip.compress(gzip.compress(b"x")), headers={"Content-Encoding": "gzip, gzip"}), "encoding"),
    "unknown": (Page(b"x", headers={"Content-Encoding": "br"}), "encoding 'br'"),
    "cut-gzip": (Page(gzip.compress(os.urandom(500))[:-20], headers=GZIP), "broke off"),
    "empty-gzip": (Page(b"", headers=GZIP), "broke off"),
    "bad-gzip": (Page(b"no gzip at all", headers=GZIP), "damaged"),
    "bad-sum": (Page(gzip.compress(b"abc")[:-8] + bytes(8), headers=GZIP), "damaged"),
    "breaks-off": (breaks_off, "cannot be reached"),
    "breaks-off-in-a-chunk": (breaks_off_in_a_chunk, "cannot be reached"),
    "never-ends": (never_ends, "larger than 1,000,000 bytes"),
    "never-ends-packed": (never_ends_packed, "larger than 1,000,000 bytes"),
    "nonsense": (talks_nonsense, "cannot be reached"),
    "long-headers": (long_headers, "cannot be reached"),
    "hangs-up": (hangs_up, "cannot be reached"),
    "loop": (moved("/loop"), "without an end"),
    "away": (moved("file:///etc/hostname"), "not http or https"),
    "gopher": (moved("gopher://a.example/"), "not http or https"),
    "nowhere": (moved("http://["), "cannot be resolved"),
}


@pytest.mark.parametrize("name", DAMAGE)
async def test_what_is_damaged_is_a_sentence(server: WebServer, folder: Path, name: str) -> None:
    page, words = DAMAGE[name]
    server.pages[f"/{name}?token=secret"] = server.pages[f"/{name}"] = page
    with pytest.raises(FeedError, match=words) as failure:
        await ask(server, folder, f"/{name}?token=secret")
    assert "secret" not in str(failure.value)
    assert failure.value.next_step
    assert len(server.asked) <= 6


@pytest.mark.parametrize("name", ["says_nothing", "falls_silent"])
async def test_a_silent_server_is_given_up(server: WebServer, folder: Path, name: str) -> None:
    server.pages["/slow"] = globals()[name]
    with pytest.raises(FeedError, match="does not answer in time"):
        await ask(server, folder, "/slow", silence=0.1)


@pytest.mark.parametrize("name", ["drips", "drips_headers"])
async def test_a_server_that_never_ends_is_given_up(server: WebServer, folder: Path, name: str) -> None:
    server.pages["/slow"] = globals()[name]
    with pytest.raises(FeedError, match=r"longer than 0\.3 seconds"):
        await ask(server, folder, "/slow", timeout=0.3)


async def test_the_time_is_for_all_redirects_together(server: WebServer, folder: Path) -> None:
    async def late(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        await says(writer, head=b"HTTP/1.1 302 Found\r\nLocation: /late\r\nContent-Length: 0\r\n\r\n")

    server.pages["/late"] = late
    with pytest.raises(FeedError, match=r"longer than 0\.5 seconds"):
        await ask(server, folder, "/late", timeout=0.5)


async def test_a_server_that_is_not_there(folder: Path) -> None:
    async with serving() as closed:
        pass
    with pytest.raises(FeedError, match="cannot be reached"):
        await ask(closed, folder, "/feed")


@pytest.mark.parametrize(
    "location",
    ["ftp://a.example/x", "file:///etc/hostname", "gopher://a", "a.example/feed", "http://[", "http://", "", "http:a"],
)
async def test_only_the_web_is_asked(folder: Path, location: str) -> None:
    async with fetching(folder) as fetcher:
        with pytest.raises(FeedError, match="address"):
            await fetcher.ask(location)


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone", "500 Oh\x1b[31m no", "204 No Content", "301 Nowhere"])
async def test_every_other_status_is_an_answer(server: WebServer, folder: Path, status: str) -> None:
    server.pages["/feed"] = Page(b"", status=status)
    answer = await ask(server, folder, "/feed")
    assert answer.words == status.replace("\x1b", " ")
    assert answer.data == b""


async def test_what_a_server_says_of_a_bad_request_is_kept(server: WebServer, folder: Path) -> None:
    server.pages["/feed"] = Page(b"<feed/>", status="400 Bad Request")
    assert (await ask(server, folder, "/feed")).data == b"<feed/>"
    server.pages["/feed"] = Page(b"x" * 100_000, status="400 Bad Request")
    assert (await ask(server, folder, "/feed")).data == b""


# Where it leads


@pytest.mark.parametrize(
    ("statuses", "remembered"),
    [
        (("301 Moved",), True),
        (("308 Moved",), True),
        (("301 Moved", "308 Moved"), True),
        (("302 Found",), False),
        (("307 Elsewhere",), False),
        (("303 See",), False),
        (("301 Moved", "302 Found"), False),
        (("302 Found", "301 Moved"), False),
    ],
)
async def test_a_move_is_for_good_where_every_step_is(
    server: WebServer, folder: Path, statuses: tuple[str, ...], remembered: bool
) -> None:
    for number, status in enumerate(statuses):
        server.pages[f"/{number}"] = moved(f"/{number + 1}#there", status)
    server.pages[f"/{len(statuses)}"] = Page(b"<rss/>")
    answer = await ask(server, folder, "/0")
    end = server.url(f"/{len(statuses)}")
    assert (answer.data, answer.url, answer.moved_to) == (b"<rss/>", end, end if remembered else "")


async def test_five_redirects_are_followed_and_six_are_not(server: WebServer, folder: Path) -> None:
    for number in range(6):
        server.pages[f"/{number}"] = moved(f"/{number + 1}")
    server.pages["/6"] = Page(b"<rss/>")
    assert (await ask(server, folder, "/1")).data == b"<rss/>"
    with pytest.raises(FeedError, match="without an end"):
        await ask(server, folder, "/0")


# Who may be asked

PRIVATE = ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "::1", "fe80::1", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_with_a_private_address_is_refused(server: WebServer, folder: Path, address: str) -> None:
    resolve = resolving(inner__example=address)
    with pytest.raises(FeedError, match=r"inner\.example is not asked") as failure:
        await ask(server, folder, "/feed", host="inner.example", resolve=resolve)
    assert address in str(failure.value)
    assert "feeds.allow_hosts" in failure.value.next_step
    assert server.asked == []


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.0.0.1", "localhost", "[::1]", "0.0.0.0"])  # noqa: S104
async def test_an_address_of_this_machine_is_refused_however_it_is_spelled(
    server: WebServer, folder: Path, host: str
) -> None:
    with pytest.raises(FeedError, match="is not asked"):
        await ask(server, folder, "/feed", host=host, allow_hosts=frozenset())
    assert server.asked == []


async def test_a_redirect_to_a_private_address_is_refused(server: WebServer, folder: Path) -> None:
    server.pages["/feed"] = moved(server.url("/secret", "inner.example"))
    server.pages["/secret"] = Page(b"secret")
    with pytest.raises(FeedError, match=r"inner\.example is not asked"):
        await ask(
            server, folder, "/feed", host="outer.example",
            resolve=resolving(outer__example="127.0.0.1", inner__example="127.0.0.1"),
            allow_hosts=frozenset({"outer.example"}),
        )  # fmt: skip
    assert server.paths == ["/feed"]


async def test_what_was_checked_is_what_is_connected_to(server: WebServer, folder: Path) -> None:
    answers = [["127.0.0.1"], ["10.0.0.1"]]
    asked = 0

    async def rebinding(host: str, port: int) -> list[str]:
        nonlocal asked
        asked += 1
        return answers.pop(0)

    server.pages["/feed"] = Page(b"<rss/>", headers={"Connection": "close"})
    async with fetching(folder, rebinding, allow_hosts=frozenset({"a.example"})) as fetcher:
        assert (await fetcher.ask(server.url("/feed", "a.example"))).data == b"<rss/>"
    # The name was resolved once: nothing resolved it again behind the check.
    assert asked == 1


async def test_each_connection_is_decided_anew(server: WebServer, folder: Path, monkeypatch: Any) -> None:
    addresses = [["127.0.0.1"], ["10.0.0.1"]]

    async def rebinding(host: str, port: int) -> list[str]:
        return addresses.pop(0)

    # This machine counts as public for once; the network beside it does not.
    from newsletter.feeds.fetching import connecting, guard

    monkeypatch.setattr(connecting, "objection", lambda one: "" if one == "127.0.0.1" else guard.objection(one))
    server.pages["/feed"] = Page(b"<rss/>")
    async with fetching(folder, rebinding, allow_hosts=frozenset()) as fetcher:
        assert (await fetcher.ask(server.url("/feed", "a.example"))).data == b"<rss/>"
    async with fetching(folder, rebinding, allow_hosts=frozenset()) as fetcher:
        with pytest.raises(FeedError, match=r"10\.0\.0\.1"):
            await fetcher.ask(server.url("/feed", "a.example"))


async def test_of_several_addresses_one_that_answers_is_enough(server: WebServer, folder: Path) -> None:
    server.pages["/feed"] = Page(b"<rss/>")
    answer = await ask(
        server, folder, "/feed", host="a.example",
        resolve=resolving(a__example="127.0.0.2 127.0.0.1"), allow_hosts=frozenset({"a.example"}),
    )  # fmt: skip
    assert answer.data == b"<rss/>"


async def test_a_name_that_is_not_known_is_a_sentence(server: WebServer, folder: Path) -> None:
    with pytest.raises(FeedError, match=r"the name nowhere\.example cannot be resolved"):
        await ask(server, folder, "/feed", host="nowhere.example", resolve=resolving())


async def test_a_resolver_that_hangs_is_given_up(server: WebServer, folder: Path) -> None:
    async def hanging(host: str, port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    with pytest.raises(FeedError, match="in time"):
        await ask(server, folder, "/feed", host="a.example", resolve=hanging, silence=0.1)


async def test_the_certificate_is_that_of_the_name(folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    import ssl

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("right.example").configure_cert(context)
    resolve = resolving(right__example="127.0.0.1", wrong__example="127.0.0.1")
    allowed = frozenset({"right.example", "wrong.example"})
    async with serving(context) as server:
        server.pages["/feed"] = Page(b"<rss/>")
        with pytest.raises(FeedError, match="certificate"):
            await ask(server, folder, "/feed", host="right.example", resolve=resolve, allow_hosts=allowed)
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        answer = await ask(server, folder, "/feed", host="right.example", resolve=resolve, allow_hosts=allowed)
        assert answer.data == b"<rss/>"
        with pytest.raises(FeedError, match="certificate"):
            await ask(server, folder, "/feed", host="wrong.example", resolve=resolve, allow_hosts=allowed)
        # To fall back to what anybody may read and change is no move.
        async with serving() as plain:
            plain.pages["/feed"] = Page(b"<rss/>")
            server.pages["/feed"] = moved(plain.url("/feed", "wrong.example"), "301 Moved")
            answer = await ask(server, folder, "/feed", host="right.example", resolve=resolve, allow_hosts=allowed)
            assert (answer.data, answer.moved_to) == (b"<rss/>", "")


# Proxies


async def test_a_proxy_is_asked_and_is_no_way_round_the_guard(
    server: WebServer, folder: Path, monkeypatch: Any
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    server.pages["http://a.example/feed"] = Page(b"<rss/>")
    through = {"proxy": server.url(""), "allow_hosts": frozenset()}
    async with fetching(folder, None, **through) as fetcher:
        assert (await fetcher.ask("http://a.example/feed")).data == b"<rss/>"
        for url in (
            *("http://10.0.0.1/x", "http://127.1/x", "http://localhost/x", "http://[::1]/x"),
            *("http://localhost./x", "http://127.0.0.1./x", "http://printer.localhost/x"),
        ):
            with pytest.raises(FeedError, match="is not asked"):
                await fetcher.ask(url)
    assert server.paths == ["http://a.example/feed"]
    monkeypatch.setenv("http_proxy", server.url(""))
    monkeypatch.setenv("no_proxy", "direct.example")
    async with fetching(folder, resolving(direct__example="127.0.0.1", **{"127__0__0__1": "127.0.0.1"})) as fetcher:
        assert (await fetcher.ask("http://a.example/feed")).data == b"<rss/>"
        with pytest.raises(FeedError, match=r"direct\.example is not asked"):
            await fetcher.ask(server.url("/feed", "direct.example"))
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    async with fetching(folder) as fetcher:
        with pytest.raises(NewsletterError, match="not one of HTTP"):
            await fetcher.ask("http://a.example/feed")


# Manners


async def test_a_host_that_wants_silence_gets_it(server: WebServer, folder: Path) -> None:
    server.pages["/busy"] = Page(status="429 Too Many Requests", headers={"Retry-After": "600"})
    server.pages["/feed"] = Page(b"<rss/>")
    async with serving() as other, fetching(folder) as fetcher:
        other.pages["/feed"] = Page(b"<rss/>")
        busy = await fetcher.ask(server.url("/busy"))
        assert (busy.status, busy.wait_until) == (429, NOW + timedelta(minutes=10))
        with pytest.raises(PausedError) as pause:
            await fetcher.ask(server.url("/feed"))
        assert pause.value.until == NOW + timedelta(minutes=10)
    assert server.paths == ["/busy"]


async def test_a_host_is_asked_so_many_times_at_once(server: WebServer, folder: Path) -> None:
    async def late(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        await says(writer, head=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    server.pages.update({f"/{number}": late for number in range(6)})
    async with fetching(folder, at_once=2) as fetcher:
        await asyncio.gather(*(fetcher.ask(server.url(f"/{number}")) for number in range(6)))
    assert len(server.asked) == 6
    assert server.most_at_once == 2


async def test_arxiv_is_asked_one_at_a_time_over_one_connection(
    server: WebServer, folder: Path, monkeypatch: Any
) -> None:
    from newsletter.feeds.fetching import manners

    monkeypatch.setattr(manners, "ARXIV_SECONDS", 0.2)
    hosts = ("export.arxiv.org", "rss.arxiv.org", "arxiv.org")
    server.pages["/feed"] = Page(b"<rss/>")
    resolve = resolving(**{host.replace(".", "__"): "127.0.0.1" for host in hosts})
    async with contextlib.AsyncExitStack() as stack:
        # As in three processes, each with its own.
        several = [
            await stack.enter_async_context(fetching(folder, resolve, allow_hosts=frozenset(hosts))) for _ in range(3)
        ]
        await asyncio.gather(
            *(each.ask(server.url("/feed", host)) for each, host in zip(several * 2, hosts * 2, strict=True))
        )
    assert len(server.asked) == 6
    assert server.most_at_once == server.most_open == 1
    moments = [one.at for one in server.asked]
    assert all(later - sooner > 0.199 for sooner, later in itertools.pairwise(moments))


def test_reading_feeds_imports_no_http_client() -> None:
    program = (
        "import sys, newsletter.feeds, newsletter.feeds.disk, newsletter.feeds.polling, newsletter.pipeline.refresh; "
        "print({'httpx', 'feedparser'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
