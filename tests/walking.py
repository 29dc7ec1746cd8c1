"""A newsletter as its operator runs it, and readers who walk through it: all of it real but the time.

`newsletter run` is a process with a folder, a relay that takes mail, and a source that is asked over HTTP; readers have
a browser and a mailbox. Nothing here looks into the program.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
from outside import ROOT
from playwright.async_api import Browser
from reading import SCHEMES, faults, heading, measured, opened
from reading import press as pressed
from servers import Received, Server
from web_server import Page as Answer
from web_server import WebServer, serving

Result = TypeVar("Result")

# A Monday.
MORNING = datetime(2026, 3, 2, 9, tzinfo=UTC)
PATIENCE = 90
FEED = "/papers.json"
CONFIG = """
[newsletter]
name = "Papers for you"
from_address = "papers@news.example.org"
[smtp]
host = "127.0.0.1"
port = {relay}
security = "plain"
[feeds]
allow_hosts = ["127.0.0.1"]
[web]
base_url = "{url}"
listen = "127.0.0.1:{port}"
[schedule]
tick_seconds = 1
"""


@dataclass(frozen=True)
class Story:
    """A paper of the source."""

    title: str
    text: str
    authors: tuple[str, ...] = ("Bo Berg",)


async def wait_for(found: Callable[[], Result | None], what: object) -> Result:
    """Return what a function finds, once it finds something."""
    try:
        async with asyncio.timeout(PATIENCE):
            while (one := found()) is None:  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(what) from None
    return one


class Mail:
    """A mail that arrived."""

    def __init__(self, received: Received) -> None:
        self.to = received.recipient
        self.message: EmailMessage = message_from_bytes(received.content, policy=default)

    @property
    def subject(self) -> str:
        """Its subject."""
        return str(self.message["Subject"])

    @cached_property
    def text(self) -> str:
        """Its text."""
        return self._part("plain")

    @cached_property
    def html(self) -> str:
        """Its HTML."""
        return self._part("html")

    def after(self, words: str) -> str:
        """Return the link that the text has below these words."""
        found = re.search(rf"^{re.escape(words)}:\n(http\S+)$", self.text, re.MULTILINE)
        assert found is not None, (words, self.text)
        return found[1]

    @cached_property
    def titles(self) -> list[str]:
        """The titles of its papers, in order; those of `Story` are short enough for one line."""
        return re.findall(r"^\d+\. (.+)$", self.text, re.MULTILINE)

    @property
    def one_click(self) -> str:
        """The address that one click goes to, which a mail offers for https alone (RFC 8058 section 3.1)."""
        found = re.search(r"<(http[^>]+)>", str(self.message["List-Unsubscribe"]))
        assert found is not None
        return found[1]

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")


class World:
    """A newsletter that runs, with what is around it."""

    def __init__(self, folder: Path, relay: Server, source: WebServer, port: int) -> None:
        self.folder = folder
        self.port = port
        self.url = f"http://127.0.0.1:{port}/letters"
        self.log = folder / "log"
        self._relay = relay
        self._source = source
        self._told: list[Story] = []
        self._away = folder / "away"
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "config.toml").write_text(CONFIG.format(relay=relay.port, url=self.url, port=port), "utf-8")
        self.set_clock(MORNING)

    def set_clock(self, moment: datetime) -> None:
        """Let it be that moment for the program, from where time goes on."""
        new = self._away.with_suffix(".new")
        new.write_text(str((moment - datetime.now(UTC)).total_seconds()), "utf-8")
        new.replace(self._away)

    def step(self, **span: float) -> None:
        """Let time pass for the program."""
        away = timedelta(seconds=float(self._away.read_text("utf-8")))
        self.set_clock(datetime.now(UTC) + away + timedelta(**span))

    def publish(self, day: datetime, *stories: Story) -> None:
        """Let the source have papers of a day, beside those that it has."""
        numbered = enumerate(stories, len(self._told))
        self._told += stories
        page = self._source.pages.get(FEED)
        items = json.loads(page.body)["items"] if isinstance(page, Answer) else []
        for number, story in numbered:
            url = f"https://papers.example/{number}"
            items.insert(0, {
                "id": url, "url": url, "title": story.title, "content_text": story.text,
                "authors": [{"name": name} for name in story.authors], "date_published": f"{day:%Y-%m-%dT%H:%M:%SZ}",
            })  # fmt: skip
        feed = {"version": "https://jsonfeed.org/version/1.1", "title": "The papers", "items": items}
        self._source.pages[FEED] = Answer(json.dumps(feed).encode(), headers={"Content-Type": "application/feed+json"})

    async def call(self, *words: str) -> str:
        """Call the program to its end, and return what it said."""
        process = await asyncio.create_subprocess_exec(
            *self._command(*words),
            cwd=self.folder,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        return said.decode()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Let `newsletter run` work meanwhile, until it is asked to end."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: ASYNC220
                self._command("run"), cwd=self.folder, env=self._environment, stdout=log, stderr=log
            )
        self._process = process
        try:
            async with httpx.AsyncClient() as client, asyncio.timeout(PATIENCE):
                while True:
                    assert process.poll() is None, self.log.read_text("utf-8")
                    with contextlib.suppress(httpx.TransportError):
                        await client.get(f"{self.url}/robots.txt")
                        break
                    await asyncio.sleep(0.1)
            yield self
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.to_thread(process.wait, PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
        assert process.returncode == 0, self.log.read_text("utf-8")

    def mails(self, to: str) -> list[Mail]:
        """Return what arrived for somebody, oldest first."""
        return [Mail(one) for one in self._relay.messages if one.recipient == to]

    def rows(self, statement: str, *values: object) -> list[Any]:
        """Return what the database says."""
        with contextlib.closing(sqlite3.connect(self.folder / "newsletter.db")) as connection:
            return connection.execute(statement, values).fetchall()

    async def read(self) -> None:
        """Wait until the program has read all that the source has."""

        def all_there() -> bool | None:
            return self.rows("SELECT count(*) FROM papers")[0][0] == len(self._told) or None

        await wait_for(all_there, "papers")

    @property
    def feed(self) -> str:
        """Where the source is."""
        return self._source.url(FEED)

    @property
    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
        return {**kept, "PYTHONPATH": str(ROOT)}

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, str(ROOT / "tests" / "later.py"), str(self._away), *words]


@contextlib.asynccontextmanager
async def open_world(folder: Path) -> AsyncIterator[World]:
    """Give a newsletter that does not run yet, and has no database."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    async with Server() as relay, serving() as source:
        yield World(folder, relay, source, port)


class Walker:
    """A reader with a browser and a mailbox; `pages` has each page that they saw, by its name."""

    def __init__(self, world: World, browser: Browser, name: str, **options: Any) -> None:
        self.world = world
        self.email = f"{name}@example.org"
        self.script = options.get("java_script_enabled", True)
        self.wrong: list[str] = []
        self.pages: dict[str, str] = {}
        self._browser = browser
        self._options = options
        self._read: set[int] = set()

    async def __aenter__(self) -> Self:
        self.page, self.wrong = await opened(self._browser, self.world.port, accept_downloads=True, **self._options)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.page.context.close()

    async def mail(self, words: str) -> Mail:
        """Return their next mail that has these words, once it is there."""

        def arrived() -> Mail | None:
            for number, mail in enumerate(self.world.mails(self.email)):
                if number not in self._read and words in mail.text:
                    self._read.add(number)
                    return mail
            return None

        return await wait_for(arrived, f"no mail for {self.email} with: {words}")

    async def go(self, url: str) -> str:
        """Open an address, and return what the page is called."""
        await self.page.goto(url)
        return await self.see()

    async def open(self, mail: Mail, words: str, *, place: int = 0) -> str:
        """Open a link of a mail where they read it, and return what the page is called."""
        # Not in the page that was open, whose policy would hold for the mail as well.
        await self.page.goto("about:blank")
        await self.page.set_content(mail.html)
        link = self.page.get_by_role("link", name=words).nth(place)
        async with self.page.expect_navigation():
            await link.click()
        return await self.see()

    async def press(self, words: str, within: str = "body") -> str:
        """Press a button, and return what the page is called."""
        await pressed(self.page, words, within)
        return await self.see()

    async def follow(self, words: str) -> str:
        """Follow a link of a page, and return what the page is called."""
        async with self.page.expect_navigation():
            await self.page.get_by_role("link", name=words, exact=True).first.click()
        return await self.see()

    async def download(self, words: str) -> bytes:
        """Return the file behind a link of a page."""
        async with self.page.expect_download() as download:
            await self.page.get_by_role("link", name=words, exact=True).first.click()
        return Path(await (await download.value).path()).read_bytes()

    async def see(self, more: str = "") -> str:
        """Keep the page as it is for who judges it, and return what it is called."""
        name = await heading(self.page)
        self.pages[f"{name} {more}".strip()] = await self.page.content()
        return name

    async def judged(self) -> dict[str, Any]:
        """Return what is wrong with the pages that they saw, light and dark, on a screen such as theirs."""
        # In a context of its own: axe is let in there, which the policy of the pages would not do.
        page, _ = await opened(self._browser, self.world.port, bypass_csp=True, viewport=self._options["viewport"])
        found: dict[str, Any] = {}
        for name, html in self.pages.items():
            await page.set_content(html, wait_until="domcontentloaded")
            for details in await page.locator("details").all():
                await details.evaluate("element => { element.open = true }")
            for scheme in SCHEMES:
                told = await measured(page, scheme)
                one = (await faults(page, scheme), told["overflow"], told["small"], told["low"], told["worst"][0] >= 7)
                if one != ([], 0, 0, 0, True):
                    found[f"{name} {scheme}"] = one
        await page.context.close()
        return found
