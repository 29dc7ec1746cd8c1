"""The garbage collector is as it was before, however spans of much work overlap."""

import asyncio
import gc
import subprocess
import sys

from newsletter.pipeline.sweeping import OBJECTS_BETWEEN_SWEEPS, less_to_sweep


async def test_spans_that_overlap_give_back_what_was_before() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    begun, done = asyncio.Event(), asyncio.Event()

    async def longer() -> None:
        async with less_to_sweep():
            begun.set()
            await done.wait()
            assert gc.get_threshold()[0] == OBJECTS_BETWEEN_SWEEPS
            assert gc.get_freeze_count()

    task = asyncio.create_task(longer())
    async with less_to_sweep():
        await begun.wait()
    done.set()
    await task
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() <= frozen


async def test_a_span_that_fails_gives_it_back_too() -> None:
    before = gc.get_threshold()
    try:
        async with less_to_sweep():
            raise ValueError
    except ValueError:
        pass
    assert gc.get_threshold() == before


# Each round makes what refers to itself, and lets go of what an earlier one made.
_ROUNDS = """
import asyncio, collections
from newsletter.pipeline.sweeping import less_to_sweep

class Knot:
    alive = most = 0
    def __init__(self):
        self.self = self
        Knot.alive += 1
        Knot.most = max(Knot.most, Knot.alive)
    def __del__(self):
        Knot.alive -= 1

async def main():
    held = collections.deque(maxlen=3)
    for _ in range(200):
        held.append([Knot() for _ in range(300)])
        async with less_to_sweep():
            held.append([Knot() for _ in range(300)])
asyncio.run(main())
print(Knot.most)
"""


def test_what_is_let_go_from_span_to_span_does_not_pile_up() -> None:
    done = subprocess.run([sys.executable, "-c", _ROUNDS], capture_output=True, text=True, check=True)
    # Of 120,000, of which 900 are held.
    assert 900 <= int(done.stdout) < 20_000
