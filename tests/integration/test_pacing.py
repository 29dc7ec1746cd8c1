"""The limits hold across processes, crashes and steps of the clock, with what is really on record."""

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from newsroom import NOW, Clock

from newsletter.clock import Machine
from newsletter.config import Rates
from newsletter.errors import StoreError
from newsletter.models import Outcome
from newsletter.pipeline.pacing import Pacing
from newsletter.store import pace
from newsletter.store.database import Database

LATER = Outcome(delivery_id=1, result="deferred", code=421, enhanced="4.7.0", text="Try again later")
SENT = Outcome(delivery_id=1, result="sent", code=250)


class Steady(Machine):
    """The steady clock of a machine, moved by hand."""

    def __init__(self, boot: str = "one") -> None:
        super().__init__(boot)
        object.__setattr__(self, "now", 1000.0)

    def seconds(self) -> float:
        return float(self.now)  # type: ignore[attr-defined]

    def step(self, seconds: float) -> None:
        object.__setattr__(self, "now", self.seconds() + seconds)


class Times:
    """Both clocks, which go alike unless one is stepped."""

    def __init__(self) -> None:
        self.wall = Clock(NOW)
        self.machine = Steady()

    def go(self, seconds: float) -> None:
        self.wall.step(seconds=seconds)
        self.machine.step(seconds)


@pytest.fixture
def times() -> Times:
    """Clocks in the hand."""
    return Times()


def pacing(database: Database, times: Times, machine: Machine | None = None, **rates: object) -> Pacing:
    return Pacing(
        database,
        times.wall,
        Rates(**rates),
        timezone="UTC",
        chance=random.Random(1),
        machine=machine or times.machine,
    )


async def admitted(one: Pacing, times: Times, number: int, domain: str = "example.org") -> int:
    """Ask for so many messages, and return how many may start at once, the record being asked as often as it takes."""
    found = 0
    for _ in range(number):
        async with asyncio.timeout(20):
            while 0 < (wait := one.admit(domain)) < 1:
                await asyncio.sleep(0.001)
                times.go(0.001)
        if wait:
            return found
        found += 1
        one.ended(domain, SENT)
    return found


async def test_a_crash_at_any_moment_never_lets_more_through(database: Database, times: Times) -> None:
    through = 0
    for number in (0, 3, 1, 30, 0, 200):
        one = pacing(database, times, window_messages=100, window_seconds=3600)
        # What a kill leaves: nothing is given back, and what is being written may or may not arrive.
        await one.__aenter__()
        through += await admitted(one, times, number)
        assert one._task is not None
        one._task.cancel()
        await asyncio.gather(one._task, return_exceptions=True)
    # Five crashes may each cost what was reserved ahead.
    assert 100 - 5 * 10 <= through <= 100
    times.go(3600 * 1.1)
    async with pacing(database, times, window_messages=100, window_seconds=3600) as one:
        assert await admitted(one, times, 200) == 100


async def test_two_processes_share_the_limits(database: Database, times: Times) -> None:
    limits = {"window_messages": 60, "domain_per_minute": 40}
    async with AsyncExitStack() as stack:
        both = [await stack.enter_async_context(pacing(database, times, **limits)) for _ in range(2)]
        found = await asyncio.gather(*(admitted(one, times, 30) for one in both))
        assert 30 <= sum(found) <= 40
        more = await asyncio.gather(*(admitted(one, times, 30, "b.example") for one in both))
        assert sum(found) + sum(more) <= 60


async def test_an_end_gives_back_what_was_not_used(database: Database, times: Times) -> None:
    for _ in range(50):
        async with pacing(database, times, window_messages=50, domain_per_minute=50) as one:
            assert await admitted(one, times, 1) == 1
    async with pacing(database, times, window_messages=50, domain_per_minute=50) as one:
        assert await admitted(one, times, 1) == 0
        whole = one.held()[0]
        assert (whole.name, whole.setting) == ("", "window_messages")
        assert timedelta(minutes=59) < whole.until - NOW < timedelta(minutes=65)


async def test_a_back_off_is_kept_across_restarts(database: Database, times: Times) -> None:
    async with pacing(database, times, back_off=600) as one:
        assert one.admit("a.example") == one.admit("b.example") == 0
        one.ended("a.example", LATER)
    times.go(300)
    async with pacing(database, times, back_off=600) as one:
        assert 250 < one.admit("a.example") < 500
        assert one.admit("b.example") == 0
    times.go(600)
    async with pacing(database, times, back_off=600) as one:
        assert one.admit("a.example") == 0
        one.ended("a.example", SENT)
    async with database.connect() as connection:
        assert await pace.backing_off(connection) == {}


@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(days=1)])
async def test_a_step_of_the_clock_neither_opens_nor_stops_anything(
    database: Database, times: Times, step: timedelta
) -> None:
    limits = {"window_messages": 20, "window_seconds": 600, "warm_up_from": date(2026, 3, 1), "warm_up_first": 30}
    async with pacing(database, times, **limits) as one:
        assert await admitted(one, times, 15) == 15
        # In the midst of a run,
        times.wall.moment += step
        assert await admitted(one, times, 15) == 5
    # and for the next one.
    async with pacing(database, times, **limits) as one:
        assert await admitted(one, times, 15) == 0
    times.go(660)
    async with pacing(database, times, **limits) as one:
        assert await admitted(one, times, 30) == 20
    # The day is not over either, though the clock may say so: 45, less what is left of it.
    times.go(660)
    async with pacing(database, times, **limits) as one:
        assert 0 < await admitted(one, times, 50) <= 30 * 1.5**2 - 40


async def test_after_another_boot_the_clock_of_the_wall_counts(database: Database, times: Times) -> None:
    async with pacing(database, times, window_messages=20, window_seconds=600) as one:
        assert await admitted(one, times, 30) == 20
    times.wall.moment -= timedelta(hours=1)
    later = Steady("another boot")
    times.machine = later
    async with pacing(database, times, window_messages=20, window_seconds=600) as one:
        assert await admitted(one, times, 1) == 0
        # It cannot know how long ago that was, and waits no longer than the window.
        assert one.everyone() <= 660
        times.go(660)
        assert await admitted(one, times, 30) == 20


async def test_the_days_are_those_of_the_newsletter(database: Database, times: Times) -> None:
    times.wall.moment = datetime(2026, 3, 2, 22, 50, tzinfo=UTC)
    one = Pacing(
        database,
        times.wall,
        Rates(warm_up_from=date(2026, 3, 2), warm_up_first=10, warm_up_growth=2),
        timezone="Europe/Berlin",
        machine=times.machine,
    )
    async with one:
        assert await admitted(one, times, 50) == 10
        assert one.held()[0].until == datetime(2026, 3, 2, 23, tzinfo=UTC)
        times.go(601)
        assert await admitted(one, times, 50) == 20


async def test_without_limits_nothing_is_written(database: Database, times: Times) -> None:
    async with pacing(database, times) as one:
        for number in range(50):
            assert one.admit(f"d{number}.example") == 0
            one.ended(f"d{number}.example", SENT)
    async with database.connect() as connection:
        assert await pace.states(connection, [f"d{number}.example" for number in range(50)] + [""]) == {}


async def test_a_record_that_fails_is_told_to_who_asks(
    new_database: Callable[..., str], times: Times, tmp_path: Path
) -> None:
    database = Database.at(new_database("sqlite"))
    async with pacing(database, times, window_messages=1000) as one:
        assert one.admit("example.org") == 0
        async with database.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE pace RENAME TO gone")
        with pytest.raises(StoreError):
            await admitted(one, times, 2000)
    await database.close()
