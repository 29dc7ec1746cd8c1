"""The clockwork works, stops cleanly, and whoever is due is sent to once, whatever the clocks do."""

import asyncio
import os
import signal
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from clockwork import counting, running
from newsroom import NOW, Newsroom, address, beside, ended, open_newsroom, papers, until
from servers import Late, Server
from structlog.testing import capture_logs

from newsletter.app import App
from newsletter.clock import SystemClock
from newsletter.errors import DeliveryError, StoreError
from newsletter.pipeline import compose, refresh, subscribers
from newsletter.pipeline.due import due_now
from newsletter.ranking import Ranker
from newsletter.schedule import local
from newsletter.schedule.local import Clockwork, look_at_feeds, tick


async def sent_days(room: Newsroom) -> list[tuple[str, date]]:
    """Return whose edition of which day is on record as sent."""
    found = await room.records()
    assert {str(one.delivery.state) for one in found} <= {"sent"}
    return sorted((one.delivery.address.partition("@")[0], one.edition) for one in found)


# The clockwork


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(days=-300), timedelta(days=1)])
async def test_acts_run_at_once_and_at_intervals(small_room: Newsroom, ahead: timedelta) -> None:
    calls: Counter[str] = Counter()
    # The machine's clock alone plans them.
    small_room.clock.moment = SystemClock().now() + ahead
    clockwork = Clockwork(small_room.app)
    clockwork.every(0.05, counting(calls, "often"))
    clockwork.every(3600, counting(calls, "rarely"))
    async with running(clockwork):
        await until(lambda: calls["often"] >= 3)
    assert calls["rarely"] == 1
    number = calls["often"]
    await asyncio.sleep(0.15)
    assert calls["often"] == number


@pytest.mark.parametrize("fault", [StoreError("The disk is full."), ValueError("a bug"), DeliveryError("It is dead.")])
async def test_one_fault_stops_neither_the_others_nor_the_next_time(
    small_room: Newsroom, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    calls: Counter[str] = Counter()
    small_room.clock.moment = SystemClock().now()
    clockwork = Clockwork(small_room.app)
    clockwork.every(0.05, counting(calls, "failing", fault))
    clockwork.every(0.05, counting(calls, "well"))
    async with running(clockwork):
        await until(lambda: calls["failing"] >= 2 and calls["well"] >= 2)
    # It is told in our words, and not a second time by APScheduler.
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_an_act_never_runs_twice_at_once(small_room: Newsroom) -> None:
    at_work = most = calls = 0

    async def slow(_: App) -> None:
        nonlocal at_work, most, calls
        at_work, calls = at_work + 1, calls + 1
        most = max(most, at_work)
        await asyncio.sleep(0.12)
        at_work -= 1

    small_room.clock.moment = SystemClock().now()
    clockwork = Clockwork(small_room.app)
    clockwork.every(0.03, slow)
    async with running(clockwork):
        await until(lambda: calls >= 3)
    assert most == 1


async def test_a_stop_waits_for_the_clean_end_of_what_is_under_way(
    small_room: Newsroom, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[str] = []

    async def careful(_: App) -> None:
        events.append("begun")
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.1)
            events.append("cleaned up")

    small_room.clock.moment = SystemClock().now()
    clockwork = Clockwork(small_room.app)
    clockwork.every(3600, careful)
    async with running(clockwork):
        await until(lambda: events)
    assert events == ["begun", "cleaned up"]
    # An end that was asked for is no fault.
    assert [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []


async def test_a_stop_while_mail_is_under_way_loses_and_repeats_nothing(small_room: Newsroom) -> None:
    room = small_room
    await room.take_in(*papers(0, 1))
    names = [f"reader{number}" for number in range(6)]
    for name in names:
        await room.subscribe(name, hour=8)
    room.clock.moment = NOW + timedelta(days=1)
    started = asyncio.Event()

    def slow(_: str) -> Any:
        started.set()
        return Late(0.3, "250 2.0.0 Kept")

    async with Server(rules={"end": slow}) as server:
        room.relay(server)
        clockwork = Clockwork(room.app)
        room.clock.moment = SystemClock().now()
        await room.say("UPDATE subscribers SET subscribed_at = '2020-01-01 00:00:00'")
        await room.say("UPDATE papers SET first_seen_at = :now", now=str(room.clock.moment.replace(tzinfo=None)))
        clockwork.every(3600, tick)
        async with running(clockwork):
            await asyncio.wait_for(started.wait(), 20)
        reached = len(server.messages)
        assert 1 <= reached < 6
        states = Counter((await room.states()).values())
        assert states == {"sent": reached, "queued": 6 - reached}
        server.rules.clear()
        await tick(room.app)
    assert Counter(server.recipients) == dict.fromkeys(map(address, names), 1)


# What a tick does, for people at whose hours the clocks change and others

ZONES = {
    "ada": ("Europe/Berlin", "daily", 2),
    "bob": ("America/New_York", "daily", 1),
    "cyd": ("Pacific/Kiritimati", "weekdays", 0),
    "dan": ("Asia/Kathmandu", "weekly:sun", 23),
    "eve": ("UTC", "daily", 12),
}


async def readers(room: Newsroom) -> None:
    for name, (timezone, cadence, hour) in ZONES.items():
        await room.subscribe(name, timezone=timezone, cadence=cadence, hour=hour)


def due_between(start: datetime, end: datetime) -> list[tuple[str, date]]:
    """Return who is due for which day, by looking at every quarter of an hour there is."""
    found = []
    for name, (timezone, cadence, hour) in ZONES.items():
        seen: set[date] = set()
        for quarter in range(int((end - start) / timedelta(minutes=15))):
            there = (start + quarter * timedelta(minutes=15)).astimezone(ZoneInfo(timezone))
            on = {"daily": True, "weekdays": there.weekday() < 5, "weekly:sun": there.weekday() == 6}[cadence]
            # An hour that is left out has come when the clock shows a later one.
            if on and there.hour >= hour and there.date() not in seen:
                seen.add(there.date())
                # What has come before the start was not theirs to get.
                if quarter:
                    found.append((name, there.date()))
    return sorted(found)


async def play(room: Newsroom, start: datetime, end: datetime, step: timedelta) -> None:
    """Tick from a moment to another."""
    room.clock.moment = start
    while room.clock.moment < end:
        await tick(room.app)
        room.clock.moment += step


async def three_days(room: Newsroom, start: datetime) -> None:
    """Tick every hour for three days, and see that everyone was sent to when they were due."""
    end = start + timedelta(days=3)
    room.set("ranking", papers=1)
    room.clock.moment = start - timedelta(minutes=1)
    await readers(room)
    await room.take_in(*papers(*range(24)))
    async with Server() as server:
        room.relay(server)
        await play(room, start, end, timedelta(hours=1))
    expected = due_between(start, end)
    assert len(expected) >= 11
    assert await sent_days(room) == expected
    assert Counter(server.recipients) == Counter(address(name) for name, _ in expected)


async def test_everyone_is_sent_to_once_a_slot(room: Newsroom) -> None:
    await three_days(room, datetime(2026, 6, 5, 4, 30, tzinfo=UTC))


# Fridays before the changes of summer time in Europe, and in America.
@pytest.mark.parametrize("day", [date(2026, 3, 27), date(2026, 10, 23), date(2026, 3, 6), date(2026, 10, 30)])
async def test_everyone_is_sent_to_once_a_slot_when_summer_time_changes(small_room: Newsroom, day: date) -> None:
    await three_days(small_room, datetime(day.year, day.month, day.day, 4, 30, tzinfo=UTC))


async def test_two_schedulers_send_nothing_twice(room: Newsroom, database_url: str, tmp_path: Path) -> None:
    start = datetime(2026, 6, 5, 4, 30, tzinfo=UTC)
    room.set("ranking", papers=1)
    room.clock.moment = start - timedelta(minutes=1)
    await readers(room)
    for number in range(6):
        await room.subscribe(f"reader{number}", hour=6)
    await room.take_in(*papers(*range(24)))
    async with Server() as server, open_newsroom(database_url, tmp_path, ranking={"papers": 1}) as other:
        room.relay(server)
        other.relay(server)
        for _ in range(12):
            room.clock.step(hours=3)
            other.clock.moment = room.clock.moment
            await asyncio.gather(tick(room.app), tick(other.app))
        # What one had claimed when the other looked is sent by the time both have ended.
        await tick(room.app)
    issues = await sent_days(room)
    assert len(issues) == len(set(issues)) >= 15
    assert Counter(server.recipients) == Counter(address(name) for name, _ in issues)


# People for whom choosing fails


def failing(room: Newsroom, monkeypatch: pytest.MonkeyPatch, *, everybody: bool = False) -> list[datetime]:
    """Let choosing fail where somebody muted the violin, or always; return the moments of such tries."""
    choose = Ranker.choose
    tries: list[datetime] = []

    def fails(self: Ranker, profiles: Any, *given: Any, **more: Any) -> Any:
        if everybody or any(profile.muted == ("violin",) for profile in profiles):
            tries.append(room.clock.moment)
            raise ZeroDivisionError
        return choose(self, profiles, *given, **more)

    monkeypatch.setattr(Ranker, "choose", fails)
    return tries


async def minutes(room: Newsroom, number: int) -> list[dict[str, Any]]:
    """Tick each minute, and return what was logged beside the daily business."""
    with capture_logs() as logs:
        for _ in range(number):
            await tick(room.app)
            room.clock.step(minutes=1)
    return [dict(one) for one in logs if one["log_level"] in ("warning", "error")]


async def test_for_whom_choosing_fails_is_told_once_a_slot_and_tried_ever_more_seldom(
    small_room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = small_room
    await room.take_in(*papers(*range(6)))
    ada = await room.subscribe("ada", muted_words=("violin",), hour=10)
    await room.subscribe("bob", hour=10)
    await room.subscribe("eve", hour=11)
    room.set("ranking", papers=2)
    room.clock.moment = NOW.replace(hour=10)
    with monkeypatch.context() as broken:
        tries = failing(room, broken)
        first = await minutes(room, 1)
        assert set(await room.states()) == {"bob"}
        assert [one.get("subscriber") for one in first] == [None, ada.id]
        assert [one.get("day") for one in first] == [None, NOW.date()]
        later = await minutes(room, 5 * 60)
        assert set(await room.states()) == {"bob", "eve"}
        assert later == []
        waited = [later - earlier for earlier, later in pairwise(sorted(set(tries)))]
        assert waited == [timedelta(minutes=number) for number in (2, 4, 8, 16, 32, 60, 60, 60)]
    tried = room.clock.moment
    await minutes(room, 61)
    assert set(await room.states()) == {"ada", "bob", "eve"}
    assert (await room.record("ada")).delivery.queued_at - tried <= timedelta(hours=1)
    with monkeypatch.context() as broken:
        failing(room, broken)
        room.clock.moment = NOW.replace(hour=10) + timedelta(days=1)
        assert [one["subscriber"] for one in await minutes(room, 30) if "subscriber" in one] == [ada.id]


async def test_several_for_whom_choosing_fails_hold_up_nobodys_mail(
    small_room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = small_room
    await room.take_in(*papers(*range(3)))
    for number in range(compose.MOST_LEFT_OUT + 2):
        await room.subscribe(f"odd{number}", muted_words=("violin",), hour=10)
    await room.subscribe("bob", hour=10)
    room.clock.moment = NOW.replace(hour=10)
    tries = failing(room, monkeypatch)
    # So many in a row look like a fault that is nobody's; at the next tick they wait.
    with pytest.raises(ZeroDivisionError):
        await tick(room.app)
    room.clock.step(minutes=1)
    told = await minutes(room, 10)
    assert await room.states() == {"bob": "caught"}
    assert len([one for one in told if "subscriber" in one]) == 2
    # Those who failed first were tried again.
    assert len(set(tries)) > 2


async def test_what_waits_is_sent_though_choosing_fails_for_everybody(
    small_room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = small_room
    await room.take_in(*papers(*range(3)))
    await room.subscribe("early", hour=8)
    await room.compose(only=address("early"))
    for number in range(compose.MOST_LEFT_OUT):
        await room.subscribe(f"late{number}", hour=10)
    room.clock.moment = NOW.replace(hour=10)
    failing(room, monkeypatch, everybody=True)
    with pytest.raises(ZeroDivisionError):
        await tick(room.app)
    assert await room.states() == {"early": "caught"}


async def test_a_late_start_sends_what_was_missed_once(small_room: Newsroom) -> None:
    small_room.set("ranking", papers=2)
    await small_room.subscribe("ada", hour=7)
    await small_room.subscribe("bob", hour=7)
    await small_room.take_in(*papers(0, 1, 2, 3, 4, 5))
    async with Server() as server:
        small_room.relay(server)
        # It stood still from before 7:00 of the 3rd to the noon of the 5th: one issue makes up for all.
        small_room.clock.moment = NOW.replace(day=5, hour=12)
        await tick(small_room.app)
        await tick(small_room.app)
        assert await sent_days(small_room) == [("ada", date(2026, 3, 5)), ("bob", date(2026, 3, 5))]
        # It stood still over an hour later than it may catch up, and until the next.
        small_room.clock.moment = NOW.replace(day=6, hour=6)
        await tick(small_room.app)
        small_room.clock.step(hours=1)
        await tick(small_room.app)
    assert [day for _, day in await sent_days(small_room)] == [date(2026, 3, 5), date(2026, 3, 6)] * 2
    assert len(server.messages) == 4


async def test_what_is_too_late_waits_for_the_next_slot(small_room: Newsroom) -> None:
    small_room.set("schedule", catch_up_hours=3)
    await small_room.subscribe("ada", hour=7)
    await small_room.take_in(*papers(0))
    async with Server() as server:
        small_room.relay(server)
        small_room.clock.moment = NOW.replace(day=3, hour=11)
        await tick(small_room.app)
        assert server.messages == []
        small_room.clock.moment = NOW.replace(day=4, hour=9)
        await tick(small_room.app)
        assert len(server.messages) == 1


async def test_a_clock_that_steps_back_sends_nothing_twice(small_room: Newsroom) -> None:
    small_room.set("ranking", papers=1)
    small_room.clock.step(days=-9)
    await small_room.subscribe("ada", hour=7)
    small_room.clock.step(days=9)
    await small_room.take_in(*papers(0, 1, 2, 3))
    async with Server() as server:
        small_room.relay(server)
        small_room.clock.moment = NOW.replace(day=3, hour=7)
        await tick(small_room.app)
        assert len(server.messages) == 1
        for back in (timedelta(minutes=5), timedelta(hours=3), timedelta(days=1)):
            small_room.clock.moment -= back
            await tick(small_room.app)
        await play(small_room, small_room.clock.moment, NOW.replace(day=3, hour=8), timedelta(hours=2))
        assert len(server.messages) == 1
        small_room.clock.moment = NOW.replace(day=4, hour=7)
        await tick(small_room.app)
    assert await sent_days(small_room) == [("ada", date(2026, 3, 3)), ("ada", date(2026, 3, 4))]


async def test_a_slot_with_nothing_in_it_is_not_looked_at_again_until_the_next(small_room: Newsroom) -> None:
    await small_room.subscribe("ada", hour=7)
    async with Server() as server:
        small_room.relay(server)
        small_room.clock.moment = NOW.replace(day=3, hour=7)
        await tick(small_room.app)
        await small_room.take_in(*papers(0))
        small_room.clock.step(hours=1)
        await tick(small_room.app)
        assert server.messages == []
        small_room.clock.step(days=1)
        await tick(small_room.app)
        assert len(server.messages) == 1


async def test_a_tick_sends_what_was_deferred_when_its_time_comes(small_room: Newsroom) -> None:
    room = small_room
    await room.subscribe("ada", hour=7)
    await room.take_in(*papers(0))
    async with Server(rules={"RCPT": "450 4.2.1 Later"}) as server:
        room.relay(server)
        room.clock.moment = NOW.replace(day=3, hour=7)
        await tick(room.app)
        server.rules.clear()
        room.clock.step(minutes=1)
        await tick(room.app)
        assert server.messages == []
        room.clock.step(minutes=10)
        await tick(room.app)
        assert server.recipients == [address("ada")]


async def test_a_tick_with_a_dead_server_says_so_and_the_next_sends(
    small_room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = small_room
    await room.subscribe("ada", hour=7)
    await room.take_in(*papers(0))
    async with Server() as server:
        room.relay(server, timeout=1)
    room.clock.moment = NOW.replace(day=3, hour=7)
    monkeypatch.setattr("newsletter.delivery.pool.reconnect_pause", lambda *_: 0.0)
    with pytest.raises(DeliveryError, match="cannot be reached"):
        await tick(room.app)
    async with Server() as server:
        room.relay(server)
        room.clock.step(minutes=1)
        await tick(room.app)
        assert server.recipients == [address("ada")]


async def test_an_idle_tick_does_not_touch_the_mail_server(small_room: Newsroom) -> None:
    await small_room.subscribe("ada", hour=7)
    await small_room.take_in(*papers(0))
    async with Server() as server:
        small_room.relay(server)
        small_room.clock.moment = NOW.replace(day=3, hour=6)
        await tick(small_room.app)
        assert server.connections == 0


async def test_an_issue_of_a_day_to_come_does_not_stand_for_the_days_before_it(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(*range(12)))
    await small_room.subscribe("ada")
    await small_room.compose(small_room.clock.now().date() + timedelta(days=60))
    small_room.clock.step(days=1)
    due = await due_now(small_room.database, small_room.clock.now(), timedelta(hours=36))
    assert [person.email for person, _ in due] == [address("ada")]


async def test_who_unsubscribes_is_not_due(small_room: Newsroom) -> None:
    await small_room.subscribe("ada", hour=7)
    await small_room.take_in(*papers(0))
    await subscribers.remove(small_room.database, small_room.clock, address("ada"), source="test")
    small_room.clock.moment = NOW.replace(day=3, hour=7)
    await tick(small_room.app)
    assert await small_room.records() == []


async def test_the_feeds_are_looked_at(small_room: Newsroom, tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_text('[{"title": "One work", "paper": {"id": "2603.00001", "title": "One work"}}, 7]')
    await refresh.add_feed(small_room.database, small_room.clock, str(file))
    await refresh.add_feed(small_room.database, small_room.clock, "http://127.0.0.1:1/dead")
    await look_at_feeds(small_room.app)
    (titles,) = await small_room.rows("SELECT title FROM papers")
    assert titles == ("One work",)


async def test_the_whole_ends_with_the_signal(small_room: Newsroom) -> None:
    small_room.clock.moment = SystemClock().now()
    async with beside(local.run(small_room.app)) as running:
        await asyncio.sleep(0.1)
        assert not running.done()
        os.kill(os.getpid(), signal.SIGTERM)
        await ended(running)
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().remove_signal_handler(name)


# Who waits at a page


async def ask_for_link(room: Newsroom, name: str) -> None:
    """Do what the page does for somebody who lost their mail."""
    person = await subscribers.find(room.database, address(name))
    async with room.database.begin() as connection:
        assert await room.app.notices.tell(connection, person, "link", asked=True)


async def test_what_somebody_waits_for_at_a_page_is_sent_before_the_next_tick(room: Newsroom) -> None:
    await room.take_in(*papers(*range(3)))
    for name in ("ada", "bob"):
        await room.subscribe(name)
    answer = local.Answering()
    async with Server() as server:
        room.relay(server)
        # What was there at the start, and issues, are the tick's.
        await ask_for_link(room, "bob")
        await answer(room.app)
        await room.compose()
        await answer(room.app)
        assert server.recipients == []
        await ask_for_link(room, "ada")
        async with room.app.sending_turn:
            await answer(room.app)
        assert server.recipients == []
        await answer(room.app)
        assert Counter(server.recipients) == Counter({address("ada"): 2, address("bob"): 2})


async def test_what_cannot_be_sent_at_once_waits_for_the_tick(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    async def fails(_: App) -> None:
        tries.append(1)
        raise DeliveryError("It is dead.")

    await room.subscribe("ada")
    answer = local.Answering()
    await answer(room.app)
    await ask_for_link(room, "ada")
    with monkeypatch.context() as broken:
        broken.setattr(local, "_send", fails)
        with pytest.raises(DeliveryError):
            await answer(room.app)
        await answer(room.app)
    assert tries == [1]
    async with Server() as server:
        room.relay(server)
        await tick(room.app)
        assert server.recipients == [address("ada")]
