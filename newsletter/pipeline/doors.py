"""Links that open a reader's own pages: made for one purpose, for some time, and until they have them made new.

`settings` stands in every mail, so whoever has a mail that was passed on has it: it changes wishes, and no more. `own`
goes by mail alone, when it is asked for, and opens all. `feed` is for a reader's own feeds, and lasts until it is
revoked (docs/decisions/0025-doors.md).
"""

from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock
from newsletter.models import Subscriber
from newsletter.pipeline.reader_links import OWN, PERSON, SETTINGS, day_of
from newsletter.pipeline.readers import GoneError, OldError
from newsletter.store import subscribers
from newsletter.tokens import Signer, TokenError

Purpose = Literal["settings", "own", "feed"]

SETTINGS_DAYS = 60
OWN_HOURS = 1

_DAY = 86_400
_LIFE: dict[str, int | None] = {"settings": (SETTINGS_DAYS + 1) * _DAY, "own": OWN_HOURS * 3600, "feed": None}
_SIGNED: dict[str, str] = {"settings": SETTINGS, "own": OWN, "feed": "door.feed"}


class Door(NamedTuple):
    """What a link says: what it is for, whose it is, when it was made, and how often theirs were made new."""

    purpose: Purpose
    person: int
    at: int
    links: int


class OldLinkError(OldError):
    """The time of a link is over, and its person may ask for a new one."""


class RevokedError(TokenError):
    """The person of a link had all their links made new since."""


class Doors:
    """Makes and opens the links of readers' own pages."""

    def __init__(self, signer: Signer, clock: Clock) -> None:
        self._signer = signer
        self._clock = clock

    def settings(self, person: Subscriber) -> str:
        """Return a token that changes their wishes, for SETTINGS_DAYS after this day."""
        return self._signer.seal(SETTINGS, person.id, day_of(self._clock.now()), person.links)

    def own(self, person: Subscriber, at: datetime | None = None) -> str:
        """Return a token that opens all, for OWN_HOURS from now or from `at`: it must go by mail alone."""
        return self._signer.seal(OWN, person.id, int((at or self._clock.now()).timestamp()), person.links)

    def feed(self, person: Subscriber) -> str:
        """Return the token of their own feeds, which is the same until they have their links made new."""
        return self._signer.seal("door.feed", person.id, 0, person.links)

    def leaving(self, person: Subscriber) -> str:
        """Return the token of the page on which they leave."""
        return self._signer.tag(PERSON, person.id)

    def read(self, purpose: Purpose, token: str) -> Door:
        """Return what a token says; one of `own` does for `settings` too.

        Raises TokenError for one that was not made here for that, and OldError for one whose time is over.
        """
        purposes: tuple[Purpose, ...] = ("settings", "own") if purpose == "settings" else (purpose,)
        for one in purposes:
            try:
                person, at, links = self._signer.read_seal(_SIGNED[one], token)
            except (TokenError, ValueError):
                continue
            life = _LIFE[one]
            if life is not None and self._clock.now().timestamp() >= at + life:
                raise OldLinkError("This link is too old.", next_step="Ask for a new one.")
            return Door(one, person, at, links)
        raise TokenError("This link is not complete or was changed.", next_step="Use the link of a newer mail.")

    async def open(self, connection: AsyncConnection, purpose: Purpose, token: str) -> Subscriber:
        """Return the person of a token, as they are now.

        Raises TokenError for a token that is forged, for something else, or revoked (RevokedError), OldError for one
        that is too old, and GoneError for somebody who was erased.
        """
        door = self.read(purpose, token)
        person = await subscribers.by_id(connection, door.person)
        if person is None:
            raise GoneError("Nobody is on record any more for this link.")
        if person.links != door.links:
            raise RevokedError("This link was replaced by a new one.", next_step="Use the link of a newer mail.")
        return person

    async def hold(self, connection: AsyncConnection, purpose: Purpose, token: str) -> Subscriber:
        """Return the same, and keep all others from changing the person until the transaction ends."""
        await subscribers.hold(connection, self.read(purpose, token).person)
        # As they are now that nobody else changes them.
        return await self.open(connection, purpose, token)
