"""The garbage collector is as it was before, however spans of much work overlap."""

import asyncio
import gc

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
