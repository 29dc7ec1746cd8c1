"""All pages over a real record, asked without a server in between; and every token that they take, as it is made."""

import asyncio
import itertools
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import relays
from newsroom import Clock, Newsroom, papers
from sqlalchemy import inspect, text
from starlette.routing import Route
from starlette.types import ASGIApp, Message
from webroom import BASE

from newsletter import passwords
from newsletter.errors import NotFoundError
from newsletter.models import Consent, Subscriber, Topic
from newsletter.pipeline import subscribers
from newsletter.pipeline.doors import Doors
from newsletter.pipeline.entrance import Entrance
from newsletter.pipeline.notices import token_of
from newsletter.pipeline.reader_links import ISSUE, MOVE, PERSON
from newsletter.tokens import Signer
from newsletter.web import site

PREFIX = "/letters"
PASSWORD = "correct horse battery staple"
KEPT = passwords.kept(PASSWORD)

# What only their own pages may tell: the address, and a wish that nobody else has.
SECRETS = {"ada": ("ada.of.old@example.org", "quokkas"), "bob": ("bob.of.old@example.org", "xylophones")}
# A page that takes no answer for so long hangs.
HANGS = 30


class Answer(NamedTuple):
    """What a page answered; the names of `headers` are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class World:
    """The pages of a newsletter with Ada and Bob, who have mail, and for each an address that waits to be confirmed."""

    def __init__(self, room: Newsroom, pages: ASGIApp, signer: Signer) -> None:
        self.room = room
        self.pages = pages
        self.signer = signer
        self.session = ""
        self._numbers = itertools.count(1)
        self._people: dict[str, tuple[Subscriber, Subscriber, int, int]] = {}

    @classmethod
    async def of(cls, room: Newsroom, folder: Path) -> "World":
        """Furnish a newsletter with people, mail, and all that opens a page."""
        for name, content in (("password", relays.PASSWORD), ("secret", relays.SECRET)):
            (folder / name).write_text(f"{content}\n")
        room.set("web", base_url=BASE, proxies=1)
        # How often strangers may try is held elsewhere.
        room.set("signup", least_seconds=0, hourly=100_000, daily_mails=1000)
        room.set("archive", public=True)
        room.set("operator", password_hash=KEPT)
        room.set(
            "hooks",
            ses_topics=(relays.TOPIC,),
            postmark_password_file=folder / "password",
            signed_secret_file=folder / "secret",
        )
        await room.take_in(*papers(1, 2, 3, authors=("Ada Lovelace", "Bo Li")))
        world = cls(room, await site.pages(room.app), await room.app.signer())
        await world.heal()
        world.session = await Entrance(room.database, room.clock, KEPT).begin(PASSWORD) or ""
        return world

    @property
    def routes(self) -> list[Route]:
        """All pages that there are."""
        return [route for route in site._site(self.room.app.settings).routes if isinstance(route, Route)]

    async def heal(self) -> None:
        """Let Ada and Bob be subscribers with mail, whatever became of them, and their other addresses wait."""
        for name, (email, wish) in SECRETS.items():
            person = await self._found(email)
            if person is None or person.state is not Consent.CONFIRMED:
                await subscribers.unsuppress(self.room.database, email)
                new = subscribers.new(self.room.app.settings.newsletter, self.room.clock, email)
                await subscribers.add(self.room.database, self.room.clock, new, source="test", again=True)
            if name not in self._people or not await self._issues(email):
                await self.room.compose(only=email)
                await self.room.deliver()
            # After the choice, which it would narrow.
            topics = tuple(Topic(name=word) for word in (wish, "violin"))
            await subscribers.edit(
                self.room.database, email, lambda one, topics=topics: one.model_copy(update={"topics": topics})
            )
            await self._wait(name, email)

    async def _wait(self, name: str, email: str) -> None:
        person = await subscribers.find(self.room.database, email)
        waiting = self._people[name][1] if name in self._people else None
        there = None if waiting is None else await self._found(waiting.email)
        if there is None or there.state is not Consent.UNCONFIRMED:
            other = f"{name}-{next(self._numbers)}@other.example"
            await subscribers.unsuppress(self.room.database, other)
            new = subscribers.new(self.room.app.settings.newsletter, self.room.clock, other)
            await self.room.app.notices.ask(self.room.database, new, how="test")
            there = await subscribers.find(self.room.database, other)
        issue = (await self._issues(email) or [0])[-1]
        first = await self.room.rows("SELECT paper_id FROM picks WHERE issue_id = :issue AND position = 1", issue=issue)
        self._people[name] = person, there, issue, first[0][0] if first else 0

    async def _issues(self, email: str) -> list[int]:
        found = await self.room.rows(
            "SELECT i.id FROM issues i JOIN subscribers s ON s.id = i.subscriber_id "
            "WHERE s.email = :email AND i.id IN (SELECT issue_id FROM picks) ORDER BY i.id",
            email=email,
        )
        return [number for (number,) in found]

    async def _found(self, email: str) -> Subscriber | None:
        try:
            return await subscribers.find(self.room.database, email)
        except NotFoundError:
            return None

    def waiting(self, name: str) -> Subscriber:
        """Return the other address of somebody, as it is on record."""
        return self._people[name][1]

    def issue(self, name: str) -> int:
        """Return the number of the newest issue of somebody, or 0."""
        return self._people[name][2]

    def mark(self, name: str, *, signer: Signer | None = None) -> str:
        """Return the mark of the first paper in that issue."""
        _, _, issue, paper = self._people[name]
        return (signer or self.signer).marks(ISSUE, issue, [(1, paper)])[0]

    def token(self, purpose: str, name: str, *, signer: Signer | None = None, at: datetime | None = None) -> str:
        """Return a token as it is made, for somebody as they were when they were looked at last."""
        person, there, issue, _ = self._people[name]
        signer, at = signer or self.signer, at or self.room.clock.now()
        doors, seconds = Doors(signer, Clock(at)), int(at.timestamp())
        return {
            "person": lambda: signer.tag(PERSON, person.id),
            "person of before": lambda: signer.sign(PERSON, person.key),
            "issue": lambda: signer.tag(ISSUE, issue),
            "settings": lambda: doors.settings(person),
            "own": lambda: doors.own(person),
            "feed": lambda: doors.feed(person),
            "move": lambda: signer.seal(MOVE, person.id, there.id, seconds, person.links),
            "confirm": lambda: token_of(signer, there.id, there.email),
            "form": lambda: signer.sign("form.subscribe", seconds - 5),
            "lost": lambda: signer.sign("form.lost", seconds - 5),
            "operator": lambda: signer.sign("operator", seconds),
            "example": lambda: signer.sign("example", seconds, "en", "UTC", "violin"),
            "operator mail": lambda: signer.sign("operator mail", seconds, "", person.id, "", ""),
        }[purpose]()

    async def ask(
        self,
        method: str,
        target: bytes,
        headers: Iterable[tuple[bytes, bytes]] = (),
        parts: Iterable[bytes] = (b"",),
        *,
        cut: bool = False,
    ) -> Answer:
        """Return what is answered to a request, as a server hands it over; `cut`: who asked left before its end."""
        path, _, query = target.partition(b"?")
        whole = list(parts)
        given: list[Message] = [
            {"type": "http.request", "body": part, "more_body": cut or place < len(whole)}
            for place, part in enumerate(whole, 1)
        ]
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
            "method": method, "scheme": "http", "path": unquote(path.decode("ascii")), "raw_path": path,
            "root_path": "", "query_string": query, "headers": list(headers),
            "client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 8080),
        }  # fmt: skip
        sent: list[Message] = []

        async def receive() -> Message:
            if not given and not cut:
                # Who asks stays until they are answered.
                await asyncio.Event().wait()
            return given.pop(0) if given else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        async with asyncio.timeout(HANGS):
            await self.pages(scope, receive, send)
        assert [one["type"] for one in sent[:1]] == ["http.response.start"], "no answer"
        assert not sent[-1].get("more_body", False), "an answer without an end"
        pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in sent[0]["headers"]]
        body = b"".join(one.get("body", b"") for one in sent[1:])
        return Answer(sent[0]["status"], dict(pairs), body)

    async def dump(self) -> dict[str, list[str]]:
        """Return all that is in all tables."""
        async with self.room.database.connect() as connection:
            names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
            found = {}
            for name in names:
                rows = await connection.execute(text(f'SELECT * FROM "{name}"'))  # noqa: S608 - names of tables
                found[name] = sorted(repr(tuple(row)) for row in rows)
            return found
