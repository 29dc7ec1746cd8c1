"""Turns: one at a time, in the order in which they came, bounded in number and in time."""

import asyncio

import pytest

from newsletter.pipeline.turns import BusyError, Turns


async def test_all_who_may_wait_get_their_turn_one_at_a_time() -> None:
    turns, order, inside = Turns(), [], 0

    async def work(number: int) -> None:
        nonlocal inside
        async with turns.turn():
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            order.append(number)
            inside -= 1

    await asyncio.gather(*(work(number) for number in range(40)))
    assert order == list(range(40))


async def test_who_finds_too_many_waiting_is_told_and_the_others_are_not_harmed() -> None:
    turns, done = Turns(most=2), asyncio.Event()

    async def work() -> bool:
        try:
            async with turns.turn():
                await done.wait()
        except BusyError:
            return False
        return True

    # One has the turn, two wait, and the rest are too many.
    tasks = [asyncio.create_task(work()) for _ in range(1)]
    await asyncio.sleep(0)
    tasks += [asyncio.create_task(work()) for _ in range(5)]
    await asyncio.sleep(0)
    done.set()
    assert await asyncio.gather(*tasks) == [True] * 3 + [False] * 3
    async with turns.turn():
        pass


async def test_nobody_waits_longer_than_they_may_and_who_leaves_takes_no_turn() -> None:
    turns = Turns(seconds=0.01)
    async with turns.turn():
        with pytest.raises(BusyError):
            async with turns.turn():
                pytest.fail("two at once")
    patient = Turns()
    async with patient.turn():
        gone = asyncio.create_task(patient.turn().__aenter__())
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
    async with patient.turn():
        pass


async def test_a_fault_gives_the_turn_back() -> None:
    turns = Turns()
    with pytest.raises(KeyError):
        async with turns.turn():
            raise KeyError
    async with turns.turn():
        pass
