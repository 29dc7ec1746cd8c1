"""What readers ask for by mail beside leaving: more or less like a paper, a pause and its end.

The token says whom it is about, and the mail has to come from their own address, so that nobody else acts with a mail
that was forwarded to them (docs/decisions/0015-readers-pages.md).
"""

from datetime import date
from typing import NamedTuple

import structlog

from newsletter.clock import Clock
from newsletter.delivery import addresses
from newsletter.delivery.incoming import Wish
from newsletter.errors import NotFoundError, UsageError
from newsletter.models import FOREVER, Consent, Subscriber
from newsletter.pipeline import slots
from newsletter.pipeline.readers import OldError, Readers
from newsletter.tokens import TokenError

log = structlog.get_logger()


class Obeyed(NamedTuple):
    """Whose wish it was, what followed, and whether the mail has done its work."""

    email: str
    what: str
    taken: bool = False


class Wishes:
    """Does what readers ask for by mail."""

    def __init__(self, readers: Readers, clock: Clock) -> None:
        self._readers = readers
        self._clock = clock

    async def obey(self, wish: Wish, sender: str, *, automatic: bool) -> Obeyed:
        """Do what a mail asks for if a person wrote it, and from their own address; say what followed."""
        try:
            person = await self._whom(wish)
            if automatic:
                return Obeyed(person.email, "a program wrote it, so nothing followed")
            if not same(sender, person.email):
                return Obeyed(person.email, "it comes from another address than theirs: look at it yourself")
            if wish.verb in ("more", "less"):
                return await self._say(wish, person)
            return await self._pause(wish, person)
        except (TokenError, NotFoundError):
            return Obeyed("", "nobody is known by that token: look at it yourself")

    async def _whom(self, wish: Wish) -> Subscriber:
        if wish.verb in ("more", "less"):
            return await self._readers.whose(wish.token)
        return (await self._readers.reader(wish.token)).person

    async def _say(self, wish: Wish, person: Subscriber) -> Obeyed:
        try:
            shown = await self._readers.say(wish.token, wish.mark, "more" if wish.verb == "more" else "less")
        except OldError:
            return Obeyed(person.email, "that mail is too old, so nothing followed", taken=True)
        log.info("said", verdict=wish.verb, paper=shown.paper.id)
        return Obeyed(person.email, f"noted: {wish.verb} like paper {shown.paper.id}", taken=True)

    async def _pause(self, wish: Wish, person: Subscriber) -> Obeyed:
        if person.state is Consent.UNSUBSCRIBED:
            return Obeyed(person.email, "they have unsubscribed, so nothing followed", taken=True)
        if wish.verb == "resume":
            await self._readers.resume(wish.token)
            return Obeyed(person.email, "their pause ends", taken=True)
        try:
            until = date.fromisoformat(wish.until) if wish.until else None
        except ValueError:
            return Obeyed(person.email, "there is no such day")
        if until is not None and until <= slots.local_date(person, self._clock.now()):
            return Obeyed(person.email, "that day is over, so nothing followed", taken=True)
        paused = await self._readers.pause(wish.token, until, days=wish.days)
        end = "they resume" if paused.paused_until == FOREVER else str(paused.paused_until)
        return Obeyed(person.email, f"paused until {end}", taken=True)


def same(sender: str, email: str) -> bool:
    """Tell whether two addresses are one person's, with or without a detail behind a plus."""
    return bool(sender) and _plain(sender) == _plain(email)


def _plain(address: str) -> str:
    try:
        local, _, domain = addresses.key(address).rpartition("@")
    except UsageError:
        return ""
    return f"{local.partition('+')[0] or local}@{domain}"
