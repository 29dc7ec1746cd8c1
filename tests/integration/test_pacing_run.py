"""A run keeps within the limits by the server's own record, says what waits for them, and the next goes on."""

import asyncio
import json
import re
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from newsroom import Newsroom, papers
from servers import Server

from newsletter.clock import Machine, SystemClock
from newsletter.config import DomainRate


@pytest.fixture
async def room(small_room: Newsroom) -> Newsroom:
    """A newsletter with papers and the clock of the machine, which the pace goes by."""
    small_room.clock.moment = SystemClock().now()
    await small_room.take_in(*papers(0, 1, 2))
    return small_room


async def readers(room: Newsroom, number: int, domain: str = "example.org") -> None:
    for one in range(number):
        await room.subscribe(f"reader{one}@{domain}")


async def run(room: Newsroom) -> Any:
    """Do one run of sending, as the app makes it."""
    sending = await room.app.sending()
    async with room.courier() as courier:
        return await sending.run(courier)


async def test_a_window_stops_a_run_which_says_so_and_a_later_one_goes_on(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    await readers(room, 12)
    await room.compose()
    room.set("rates", window_messages=5, window_seconds=3600)
    async with Server() as server:
        room.relay(server)
        report = await run(room)
        assert len(server.messages) == 5
        assert report.states == {"sent": 5}
        (held,) = report.held
        assert held.words == "the limit of 5 messages in 3,600 seconds"
        assert timedelta(minutes=59) < held.until - SystemClock().now() < timedelta(minutes=65)
        # Nothing is put off in the record: all of it is due when the limit has room.
        assert set((await room.states()).values()) == {"sent", "queued"}
        assert len((await run(room)).held) == 1
        assert len(server.messages) == 5
        later = Machine("").seconds() + 4000
        monkeypatch.setattr(Machine, "seconds", lambda _: later)
        room.clock.step(seconds=4000)
        assert (await run(room)).states == {"sent": 5}
        assert len(set(server.recipients)) == len(server.messages) == 10


async def test_a_rate_is_kept_and_the_run_sends_everything(room: Newsroom) -> None:
    await readers(room, 12)
    await room.compose()
    room.set("rates", per_second=20)
    starts: list[float] = []

    def note(_: str) -> None:
        starts.append(time.monotonic())

    async with Server(rules={"MAIL": note}) as server:
        room.relay(server)
        report = await run(room)
        assert report.states == {"sent": 12}
        assert report.held == ()
        assert len(set(server.recipients)) == 12
    # A message may be made while the one before it is on its way, so they come no closer than that on the whole.
    assert starts[-1] - starts[0] >= 10 / 20


async def test_one_domain_waits_and_the_others_do_not(room: Newsroom) -> None:
    await readers(room, 6, "slow.example")
    await readers(room, 6, "fast.example")
    await room.compose()
    room.set("rates", domains={"slow.example": DomainRate(per_minute=2)})
    async with Server() as server:
        room.relay(server)
        report = await run(room)
    domains = [recipient.partition("@")[2] for recipient in server.recipients]
    assert domains.count("fast.example") == 6
    assert domains.count("slow.example") == 2
    assert report.states == {"sent": 8}
    assert report.held[0].words == "the limit of 2 messages a minute to slow.example"
    # Each is due at a time of its own.
    waiting = [one.delivery for one in await room.records() if one.delivery.state == "queued"]
    assert len({one.due_at for one in waiting}) == 4
    assert all(one.attempts == 0 and one.due_at > room.clock.now() for one in waiting)
    assert report.next_due == min(one.due_at for one in waiting)


async def test_a_domain_that_gets_too_much_is_left_alone(room: Newsroom) -> None:
    await readers(room, 8, "slow.example")
    await readers(room, 4, "fast.example")
    await room.compose()

    def refuse(recipient: str) -> str | None:
        return "450 4.7.28 You send too fast" if recipient.endswith("slow.example") else None

    async with Server(rules={"RCPT": refuse}) as server:
        room.relay(server, connections=1)
        report = await run(room)
        asked = [line for line in server.commands if line.startswith("RCPT") and "slow.example" in line]
    assert len(server.messages) == 4
    # One that was ready with it may still go.
    assert 1 <= len(asked) <= 3
    assert report.states == {"sent": 4, "deferred": len(asked)}
    assert report.held[0].words == "slow.example, which said that it gets too much"


async def test_a_warm_up_counts_the_days_of_the_newsletter(room: Newsroom) -> None:
    await readers(room, 9)
    await room.compose()
    today = room.clock.now().date()
    room.set("rates", warm_up_from=today - timedelta(days=1), warm_up_first=4, warm_up_growth=1.5)
    async with Server() as server:
        room.relay(server)
        report = await run(room)
        assert len(server.messages) == 6
        assert report.held[0].words == "the warm-up's limit of today"


async def test_two_runs_at_once_share_a_window(room: Newsroom) -> None:
    await readers(room, 30)
    await room.compose()
    room.set("rates", window_messages=20, window_seconds=3600)
    room.set("delivery", batch=4)
    async with Server() as server:
        room.relay(server)
        await asyncio.gather(run(room), run(room))
        assert len(set(server.recipients)) == len(server.messages) <= 20
        await run(room)
        assert len(set(server.recipients)) == len(server.messages) == 20


async def test_the_program_says_what_waits_for_which_limit_and_that_is_no_fault(room: Newsroom, tmp_path: Path) -> None:
    await readers(room, 6)
    await room.compose()
    config = tmp_path / "config.toml"

    async def newsletter(*words: str) -> tuple[int, str]:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "newsletter", "--config", str(config), *words),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, _ = await asyncio.wait_for(child.communicate(), 60)
        return child.returncode or 0, said.decode()

    async with Server() as server:
        config.write_text(
            f'[database]\nurl = "sqlite:///{room.database.file}"\n[newsletter]\nfrom_address = "p@lists.example"\n'
            f'[smtp]\nhost = "127.0.0.1"\nport = {server.port}\n[rates]\nwindow_messages = 4\n'
        )
        code, said = await newsletter("send")
        assert code == 0, said
        assert len(server.messages) == 4
        waits = r"2 messages wait for the limit of 4 messages in 3,600 seconds, next at \d{4}-\d\d-\d\d \d\d:\d\d UTC\."
        assert re.search(waits, said)
        code, said = await newsletter("status")
        assert "held up" in said
        assert "the limit of 4 messages in 3,600 seconds" in said
        code, said = await newsletter("status", "--json")
        (held,) = json.loads(said)["held"]
        assert (held["name"], held["setting"]) == ("", "window_messages")
        # To look takes nothing of the limit.
        code, said = await newsletter("send", "--json")
        assert code == 0, said
        assert json.loads(said.splitlines()[-1])["held"][0]["setting"] == "window_messages"
        assert len(server.messages) == 4
