"""What is to be sent next: messages pulled as they are needed, handed back, or held until their domain may have them.

It knows nothing of connections or servers.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Protocol

import structlog

from newsletter.delivery.addresses import on_the_wire
from newsletter.delivery.transaction import Message, Parcel
from newsletter.errors import NewsletterError
from newsletter.models import Outcome

log = structlog.get_logger(__name__)

# A message whose domain may have it later than this goes back into the queue of the record.
LONGEST_WAIT = 30.0
# How soon it is looked again where something may have room at any moment.
SOON = 0.02
# So many messages are held until their domain may have them, beside those that are at hand.
MOST_HELD = 500
# From so many messages on, a domain's own pace tells how long those behind them will wait.
ENOUGH = 5
# How long the end of a body waits for the next message to be made, so that both can leave together.
PATIENCE = 0.5


class Ledger(Protocol):
    """Where it is recorded what becomes of each delivery; it commits in the order in which it is told."""

    def sending(self, delivery_id: int) -> "asyncio.Future[bool]":
        """Commit that its body is being sent; done once that is durable, False if it is no longer ours to send."""
        ...

    def outcome(self, outcome: Outcome) -> None:
        """Take an outcome."""
        ...

    def release(self, delivery_id: int) -> None:
        """Give back a delivery whose body was never sent whole; it does not count as an attempt."""
        ...

    def postpone(self, delivery_id: int, seconds: float) -> None:
        """Give back a delivery until so many seconds from now; it does not count as an attempt."""
        ...


class Pacer(Protocol):
    """How fast mail may go to each receiving domain."""

    def admit(self, domain: str) -> float:
        """Return the seconds until a message to that domain may start; at 0.0 it may now, and is counted."""
        ...

    def everyone(self) -> float:
        """Return the seconds until a message to anyone may start; nothing is counted."""
        ...

    def ended(self, domain: str, outcome: Outcome | None) -> None:
        """Take notice that a counted message ended; without an outcome it was not attempted."""
        ...


@dataclass(slots=True)
class _Lane:
    """A domain that makes messages wait: what it took since when, how many it holds, when the last put off is due."""

    since: float
    admitted: int = 0
    held: int = 0
    horizon: float = 0.0

    def pace(self, now: float) -> float | None:
        """Return the seconds from one message to the next that it has shown; None: too few to tell."""
        return (now - self.since) / self.admitted if self.admitted >= ENOUGH else None


class Queue:
    """The messages of one run; `most` are pulled ahead of those who take them.

    A message that was taken comes back through `hand_back`, or `ended` is called with what became of it.
    """

    def __init__(self, messages: AsyncIterator[Message], ledger: Ledger, pacer: Pacer | None, most: int) -> None:
        self._messages = messages
        self._ledger = ledger
        self._pacer = pacer
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._ready: deque[Message] = deque()
        self._returned: deque[Message] = deque()
        self._held: list[tuple[float, int, Message]] = []
        self._ticket = count()
        self._lanes: dict[str, _Lane] = {}
        self._room = asyncio.Event()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._filling: asyncio.Task[None] | None = None
        self.stopping = asyncio.Event()
        # Nothing more will come but what is handed back.
        self.dry = asyncio.Event()

    async def fill(self) -> None:
        """Pull messages while there is room, until their end or a stop; raises what the iterator raises."""
        if self.stopping.is_set():
            return
        self._filling = asyncio.current_task()
        async for message in self._messages:
            self._ready.append(message)
            self._wake()
            while len(self._ready) >= self._most:
                self._room.clear()
                await self._room.wait()
        self._end()

    def stop(self) -> None:
        """Let nothing more be pulled or taken."""
        self.stopping.set()
        self._pull_no_more()

    def take(self) -> Message | None:
        """Return a message that may start now, if there is one."""
        while not self.stopping.is_set() and not self._closed():
            message = self._first()
            if message is None:
                return None
            if self._pacer is None:
                return message
            wait = self._pacer.admit(name := domain(message))
            if wait <= 0:
                if (lane := self._lanes.get(name)) is not None:
                    lane.admitted += 1
                return message
            if not self._put_aside(message, name, wait):
                self._ready.appendleft(message)
                return None
        return None

    async def next(self) -> Message | None:
        """Return the message that is to start next, or None at the end."""
        while (message := self.take()) is None:
            if self._closed() > LONGEST_WAIT:
                # All that is left waits in the record; what was admitted goes its way.
                self._pull_no_more()
                return None
            if self.stopping.is_set() or (self.dry.is_set() and not (self._held or self._ready or self._returned)):
                return None
            self._set_alarm()
            waiter = self._loop.create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                self._wake()
                raise
        return message

    def hand_back(self, message: Message) -> None:
        """Let another take a message that was not attempted."""
        self.ended(message, None)
        self._returned.append(message)
        self._wake()

    def ended(self, message: Message, outcome: Outcome | None) -> None:
        """Take notice of what became of a message that was taken; without an outcome it was not attempted."""
        if self._pacer is not None:
            self._pacer.ended(domain(message), outcome)

    async def give_back(self, fault: BaseException | None) -> None:
        """Release what was pulled and not attempted; a fault that is on its way already is the one to tell."""
        if self._alarm is not None:
            self._alarm.cancel()
        left = [*self._returned, *self._ready, *(message for _, _, message in self._held)]
        try:
            try:
                for message in left:
                    self._ledger.release(message.delivery_id)
            finally:
                if isinstance(self._messages, AsyncGenerator):
                    await self._messages.aclose()
        except Exception:
            if fault is None:
                raise
            log.warning("deliveries not given back", count=len(left))

    def _closed(self) -> float:
        """Return the seconds until a message to anyone may start."""
        return 0.0 if self._pacer is None else self._pacer.everyone()

    def _first(self) -> Message | None:
        if self._returned:
            return self._returned.popleft()
        if self._held and self._held[0][0] <= self._loop.time():
            message = heapq.heappop(self._held)[2]
            self._lanes[domain(message)].held -= 1
            return message
        if not self._ready:
            return None
        message = self._ready.popleft()
        if len(self._ready) * 2 <= self._most:
            self._room.set()
        return message

    def _put_aside(self, message: Message, name: str, wait: float) -> bool:
        """Hold a message until its domain may have it, or put it off; False where all have to wait for that."""
        now = self._loop.time()
        lane = self._lanes.setdefault(name, _Lane(now))
        pace = lane.pace(now)
        start = now + wait + (pace or 0.0) * lane.held
        if wait > LONGEST_WAIT:
            self._ledger.postpone(message.delivery_id, wait)
        elif len(self._held) < MOST_HELD and start - now <= LONGEST_WAIT:
            lane.held += 1
            heapq.heappush(self._held, (start, next(self._ticket), message))
        elif pace is None:
            return False
        else:
            # One after the other, so that they do not all come back at once.
            lane.horizon = max(lane.horizon + pace, start)
            self._ledger.postpone(message.delivery_id, lane.horizon - now)
        return True

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        times = [self._held[0][0]] if self._held else []
        closed = self._closed()
        if closed or self._ready or self._returned:
            # What was not taken a moment ago may have room by now.
            times = [self._loop.time() + max(closed, SOON)]
        if times:
            self._alarm = self._loop.call_at(times[0], self._wake_all)

    def _wake(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _wake_all(self) -> None:
        while self._waiting:
            self._wake()

    def _pull_no_more(self) -> None:
        if self._filling is not None:
            self._filling.cancel()
        self._end()

    def _end(self) -> None:
        self.dry.set()
        self._wake_all()


class Supply:
    """The messages of one connection after another, each made while the one before is on its way."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._ahead: deque[Parcel] = deque()

    def look_ahead(self) -> None:
        """Begin to make the next message, if one is at hand and none is being made."""
        if self._ahead:
            return
        try:
            message = self._queue.take()
        except NewsletterError:
            # A pacer that fails is told by `next`, when no answer is awaited that it could cost.
            return
        if message is not None:
            self._ahead.append(Parcel(message))

    async def peek(self) -> Parcel | None:
        """Return the next message if it is ready to be sent, or will be in a moment; `next` then returns it too."""
        self.look_ahead()
        if not self._ahead or self._queue.stopping.is_set():
            return None
        parcel = self._ahead[0]
        whole = parcel.making is None or await parcel.made(PATIENCE)
        return parcel if whole and parcel.fault is None else None

    async def next(self) -> Parcel | None:
        """Return the next message once there is one and it is made, or could not be; None at the end."""
        if self._queue.stopping.is_set():
            return None
        if not self._ahead:
            message = await self._queue.next()
            if message is None:
                return None
            self._ahead.append(Parcel(message))
        await self._ahead[0].made()
        return self._ahead.popleft()

    def skip(self) -> None:
        """Count as taken what `peek` returned."""
        self._ahead.popleft()

    def put_back(self, parcel: Parcel) -> None:
        """Take back what was taken and not attempted; it is the next one again."""
        self._ahead.appendleft(parcel)

    def give_back(self) -> None:
        """Let other connections have what is here."""
        while self._ahead:
            self._queue.hand_back(self._ahead.pop().drop())


def domain(message: Message) -> str:
    """Return the receiving domain of a message in lower case and A-labels."""
    return _usual(message.recipient.rpartition("@")[2])


@lru_cache(maxsize=4096)
def _usual(name: str) -> str:
    with suppress(ValueError):
        name = on_the_wire(f"x@{name}").rpartition("@")[2]
    return name.lower()
