"""Ticks go on when the clock of the machine steps, though APScheduler plans by it."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apscheduler.schedulers import base
from clockwork import counting, running
from newsroom import Newsroom, until

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
    calls: Counter[str] = Counter()
    small_room.clock.moment = SystemClock().now()
    clockwork = Clockwork(small_room.app, wall=wall)
    clockwork.every(0.05, counting(calls, "tick"))
    clockwork.every(7200, counting(calls, "rarely"))
    async with running(clockwork):
        await until(lambda: calls["tick"] >= 2)
        wall.step = step
        before = calls["tick"]
        await until(lambda: calls["tick"] >= before + 5)
    # What has a long interval runs early at most once, and not at every look.
    assert calls["rarely"] <= 2


async def test_what_is_merely_waiting_is_left_alone(small_room: Newsroom, wall: Wall) -> None:
    calls: Counter[str] = Counter()
    small_room.clock.moment = SystemClock().now()
    clockwork = Clockwork(small_room.app, wall=wall)
    clockwork.every(3600, counting(calls, "rarely"))
    clockwork.every(0.02, counting(calls, "often"))
    async with running(clockwork):
        await until(lambda: calls["often"] >= 10)
    assert calls["rarely"] == 1


async def test_an_act_that_outlasts_its_interval_warns_nobody(
    small_room: Newsroom, caplog: pytest.LogCaptureFixture
) -> None:
    calls: Counter[str] = Counter()
    done = asyncio.Event()

    async def long(app: App) -> None:
        await counting(calls, "long")(app)
        await done.wait()

    clockwork = Clockwork(small_room.app)
    clockwork.every(0.02, long)
    clockwork.every(0.02, counting(calls, "often"))
    async with running(clockwork):
        await until(lambda: calls["often"] >= 10)
        done.set()
        await until(lambda: calls["long"] >= 2)
    assert not [record.getMessage() for record in caplog.records if record.name.startswith("apscheduler")]
