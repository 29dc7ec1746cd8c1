"""When a feed is asked next."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newsroom import NOW

from newsletter.feeds.polling import JITTER, LONGEST, next_poll

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
SPANS = st.timedeltas(timedelta(0), timedelta(days=400))
INTERVALS = st.timedeltas(5 * MINUTE, timedelta(days=3))
CHANCES = st.floats(0, 1)


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ({}, HOUR),
        ({"ttl": 2 * HOUR}, 2 * HOUR),
        ({"ttl": 10 * MINUTE}, HOUR),
        ({"fresh_for": 3 * HOUR, "ttl": 2 * HOUR}, 3 * HOUR),
        ({"fresh_for": timedelta(days=365)}, LONGEST),
        ({"fresh_for": timedelta(days=365), "chance": 1.0}, LONGEST),
        ({"not_before": NOW + timedelta(days=3)}, timedelta(days=3)),
        ({"not_before": NOW + MINUTE}, HOUR),
        ({"chance": 1.0}, HOUR + HOUR / 20),
        # NOW is a Monday, 9 o'clock.
        ({"skip_hours": {10, 11}}, 3 * HOUR),
        ({"skip_hours": {8, 9}}, HOUR),
        ({"skip_days": {0}}, 15 * HOUR),
        ({"skip_days": {0, 1}, "skip_hours": {0, 1, 2}}, (24 + 15 + 3) * HOUR),
        ({"skip_days": set(range(7))}, HOUR),
        ({"skip_hours": set(range(24))}, HOUR),
        ({"skip_hours": {24}}, HOUR),
    ],
)
def test_the_largest_counts(said: dict[str, object], wait: timedelta) -> None:
    assert next_poll(NOW, HOUR, **said) == NOW + wait  # type: ignore[arg-type]


def test_an_interval_of_days_is_the_operators_to_choose() -> None:
    assert next_poll(NOW, timedelta(days=3)) == NOW + timedelta(days=3)


@given(MOMENTS, INTERVALS, SPANS, SPANS, CHANCES)
def test_it_is_never_sooner_than_anyone_wants_nor_later_than_a_day(
    now: datetime, interval: timedelta, ttl: timedelta, fresh: timedelta, chance: float
) -> None:
    moment = next_poll(now, interval, ttl=ttl, fresh_for=fresh, chance=chance)
    longest = max(interval, LONGEST)
    assert now + min(max(interval, ttl, fresh), longest) <= moment <= now + max(interval * (1 + JITTER), LONGEST)


@given(MOMENTS, INTERVALS, SPANS, st.sets(st.integers(0, 24)), st.sets(st.integers(0, 6)), CHANCES)
def test_silence_and_skipped_hours_are_kept(
    now: datetime, interval: timedelta, silence: timedelta, hours: set[int], days: set[int], chance: float
) -> None:
    moment = next_poll(now, interval, not_before=now + silence, skip_hours=hours, skip_days=days, chance=chance)
    assert moment >= now + max(silence, interval)
    if len(days) < 7 and len({hour % 24 for hour in hours}) < 24:
        assert moment.weekday() not in days
        assert moment.hour not in {hour % 24 for hour in hours}
    # No later than the end of what is skipped.
    assert moment <= now + max(silence, max(interval, LONGEST) * (1 + JITTER)) + timedelta(days=7)


@given(MOMENTS, INTERVALS, SPANS, SPANS, CHANCES)
def test_to_want_more_time_never_gives_less(
    now: datetime, interval: timedelta, ttl: timedelta, more: timedelta, chance: float
) -> None:
    sooner = next_poll(now, interval, ttl=ttl, chance=chance)
    assert next_poll(now, interval, ttl=ttl + more, chance=chance) >= sooner
