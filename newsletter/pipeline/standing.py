"""Why somebody gets no new mail on a day, in a sentence; it decides nothing."""

from datetime import date, datetime

from newsletter.delivery.addresses import key
from newsletter.models import FOREVER, Consent, Subscriber, falls_on
from newsletter.pipeline import slots
from newsletter.store import editions, suppressions
from newsletter.store.database import Database


async def obstacle(database: Database, person: Subscriber, now: datetime, day: date | None = None) -> str:
    """Return what keeps a person from a new issue on a local day (by default theirs of now), or nothing."""
    day = slots.local_date(person, now) if day is None else day
    if person.state is not Consent.CONFIRMED:
        return f"{person.email} is {person.state}."
    async with database.connect() as connection:
        barred = await suppressions.among(connection, [key(person.email)])
        had = await editions.issue_of(connection, person.id, day)
    if barred:
        return f"{person.email} must not be mailed: {', '.join(barred.values())}."
    if person.paused_on(day):
        until = "they are resumed" if person.paused_until == FOREVER else person.paused_until
        return f"{person.email} is paused until {until}."
    if had is not None:
        return f"{person.email} has their issue of {day}."
    if not falls_on(person.cadence, day):
        return f"{person.email} gets mail {person.cadence}, and {day} is a {day:%A}."
    return ""
