"""Who is due: by hand for a day, or because their hour has come; it chooses nothing."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.bounds import WEEKDAYS
from newsletter.delivery.addresses import key
from newsletter.models import Consent, Subscriber
from newsletter.pipeline import slots
from newsletter.pipeline.slots import Slot
from newsletter.store import editions, rhythms, subscribers, suppressions
from newsletter.store.database import Database
from newsletter.store.rhythms import Come


async def due_by_hand(
    database: Database, now: datetime, *, day: date | None = None, only: str | None = None
) -> list[tuple[Subscriber, Slot]]:
    """Return everyone whose cadence has the day and who has no paper of it, whatever their hour.

    `only` is the address of one person. People whose slot was empty before are looked at again.
    """
    found: list[tuple[Subscriber, Slot]] = []
    for person in await _confirmed(database, only):
        slot = slots.by_hand(person, now, day)
        if slot is not None:
            found.append((person, slot))
    async with database.connect() as connection:
        settled = {date: await _settled(connection, date) for date in {slot.date for _, slot in found}}
    return [(person, slot) for person, slot in found if person.id not in settled[slot.date]]


async def due_now(database: Database, now: datetime, catch_up: timedelta) -> list[tuple[Subscriber, Slot]]:
    """Return everyone whose hour has come and who has no issue of that slot so far.

    The database tells which rhythms there are and who of the due ones has no issue: only these people are loaded.
    """
    async with database.connect() as connection:
        come = []
        for rhythm in await rhythms.rhythms(connection):
            newest = slots.come(rhythm.cadence, rhythm.hour, rhythm.timezone, now, catch_up)
            if newest is not None:
                come.append(Come(rhythm, *newest, slots.date_there(rhythm.timezone, now)))
        found = await subscribers.by_ids(connection, await rhythms.without_issue(connection, come, now))
        people = await _not_suppressed(connection, list(found.values()))
        by_date: dict[date, list[int]] = defaultdict(list)
        for person in people:
            by_date[slots.local_date(person, now)].append(person.id)
        latest: dict[int, date] = {}
        for today, ids in by_date.items():
            latest |= await editions.latest_dates(connection, ids, today, now)
    slotted = [(person, slots.due(person, now, latest.get(person.id), catch_up)) for person in people]
    return [(person, slot) for person, slot in slotted if slot is not None]


async def _settled(connection: AsyncConnection, day: date) -> set[int]:
    """Return who has papers of a date; their cadence may have been another one then."""
    found: set[int] = set()
    for cadence in ("daily", "weekdays", f"weekly:{WEEKDAYS[day.weekday()]}"):
        found |= await editions.settled(connection, day, cadence, empty_counts=False)
    return found


async def _confirmed(database: Database, only: str | None = None) -> list[Subscriber]:
    """Return the people who may be mailed, or the one of them with an address."""
    people: list[Subscriber] = []
    async with database.connect() as connection:
        if only is not None:
            person = await subscribers.by_email(connection, key(only))
            people = [person] if person is not None and person.state is Consent.CONFIRMED else []
        else:
            while part := await subscribers.page(
                connection, after=people[-1].id if people else 0, state=Consent.CONFIRMED
            ):
                people += part
        return await _not_suppressed(connection, people)


async def _not_suppressed(connection: AsyncConnection, people: Sequence[Subscriber]) -> list[Subscriber]:
    suppressed = await suppressions.among(connection, [key(person.email) for person in people])
    return [person for person in people if key(person.email) not in suppressed]
