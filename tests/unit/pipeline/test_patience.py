"""For whom choosing fails is tried again ever more seldom, and nobody else waits for it."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from newsroom import Clock

from newsletter.models import Consent, Subscriber
from newsletter.pipeline.patience import FIRST, LONGEST, MOST, Patience
from newsletter.pipeline.slots import Slot

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SLOT = Slot(NOON.date(), "daily")
MINUTE = timedelta(minutes=1)


def person(number: int) -> Subscriber:
    """Return someone of that number."""
    return Subscriber(
        id=number,
        key=str(number),
        email=f"reader{number}@example.org",
        language="en",
        timezone="UTC",
        cadence="daily",
        hour=7,
        state=Consent.CONFIRMED,
        created_at=NOON,
    )


def ready(patience: Patience, *numbers: int, slot: Slot = SLOT) -> list[int]:
    """Return whom of the people of these numbers, who are all that are due, it lets try."""
    return [found.id for found, _ in patience.ready([(person(number), slot) for number in numbers])]


def tries(clock: Clock, patience: Patience, minutes: int) -> list[timedelta]:
    """Return when of so many minutes someone is tried for whom choosing always fails, beside one who is always due."""
    start, found = clock.moment, []
    for _ in range(minutes):
        now = ready(patience, 1, 2)
        assert 2 in now
        if 1 in now:
            found.append(clock.moment - start)
            patience.failed(1, SLOT.date)
        clock.moment += MINUTE
    return found


def test_the_pauses_grow_to_an_hour_and_stay_so() -> None:
    clock = Clock(NOON)
    found = tries(clock, Patience(clock), 6 * 60)
    pauses = [later - earlier for earlier, later in pairwise(found)]
    assert pauses[:6] == [timedelta(minutes=number) for number in (2, 4, 8, 16, 32, 60)]
    assert set(pauses[6:]) == {LONGEST}


@given(st.lists(st.tuples(st.booleans(), st.integers(-20_000, 20_000)), max_size=60))
def test_nobody_is_kept_waiting_for_long_whatever_the_clock_did(steps: list[tuple[bool, int]]) -> None:
    clock = Clock(NOON)
    patience = Patience(clock)
    for fails, seconds in steps:
        if ready(patience, 1) and fails:
            patience.failed(1, SLOT.date)
        clock.step(seconds=seconds)
    if not ready(patience, 1):
        clock.moment += 2 * LONGEST
    assert ready(patience, 1) == [1]


def test_who_is_due_no_more_is_forgotten() -> None:
    clock = Clock(NOON)
    patience = Patience(clock)
    patience.failed(1, SLOT.date)
    assert patience.failed_before(1, SLOT.date)
    assert not patience.failed_before(1, SLOT.date + timedelta(days=1))
    assert ready(patience, 1, 2) == [2]
    # The slot of the next day is another thing.
    assert ready(patience, 1, 2, slot=Slot(date(2026, 3, 3), "daily")) == [1, 2]
    assert not patience.failed_before(1, SLOT.date)
    assert ready(patience, 1) == [1]


def test_many_are_tried_again_a_few_at_a_time_the_first_first() -> None:
    clock = Clock(NOON)
    patience = Patience(clock)
    everyone = range(1, 2 * MOST + 1)
    for number in everyone:
        patience.failed(number, SLOT.date)
    clock.moment += FIRST
    first = ready(patience, *everyone)
    assert first == list(everyone)[:MOST]
    for number in first:
        patience.failed(number, SLOT.date)
    assert ready(patience, *everyone) == list(everyone)[MOST:]
