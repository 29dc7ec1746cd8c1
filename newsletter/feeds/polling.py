"""When a feed is asked next, computed from what it and its server said; pure."""

from collections.abc import Collection
from datetime import datetime, timedelta

# What a feed or a cache asks for beyond a day is not followed, since papers come in every day; an hour less, so that
# who looks once a day at the same time always finds it due.
LONGEST = timedelta(hours=23)
# So much of the wait is added by chance at most, so that many newsletters do not ask in one second.
JITTER = 0.05
_HOUR = timedelta(hours=1)


def next_poll(
    now: datetime,
    interval: timedelta,
    *,
    ttl: timedelta | None = None,
    fresh_for: timedelta | None = None,
    not_before: datetime | None = None,
    skip_hours: Collection[int] = (),
    skip_days: Collection[int] = (),
    chance: float = 0.0,
) -> datetime:
    """Return the moment at which a feed is asked next.

    The largest counts of `interval`, the feed's own `ttl` and `fresh_for` (max-age or Expires), and `chance`, from 0 to
    1, adds up to a twentieth; together LONGEST at most, unless the interval is longer. `not_before` (Retry-After) holds
    whatever the rest says. Last, hours (0 to 23, GMT) and days (0 is Monday) that the feed skips are passed over
    (https://www.rssboard.org/skip-hours-days); a feed that skips all of them is not believed. `now` is aware, in UTC.
    """
    more = 1 + JITTER * min(max(chance, 0.0), 1.0)
    wait = max(interval, min(max(ttl or timedelta(0), fresh_for or timedelta(0)), LONGEST))
    moment = now + min(wait * more, max(interval * more, LONGEST))
    if not_before is not None:
        moment = max(moment, not_before)
    return _open(moment, {hour % 24 for hour in skip_hours}, set(skip_days))


def _open(moment: datetime, hours: set[int], days: set[int]) -> datetime:
    """Return the first moment from this one on that lies in no skipped hour and on no skipped day."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    for later in range(7 * 24 + 1):
        candidate = hour + later * _HOUR
        if candidate.hour not in hours and candidate.weekday() not in days:
            return max(moment, candidate)
    return moment
