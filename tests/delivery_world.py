"""Processes that send, over a simulated clock, machine and mail server: what a model of delivery happens to.

Ledger, groups, leases and record are the real ones. Everything runs in one thread and on one connection, a schedule is
one transaction that is undone at its end, and the transactions of the program are savepoints within it: what is judged
is the order of things, and neither the disk nor how threads meet.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from contextvars import ContextVar
from typing import Any, cast
from unittest import mock

from newsroom import Clock
from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.config import Delivery as DeliverySettings
from newsletter.delivery.transaction import Message
from newsletter.errors import StoreError
from newsletter.pipeline import deliver, intake, leases, sweeping
from newsletter.pipeline.deliver import Sending
from newsletter.pipeline.ledger import Ledger
from newsletter.store.aside import _Direct, _ended
from newsletter.store.database import Database

SENDER = "bounces@newsletter.example"


class Shared(Database):
    """The database as one process has it: once that is dead, nothing more of it reaches the record."""

    def __init__(self, url: URL, connection: Connection) -> None:
        self.url = url
        self.dead = False
        self.connection = connection
        self._driver = driver(connection)

    def new_process(self) -> "Shared":
        """Return the same database for another process."""
        return Shared(self.url, self.connection)

    @contextlib.asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction, which a death undoes."""
        with self.transaction():
            yield cast("AsyncConnection", _Direct(self.connection))

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that reads."""
        with self.translated():
            self._alive()
            yield cast("AsyncConnection", _Direct(self.connection))

    async def leave_no_trace(self) -> None:
        """Leave the files as they are: nothing is in them."""

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Undo what fails."""
        with self.translated():
            self._alive()
            # One within another would undo the wrong things.
            assert not self.connection.info.get("open"), "two transactions at once on one connection"
            self.connection.info["open"] = True
            self._driver.execute("SAVEPOINT program")
            try:
                yield
                self._alive()
            except BaseException:
                self._driver.execute("ROLLBACK TO SAVEPOINT program")
                raise
            finally:
                self._driver.execute("RELEASE SAVEPOINT program")
                self.connection.info["open"] = False

    def _alive(self) -> None:
        if self.dead:
            raise StoreError("The process is dead.")


class Here:
    """Transactions of `Aside`, without its thread."""

    def __init__(self, database: Shared, *, writes: bool) -> None:
        self._database = database
        self._direct = cast("AsyncConnection", _Direct(database.connection))

    async def __aenter__(self) -> "Here":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def run(self, work: Callable[[AsyncConnection], Coroutine[Any, Any, Any]], *, alone: bool = False) -> Any:
        """Run a transaction, which stands whatever becomes of the one who waits for it."""
        with self._database.transaction():
            result = _ended(work(self._direct))
        await asyncio.sleep(0)
        return result


class Machine:
    """What `leases` asks the system: numbers of processes, and whether one runs."""

    def __init__(self) -> None:
        self.last = 1000
        self.gone: set[int] = set()

    def getpid(self) -> int:
        """Return the number of the process that was made last."""
        return self.last

    def kill(self, number: int, _signal: int) -> None:
        """Tell whether a process runs."""
        if number in self.gone:
            raise ProcessLookupError


class Time:
    """Stands for `asyncio` where the program sleeps, or has a thread do something."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, _seconds: float) -> None:
        """Sleep until the process is woken."""
        await _process.get().nap()

    async def to_thread(self, work: Callable[..., Any], *given: Any) -> Any:
        """Do something at once."""
        return work(*given)


class Flight:
    """One message on its way, from `sending` on record to the end that its process hears of.

    `arrived`: the server took it. `lost`: its lease was taken away. `pardoned`: the operator had it sent again since.
    """

    def __init__(self, message: Message) -> None:
        self.message = message
        self.number = message.delivery_id
        self.arrived = False
        self.lost = False
        self.pardoned = False


class Process:
    """A run of sending, over connections of which each has at most one message on its way.

    `held` are messages that were pulled and not begun, by connection; `since` is the step in which it began.
    """

    def __init__(
        self, database: Shared, clock: Clock, settings: DeliverySettings, machine: Machine, since: int, *, known: bool
    ) -> None:
        machine.last += 1
        self.pid = machine.last
        self.since = since
        self.dry = False
        self.held: dict[int, Message] = {}
        self.flights: dict[int, Flight] = {}
        self.ledger: Ledger = None  # type: ignore[assignment]
        # Of a process of another machine nobody knows that it is gone.
        self._gone = machine.gone if known else set()
        self._database = database.new_process()
        self._orders: asyncio.Queue[Any] = asyncio.Queue()
        self._ready = asyncio.Event()
        self._nap: asyncio.Future[None] | None = None
        sending = Sending(
            self._database,
            clock,
            settings,
            None,  # type: ignore[arg-type] - the contents are never asked for
            sender=SENDER,
            chance=random.Random(0),
        )
        token = _process.set(self)
        self._task = asyncio.create_task(sending.run(self))
        _process.reset(token)

    async def run(self, messages: AsyncGenerator[Message], ledger: Ledger, pacer: object = None) -> None:
        """Be the courier: do what is ordered until the end is."""
        self.ledger = ledger
        self._ready.set()
        async with contextlib.aclosing(messages):
            while (order := await self._orders.get()) is not None:
                order.set_result(await anext(messages, None))

    async def started(self) -> None:
        """Wait until it is at work; raises what kept it from that."""
        waiting = asyncio.create_task(self._ready.wait())
        await asyncio.wait([waiting, self._task], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._task.done():
            self._task.result()

    async def pull(self, connection: int) -> bool:
        """Let a connection take the next message; False if there is none."""
        order: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()
        self._orders.put_nowait(order)
        await asyncio.wait([order, self._task], return_when=asyncio.FIRST_COMPLETED)
        if not order.done():
            self._task.result()
        message = order.result()
        if message is None:
            self.dry = True
            return False
        self.held[connection] = message
        return True

    async def begin(self, *connections: int) -> dict[int, Flight]:
        """Say that messages are about to leave, and return which left; what is not ours any more is dropped."""
        held = [self.held.pop(connection) for connection in connections]
        ours = await asyncio.gather(*(self.ledger.sending(message.delivery_id) for message in held))
        left = {one: Flight(message) for one, message, leaves in zip(connections, held, ours, strict=True) if leaves}
        self.flights |= left
        return left

    async def rest(self) -> None:
        """Wait until all that was said is on record."""
        await self.ledger.flush()

    async def nap(self) -> None:
        """Sleep until it is woken."""
        self._nap = asyncio.get_running_loop().create_future()
        await self._nap

    async def wake(self) -> None:
        """Let it do what it sleeps for."""
        if self._nap is not None and not self._nap.done():
            self._nap.set_result(None)
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """Come to the end in order."""
        for message in self.held.values():
            self.ledger.release(message.delivery_id)
        self._orders.put_nowait(None)
        await self._task

    async def kill(self) -> None:
        """End it at once: nothing that was not on record gets there."""
        self._database.dead = True
        self._gone.add(self.pid)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


_process: ContextVar[Process] = ContextVar("process")


def driver(connection: Connection) -> Any:
    """Return what both drivers run statements with at once: what the model asks is asked often."""
    return connection.connection.driver_connection


class World:
    """What all schedules share: a database, and a loop to run in."""

    def __init__(self, runner: asyncio.Runner, url: URL, connection: Connection) -> None:
        self._runner = runner
        self.connection = connection
        self.database = Shared(url, connection)
        self.machine = Machine()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something to its end."""
        return self._runner.get_loop().run_until_complete(work)


@contextlib.contextmanager
def open_world(database: Database) -> Iterator[World]:
    """Give a world over a migrated database, in which nothing is kept."""
    with asyncio.Runner() as runner, contextlib.ExitStack() as stack:
        connection = stack.enter_context(database.open_direct(writes=True))
        stack.enter_context(connection.begin())
        world = World(runner, database.url, connection)
        time = Time()
        for where, name, stand_in in (
            (deliver, "Aside", Here),
            (deliver, "asyncio", time),
            (intake, "asyncio", time),
            # To sweep the whole program takes longer than a schedule.
            (sweeping, "gc", mock.MagicMock()),
            (leases, "os", world.machine),
            (leases, "_place", lambda: "here"),
        ):
            stack.enter_context(mock.patch.object(where, name, stand_in))
        yield world
