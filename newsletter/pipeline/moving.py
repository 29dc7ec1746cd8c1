"""A reader's mail goes to another address: confirmed there, told at the old one, and their record stays theirs.

The new address waits on record as somebody who has not confirmed, so that no mail to it, and no bounce, is about the
reader. Once it is confirmed, the two change addresses, and the old one has unsubscribed
(docs/decisions/0025-doors.md).
"""

from typing import NamedTuple

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock
from newsletter.config import Newsletter
from newsletter.delivery import addresses
from newsletter.errors import UsageError
from newsletter.models import Consent, Subscriber, Subscription
from newsletter.pipeline import subscribers as people
from newsletter.pipeline.doors import Doors, OldLinkError, RevokedError
from newsletter.pipeline.notices import Notices
from newsletter.pipeline.reader_links import MOVE
from newsletter.pipeline.readers import GoneError
from newsletter.rendering.pages import masked
from newsletter.store import recall, subscribers, suppressions
from newsletter.store.database import Database
from newsletter.tokens import Signer

log = structlog.get_logger()

MOVE_SECONDS = 86_400

ASKED = "asked for as another address of somebody"
MOVED_AWAY = "their mail goes to another address, at their wish"
MOVED_HERE = "by the button of the mail to their new address"


class Move(NamedTuple):
    """Who moves, and who has the new address until then; `done`: it was confirmed before."""

    person: Subscriber
    there: Subscriber
    done: bool


class Moving:
    """Moves readers to another address."""

    def __init__(
        self, database: Database, clock: Clock, signer: Signer, doors: Doors, notices: Notices, newsletter: Newsletter
    ) -> None:
        self._database = database
        self._clock = clock
        self._signer = signer
        self._doors = doors
        self._notices = notices
        self._newsletter = newsletter

    async def who(self, token: str) -> Subscriber:
        """Return whose link it is, which has to open all; raises as `Doors.open` does."""
        async with self._database.connect() as connection:
            return await self._doors.open(connection, "own", token)

    async def ask(self, token: str, email: str) -> Subscriber:
        """Send a mail to a new address, and return the person, who stays as they are.

        Where that address must not be mailed, or is a subscriber's, nothing follows, which is told to nobody. Raises
        UsageError for what is no address, or theirs already.
        """
        email = addresses.normalise(email)
        email_key = addresses.key(email)
        async with self._database.begin() as connection:
            person = await self._doors.hold(connection, "own", token)
            if email_key == addresses.key(person.email):
                raise UsageError("This is their address already.")
            if person.state is Consent.CONFIRMED and not await suppressions.among(connection, [email_key]):
                await self._ask(connection, person, email)
        return person

    async def _ask(self, connection: AsyncConnection, person: Subscriber, email: str) -> None:
        now, email_key = self._clock.now(), addresses.key(email)
        evidence = Subscription(state=Consent.UNCONFIRMED, how=ASKED, at=now)
        new = people.new(
            self._newsletter, self._clock, email, language=person.language, timezone=person.timezone
        ).model_copy(update={"state": Consent.UNCONFIRMED, "subscribed_at": None})
        await subscribers.add(connection, [(new, email_key)], evidence)
        there = await subscribers.by_email(connection, email_key)
        if there is None or there.state is Consent.CONFIRMED:
            return
        if there.state is Consent.UNSUBSCRIBED:
            await subscribers.consent(connection, there.id, evidence)
        told = {"moves": masked(person.email), "person": person.id, "links": person.links}
        await self._notices.tell(connection, there, "confirmation", told=told)

    async def look(self, token: str) -> Move:
        """Return who moves by the link of that mail; nothing changes.

        Raises TokenError for a link that was not made here, OldLinkError after a day, RevokedError if the person had
        their links made new, and GoneError if one of the two is no longer there for it.
        """
        async with self._database.connect() as connection:
            return await self._move(connection, token)

    async def move(self, token: str) -> Move:
        """Let a person's mail go to the address that the link was sent to; safe to repeat. Raises as `look` does."""
        number, waiting, _, _ = self._read(token)
        async with self._database.begin() as connection:
            # In one order for all: two that wait for each other are a deadlock.
            for one in sorted((number, waiting)):
                await subscribers.hold(connection, one)
            found = await self._move(connection, token)
            if found.done:
                return found
            person, there = found.person, found.there
            if await suppressions.among(connection, [addresses.key(there.email)]):
                raise GoneError("That address must not be mailed.")
            now = self._clock.now()
            await subscribers.swap(connection, (person.id, there.id))
            await subscribers.renew(connection, person.id)
            await subscribers.note(connection, person.id, Subscription(state=Consent.CONFIRMED, how=MOVED_HERE, at=now))
            away = Subscription(state=Consent.UNSUBSCRIBED, how=MOVED_AWAY, at=now)
            await subscribers.consent(connection, there.id, away)
            await recall.move(connection, person.id)
            left = there.model_copy(update={"email": person.email, "state": Consent.UNSUBSCRIBED})
            await self._notices.tell(connection, left, "goodbye", asked=True, told={"moved": masked(there.email)})
        log.info("moved to another address", subscriber=person.id)
        return Move(person.model_copy(update={"email": there.email}), left, done=True)

    async def _move(self, connection: AsyncConnection, token: str) -> Move:
        number, waiting, at, links = self._read(token)
        found = await subscribers.by_ids(connection, [number, waiting])
        if len(found) != 2:
            raise GoneError("Nobody is on record any more for this link.")
        person, there = found[number], found[waiting]
        if person.links == links + 1 and there.state is Consent.UNSUBSCRIBED:
            return Move(person, there, done=True)
        if self._clock.now().timestamp() >= at + MOVE_SECONDS:
            raise OldLinkError("This link is too old.", next_step="Ask for a new one.")
        if person.links != links:
            raise RevokedError("This link was replaced by a new one.", next_step="Use the link of a newer mail.")
        if person.state is not Consent.CONFIRMED or there.state is not Consent.UNCONFIRMED:
            raise GoneError("One of the two is no longer there for it.")
        return Move(person, there, done=False)

    def _read(self, token: str) -> tuple[int, int, int, int]:
        number, waiting, at, links = self._signer.read_seal(MOVE, token)
        return number, waiting, at, links


def shown(person: Subscriber) -> str:
    """Return an address as pages and mails to others show it."""
    return masked(person.email)
