"""Turns: in one process, and of all processes of this machine; only the machine's clock is in the hand."""

import asyncio
import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from newsroom import NOW, Clock, ended

from newsletter.errors import FeedError
from newsletter.feeds.fetching.machine import Turnstile, default_folder
from newsletter.feeds.fetching.manners import Manners, is_arxiv


class Machine:
    """A machine whose clock stands still until it is moved."""

    def __init__(self, boot: str = "first", moment: float = 100.0) -> None:
        self.boot = boot
        self.moment = moment

    def seconds(self) -> float:
        return self.moment


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a turn waited; nothing really does."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(round(seconds, 3))

    monkeypatch.setattr("newsletter.feeds.fetching.machine.asyncio.sleep", sleep)
    return waited


async def turn(folder: Path, machine: Any, seconds: float = 3.0) -> None:
    async with Turnstile(folder, "arxiv", seconds, machine).turn():
        pass


async def test_the_next_turn_is_so_many_seconds_after_the_last(tmp_path: Path, slept: list[float]) -> None:
    machine, folder = Machine(), tmp_path / "turns"
    await turn(folder, machine)
    machine.moment += 1
    await turn(folder, machine)
    machine.moment += 5
    await turn(folder, machine)
    assert slept == [0, 2, 0]


async def test_a_turn_at_once_after_the_last_waits_too(tmp_path: Path, slept: list[float]) -> None:
    # The moment of the last is never noted as one that is still to come.
    machine, folder = Machine(), tmp_path / "turns"
    machine.moment += 0.0006
    await turn(folder, machine)
    await turn(folder, machine)
    assert slept == [0, 3]


@pytest.mark.parametrize(
    ("boot", "step"),
    [("second", 1.0), ("second", -90.0), ("first", -50.0)],
    ids=["restarted", "restarted-early", "back"],
)
async def test_a_clock_that_begins_anew_keeps_nobody_waiting(
    tmp_path: Path, slept: list[float], boot: str, step: float
) -> None:
    machine, folder = Machine(), tmp_path / "turns"
    await turn(folder, machine)
    machine.boot = boot
    machine.moment += step
    await turn(folder, machine)
    assert slept == [0, 0]


@pytest.mark.parametrize("note", [b"", b"\xff\x00 1 2", b"first", b"first nan", b"first inf", b"first 99 99"])
async def test_a_note_that_cannot_be_read_keeps_nobody_waiting(tmp_path: Path, slept: list[float], note: bytes) -> None:
    folder = tmp_path / "turns"
    await turn(folder, Machine())
    (folder / "arxiv").write_bytes(note)
    await turn(folder, Machine())
    assert slept == [0, 0]


async def test_who_is_killed_in_their_turn_gives_it_back(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom newsletter.feeds.fetching.machine import Turnstile\n"
        "async def main():\n async with Turnstile(Path(sys.argv[1]), 'arxiv', 0.1).turn():\n"
        "  print('mine', flush=True)\n  await asyncio.sleep(600)\nasyncio.run(main())"
    )
    folder = tmp_path / "turns"
    with subprocess.Popen(  # noqa: ASYNC220 - it is asked for one line
        [sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout is not None
            assert await asyncio.to_thread(other.stdout.readline) == "mine\n"
            waiting = asyncio.ensure_future(turn(folder, None, 0.0))
            await asyncio.wait([waiting], timeout=0.3)
            assert not waiting.done(), "two have a turn at once"
        finally:
            other.kill()
        await ended(waiting)


async def test_a_folder_that_others_may_write_is_not_trusted(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    file = tmp_path / "file"
    file.write_text("")
    for folder in (shared, link, file, tmp_path / "no" / "where"):
        with pytest.raises(FeedError) as failure:
            await turn(folder, Machine())
        assert failure.value.next_step
    (tmp_path / "mine").mkdir(mode=0o700)
    (tmp_path / "mine" / "arxiv").symlink_to(file)
    with pytest.raises(FeedError, match="cannot be noted"):
        await turn(tmp_path / "mine", Machine())
    assert file.read_text() == ""


async def test_the_folder_is_made_for_this_user_alone(tmp_path: Path, slept: list[float]) -> None:
    await turn(tmp_path / "turns", Machine())
    assert (tmp_path / "turns").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "turns" / "arxiv").stat().st_mode & 0o777 == 0o600
    assert str(os.getuid()) in default_folder().name


async def test_turns_of_a_host_begin_so_far_apart_and_those_of_others_do_not_wait(tmp_path: Path) -> None:
    manners = Manners(Clock(NOW), at_once=5, gap=0.05, folder=tmp_path)
    begun: dict[str, list[float]] = {"a.example": [], "b.example": []}

    async def one(host: str) -> None:
        async with manners.turn(host):
            begun[host].append(asyncio.get_running_loop().time())

    await asyncio.gather(*(one("a.example") for _ in range(4)), one("b.example"))
    moments = begun["a.example"]
    assert all(later - sooner >= 0.05 for sooner, later in itertools.pairwise(moments))
    assert begun["b.example"][0] < moments[1]


@pytest.mark.parametrize(
    ("host", "is_one"),
    [
        ("arxiv.org", True),
        ("export.arxiv.org", True),
        ("RSS.arXiv.org.", True),
        ("notarxiv.org", False),
        ("arxiv.org.example", False),
    ],
)
def test_what_is_arxiv(host: str, is_one: bool) -> None:
    assert is_arxiv(host) is is_one
