"""Why somebody gets no new mail on a day, and what mail waits and may not go; it decides nothing."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Literal, NamedTuple

from newsletter.cadences import falls_on
from newsletter.delivery.addresses import key
from newsletter.models import FOREVER, STATES_FOR, Consent, DeliveryState, EditionKind, Subscriber
from newsletter.pipeline import slots
from newsletter.pipeline.notices import ANSWERS
from newsletter.pipeline.record import PAGE, Record, list_deliveries
from newsletter.store import editions, subscribers, suppressions
from newsletter.store.database import Database


class Waiting(NamedTuple):
    """A delivery that waits, and why it would be suppressed and not sent, if it would."""

    record: Record
    obstacle: str


async def waiting(database: Database, now: datetime, *, email: str | None = None) -> AsyncIterator[Waiting]:
    """Go through all mail that waits, of everyone or of one person, as the next run will find it."""
    for state in (DeliveryState.QUEUED, DeliveryState.DEFERRED):
        part: list[Record] = []
        async for one in list_deliveries(database, state=state, email=email):
            part.append(one)
            if len(part) == PAGE:
                for found in await _judged(database, part, now):
                    yield found
                part = []
        for found in await _judged(database, part, now):
            yield found


async def _judged(database: Database, part: list[Record], now: datetime) -> list[Waiting]:
    async with database.connect() as connection:
        people = await subscribers.by_ids(connection, [one.delivery.subscriber_id for one in part], wishes=False)
        barred = await suppressions.among(connection, [key(person.email) for person in people.values()])
    # Who is not found was erased a moment ago.
    return [
        Waiting(one, _never(person, one.kind, barred, now))
        for one in part
        if (person := people.get(one.delivery.subscriber_id)) is not None
    ]


def _never(person: Subscriber, kind: EditionKind, barred: dict[str, str], now: datetime) -> str:
    if person.state not in STATES_FOR[kind]:
        return f"they are {person.state}"
    if person.state is Consent.CONFIRMED and kind not in ANSWERS and person.paused_on(slots.local_date(person, now)):
        return "they have paused"
    reason = barred.get(key(person.email))
    return f"they must not be mailed: {reason}" if reason else ""


class Obstacle(NamedTuple):
    """What keeps a person from a new issue on a day: of which kind, and in a sentence."""

    kind: Literal["consent", "suppressed", "paused", "had", "cadence"]
    sentence: str


async def obstacle(database: Database, person: Subscriber, now: datetime, day: date | None = None) -> str:
    """Return what keeps a person from a new issue on a local day (by default theirs of now), or nothing."""
    found = await obstacles(database, person, now, day)
    return found[0].sentence if found else ""


async def obstacles(database: Database, person: Subscriber, now: datetime, day: date | None = None) -> list[Obstacle]:
    """Return all that keeps a person from a new issue on a local day (by default theirs of now), decisive first."""
    day = slots.local_date(person, now) if day is None else day
    async with database.connect() as connection:
        barred = await suppressions.among(connection, [key(person.email)])
        had = await editions.issue_of(connection, person.id, day)
    found: list[Obstacle] = []
    if person.state is not Consent.CONFIRMED:
        found.append(Obstacle("consent", f"{person.email} is {person.state}."))
    if barred:
        found.append(Obstacle("suppressed", f"{person.email} must not be mailed: {', '.join(barred.values())}."))
    if person.paused_on(day):
        until = "they are resumed" if person.paused_until == FOREVER else person.paused_until
        found.append(Obstacle("paused", f"{person.email} is paused until {until}."))
    if had is not None:
        found.append(Obstacle("had", f"{person.email} has their issue of {day}."))
    if not falls_on(person.cadence, day):
        found.append(Obstacle("cadence", f"{person.email} gets mail {person.cadence}, and {day} is a {day:%A}."))
    return found
