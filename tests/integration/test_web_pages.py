"""What all pages of readers have in common: headers, languages, words that are made safe, and how they are served."""

import asyncio
import base64
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from newsroom import Newsroom, address, papers, until
from webroom import BASE, Site, filled, open_site

from newsletter.errors import NewsletterError, RenderingError
from newsletter.pipeline import subscribers
from newsletter.web.serving import serving


@pytest.fixture
async def site(small_room: Newsroom) -> AsyncIterator[Site]:
    """The pages of a newsletter with a mail for Ada and one to Bob."""
    async with open_site(await filled(small_room)) as opened:
        yield opened


async def test_every_answer_has_strict_headers(site: Site) -> None:
    path = await site.leaving()
    answers = [
        await site.get(path),
        await site.get(await site.pausing()),
        await site.get(await site.saying("more")),
        await site.get("/unsubscribe/x"),
        await site.get("/nowhere"),
        await site.get("/robots.txt"),
        await site.press(path),
        await site.press(path, act="leave"),
        await site.client.post(path, content="List-Unsubscribe=One-Click"),
        await site.client.put(path),
    ]
    for answer in answers:
        headers = answer.headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "form-action 'self'; base-uri 'none'; frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-robots-tag"] == "noindex, nofollow"
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in headers
        assert "server" not in headers
        if "html" in headers["content-type"]:
            (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy
            assert not re.search(r"<script|\sstyle=|\son\w+=|<img|<link|src=", answer.text)
            assert headers["content-language"] == "en"
            assert '<html lang="en" dir="ltr">' in answer.text
    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 404, 200, 400, 200, 200, 405]


async def test_over_https_browsers_are_asked_to_stay_there(small_room: Newsroom) -> None:
    for base_url, wanted in ((BASE, "max-age=31536000"), ("http://papers.example.org", None)):
        async with open_site(small_room, base_url) as site:
            for path in ("/nowhere", "/robots.txt", "/unsubscribe/x", "/hooks/ses"):
                assert (await site.get(path)).headers.get("strict-transport-security") == wanted


async def test_pages_are_in_the_readers_language(site: Site) -> None:
    await subscribers.edit(
        site.room.database, address("ada"), lambda person: person.model_copy(update={"language": "de-AT"})
    )
    page = await site.get(await site.leaving())
    assert "<h1>Abbestellen?</h1>" in page.text
    assert '<html lang="de-AT"' in page.text
    await site.press(await site.pausing(), **{"for": "week"})
    assert "Bis Montag, 9. März 2026 kommt nichts." in (await site.get(await site.pausing())).text


@pytest.mark.parametrize(
    ("accepted", "words"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", "Dieser Link ist nicht vollständig"),
        ("fr, de;q=0.5", "Dieser Link ist nicht vollständig"),
        ("en;q=0.9, de;q=0.1", "This link is not complete"),
        ("de;q=0, xx;q=nonsense, *", "This link is not complete"),
        ("", "This link is not complete"),
    ],
)
async def test_a_fault_is_told_in_a_language_of_the_browser(site: Site, accepted: str, words: str) -> None:
    assert words in (await site.get("/pause/x", headers={"Accept-Language": accepted})).text


async def test_what_others_wrote_is_made_safe(small_room: Newsroom) -> None:
    small_room.set("newsletter", name="Papers <b>&amp;", postal_address="<i>Street</i>")
    await small_room.take_in(*papers(1, title="A <script>alert(1)</script> & “so”", authors=("<img src=x>",), url=None))
    await small_room.subscribe("ada")
    await small_room.compose()
    async with open_site(small_room) as site:
        text = (await site.get(await site.saying("more"))).text
        assert "A &lt;script&gt;alert(1)&lt;/script&gt; &amp; “so”" in text
        assert "Papers &lt;b&gt;&amp;amp;" in text
        assert not re.search(r"<(script|img|b|i)>", text)


async def test_who_enters_the_bare_address_finds_where_to_subscribe(small_room: Newsroom) -> None:
    for there in (True, False):
        small_room.set("signup", open=there)
        async with open_site(small_room) as site:
            for path in ("/", "/letters", "/letters/"):
                page = await site.get(path)
                assert page.status_code == 404
                assert ('href="/letters/subscribe"' in page.text) is there


# Behind a proxy


@pytest.mark.parametrize("base_url", ["https://papers.example.org", BASE, f"{BASE}/", "https://x.example/a/b"])
async def test_pages_are_found_with_the_path_of_the_proxy_and_without(small_room: Newsroom, base_url: str) -> None:
    await filled(small_room)
    async with open_site(small_room, base_url) as site:
        link = site.addresses.of(await site.number("ada")).unsubscribe[0]
        whole = httpx.URL(link).path
        bare = "/unsubscribe/" + link.rpartition("/")[2]
        assert link.startswith(f"{base_url.rstrip('/')}/unsubscribe/")
        for path in (whole, bare):
            page = await site.get(path)
            assert page.status_code == 200
            # A form leads back through the proxy.
            assert f'action="{whole}"' in page.text


@pytest.mark.parametrize("name", ["papers", "mail", "settings", "f", "archive", "operator"])
async def test_a_path_of_the_proxy_may_be_called_as_a_page_is(small_room: Newsroom, name: str) -> None:
    await filled(small_room)
    async with open_site(small_room, f"https://papers.example.org/{name}") as site:
        number = (await site.room.records("ada"))[-1].delivery.issue_id
        door = await site.door("settings")
        verdict = (await site.saying("more")).rpartition("/f/")[2]
        for page in (f"papers/{door}", f"mail/{door}/{number}", f"settings/{door}", f"f/{verdict}", "robots.txt"):
            for path in (f"/{name}/{page}", f"/{page}"):
                assert (await site.get(path)).status_code != 404, path


# Served


async def test_nothing_is_served_without_an_address(small_room: Newsroom) -> None:
    for base_url, listen in (("", "127.0.0.1:0"), (BASE, "")):
        small_room.set("web", base_url=base_url, listen=listen)
        async with serving(small_room.app) as port:
            assert port is None


async def test_pages_are_served_on_ipv6_too(small_room: Newsroom) -> None:
    small_room.set("web", base_url=BASE, listen="[::1]:0")
    async with serving(small_room.app) as port, httpx.AsyncClient() as client:
        assert (await client.get(f"http://[::1]:{port}/robots.txt")).status_code == 200


async def test_a_port_that_is_taken_is_told(small_room: Newsroom) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        small_room.set("web", base_url=BASE, listen=f"127.0.0.1:{other.getsockname()[1]}")
        with pytest.raises(NewsletterError, match="cannot be served") as told:
            async with serving(small_room.app):
                pass
    assert "web.listen" in told.value.next_step


@pytest.mark.parametrize(
    ("name", "template", "words"),
    [
        ("pause.html.j2", "{% if %}", "web/pause.html.j2, line 1"),
        ("page.html.j2", "{{ nothing }}", "'nothing' is undefined"),
    ],
)
async def test_an_operators_template_stands_first_and_its_fault_is_told(
    small_room: Newsroom, tmp_path: Path, name: str, template: str, words: str
) -> None:
    own = tmp_path / "own" / "web"
    own.mkdir(parents=True)
    (own / "style.css").write_text("body { color: red }")
    small_room.set("rendering", templates=tmp_path / "own")
    await filled(small_room)
    async with open_site(small_room) as site:
        assert "body { color: red }</style>" in (await site.get(await site.leaving())).text
    (own / name).write_text(template)
    with pytest.raises(RenderingError) as told:
        async with open_site(small_room):
            pass
    assert words in str(told.value)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@pytest.mark.parametrize("how", ["newsletter run", "asgi"])
async def test_a_process_serves_the_pages_and_ends_when_asked(site: Site, tmp_path: Path, how: str) -> None:
    port = free_port()
    config = tmp_path / "config.toml"
    config.write_text(
        f'[database]\nurl = "{site.room.app.settings.database.url}"\n'
        f'[web]\nbase_url = "{BASE}"\nlisten = "127.0.0.1:{port}"\n'
    )
    command = (
        [sys.executable, "-m", "newsletter", "run"]
        if how == "newsletter run"
        else [sys.executable, "-m", "uvicorn", "--factory", "newsletter.web:application", "--port", str(port)]
    )
    environment = {**os.environ, "NEWSLETTER_CONFIG": str(config), "PYTHONPATH": os.pathsep.join(sys.path)}
    path = await site.leaving()
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, env=environment, stdout=stderr, stderr=stderr, cwd=tmp_path)  # noqa: ASYNC220
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            async with asyncio.timeout(60):
                while True:
                    assert process.poll() is None, log.read_text()
                    try:
                        answer = await client.get(path)
                        break
                    except httpx.TransportError:
                        await asyncio.sleep(0.1)
            assert "<h1>Unsubscribe?</h1>" in answer.text
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 30)
    if how == "newsletter run":
        assert process.returncode in (0, 130)
        # The address of a page is a key to it.
        assert path not in log.read_text()
        assert "serving pages" in log.read_text()


async def test_a_bug_is_told_and_logged_without_the_address(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = await site.leaving()
    monkeypatch.setattr("newsletter.pipeline.readers.bearer", None)
    answer = await site.get(path)
    assert answer.status_code == 500
    assert "Something went wrong" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    await until(lambda: "TypeError" in caplog.text)
    assert path.rpartition("/")[2] not in caplog.text


@pytest.mark.parametrize("path", ["/l%C3%A4den/p%C3%A4per", "/läden/päper", "/l%c3%a4den/p%c3%a4per/"])
async def test_a_path_of_the_site_may_be_any(small_room: Newsroom, path: str) -> None:
    async with open_site(await filled(small_room), f"https://papers.example.org{path}") as site:
        link = f"/settings/{await site.door('settings')}"
        for here in (path.rstrip("/") + link, link):
            page = await site.get(here)
            assert page.status_code == 200
            actions = set(re.findall(r'<form method="post" action="([^"]+)"', page.text))
            assert all(one.startswith("/l%C3%A4den/p%C3%A4per/") for one in actions)
            (action,) = (one for one in actions if "/settings/" in one)
            assert (await site.press(action, group="topics", act="save", new="violins")).status_code == 200
        assert (await site.get("/l%C3%A4den/settings/x")).status_code == 404


@pytest.mark.parametrize("most", [16_384, 131_072])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_form_that_is_too_large_ends_as_a_page(site: Site, most: int, chunked: bool) -> None:
    path = await (site.changing() if most > 20_000 else site.leaving())

    async def parts(body: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(body), 9_000):
            yield body[start : start + 9_000]

    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for size in (most + 1, 140_000, 300_000, 1_000_000):
        body = b"act=save&group=names&muted_words=" + b"x" * size
        page = await site.client.post(path, content=parts(body) if chunked else body, headers=kind)
        assert page.status_code == 413, size
        assert "<h1" in page.text
        assert page.headers["connection"] == "close"


async def test_what_is_declared_as_far_too_large_is_answered_before_it_comes(site: Site) -> None:
    for declared, expects in ((10**9, ""), (200_000, "Expect: 100-continue\r\n")):
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        head = f"POST {await site.changing()} HTTP/1.1\r\nHost: x\r\nContent-Length: {declared}\r\n{expects}\r\n"
        writer.write(head.encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
        writer.close()


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, True),
        ({"Sec-Fetch-Site": "none", "Origin": "https://papers.example.org"}, True),
        ({"Origin": "https://PAPERS.example.org:8443"}, True),
        ({"Origin": "http://127.0.0.1:1"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "null"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "https://papers.example.org.evil.example"}, False),
        ({"Origin": "https://[papers.example.org"}, False),
    ],
)
async def test_a_form_that_a_page_of_others_sends_is_refused(
    small_room: Newsroom, headers: dict[str, str], taken: bool
) -> None:
    async with open_site(await filled(small_room)) as site:
        before = await site.everything()
        forms = {
            "/letters/subscribe": {"act": "search", "search": "violin"},
            "/letters/lost": {"email": "ada@example.org", "form": "x"},
            await site.changing(): {"act": "save", "group": "names", "muted_words": "the"},
            await site.saying("more"): {"act": "more"},
            await site.pausing(): {"for": "week"},
        }
        for path, fields in forms.items():
            for where in (path, path.removeprefix("/letters")):
                answer = await site.client.post(where, data=fields, headers=headers)
                assert (answer.status_code != 403) is taken, path
                assert ("That came from a page of others" in answer.text) is not taken
                assert 'href="mailto:' in answer.text or taken
        assert (await site.everything() == before) is not taken
        # What has no page of its own proves itself otherwise, and looking is free.
        assert (await site.client.post("/letters/hooks/ses", headers=headers)).status_code == 404
        assert (await site.get("/letters/subscribe", headers=headers)).status_code == 200
        # To leave never fails: webmail may send the one click from its own page.
        one_click = {"List-Unsubscribe": "One-Click"}
        assert (await site.client.post(await site.leaving("bob"), data=one_click, headers=headers)).status_code == 200
