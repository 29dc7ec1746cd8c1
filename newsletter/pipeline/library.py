"""What readers received, for themselves to look through: pages, what they say, files, their feed."""

from collections.abc import AsyncIterator
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock
from newsletter.feeds import identity
from newsletter.feeds.tex import to_unicode
from newsletter.models import Feedback, Paper, Subscriber, Verdict
from newsletter.pipeline.doors import Doors
from newsletter.pipeline.muting import may_mute, mute
from newsletter.pipeline.readers import PlaceError
from newsletter.rendering.citing import MEDIA_TYPES, Form, written
from newsletter.store import library, subscribers
from newsletter.store.database import Database
from newsletter.store.library import Got, Spot, Wanted

__all__ = ["MEDIA_TYPES", "PAGE", "Form", "Got", "Library", "Shelf", "Spot", "Wanted", "cited"]

# Papers on a page, in a feed, and made ready at once for a file, while which no other reader is answered.
PAGE = 20
IN_FEED = 50
AT_ONCE = 40


class Shelf(NamedTuple):
    """A part of what somebody received; `next` is the place behind which it goes on, None at the end.

    `feed` is the token of their own feeds; empty where the link does not open all, as that of a mail passed on.
    """

    person: Subscriber
    papers: list[Got]
    next: Spot | None = None
    feed: str = ""


def cited(paper: Paper, form: Form) -> bytes:
    """Return a file of one paper."""
    return "".join(written([paper], form, to_unicode, set())).encode()


class Library:
    """What readers do with what they received.

    All raise TokenError for a link that was not made here for this or was revoked, OldError for one that is too old,
    and GoneError for someone who was erased.
    """

    def __init__(self, database: Database, clock: Clock, doors: Doors) -> None:
        self._database = database
        self._clock = clock
        self._doors = doors

    async def shelf(self, token: str, wanted: Wanted, after: Spot | None = None) -> Shelf:
        """Return the papers of a person that are wanted, from behind a place on."""
        async with self._database.connect() as connection:
            person = await self._doors.open(connection, "settings", token)
            found = await library.got(connection, person.id, _named(wanted), after=after, limit=PAGE + 1)
        last = found[PAGE - 1] if len(found) > PAGE else None
        following = None if last is None else Spot(last.issue_id, last.position)
        # A feed lasts until it is revoked: no link that ends may lead to it, but the one that goes to its person alone.
        own = self._doors.read("settings", token).purpose == "own"
        return Shelf(person, found[:PAGE], following, self._doors.feed(person) if own else "")

    async def say(self, token: str, paper_id: int, verdict: Verdict | None) -> Got:
        """Keep what a person says of a paper that they received, or with None nothing; raises PlaceError for others."""
        async with self._database.begin() as connection:
            person = await self._doors.hold(connection, "settings", token)
            found = await self._one(connection, person, paper_id)
            number = found.paper.id or 0
            if verdict is None:
                await subscribers.unsay(connection, person.id, number)
            else:
                said = Feedback(subscriber_id=person.id, paper_id=number, verdict=verdict, at=self._clock.now())
                await subscribers.say(connection, said)
        return found._replace(said=verdict)

    async def mute(self, token: str, paper_id: int, name: str, *, muted: bool) -> Got:
        """Mute an author of a paper that a person received, or hear them again; raises PlaceError for others."""
        async with self._database.begin() as connection:
            person = await self._doors.hold(connection, "settings", token)
            found = await self._one(connection, person, paper_id)
            if name not in may_mute(found.paper):
                raise PlaceError("Nobody of that name wrote this paper.", next_step="Use the buttons of the page.")
            await mute(connection, person, name, muted=muted)
        return found

    async def file(self, token: str, wanted: Wanted, form: Form) -> AsyncIterator[str]:
        """Return the entries of a file with all papers of a person that are wanted; raises PlaceError for none."""
        first = await self._batch(token, wanted, None)
        if not first and (wanted.paper_id is not None or wanted.issue_id is not None):
            raise PlaceError("You received no such paper.", next_step="Use the links of the page.")

        async def parts() -> AsyncIterator[str]:
            taken: set[str] = set()
            seen: set[int | None] = set()
            batch = first
            while batch:
                # What turned out to be one work is told once.
                new = {one.paper.id: one.paper for one in batch if one.paper.id not in seen}
                seen |= new.keys()
                yield "".join(written(new.values(), form, to_unicode, taken))
                last = batch[-1]
                # What was revoked meanwhile ends the file.
                batch = await self._batch(token, wanted, Spot(last.issue_id, last.position))

        return parts()

    async def newest(self, token: str) -> Shelf:
        """Return what stands in the own feed of a person."""
        async with self._database.connect() as connection:
            person = await self._doors.open(connection, "feed", token)
            return Shelf(person, await library.got(connection, person.id, limit=IN_FEED))

    async def _batch(self, token: str, wanted: Wanted, after: Spot | None) -> list[Got]:
        async with self._database.connect() as connection:
            person = await self._doors.open(connection, "settings", token)
            return await library.got(connection, person.id, _named(wanted), after=after, limit=AT_ONCE)

    async def _one(self, connection: AsyncConnection, person: Subscriber, paper_id: int) -> Got:
        found = await library.got(connection, person.id, Wanted(paper_id=paper_id), limit=1)
        if not found:
            raise PlaceError("You received no such paper.", next_step="Use the buttons of the page.")
        return found[0]


def _named(wanted: Wanted) -> Wanted:
    """Return what is wanted, with the arXiv ids and DOIs that words of it are in any of their spellings."""
    named: dict[str, str] = {}
    for word in wanted.words:
        arxiv = identity.arxiv_id(word)
        if name := arxiv[0] if arxiv else identity.doi(word):
            named[word] = name
    return wanted._replace(named=named)
