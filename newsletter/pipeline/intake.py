"""What comes back: one mail to what followed from it. It knows neither where mail lies nor how reports are written.

The address that a report came to decides whom it is about, the report says what happened. Each mail is one transaction,
and a report counts once however often it is read.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock
from newsletter.config import Settings
from newsletter.delivery import addresses, incoming, verp
from newsletter.delivery.incoming import Arrival, Incoming, Wish
from newsletter.errors import ConflictError, NewsletterError, UnkeepableError, UsageError
from newsletter.models import Consent, Delivery, Subscriber, Subscription
from newsletter.pipeline import counting
from newsletter.pipeline.counting import TRIES, By, Followed
from newsletter.pipeline.events import Events
from newsletter.pipeline.notices import Notices, PassedError
from newsletter.pipeline.readers import BY_MAIL, BY_SENDER, Readers, bearer
from newsletter.pipeline.replies import Replies
from newsletter.pipeline.signups import Signups
from newsletter.pipeline.wishes import Obeyed, Wishes
from newsletter.store import bounces, subscribers
from newsletter.store.bounces import Kind, Report
from newsletter.store.database import Database
from newsletter.tokens import Signer, TokenError

log = structlog.get_logger()

# Where a report speaks of several addresses, and none is that of the delivery, the mildest word counts.
_MILDEST = {"complaint": 0, "soft": 1, "hard": 2}


class Bounce(Protocol):
    """What the parser reads out of a report; `address` may be empty or, in a complaint, blackened."""

    @property
    def address(self) -> str:
        """The address that the report is about."""
        ...

    @property
    def kind(self) -> str:
        """One of hard, soft, complaint."""
        ...

    @property
    def status(self) -> str:
        """The enhanced code of RFC 3463, or empty."""
        ...

    @property
    def reason(self) -> str:
        """What the receiving server said."""
        ...

    @property
    def counts(self) -> bool:
        """Whether it may be held against the address: a warning that delivery takes long may not."""
        ...

    @property
    def original_address(self) -> str:
        """The address that the message was sent to, where one who forwarded it told that."""
        ...


class Box(Protocol):
    """Where mail lies."""

    def mails(self) -> AsyncGenerator[Arrival]:
        """Go through the mails that were not taken so far."""
        ...

    async def taken(self, arrival: Arrival) -> None:
        """Mark a mail, so that it is not read again."""
        ...


class Intake:
    """Takes mail in.

    `parse` is the parser of reports, and `events` takes in what relays tell over the web; `catalogue` has the topics
    that have a name. Without `signups` nobody subscribes by mail.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Settings,
        signer: Signer,
        parse: Callable[[bytes], Sequence[Bounce]],
        signups: Callable[[], Awaitable[Signups]] | None = None,
        catalogue: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self._signups = signups
        self._database = database
        self._clock = clock
        self._limits = settings.bounces
        self._signer = signer
        self._wishes = Wishes(Readers(database, clock, signer), clock)
        self._parse = parse
        self._notices = Notices(clock, settings)
        self._replies = Replies(database, clock, signer, self._notices, catalogue)
        self.events = Events(database, clock, settings, signer)
        named = (
            settings.newsletter.unsubscribe_address,
            settings.newsletter.from_address,
            settings.newsletter.reply_to,
            settings.bounces.address,
        )
        self._own = {key for key in map(_key, filter(None, named)) if key}

    async def read(self, box: Box) -> AsyncGenerator[Followed]:
        """Take in what lies in a box; each mail is marked after its commit, so this is safe to kill and repeat."""
        async with contextlib.aclosing(box.mails()) as mails:
            async for arrival in mails:
                followed = await self.take(arrival)
                if followed.taken:
                    await box.taken(arrival)
                yield followed

    async def take(self, arrival: Arrival) -> Followed:
        """Take in one mail and return what followed."""
        if arrival.content is None:
            return Followed(arrival.name, "other", what=f"larger than {incoming.LARGEST:,} bytes, so it was not read")
        try:
            mail, found = await asyncio.to_thread(self._understood, arrival)
            for _ in range(TRIES - 1):
                with contextlib.suppress(ConflictError):
                    return await self._follow(arrival, mail, found)
            return await self._follow(arrival, mail, found)
        except Exception as error:
            if isinstance(error, NewsletterError) and not isinstance(error, UnkeepableError):
                raise
            # Anyone can write to this address, and one mail must not keep the others from being read.
            if isinstance(error, UnkeepableError):
                # What the database says of a value may hold it.
                log.error("a mail holds what the database cannot keep")
            else:
                log.exception("a mail could not be read")
            return Followed(
                arrival.name, "other", what="it could not be read, which is a fault of this program", fault=True
            )

    def _understood(self, arrival: Arrival) -> tuple[Incoming, Sequence[Bounce]]:
        found = self._parse(arrival.content or b"")
        return incoming.read(arrival), [bounce for bounce in found if bounce.counts]

    async def _follow(self, arrival: Arrival, mail: Incoming, found: Sequence[Bounce]) -> Followed:
        if found:
            return await self._come_back(arrival, mail, found)
        if mail.leaving:
            return await self._leave(arrival, mail)
        if mail.wish is not None and mail.wish.verb == "confirm" and self._signups is not None:
            return await self._confirm(arrival, mail, mail.wish.token, await self._signups())
        if mail.wish is not None:
            return await self._obey(arrival, mail, mail.wish)
        # No program of a person answers to a return path (RFC 3834 section 4): what comes there came by itself.
        by_itself = any(verp.delivery_of(recipient, self._signer) is not None for recipient in mail.recipients)
        if (obeyed := await self._replies.obey(mail, automatic=mail.automatic or by_itself)) is not None:
            return _followed(arrival, mail, obeyed, "message id")
        return Followed(arrival.name, "other")

    # Reports

    async def _come_back(self, arrival: Arrival, mail: Incoming, found: Sequence[Bounce]) -> Followed:
        now = self._clock.now()
        async with self._database.begin() as connection:
            delivery, by = await self._whom(connection, arrival, mail, found)
            bounce = _about(found, delivery)
            kind = _kind(bounce.kind)
            told = Followed(arrival.name, kind, bounce.address, None, bounce.status[:12], counting.words(bounce.reason))
            if delivery is None:
                return told._replace(what="it names no mail of ours, so nothing followed")
            told = told._replace(email=delivery.address, delivery_id=delivery.id, by=by, taken=True)
            report = Report(mail.digest, kind, told.status, told.reason)
            what = await counting.count(connection, delivery, report, self._limits, now)
        log.info("came back", kind=kind, delivery=delivery.id, by=by, what=what)
        return told._replace(what=what)

    async def _whom(
        self, connection: AsyncConnection, arrival: Arrival, mail: Incoming, found: Sequence[Bounce]
    ) -> tuple[Delivery | None, By]:
        for recipient in mail.recipients:
            number = verp.delivery_of(recipient, self._signer)
            if number is not None and (delivery := await bounces.lock(connection, delivery_id=number)):
                return delivery, "return path"
        for number in verp.deliveries_quoted(arrival.content or b"", self._signer):
            if delivery := await bounces.lock(connection, delivery_id=number):
                return delivery, "quoted return path"
        for message_id in mail.quoted:
            delivery = await bounces.lock(connection, message_id=message_id)
            if delivery is not None and any(_names(bounce, delivery) for bounce in found):
                return delivery, "message id"
        return None, ""

    # Mail that unsubscribes

    async def _leave(self, arrival: Arrival, mail: Incoming) -> Followed:
        told = Followed(arrival.name, "unsubscribe", mail.sender)
        now = self._clock.now()
        async with self._database.begin() as connection:
            person, by = await self._who_leaves(connection, mail)
            if person is None:
                return told._replace(what="nobody is known by that address or token: look at it yourself")
            told = told._replace(email=person.email, by=by, taken=True)
            if person.state is Consent.UNSUBSCRIBED:
                return told._replace(what="they had unsubscribed before")
            how = BY_MAIL if by == "token" else BY_SENDER
            evidence = Subscription(state=Consent.UNSUBSCRIBED, how=how, source=mail.sender, at=now)
            await subscribers.consent(connection, person.id, evidence)
            await self._notices.tell(connection, person, "goodbye")
        log.info("unsubscribed", by=by)
        return told._replace(what="unsubscribed")

    async def _who_leaves(self, connection: AsyncConnection, mail: Incoming) -> tuple[Subscriber | None, By]:
        person = await self._with_token(connection, mail.token)
        if person is not None:
            return person, "token"
        # A sender can be forged: docs/decisions/0010-returns.md says why it is believed here, and how far.
        to_us = any(_without_detail(_key(recipient)) in self._own for recipient in mail.recipients)
        if mail.automatic or not to_us or not (key := _key(mail.sender)):
            return None, ""
        return await subscribers.by_email(connection, key), "sender"

    async def _with_token(self, connection: AsyncConnection, token: str) -> Subscriber | None:
        try:
            return await bearer(connection, self._signer, token) if token else None
        except TokenError:
            return None

    # Mail that subscribes

    async def _confirm(self, arrival: Arrival, mail: Incoming, tag: str, signups: Signups) -> Followed:
        told = Followed(arrival.name, "wish", mail.sender, by="token")
        if mail.automatic:
            return told._replace(what="a program wrote it, so nothing followed")
        try:
            person = await signups.confirm_by_mail(tag, sender=mail.sender)
        except PassedError:
            return told._replace(what="they are no longer waited for, so nothing followed", taken=True)
        except TokenError:
            return told._replace(what="nobody is known by that token: look at it yourself")
        return told._replace(email=person.email, what="confirmed: they are a subscriber", taken=True)

    # Mail that asks for something else

    async def _obey(self, arrival: Arrival, mail: Incoming, wish: Wish) -> Followed:
        found = await self._wishes.obey(wish, mail.sender, automatic=mail.automatic)
        return _followed(arrival, mail, found, "token")


def _followed(arrival: Arrival, mail: Incoming, found: Obeyed, by: By) -> Followed:
    return Followed(arrival.name, "wish", found.email or mail.sender, by=by, what=found.what, taken=found.taken)


def _about(found: Sequence[Bounce], delivery: Delivery | None) -> Bounce:
    """Return which of the words of a report is about a delivery."""
    key = "" if delivery is None else _key(delivery.address)
    of_theirs = [bounce for bounce in found if key and key in _keys(bounce)]
    return min(of_theirs or found, key=lambda bounce: _MILDEST.get(bounce.kind, 1))


def _names(bounce: Bounce, delivery: Delivery) -> bool:
    """Tell whether a report that quotes a Message-ID of ours names its reader.

    RFC 6590: a complaint may have the local part blackened, or leave the address out.
    """
    theirs = _key(delivery.address)
    if bounce.kind != "complaint":
        return theirs in _keys(bounce)
    domain = bounce.address.rpartition("@")[2].casefold()
    return domain in ("", theirs.rpartition("@")[2])


def _keys(bounce: Bounce) -> set[str]:
    return {_key(bounce.address), _key(bounce.original_address)} - {""}


def _kind(word: str) -> Kind:
    return "hard" if word == "hard" else "complaint" if word == "complaint" else "soft"


def _key(address: str) -> str:
    try:
        return addresses.key(address)
    except UsageError:
        return ""


def _without_detail(key: str) -> str:
    local, _, domain = key.rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"
