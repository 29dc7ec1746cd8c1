"""An issue is due exactly once, whatever the clocks do."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.cadences import falls_on
from newsletter.models import Consent, Subscriber
from newsletter.pipeline.slots import Slot, by_hand, due, local_date, moment, next_moment

CATCH_UP = timedelta(hours=36)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati", "Asia/Kathmandu", "UTC"]


def reader(**changes: object) -> Subscriber:
    given_ = {
        "id": 1,
        "key": "k",
        "email": "ada@example.org",
        "language": "en",
        "timezone": "Europe/Berlin",
        "cadence": "daily",
        "hour": 7,
        "state": Consent.CONFIRMED,
        "created_at": LONG_AGO,
        "subscribed_at": LONG_AGO,
    }
    return Subscriber(**(given_ | changes))


def ticks(who: Subscriber, times: list[datetime]) -> list[tuple[datetime, date]]:
    """Play a scheduler that ticks at these moments, and return when it sent which slot."""
    sent: list[tuple[datetime, date]] = []
    for now in times:
        slot = due(who, now, sent[-1][1] if sent else None, CATCH_UP)
        if slot is not None:
            sent.append((now, slot.date))
    return sent


def every(minutes: int, start: datetime, end: datetime) -> list[datetime]:
    return [start + timedelta(minutes=minutes * n) for n in range(int((end - start).total_seconds() // 60 // minutes))]


def test_nothing_is_due_before_the_hour_and_once_after_it():
    times = every(1, datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 11, 21, 12, tzinfo=UTC))
    sent = ticks(reader(subscribed_at=datetime(2026, 11, 20, 11, tzinfo=UTC)), times)
    assert sent == [(datetime(2026, 11, 21, 6, tzinfo=UTC), date(2026, 11, 21))]


@pytest.mark.parametrize("hour", range(24))
@pytest.mark.parametrize("change", [date(2026, 3, 29), date(2026, 10, 25)], ids=["spring", "autumn"])
def test_each_day_has_one_issue_over_both_changes_of_summer_time(hour: int, change: date):
    start = datetime(change.year, change.month, change.day, tzinfo=UTC) - timedelta(days=2)
    who = reader(hour=hour, subscribed_at=start)
    sent = ticks(who, every(5, start, start + timedelta(days=5)))
    days = [day for _, day in sent]
    assert days == sorted(set(days))
    assert {change - timedelta(days=1), change, change + timedelta(days=1)} <= set(days)
    for at, day in sent:
        assert at.astimezone(ZoneInfo("Europe/Berlin")).date() == day


def test_the_hour_that_a_change_leaves_out_comes_right_after_it():
    assert moment(date(2026, 3, 29), 2, "Europe/Berlin") == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_of_the_hour_that_comes_twice_the_first_counts():
    assert moment(date(2026, 10, 25), 2, "Europe/Berlin") == datetime(2026, 10, 25, 0, tzinfo=UTC)


def test_a_night_that_was_missed_is_made_up_at_the_next_start():
    # Monday's seven o'clock fell into a stop; the program starts again on Monday at eleven.
    assert due(reader(), datetime(2026, 11, 23, 10, tzinfo=UTC), date(2026, 11, 22), CATCH_UP) == Slot(
        date(2026, 11, 23), "daily"
    )


def test_many_missed_days_bring_one_issue():
    now = datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert len(ticks(reader(), every(1, now, now + timedelta(hours=12)))) == 1


def test_a_weekly_issue_is_made_up_the_day_after_but_not_days_later():
    weekly = reader(cadence="weekly:mon")
    assert due(weekly, datetime(2026, 11, 24, 8, tzinfo=UTC), date(2026, 11, 16), CATCH_UP) == Slot(
        date(2026, 11, 23), "weekly:mon"
    )
    assert due(weekly, datetime(2026, 11, 26, 8, tzinfo=UTC), date(2026, 11, 16), CATCH_UP) is None


def test_a_clock_that_steps_back_brings_nothing_twice():
    times = every(1, datetime(2026, 11, 21, 5, tzinfo=UTC), datetime(2026, 11, 21, 8, tzinfo=UTC))
    back = every(1, datetime(2026, 11, 19, 5, tzinfo=UTC), datetime(2026, 11, 21, 8, tzinfo=UTC))
    assert len(ticks(reader(subscribed_at=times[0]), times + back)) == 1


def test_who_subscribes_after_the_hour_waits_for_the_next():
    who = reader(subscribed_at=datetime(2026, 11, 21, 9, tzinfo=UTC))
    assert due(who, datetime(2026, 11, 21, 10, tzinfo=UTC), None, CATCH_UP) is None
    assert next_moment(who, datetime(2026, 11, 21, 10, tzinfo=UTC)) == datetime(2026, 11, 22, 6, tzinfo=UTC)


def test_a_pause_ends_on_its_day():
    who = reader(paused_until=date(2026, 11, 22))
    assert due(who, datetime(2026, 11, 21, 10, tzinfo=UTC), date(2026, 11, 20), CATCH_UP) is None
    assert due(who, datetime(2026, 11, 22, 10, tzinfo=UTC), date(2026, 11, 20), CATCH_UP) is not None


def test_by_hand_the_hour_does_not_count_but_the_cadence_does():
    saturday = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)
    assert by_hand(reader(hour=23), saturday) == Slot(date(2026, 11, 21), "daily")
    assert by_hand(reader(cadence="weekdays"), saturday) is None
    assert by_hand(reader(cadence="weekdays"), saturday, date(2026, 11, 23)) == Slot(date(2026, 11, 23), "weekdays")


@given(
    zone=st.sampled_from(ZONES),
    hour=st.integers(0, 23),
    cadence=st.sampled_from(["daily", "weekdays", "weekly:sun", "weekly:wed"]),
    start=st.integers(0, 1_500_000).map(lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)),
    steps=st.lists(st.integers(-600, 3000), min_size=20, max_size=120),
)
def test_whatever_the_clock_does_no_slot_comes_twice_or_early(zone, hour, cadence, start, steps):
    who = reader(timezone=zone, hour=hour, cadence=cadence, subscribed_at=start)
    times, now = [], start
    for step in steps:
        now += timedelta(minutes=step)
        times.append(now)
    sent = ticks(who, times)
    days = [day for _, day in sent]
    assert days == sorted(set(days))
    for at, day in sent:
        assert falls_on(cadence, day)
        assert timedelta(0) <= at - moment(day, hour, zone) <= CATCH_UP
        assert day <= local_date(who, at)


@given(zone=st.sampled_from(ZONES), hour=st.integers(0, 23), year=st.integers(2024, 2028))
def test_a_steady_clock_misses_no_day_of_a_year(zone, hour, year):
    start = datetime(year, 1, 1, 12, tzinfo=UTC)
    who = reader(timezone=zone, hour=hour, subscribed_at=start)
    days = [day for _, day in ticks(who, every(60, start, start + timedelta(days=370)))]
    assert len(days) >= 369
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))
