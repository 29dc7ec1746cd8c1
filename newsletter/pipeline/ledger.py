"""What a run tells the record while it sends: all that waits goes into one commit, and nothing waits for a timer.

`sending` returns once it is on disk. An outcome is on disk before the next `sending` of the same connection returns,
since commits keep the order in which things were said; so at most one message a connection is ever unknown.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock
from newsletter.models import DeliveryState, Outcome
from newsletter.pipeline.keeping import Keeper
from newsletter.store import deliveries, outcomes, presses
from newsletter.store.aside import Aside
from newsletter.store.outcomes import Settled
from newsletter.store.presses import NOTHING_KEPT

Released = tuple[int, datetime | None]
Judge = Callable[[Outcome, datetime], Settled | None]


class Ledger:
    """Writes for one owner of leases; use it as an async context manager.

    `store` writes; `judge` says where an outcome leads; `forget` is told what is no longer ours, once that is durable;
    `keeper` knows what messages are made of.
    """

    def __init__(
        self,
        store: Aside,
        clock: Clock,
        owner: str,
        judge: Judge,
        forget: Callable[[int], None] = lambda _: None,
        keeper: Keeper | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner
        self._judge = judge
        self._forget = forget
        self._keeper = keeper
        self._beginning: list[tuple[int, asyncio.Future[bool]]] = []
        self._settled: list[Settled] = []
        self._released: list[Released] = []
        self._called = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._failure: BaseException | None = None
        self._moments: deque[datetime] = deque(maxlen=64)
        self._writer: asyncio.Task[None] | None = None
        self.results: Counter[DeliveryState] = Counter()

    async def __aenter__(self) -> "Ledger":
        self._writer = asyncio.create_task(self._write_on(), name="ledger")
        return self

    async def __aexit__(self, *_: object) -> None:
        flushing = asyncio.ensure_future(self.flush())
        try:
            await asyncio.shield(flushing)
        except asyncio.CancelledError:
            # What servers have answered is still to be written, or it would be unknown.
            await asyncio.gather(flushing, return_exceptions=True)
            raise
        finally:
            if self._writer is not None:
                self._writer.cancel()
                await asyncio.gather(self._writer, return_exceptions=True)

    def sending(self, delivery_id: int) -> asyncio.Future[bool]:
        """Note that a message is on its way; the future tells, once it is durable, whether it is still ours to send."""
        self._check()
        noted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._beginning.append((delivery_id, noted))
        self._call()
        return noted

    def outcome(self, outcome: Outcome) -> None:
        """Take over what an attempt gave; of a delivery that is not ours any more it is nothing to us."""
        self._check()
        settled = self._judge(outcome, self._clock.now())
        if settled is not None:
            self.settle(settled)

    def settle(self, settled: Settled) -> None:
        """Take over where a delivery went without an attempt, or with one; raises what the record failed with."""
        self._check()
        self.results[settled.state] += 1
        self._settled.append(settled)
        self._call()

    def release(self, delivery_id: int) -> None:
        """Give a delivery back whose body is known not to have left; the attempt does not count."""
        self._check()
        self._released.append((delivery_id, None))
        self._call()

    def postpone(self, delivery_id: int, seconds: float) -> None:
        """Give a delivery back likewise, to be due after so many seconds."""
        self._check()
        self._released.append((delivery_id, self._clock.now() + timedelta(seconds=seconds)))
        self._call()

    async def flush(self) -> None:
        """Wait until everything said so far is on disk; raises what kept it from getting there."""
        await self._idle.wait()
        self._check()

    def _call(self) -> None:
        self._idle.clear()
        self._called.set()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _write_on(self) -> None:
        while True:
            await self._called.wait()
            self._called.clear()
            beginning, self._beginning = self._beginning, []
            settled, self._settled = self._settled, []
            released, self._released = self._released, []
            try:
                ours = await self._commit([number for number, _ in beginning], settled, released)
            except Exception as error:
                self._fail(error, beginning)
                return
            for number, noted in beginning:
                if not noted.done():
                    noted.set_result(number in ours)
            if not self._called.is_set():
                self._idle.set()

    async def _commit(self, beginning: list[int], settled: list[Settled], released: list[Released]) -> set[int]:
        now = self._now()
        # What is new by now has all that these are made of.
        keeper = self._keeper
        news, made = (None, NOTHING_KEPT) if keeper is None else (keeper.news(), keeper.made(beginning))

        async def written(connection: AsyncConnection) -> set[int]:
            for due_at, ids in _by_time(released).items():
                await deliveries.release(connection, self._owner, ids, due_at=due_at)
            if news is not None:
                await presses.keep(connection, *news)
            return await outcomes.note(connection, self._owner, settled, beginning, now, made)

        alone = not released and news is None and outcomes.at_once(settled, beginning)
        ours = await self._store.run(written, alone=alone)
        refused = [number for number in beginning if number not in ours]
        for number in (*(one.delivery_id for one in settled), *(number for number, _ in released), *refused):
            self._forget(number)
        return ours

    def _now(self) -> datetime:
        now = self._clock.now()
        # What began is known by its time, and a clock may stand or step back.
        while now in self._moments:
            now += timedelta(microseconds=1)
        self._moments.append(now)
        return now

    def _fail(self, error: Exception, beginning: list[tuple[int, asyncio.Future[bool]]]) -> None:
        self._failure = error
        for _, noted in [*beginning, *self._beginning]:
            if not noted.done():
                noted.set_exception(error)
                # Whoever waits no longer hears of it by `flush`.
                noted.exception()
        self._idle.set()


def _by_time(released: Iterable[Released]) -> dict[datetime | None, list[int]]:
    found: dict[datetime | None, list[int]] = defaultdict(list)
    for number, due_at in released:
        found[due_at].append(number)
    return found
