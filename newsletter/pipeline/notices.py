"""Notices to one person, such as a welcome or an answer: queued with what caused them, and sent as issues are.

A day without papers is told by the issue of that day itself: `compose` sees to it.
"""

import secrets
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock
from newsletter.config import Newsletter, Settings
from newsletter.delivery import addresses
from newsletter.models import FOREVER, Consent, EditionKind, Subscriber, Subscription
from newsletter.pipeline import slots
from newsletter.store import notices, searches, subscribers, suppressions
from newsletter.store.database import Database
from newsletter.store.editions import Draft
from newsletter.tokens import Signer, TokenError, claimed

log = structlog.get_logger()

# What answers somebody who asked just now, and so comes whether they have paused or not.
ANSWERS: frozenset[EditionKind] = frozenset({"link", "known", "answer"})

# What the links of confirmations are signed for.
CONFIRM = "confirm"

# Whoever asks for a link may have used the one of the morning; more than so many a day is somebody else's doing.
MOST_LINKS = 3
# Whoever writes more often is done what they ask for, but told no more: two programs may write to each other.
MOST_ANSWERS = 5
# Each leaving is told: whoever has a mail that was passed on may leave for its reader, after they came back too.
MOST_GOODBYES = 5
_MOST: Mapping[EditionKind, int] = {"link": MOST_LINKS, "answer": MOST_ANSWERS, "goodbye": MOST_GOODBYES}

# A longer pause is told by mail: it is as good as leaving, and a link of a mail that was passed on begins it.
LONGEST_UNTOLD = timedelta(days=31)


class PassedError(TokenError):
    """What was to be confirmed is no longer there."""

    def __init__(self) -> None:
        super().__init__("This link is about a subscription that is no longer there.", next_step="Subscribe once more.")


def message_id(newsletter: Newsletter) -> str:
    """Return a new Message-ID."""
    return f"<{secrets.token_urlsafe(18)}@{newsletter.domain}>"


def said(kind: EditionKind, person: Subscriber, now: datetime) -> dict[str, Any]:
    """Return what a notice tells a person; it is kept as it is, so that the mail can be shown again."""
    told: dict[str, Any] = {"day": slots.local_date(person, now).isoformat()}
    if kind == "welcome":
        first = slots.date_there(person.timezone, slots.next_moment(person, now))
        if person.paused_until is None or person.paused_until <= first:
            told["first"] = first.isoformat()
        told |= {"cadence": person.cadence, "hour": person.hour, "timezone": person.timezone}
        told["topics"] = [topic.name for topic in person.topics if topic.weight > 0]
    elif kind in ("confirmation", "known"):
        told |= {"at": now.isoformat(timespec="seconds"), "timezone": person.timezone}
    return told


class Notices:
    """Queues notices: at most one of a kind for a person and a day of theirs, of some a few more."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._newsletter = settings.newsletter
        # Whoever lost one asks once more; how many sign-ups are looked at is counted for the mailbox.
        self._most = {**_MOST, "confirmation": min(settings.signup.daily_mails, len(notices.SLOTS))}
        self._wanted: Mapping[EditionKind, bool] = {
            "welcome": settings.notices.welcome,
            "goodbye": settings.notices.goodbye,
            "confirmation": True,
            "known": True,
            "link": True,
            "answer": True,
        }

    async def tell(
        self,
        connection: AsyncConnection,
        person: Subscriber,
        kind: EditionKind,
        *,
        asked: bool = False,
        told: Mapping[str, Any] = MappingProxyType({}),
    ) -> bool:
        """Queue a notice in the transaction of what caused it, and tell whether one waits now.

        `person` is as they were put on record. Where the settings want no such mail there is none, unless it was
        `asked` for. An address that must not be mailed gets none. `told` is what it says beside what its kind does.
        """
        if not (asked or self._wanted[kind]):
            return False
        if await suppressions.among(connection, [addresses.key(person.email)]):
            return False
        now = self._clock.now()
        words = {**said(kind, person, now), **told}
        draft = Draft(person.id, person.email, message_id(self._newsletter), (), said=words)
        day, most = slots.local_date(person, now), self._most.get(kind, 1)
        queued = await notices.put(connection, kind, day, draft, now, most=most, each=kind == "answer")
        if queued:
            log.info("notice", kind=kind, subscriber=person.id)
        return queued

    async def tell_pause(self, connection: AsyncConnection, person: Subscriber, until: date | None) -> bool:
        """Tell a person of a pause that a page began, if it is long and new, in the transaction of it.

        `person` is as they were before it.
        """
        today = slots.local_date(person, self._clock.now())
        if until in (None, person.paused_until) or until - today <= LONGEST_UNTOLD:
            return False
        done = "stopped" if until == FOREVER else f"paused {until}"
        return await self.tell(connection, person, "answer", told={"done": [done], "by_page": True})

    async def ask(self, database: Database, person: Subscriber, *, how: str, source: str = "") -> Consent:
        """Put somebody on record who has to confirm it, with a confirmation to their address; return their state.

        Who is confirmed stays so and gets no mail, which a page had better not tell to strangers. Raises nothing for an
        address that must not be mailed: it gets no mail either.
        """
        async with database.begin() as connection:
            return await self.ask_in(connection, person, how=how, source=source)

    async def ask_in(self, connection: AsyncConnection, person: Subscriber, *, how: str, source: str = "") -> Consent:
        """Do what `ask` does in a transaction."""
        email_key = addresses.key(person.email)
        evidence = Subscription(state=Consent.UNCONFIRMED, how=how, source=source, at=self._clock.now())
        new = person.model_copy(update={"state": Consent.UNCONFIRMED, "subscribed_at": None})
        for number in (await subscribers.add(connection, [(new, email_key)], evidence)).values():
            await searches.write(connection, {number: new.searches}, evidence.at)
        known = await subscribers.by_email(connection, email_key)
        if known is None or known.state is Consent.CONFIRMED:
            return Consent.CONFIRMED if known else Consent.UNCONFIRMED
        if known.state is Consent.UNSUBSCRIBED:
            await subscribers.consent(connection, known.id, evidence)
        await self.tell(connection, known, "confirmation")
        return Consent.UNCONFIRMED

    async def confirm(self, database: Database, signer: Signer, token: str, *, how: str) -> Subscriber:
        """Confirm the subscription that the link of a confirmation is about, and queue the welcome; safe to repeat.

        Raises TokenError for a link that was not made here, or is about an address or a wish of before.
        """
        async with database.begin() as connection:
            return await self.confirm_in(connection, await read_token(connection, signer, token), how=how)

    async def confirm_in(
        self,
        connection: AsyncConnection,
        whom: tuple[int, str],
        *,
        how: str,
        source: str = "",
        wishes: Mapping[str, Any] = MappingProxyType({}),
        at_once: bool = False,
    ) -> Subscriber:
        """Do what `confirm` does in a transaction, for the number and the address of a token.

        `wishes` are fields of a subscriber that are written with it, unless they confirmed before.
        """
        number, email_key = whom
        await subscribers.hold(connection, number)
        person = await waiting(connection, whom)
        if person.state is Consent.UNCONFIRMED:
            if wishes:
                await subscribers.change(connection, person.model_copy(update=dict(wishes)), email_key)
            evidence = Subscription(state=Consent.CONFIRMED, how=how, source=source, at=self._clock.now())
            await subscribers.consent(connection, person.id, evidence)
            person = (await subscribers.by_ids(connection, [number]))[number]
            await self.tell(connection, person, "welcome", told={"at_once": True} if at_once else {})
        return person


async def waiting(connection: AsyncConnection, whom: tuple[int, str]) -> Subscriber:
    """Return whom a confirmation is about, by the number and the address of its token.

    They wait for their word, or gave it. Raises PassedError if that subscription is no longer there.
    """
    number, email_key = whom
    person = await subscribers.by_id(connection, number)
    if person is None or addresses.key(person.email) != email_key or person.state is Consent.UNSUBSCRIBED:
        raise PassedError()
    return person


def token_of(signer: Signer, number: int, email: str) -> str:
    """Return the token of the link in a confirmation: good for that person and that address, which is hashed in it."""
    # Addresses of pages stand in the logs of others.
    return signer.seal(CONFIRM, number, int(mail_token(signer, number, email).rpartition("-")[2], 16))


def mail_token(signer: Signer, number: int, email: str) -> str:
    """Return what a mail that confirms has to have in its subject: good for that person and that address."""
    # Mail programs may change the case of a subject, which a tag survives.
    return signer.tag(CONFIRM, number, addresses.key(email))


async def read_token(connection: AsyncConnection, signer: Signer, token: str) -> tuple[int, str]:
    """Return the number and the address of such a token; raises TokenError if it was not made here.

    Raises PassedError if its person is no longer there, or has another address.
    """
    number, digest = signer.read_seal(CONFIRM, token)
    person = await subscribers.by_id(connection, number)
    if person is None:
        raise PassedError()
    email_key = addresses.key(person.email)
    try:
        signer.read_tag(CONFIRM, f"{number:x}-{digest:016x}", email_key)
    except TokenError as error:
        raise PassedError() from error
    return number, email_key


async def read_mail_token(connection: AsyncConnection, signer: Signer, tag: str) -> tuple[int, str]:
    """Return the number and the address of the token of such a mail; raises as `read_token` and `waiting` do."""
    number = claimed(tag)
    person = await subscribers.by_id(connection, number)
    if person is None:
        # Nothing is proven of a number whose address is gone.
        raise TokenError("Nobody is known by this token.", next_step="Subscribe once more.")
    email_key = addresses.key(person.email)
    return signer.read_tag(CONFIRM, tag, email_key), email_key
