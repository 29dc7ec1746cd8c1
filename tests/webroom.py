"""A newsletter whose pages are served by a real server on loopback, and a client that asks it."""

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
from newsroom import Newsroom, address, papers

from newsletter.app import App
from newsletter.models import Subscription
from newsletter.pipeline import subscribers
from newsletter.pipeline.doors import Doors
from newsletter.pipeline.reader_links import Addresses, FeedbackLinks
from newsletter.pipeline.signups import Signups
from newsletter.store import issues, schema
from newsletter.store.database import Database
from newsletter.tokens import Signer
from newsletter.web.serving import serving

BASE = "https://papers.example.org/letters"
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')


class Site:
    """The pages of a newsletter, as they are reached behind a proxy that keeps their path."""

    def __init__(
        self, room: Newsroom, app: App, client: httpx.AsyncClient, port: int, signer: Signer, signups: Signups
    ) -> None:
        self.room = room
        self.app = app
        self.client = client
        self.port = port
        self.signer = signer
        self.signups = signups

    def here(self, link: str) -> str:
        """Return where a link of a mail leads behind the proxy."""
        return link.removeprefix("https://papers.example.org")

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """Ask for a page."""
        return await self.client.get(path, **options)

    async def press(self, path: str, **fields: str) -> httpx.Response:
        """Press a button of a form."""
        return await self.client.post(path, data=fields)

    async def leaving(self, name: str = "ada") -> str:
        """Return the path of someone's page to unsubscribe."""
        return self.here(self.addresses.of(await self.number(name)).unsubscribe[0])

    async def pausing(self, name: str = "ada") -> str:
        """Return the path of someone's page to pause."""
        return self.here(self.addresses.of(await self.number(name)).pause)

    async def changing(self, name: str = "ada", *, own: bool = False) -> str:
        """Return the path of someone's own page, by the link of their mail or by one that opens all."""
        return self.here(f"{BASE}/settings/{await self.door('own' if own else 'settings', name)}")

    async def door(self, purpose: str, name: str = "ada") -> str:
        """Return what opens pages of someone's own: their `settings` by any mail, all as their `own`, or a `feed`."""
        doors = Doors(self.signer, self.room.clock)
        made = {"settings": doors.settings, "own": doors.own, "feed": doors.feed}[purpose]
        return made(await subscribers.find(self.room.database, address(name)))

    async def saying(self, verdict: str, position: int = 1, name: str = "ada") -> str:
        """Return the path to more or less of a paper in someone's latest issue."""
        latest = [one for one in await self.room.records(name) if one.titles][-1]
        links = await feedback_of(self.room, self.addresses, latest.delivery.issue_id)
        before, behind = links.more if verdict == "more" else links.less
        return self.here(f"{before}{links.marks[position - 1]}{behind}")

    async def number(self, name: str) -> int:
        """Return someone's number."""
        return (await subscribers.find(self.room.database, address(name))).id

    async def evidence(self, name: str = "ada") -> list[Subscription]:
        """Return the evidence of someone's consent."""
        return (await subscribers.details(self.room.database, address(name))).consents

    @property
    def addresses(self) -> Addresses:
        """What makes the links of the mail."""
        return Addresses(self.room.app.settings, self.signer)

    async def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all that the database holds."""
        names = ("subscribers", "subscriptions", "feedback", "deliveries", "issues", "picks", "suppressions")
        return {name: sorted(map(tuple, await self.room.rows(f"SELECT * FROM {name}")), key=repr) for name in names}  # noqa: S608


async def feedback_of(room: Newsroom, addresses: Addresses, issue_id: int) -> FeedbackLinks:
    """Return the links to say something of the papers of an issue."""
    async with room.database.connect() as connection:
        found = await issues.load(connection, [issue_id])
    return addresses.feedback(issue_id, found[issue_id].issue.picks)


@contextlib.asynccontextmanager
async def open_site(room: Newsroom, base_url: str = BASE) -> AsyncIterator[Site]:
    """Serve the pages of a newsletter meanwhile."""
    room.set("web", base_url=base_url, listen="127.0.0.1:0")
    async with room.database.connect() as connection:
        signer = Signer(await schema.key(connection, "tokens"))
    # As the program does, which serves them from a process of their own.
    app = replace(room.app, database=Database(room.database.url, near=True))
    try:
        async with serving(app) as port:
            assert port is not None
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
                yield Site(room, app, client, port, signer, await room.app.signups())
    finally:
        if learner := vars(app).get("learner"):
            await learner.close()
        await app.database.close()


async def filled(room: Newsroom) -> Newsroom:
    """Let Ada and Bob have a mail with three papers each, which waits."""
    await room.take_in(*papers(1, 2, 3))
    for name in ("ada", "bob"):
        await room.subscribe(name)
    await room.compose()
    return room
