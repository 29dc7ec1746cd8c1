"""When an issue is due: pure rules on dates and time zones; it knows neither database nor scheduler."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from newsletter.cadences import falls_on
from newsletter.models import Subscriber

# A cadence has an issue at least once in so many days.
_LONGEST_GAP = 7


class Slot(NamedTuple):
    """What makes an edition one: a local date and a cadence."""

    date: date
    cadence: str


def local_date(subscriber: Subscriber, now: datetime) -> date:
    """Return the date where they are."""
    return date_there(subscriber.timezone, now)


def date_there(timezone: str, now: datetime) -> date:
    """Return the date in a time zone."""
    return now.astimezone(ZoneInfo(timezone)).date()


def by_hand(subscriber: Subscriber, now: datetime, day: date | None = None) -> Slot | None:
    """Return their slot of a day (by default of the day where they are), whatever their hour."""
    day = local_date(subscriber, now) if day is None else day
    if not falls_on(subscriber.cadence, day) or subscriber.paused_on(day):
        return None
    return Slot(day, subscriber.cadence)


def due(subscriber: Subscriber, now: datetime, latest: date | None, catch_up: timedelta) -> Slot | None:
    """Return the slot for which they should have an issue by now and have none, or None.

    `latest` is the date of the newest slot for which they have one. Only the newest slot that has come counts: papers
    of the slots before are still in its window, so one issue makes up for all. A slot counts until `catch_up` after
    its moment, and only if that lies after the person subscribed. No slot at or before `latest` is ever due, so a
    clock that steps back brings nothing twice.
    """
    newest = come(subscriber.cadence, subscriber.hour, subscriber.timezone, now, catch_up)
    if newest is None:
        return None
    slot, at = newest
    early = subscriber.subscribed_at is None or at < subscriber.subscribed_at
    had = latest is not None and slot <= latest
    return None if early or had or subscriber.paused_on(slot) else Slot(slot, subscriber.cadence)


def come(cadence: str, hour: int, timezone: str, now: datetime, catch_up: timedelta) -> tuple[date, datetime] | None:
    """Return date and moment of the newest slot that has come for whoever wants their mail then, unless it is late."""
    day = date_there(timezone, now)
    for back in range(_LONGEST_GAP + 1):
        slot = day - timedelta(days=back)
        if falls_on(cadence, slot) and (at := moment(slot, hour, timezone)) <= now:
            return None if now - at > catch_up else (slot, at)
    return None


def previous(cadence: str, day: date) -> date:
    """Return the date of the slot before one."""
    return next(slot for back in range(1, _LONGEST_GAP + 1) if falls_on(cadence, slot := day - timedelta(days=back)))


def next_moment(subscriber: Subscriber, now: datetime) -> datetime:
    """Return when their next slot comes."""
    day = local_date(subscriber, now)
    for ahead in range(_LONGEST_GAP + 2):
        slot = day + timedelta(days=ahead)
        at = moment(slot, subscriber.hour, subscriber.timezone)
        if at > now and falls_on(subscriber.cadence, slot):
            return at
    raise ValueError(f"the cadence {subscriber.cadence} has no day")


def moment(day: date, hour: int, timezone: str) -> datetime:
    """Return when it is that hour of that day there, in UTC.

    An hour that a change of summer time leaves out is taken by the offset from before the change (PEP 495, fold 0), and
    so comes as long after the change as it lies behind it. Of an hour that comes twice the first counts.
    """
    return datetime.combine(day, time(hour), ZoneInfo(timezone)).astimezone(UTC)
