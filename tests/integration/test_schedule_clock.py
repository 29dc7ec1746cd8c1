"""Ticks go on when the clock of the machine steps, though APScheduler plans by it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apscheduler.schedulers import base
from newsroom import Newsroom, beside, ended, until

from newsletter.app import App
from newsletter.clock import SystemClock
from newsletter.schedule.local import Clockwork


class Wall:
    """The clock of the machine, and a step in it."""

    def __init__(self) -> None:
        self.step = timedelta()

    def now(self) -> datetime:
        """Return the time that the machine shows."""
        return datetime.now(UTC) + self.step


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    """A clock that APScheduler goes by, and that can be stepped."""
    wall = Wall()

    class Stepped(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return wall.now().astimezone(tz)

    monkeypatch.setattr(base, "datetime", Stepped)
    monkeypatch.setattr("newsletter.schedule.local.SLACK", timedelta(seconds=0.2))
    return wall


@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(days=-400), timedelta(days=1)])
async def test_ticks_go_on_when_the_clock_steps(small_room: Newsroom, wall: Wall, step: timedelta) -> None:
    ticks = others = 0

    async def tick(_: App) -> None:
        nonlocal ticks
        ticks += 1

    async def rarely(_: App) -> None:
        nonlocal others
        others += 1

    small_room.clock.moment = SystemClock().now()
    clockwork = Clockwork(small_room.app, wall=wall)
    clockwork.every(0.05, tick)
    clockwork.every(7200, rarely)
    async with beside(clockwork.run()) as running:
        await until(lambda: ticks >= 2)
        wall.step = step
        before = ticks
        await until(lambda: ticks >= before + 5)
        clockwork.stop()
        await ended(running)
    # What has a long interval runs early at most once, and not at every look.
    assert others <= 2


async def test_what_is_merely_waiting_is_left_alone(small_room: Newsroom, wall: Wall) -> None:
    calls = looks = 0

    async def rarely(_: App) -> None:
        nonlocal calls
        calls += 1

    async def often(_: App) -> None:
        nonlocal looks
        looks += 1

    small_room.clock.moment = SystemClock().now()
    clockwork = Clockwork(small_room.app, wall=wall)
    clockwork.every(3600, rarely)
    clockwork.every(0.02, often)
    async with beside(clockwork.run()) as running:
        await until(lambda: looks >= 10)
        clockwork.stop()
        await ended(running)
    assert calls == 1
