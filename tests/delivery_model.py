"""A world in which mail goes wrong in any order: real ledger, real record, simulated clock and mail server.

Hypothesis draws the schedule: workers claim, send, hang, die and come back; the server takes, refuses, bounces or says
nothing; people leave, move and return; the clock jumps; the operator retries. After every step the record is judged
against what the server really took.
"""

import asyncio
import contextlib
import itertools
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from newsroom import NOW, Clock
from sqlalchemy import Connection, delete, event, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.config import Delivery as DeliverySettings
from newsletter.config import Newsletter, Settings
from newsletter.delivery.bounces import Bounce
from newsletter.delivery.incoming import Arrival
from newsletter.delivery.transaction import Message
from newsletter.delivery.verp import ReturnPath
from newsletter.errors import StoreError
from newsletter.models import Consent, DeliveryState, Outcome, Paper, ParsedFeed, Pick, Reason, Subscriber, Subscription
from newsletter.pipeline import record, refresh, subscribers
from newsletter.pipeline.deliver import Sending
from newsletter.pipeline.intake import Intake
from newsletter.pipeline.ledger import Ledger
from newsletter.store import editions, schema
from newsletter.store import subscribers as people_store
from newsletter.store.aside import Aside
from newsletter.store.database import Database
from newsletter.store.editions import Draft
from newsletter.store.tables import deliveries, issues, papers, picks, received, suppressions
from newsletter.store.tables import editions as edition_rows
from newsletter.store.tables import subscribers as people_rows
from newsletter.tokens import Signer

PEOPLE = 3
PAPERS = 8
CONNECTIONS = 2
LEASE = 60.0

RETURN_PATH = "bounces@newsletter.example"
AT_SERVER = {DeliveryState.SENT, DeliveryState.BOUNCED, DeliveryState.COMPLAINED}
RELEASED = {DeliveryState.FAILED, DeliveryState.SUPPRESSED}
UNSETTLED = {DeliveryState.QUEUED, DeliveryState.DEFERRED, DeliveryState.SENDING}

connections = st.tuples(st.integers(0, 1), st.integers(0, CONNECTIONS - 1))
someone = st.integers(0, PEOPLE - 1)


class Mortal(Database):
    """The database as one process has it: once that is dead, nothing more of it reaches the record."""

    def __init__(self, database: Database) -> None:
        self.url = database.url
        self.engine = database.engine
        self.dead = False

    @contextlib.asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        """Open a transaction, which a death undoes."""
        async with super().begin() as connection:
            self._alive()
            yield connection
            self._alive()

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        """Open a transaction that reads."""
        self._alive()
        async with super().connect() as connection:
            yield connection

    def open_direct(self, *, writes: bool) -> Connection:
        """Return a connection that commits nothing after the death."""
        self._alive()
        connection = super().open_direct(writes=writes)
        event.listen(connection, "commit", self._alive)
        return connection

    def _alive(self, *_: object) -> None:
        if self.dead:
            raise StoreError("The process is dead.")


class Worker:
    """A process that sends, over connections of which each has at most one message on its way."""

    def __init__(self, database: Database, clock: Clock, settings: DeliverySettings) -> None:
        self._database = Mortal(database)
        self._orders: asyncio.Queue[Any] = asyncio.Queue()
        self._ready = asyncio.Event()
        self.ledger: Ledger = None  # type: ignore[assignment]
        self.held: dict[int, Message] = {}
        self.begun: set[int] = set()
        sending = Sending(
            self._database,
            clock,
            settings,
            None,  # type: ignore[arg-type] - the contents are never asked for
            sender=RETURN_PATH,
        )
        self._task = asyncio.create_task(sending.run(self))

    async def run(self, messages: AsyncGenerator[Message], ledger: Ledger, pacer: object = None) -> None:
        """Be the courier: do what is ordered until the end is."""
        self.ledger = ledger
        self._ready.set()
        async with contextlib.aclosing(messages):
            while (order := await self._orders.get()) is not None:
                order.set_result(await anext(messages, None))

    async def started(self) -> bool:
        """Wait until it is at work; False if it found the record broken."""
        waiting = asyncio.create_task(self._ready.wait())
        await asyncio.wait([waiting, self._task], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        return self._ready.is_set()

    async def pull(self, connection: int) -> bool:
        """Let a connection take the next message; False if there is none."""
        order: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()
        self._orders.put_nowait(order)
        await asyncio.wait([order, self._task], return_when=asyncio.FIRST_COMPLETED)
        if not order.done():
            await self._task
        message = order.result()
        if message is not None:
            self.held[connection] = message
        return message is not None

    async def begin(self, connection: int) -> None:
        """Say that the message of a connection is about to leave; one that is not ours any more is dropped."""
        if await self.ledger.sending(self.held[connection].delivery_id):
            self.begun.add(connection)
        else:
            del self.held[connection]

    def done(self, connection: int) -> Message:
        """Return the message of a connection, which is free again."""
        self.begun.discard(connection)
        return self.held.pop(connection)

    async def stop(self) -> None:
        """Come to the end in order."""
        for message in self.held.values():
            self.ledger.release(message.delivery_id)
        self._orders.put_nowait(None)
        await self._task

    def strike(self) -> None:
        """Kill it: from now on nothing that was not on disk gets there."""
        self._database.dead = True

    async def bury(self) -> None:
        """Clear away what is left of it."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class DeliveryModel(RuleBasedStateMachine):
    """The schedules; what belongs to all schedules is set by whoever runs them."""

    database: Database
    reader: Aside
    store: Aside
    runner: asyncio.Runner
    numbers = itertools.count(1)

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock(NOW)
        self.workers: dict[int, Worker] = {}
        self.taken: list[int] = []
        self.message_ids: dict[int, str] = {}
        self.doubts: Counter[int] = Counter()
        self.retried: Counter[int] = Counter()
        self.people: dict[int, Subscriber] = {}
        self.day = NOW.date()

    def do(self, work: Any) -> Any:
        """Run a coroutine to its end, and let the record come to rest after it."""

        async def whole() -> Any:
            result = await work
            for worker in self.workers.values():
                await worker.ledger.flush()
            return result

        return self.runner.run(whole())

    # The world

    @initialize(on_unknown=st.sampled_from(["hold", "resend"]), batch=st.integers(1, 3))
    def open(self, on_unknown: str, batch: int) -> None:
        self.settings = DeliverySettings(on_unknown=on_unknown, batch=batch, lease=LEASE, give_up_after=86400)  # type: ignore[arg-type]
        self.do(self._open())

    async def _open(self) -> None:
        evidence = Subscription(state=Consent.CONFIRMED, how="model", at=NOW)
        new = [
            subscribers.new(Newsletter(), self.clock, f"reader{place}-{next(self.numbers)}@example.org")
            for place in range(PEOPLE)
        ]

        async def furnish(connection: AsyncConnection) -> None:
            self.signer = Signer(await schema.key(connection, "tokens"))
            await connection.execute(delete(suppressions))
            await people_store.add(connection, [(person, person.email) for person in new], evidence)
            for place, person in enumerate(new):
                self.people[place] = await people_store.by_email(connection, person.email)

        await self.store.run(furnish)
        await self.store.run(self._compose)

    @rule()
    def compose(self) -> None:
        """Choose again: what was released may be chosen, what anyone received may not."""
        self.day += timedelta(days=1)
        self.do(self.store.run(self._compose))

    async def _compose(self, connection: AsyncConnection) -> None:
        had = {tuple(row) for row in await connection.execute(select(received.c.subscriber_id, received.c.paper_id))}
        known = list((await connection.execute(select(papers.c.id).order_by(papers.c.id))).scalars())
        drafts = []
        for person in self.people.values():
            free = [number for number in known if (person.id, number) not in had][:2]
            if not free:
                continue
            chosen = tuple(
                Pick(position=place, paper=Paper(id=number, title="x"), score=1, reason=Reason(kind="popular"))
                for place, number in enumerate(free, start=1)
            )
            message_id = f"<{secrets.token_hex(8)}@newsletter.example>"
            drafts.append(Draft(person.id, person.email, message_id, chosen))
        edition = await editions.ensure(connection, self.day, "daily", self.clock.now())
        await editions.compose(connection, edition.id, drafts, self.clock.now())

    # Workers

    @rule(number=st.integers(0, 1))
    def start(self, number: int) -> None:
        if number not in self.workers:
            self.do(self._start(number))

    async def _start(self, number: int) -> None:
        before = await self._states()
        worker = Worker(self.database, self.clock, self.settings)
        assert await worker.started()
        self.workers[number] = worker
        after = await self._states()
        for one, state in before.items():
            # A run ends the leases that ran out: whoever hung with a message on its way leaves it in doubt.
            if state is DeliveryState.SENDING and after.get(one) is not DeliveryState.SENDING:
                self.doubts[one] += 1

    @rule(which=connections, far=st.booleans())
    def advance(self, which: tuple[int, int], far: bool) -> None:
        """Let a connection take a message, and begin to send it."""
        self.start(which[0])
        worker, place = self.workers[which[0]], which[1]
        if place not in worker.held:
            self.do(worker.pull(place))
        if far and place in worker.held and place not in worker.begun:
            self.do(worker.begin(place))

    @precondition(lambda self: any(worker.begun for worker in self.workers.values()))
    @rule(
        place=st.integers(0, 3),
        end=st.sampled_from(["sent", "sent", "deferred", "dead", "refused", "us", "cut", "unknown", "lost"]),
    )
    def answer(self, place: int, end: str) -> None:
        """Let the server answer, or the connection break."""
        worker, connection = self._on_the_way(place)
        self.do(self._answer(worker, worker.done(connection), end))

    def _on_the_way(self, place: int) -> tuple["Worker", int]:
        begun = [(worker, one) for worker in self.workers.values() for one in sorted(worker.begun)]
        return begun[place % len(begun)]

    async def _answer(self, worker: Worker, message: Message, end: str) -> None:
        number = message.delivery_id
        if end in ("sent", "unknown"):
            self.taken.append(number)
        if end == "cut":
            worker.ledger.release(number)
        else:
            worker.ledger.outcome(_outcome(number, end))
        if end in ("unknown", "lost"):
            self.doubts[number] += 1

    @precondition(lambda self: any(worker.begun for worker in self.workers.values()))
    @rule(place=st.integers(0, 3), end=st.sampled_from(["sent", "deferred", "dead"]))
    def answer_and_die(self, place: int, end: str) -> None:
        """Kill a worker between an answer and the commit that would record it."""
        worker, connection = self._on_the_way(place)
        message = worker.done(connection)
        self.doubts[message.delivery_id] += 1
        if end == "sent":
            self.taken.append(message.delivery_id)
        worker.ledger.outcome(_outcome(message.delivery_id, end))
        self.kill(next(number for number, one in self.workers.items() if one is worker), (False,) * CONNECTIONS)

    @precondition(lambda self: self.workers)
    @rule(which=connections)
    def postpone(self, which: tuple[int, int]) -> None:
        """A limit makes a message wait that was not begun."""
        worker = self.workers.get(which[0])
        if worker is not None and which[1] in worker.held and which[1] not in worker.begun:
            message = worker.done(which[1])

            async def say() -> None:
                worker.ledger.postpone(message.delivery_id, 90)

            self.do(say())

    @precondition(lambda self: self.workers)
    @rule(number=st.integers(0, 1))
    def stop(self, number: int) -> None:
        worker = self.workers.get(number)
        if worker is not None and not worker.begun:
            del self.workers[number]
            self.do(worker.stop())

    @precondition(lambda self: self.workers)
    @rule(number=st.integers(0, 1), arrived=st.tuples(*[st.booleans()] * CONNECTIONS))
    def kill(self, number: int, arrived: tuple[bool, ...]) -> None:
        """Kill a worker; what it had on its way arrived or not."""
        worker = self.workers.pop(number, None)
        if worker is None:
            return
        for connection in worker.begun:
            message = worker.held[connection]
            self.doubts[message.delivery_id] += 1
            if arrived[connection]:
                self.taken.append(message.delivery_id)
        worker.strike()
        self.do(worker.bury())

    @rule(seconds=st.sampled_from([1, 61, 600, 6 * 3600, -1, -600]))
    def pass_time(self, seconds: int) -> None:
        self.clock.step(seconds=seconds)

    # People, and what comes back

    @rule(who=someone)
    def leave(self, who: int) -> None:
        self.do(subscribers.remove(self.database, self.clock, self.people[who].email, source="model"))

    @rule(who=someone)
    def return_(self, who: int) -> None:
        async def back() -> None:
            person = await subscribers.find(self.database, self.people[who].email)
            await subscribers.unsuppress(self.database, person.email)
            if person.state != "confirmed":
                await subscribers.add(self.database, self.clock, person, source="model", again=True)

        self.do(back())

    @rule(who=someone)
    def move(self, who: int) -> None:
        email = f"moved-{next(self.numbers)}@example.org"

        async def move() -> Subscriber:
            return await subscribers.edit(
                self.database, self.people[who].email, lambda person: person.model_copy(update={"email": email})
            )

        self.people[who] = self.do(move())

    @precondition(lambda self: self.taken)
    @rule(place=st.integers(0, 50), kind=st.sampled_from(["hard", "soft", "complaint"]))
    def come_back(self, place: int, kind: Any) -> None:
        """A report comes back for a message that the server took."""
        number = self.taken[place % len(self.taken)]
        bounce = Bounce(address="", kind=kind, status="5.1.1" if kind == "hard" else "", reason="user unknown")
        intake = Intake(self.database, self.clock, Settings(), self.signer, lambda _: [bounce])
        to = ReturnPath(RETURN_PATH, self.signer).of(number)
        content = b"From: <>\r\n\r\n" + secrets.token_bytes(8).hex().encode()
        self.do(intake.take(Arrival("report", content, to)))

    @rule(state=st.sampled_from([DeliveryState.UNKNOWN, DeliveryState.FAILED, DeliveryState.DEFERRED]))
    def retry(self, state: DeliveryState) -> None:
        async def retry() -> None:
            before = await self._states()
            await record.retry(self.database, self.clock, state=state)
            after = await self._states()
            self.retried.update(number for number in before if before[number] is not after.get(number))

        self.do(retry())

    # What must hold

    @invariant()
    def nothing_is_lost_or_twice(self) -> None:
        if self.people:
            self.do(self._judge())

    async def _judge(self) -> None:
        times = Counter(self.taken)
        states, chosen, kept = await self.reader.run(_on_record)
        for number, state in states.items():
            assert state not in AT_SERVER or times[number], f"{number} is {state}, and the server never had it"
            allowed = self.doubts[number] if self.settings.on_unknown == "resend" else 0
            assert times[number] <= 1 + allowed + self.retried[number], f"{number} went out {times[number]} times"
            assert state is not DeliveryState.UNKNOWN or self.doubts[number], f"{number} is unknown for no reason"
        mailed: Counter[tuple[int, int]] = Counter()
        for number, issue_id, subscriber_id, paper_id in chosen:
            free = kept.get((subscriber_id, paper_id)) != issue_id
            assert free is (states[number] in RELEASED), f"{number} is {states[number]}; are its papers free? {free}"
            mailed[subscriber_id, paper_id] += bool(times[number])
        assert not mailed or max(mailed.values()) <= 1, "a paper came to somebody in two issues"

    async def _states(self) -> dict[int, DeliveryState]:
        return (await self.reader.run(_on_record))[0]

    def teardown(self) -> None:
        """Let everything come to its end: a healthy worker leaves nothing waiting and nothing on its way."""
        if self.people:
            self.do(self._end())

    async def _end(self) -> None:
        for worker in self.workers.values():
            for connection in worker.begun:
                self.doubts[worker.held[connection].delivery_id] += 1
            worker.strike()
            await worker.bury()
        self.workers.clear()
        try:
            for _ in range(8):
                self.clock.step(hours=5)
                await self._start(9)
                worker = self.workers.pop(9)
                while await worker.pull(0):
                    await worker.begin(0)
                    if worker.held:
                        await self._answer(worker, worker.done(0), "sent")
                await worker.stop()
                left = {number: state for number, state in (await self._states()).items() if state in UNSETTLED}
                if not left:
                    break
            assert not left, f"never settled: {left}"
            await self._judge()
        finally:
            await self.store.run(_clear)


async def _clear(connection: AsyncConnection) -> None:
    await connection.execute(delete(people_rows))
    await connection.execute(delete(edition_rows))


async def _on_record(
    connection: AsyncConnection,
) -> tuple[dict[int, DeliveryState], list[tuple[int, int, int, int]], dict[tuple[int, int], int]]:
    """Return the states of deliveries, the papers of each, and in which issue each person received a paper."""
    states = await connection.execute(select(deliveries.c.id, deliveries.c.state))
    chosen = await connection.execute(
        select(deliveries.c.id, issues.c.id, issues.c.subscriber_id, picks.c.paper_id)
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .join(picks, picks.c.issue_id == issues.c.id)
    )
    kept = await connection.execute(select(received.c.subscriber_id, received.c.paper_id, received.c.issue_id))
    return (
        {number: DeliveryState(state) for number, state in states},
        [(row[0], row[1], row[2], row[3]) for row in chosen],
        {(row[0], row[1]): row[2] for row in kept},
    )


def _outcome(number: int, end: str) -> Outcome:
    if end == "sent":
        return Outcome(delivery_id=number, result="sent", code=250, text="queued")
    if end == "deferred":
        return Outcome(delivery_id=number, result="deferred", code=451, text="later")
    if end == "us":
        return Outcome(delivery_id=number, result="deferred", code=550, enhanced="5.7.1", text="policy", about="us")
    if end in ("dead", "refused"):
        return Outcome(delivery_id=number, result="rejected", code=550, text="unknown", suppress=end == "dead")
    return Outcome(delivery_id=number, result="unknown", text="the connection was lost")


@contextlib.asynccontextmanager
async def world(database: Database) -> AsyncIterator[type[DeliveryModel]]:
    """Give the model over a database, with the papers on record that all its schedules share."""
    found = tuple(Paper(title=f"The paper {number}", arxiv_id=f"2603.{number:05}") for number in range(PAPERS))
    await refresh.take_in(database, Clock(NOW), ParsedFeed(layout="page", papers=found), "model")
    async with Aside(database, writes=False) as reader, Aside(database, writes=True) as store:
        yield type("Model", (DeliveryModel,), {"database": database, "reader": reader, "store": store})
    await database.close()


def run(runner: asyncio.Runner, database: Database, *, play: Callable[[type[DeliveryModel]], None]) -> None:
    """Run schedules over a database to their end."""
    opened = world(database)
    machine = runner.run(opened.__aenter__())
    machine.runner = runner
    try:
        play(machine)
    finally:
        runner.run(opened.__aexit__(None, None, None))
