"""What follows from an event that a relay told over the web; it knows neither how it came nor how it was proven.

As with reports by mail, what we wrote into the mail decides whom it is about, and each event counts once.
"""

import contextlib
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock
from newsletter.config import Settings
from newsletter.delivery import addresses, verp
from newsletter.delivery.hooks import Event
from newsletter.errors import ConflictError, NewsletterError, UnkeepableError, UsageError
from newsletter.models import Consent, Delivery, Subscription
from newsletter.pipeline import counting
from newsletter.pipeline.counting import TRIES, By, Followed
from newsletter.pipeline.notices import Notices
from newsletter.pipeline.readers import BY_RELAY
from newsletter.store import bounces, subscribers
from newsletter.store.bounces import Report
from newsletter.store.database import Database
from newsletter.tokens import Signer

log = structlog.get_logger()

# An event that names no mail is about the latest one that went to its address, if that went out within this time.
ADDRESS_DAYS = 30
# The clocks of two machines, and what is queued and goes out at once.
_SLACK = timedelta(minutes=10)

NOBODY = "it names no mail of ours, so nothing followed"


class Events:
    """Takes in what relays report."""

    def __init__(self, database: Database, clock: Clock, settings: Settings, signer: Signer) -> None:
        self._database = database
        self._clock = clock
        self._limits = settings.bounces
        self._signer = signer
        self._notices = Notices(clock, settings)

    async def new(self, events: Sequence[Event]) -> list[Event]:
        """Return the events that did not count so far: a long list that is told again begins where it ended."""
        async with self._database.connect() as connection:
            known = await bounces.known(connection, map(_digest, events))
        return [event for event in events if _digest(event) not in known]

    async def take(self, event: Event) -> Followed:
        """Take in one event and return what followed; raises StoreError where the database is away."""
        try:
            for _ in range(TRIES - 1):
                with contextlib.suppress(ConflictError):
                    return await self._follow(event)
            return await self._follow(event)
        except Exception as error:
            if isinstance(error, NewsletterError) and not isinstance(error, UnkeepableError):
                raise
            # One event must not keep the others of its batch from counting; what failed may hold an address.
            log.error("an event could not be read", source=event.source, fault=type(error).__name__)
            what = "it could not be read, which is a fault of this program"
            return Followed(event.id, event.kind, what=what, fault=True)

    async def _follow(self, event: Event) -> Followed:
        now = self._clock.now()
        told = Followed(event.id, event.kind, event.recipient, None, event.status[:12], counting.words(event.reason))
        async with self._database.begin() as connection:
            delivery, by = await self._whom(connection, event, now)
            if delivery is None:
                return told._replace(what=NOBODY)
            told = told._replace(email=delivery.address, delivery_id=delivery.id, by=by, taken=True)
            if event.kind == "unsubscribe":
                what = await self._leave(connection, event, delivery, now)
            else:
                report = Report(_digest(event), event.kind, told.status, told.reason)
                what = await counting.count(connection, delivery, report, self._limits, now)
        log.info("came back", source=event.source, kind=event.kind, delivery=delivery.id, by=by, what=what)
        return told._replace(what=what)

    # Whom

    async def _whom(self, connection: AsyncConnection, event: Event, now: datetime) -> tuple[Delivery | None, By]:
        number = verp.delivery_of(event.return_path, self._signer) if event.return_path else None
        if number is not None and (delivery := await bounces.lock(connection, delivery_id=number)):
            return delivery, "return path"
        key = _key(event.recipient)
        if event.message_id:
            # A Message-ID that is none of ours is that of another mail from the same account.
            delivery = await bounces.lock(connection, message_id=event.message_id)
            ours = delivery is not None and key and _key(delivery.address) == key
            return (delivery, "message id") if ours else (None, "")
        person = await subscribers.by_email(connection, key) if key else None
        if person is None:
            return None, ""
        if event.relay_id:
            found = await bounces.mailed(connection, person.id, relay_id=event.relay_id)
            if delivery := await self._latest(connection, found, key):
                return delivery, "relay id"
        at = min(event.at or now, now)
        between = (at - timedelta(days=ADDRESS_DAYS), at + _SLACK)
        delivery = await self._latest(connection, await bounces.mailed(connection, person.id, between=between), key)
        return delivery, "address" if delivery else ""

    async def _latest(self, connection: AsyncConnection, found: list[Delivery], key: str) -> Delivery | None:
        number = next((one.id for one in found if _key(one.address) == key), None)
        return None if number is None else await bounces.lock(connection, delivery_id=number)

    # Who left by the relay

    async def _leave(self, connection: AsyncConnection, event: Event, delivery: Delivery, now: datetime) -> str:
        await subscribers.hold(connection, delivery.subscriber_id)
        person = await subscribers.by_id(connection, delivery.subscriber_id)
        if person is None or person.state is Consent.UNSUBSCRIBED:
            return "they had unsubscribed before"
        if _key(person.email) != _key(delivery.address):
            return "they have another address by now, and stay"
        if event.at is not None and person.subscribed_at is not None and event.at < person.subscribed_at:
            return "they have subscribed since, and stay"
        source = f"told by {event.source}, about delivery {delivery.id}"
        evidence = Subscription(state=Consent.UNSUBSCRIBED, how=BY_RELAY, source=source, at=now)
        await subscribers.consent(connection, person.id, evidence)
        await self._notices.tell(connection, person, "goodbye")
        return "unsubscribed"


def _digest(event: Event) -> str:
    return hashlib.sha256(f"{event.source}\n{event.id}".encode("utf-8", "replace")).hexdigest()


def _key(address: str) -> str:
    try:
        return addresses.key(address)
    except UsageError:
        return ""
