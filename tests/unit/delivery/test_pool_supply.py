"""Messages come one at a time, those whose domain has to wait step aside, and every one has one end."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from newsletter.delivery import supply
from newsletter.delivery.supply import MOST_HELD, Queue, Supply
from newsletter.delivery.transaction import Message
from newsletter.models import Outcome


class Ledger:
    """What was given back, and until when."""

    def __init__(self) -> None:
        self.released: list[int] = []
        self.postponed: dict[int, float] = {}

    def sending(self, delivery_id: int) -> "asyncio.Future[bool]":
        raise NotImplementedError

    def outcome(self, outcome: Outcome) -> None:
        raise NotImplementedError

    def release(self, delivery_id: int) -> None:
        self.released.append(delivery_id)

    def postpone(self, delivery_id: int, seconds: float) -> None:
        assert delivery_id not in self.postponed
        self.postponed[delivery_id] = seconds


class Pacer:
    """Waits by the domain: a number of seconds each time, or an iterator of them."""

    def __init__(self, **waits: Any) -> None:
        self._waits = {name.replace("_", "."): wait for name, wait in waits.items()}
        self.under_way: Counter[str] = Counter()

    def admit(self, domain: str) -> float:
        wait = self._waits.get(domain, 0.0)
        seconds: float = next(wait, 0.0) if isinstance(wait, Iterator) else wait
        if seconds == 0.0:
            self.under_way[domain] += 1
        return seconds

    def everyone(self) -> float:
        return 0.0

    def ended(self, domain: str, outcome: Outcome | None) -> None:
        self.under_way[domain] -= 1


async def to(*domains: str) -> AsyncIterator[Message]:
    for number, domain in enumerate(domains):
        yield Message(number, "papers@newsletter.example", f"ada@{domain}", b"x\r\n")


async def drawn(queue: Queue) -> list[int]:
    filling = asyncio.create_task(queue.fill())
    numbers = []
    while (message := await queue.next()) is not None:
        numbers.append(message.delivery_id)
        queue.ended(message, None)
    await filling
    return numbers


async def test_without_a_pace_messages_come_in_their_order() -> None:
    assert await drawn(Queue(to(*["a.example"] * 20), Ledger(), None, 3)) == list(range(20))


async def test_those_who_have_to_wait_step_aside_and_come_later() -> None:
    ledger, pacer = Ledger(), Pacer(slow_example=iter([0.02, 0.02]))
    domains = ("slow.example", "a.example", "Slow.example", "a.example")
    assert await drawn(Queue(to(*domains), ledger, pacer, 2)) == [1, 3, 0, 2]
    assert ledger.postponed == {}
    assert set(pacer.under_way.values()) == {0}


async def test_a_long_wait_goes_back_into_the_record() -> None:
    ledger = Ledger()
    queue = Queue(to("slow.example", "a.example", "slow.example"), ledger, Pacer(slow_example=90.0), 2)
    assert await drawn(queue) == [1]
    assert ledger.postponed == {0: 90.0, 2: 90.0}


async def test_no_more_are_held_than_fit_and_the_rest_is_put_off_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = 2 * MOST_HELD
    ledger = Ledger()
    # It takes some, and then makes the others wait for ever so shortly.
    waits = iter([10.0] + [0.0] * 50 + [10.0] * (many * 3))
    queue = Queue(to(*["slow.example"] * many), ledger, Pacer(slow_example=waits), 20)
    clock = iter(range(10 * many))
    monkeypatch.setattr(queue, "_loop", Clock(lambda: next(clock) / 100))
    filling = asyncio.create_task(queue.fill())
    for _ in range(3 * many):
        queue.take()
        await asyncio.sleep(0)
    filling.cancel()
    put_off = list(ledger.postponed.values())
    assert min(put_off) > supply.LONGEST_WAIT
    assert max(put_off) > 2 * min(put_off)
    assert len(queue._held) <= MOST_HELD
    queue.stop()
    await queue.give_back(None)
    assert len(ledger.released) == len(set(ledger.released))
    assert not set(ledger.released) & set(ledger.postponed)


class Clock:
    """A loop's clock that a test moves."""

    def __init__(self, now: Any) -> None:
        self.time = now


async def test_what_was_made_ahead_is_given_back_with_its_place() -> None:
    pacer = Pacer(a_example=iter([0.0, 0.0, 0.0]))
    queue = Queue(to("a.example", "a.example"), Ledger(), pacer, 4)
    filling = asyncio.create_task(queue.fill())
    one = Supply(queue)
    first = await one.next()
    assert first is not None
    assert (await one.peek()) is not None
    one.give_back()
    queue.ended(first.drop(), None)
    another = Supply(queue)
    second = await another.next()
    assert second is not None
    assert second.message.delivery_id == 1
    queue.ended(second.drop(), None)
    assert await another.next() is None
    assert pacer.under_way["a.example"] == 0
    await filling


async def test_content_made_elsewhere_is_waited_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supply, "PATIENCE", 0.0)
    content: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def one() -> AsyncIterator[Message]:
        yield Message(1, "papers@newsletter.example", "ada@example.org", lambda: content)

    queue = Queue(one(), Ledger(), None, 2)
    await queue.fill()
    mine = Supply(queue)
    assert await mine.peek() is None
    content.set_result(b"Subject: x\r\n\r\n.\r\n")
    ready = await mine.peek()
    assert ready is not None
    assert ready.content == b"Subject: x\r\n\r\n..\r\n"
    assert await mine.next() is ready


async def test_content_that_cannot_be_made_elsewhere_is_the_fault_of_its_message() -> None:
    async def failing() -> bytes:
        raise ValueError("no key")

    async def one() -> AsyncIterator[Message]:
        yield Message(1, "papers@newsletter.example", "ada@example.org", failing)

    queue = Queue(one(), Ledger(), None, 2)
    await queue.fill()
    parcel = await Supply(queue).next()
    assert parcel is not None
    result = parcel.unmade()
    assert result is not None
    assert result.outcome is not None
    assert (result.outcome.result, result.outcome.text) == ("deferred", "The message cannot be made: no key")
