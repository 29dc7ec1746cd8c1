"""A world in which mail goes wrong in any order: the schedules, and what each act does.

Hypothesis draws the schedule: processes claim, send, hang, die and come back; the server takes, refuses, bounces or
says nothing; people leave, move and return; the clock jumps; the operator retries. After every step the record is
judged against what the server really took.
"""

import contextlib
import itertools
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, ClassVar, NamedTuple

from delivery_acts import (
    ANSWERS,
    ARRIVES,
    CONNECTIONS,
    LEASE,
    PEOPLE,
    PROCESSES,
    Act,
    ComeBack,
    Compose,
    Decide,
    Report,
    Retry,
    Send,
    Wait,
    acts,
    outcome,
)
from delivery_truth import BOUNCED, CAME_BACK, COMPLAINED, UNSETTLED, Reader, Truth
from delivery_world import SENDER, Flight, Process, World, driver, open_world
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from newsroom import NOW, TODAY, Clock
from sqlalchemy import select

from newsletter.config import Delivery as DeliverySettings
from newsletter.config import Newsletter, Settings
from newsletter.delivery.bounces import Bounce
from newsletter.delivery.incoming import Arrival
from newsletter.delivery.verp import ReturnPath
from newsletter.models import Consent, DeliveryState, Paper, ParsedFeed, Pick, Reason, Subscriber
from newsletter.pipeline import record, subscribers, taking
from newsletter.pipeline.intake import Intake
from newsletter.store import editions, schema
from newsletter.store.database import Database
from newsletter.store.editions import Draft
from newsletter.store.tables import papers, received
from newsletter.tokens import Signer

PAPERS = 6
SETTINGS = Settings()

_numbers = itertools.count(1)


class Furnished(NamedTuple):
    """What stands on record when a schedule begins."""

    signer: Signer
    people: list[Subscriber]


class DeliveryModel(RuleBasedStateMachine):
    """The schedules; what belongs to all schedules is set by whoever runs them."""

    world: ClassVar[World]
    furnished: ClassVar[Furnished]
    reached: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock(NOW)
        self.day = TODAY
        self.processes: dict[int, Process] = {}
        self.reports: set[Report] = set()
        self.seen: set[str] = set()
        self.sound = False
        self.database = self.world.database
        self.schedule = self.world.connection.begin_nested()

    @initialize(on_unknown=st.sampled_from(["hold", "resend"]), batch=st.sampled_from([2, 5]))
    def open(self, on_unknown: Any, batch: int) -> None:
        self.settings = DeliverySettings(
            on_unknown=on_unknown, batch=batch, lease=LEASE, give_up_after=6 * 3600, first_pause=60, longest_pause=600
        )
        readers = [Reader(person) for person in self.furnished.people]
        statement, gone = driver(self.world.connection).execute, self.world.machine.gone
        self.truth = Truth(statement, self._reach, self.settings, self.clock, readers, self.processes, gone)
        self.truth.composed()

    # Hypothesis leaves rules out of schedules at random, and without sending nothing goes wrong: so there is one rule.
    @rule(act=acts)
    def happens(self, act: Act) -> None:
        self.sound = False
        self.truth.tick()
        self.world.do(self._happens(act))

    @invariant()
    def nothing_is_lost_or_twice(self) -> None:
        self.truth.judge()
        self.sound = True

    async def _happens(self, act: Act) -> None:
        match act:
            case Send():
                await self._send(act)
            case ComeBack():
                await self._come_back(act)
            case Wait():
                await self._wait(act)
            case Report():
                await self._report(act)
            case Decide():
                await self._decide(self.truth.readers[act.who], act.what)
            case Retry():
                await self._retry(act.which)
            case Compose():
                self.day += timedelta(days=1)
                await _compose(self.database, self.clock, [reader.person for reader in self.truth.readers], self.day)
                self.truth.composed()
        await self._rest()

    async def _rest(self) -> None:
        """Let all that was said come on record."""
        for process in self.processes.values():
            await process.rest()

    # Sending

    async def _running(self, number: int) -> Process:
        """Return the run of a process, which begins if there is none."""
        if number not in self.processes:
            await self._rest()
            self.truth.judge()
            known = number == 0
            one = Process(self.database, self.clock, self.settings, self.world.machine, self.truth.step, known=known)
            await one.started()
            self.processes[number] = one
            self.truth.taken_back()
        return self.processes[number]

    async def _send(self, act: Send) -> None:
        if not self.truth.anything_due():
            return
        one = await self._running(act.process)
        if one.dry and not one.held and not one.flights:
            await self._stop(act.process)
            one = await self._running(act.process)
        for start in range(0, len(act.ends), CONNECTIONS):
            last = start + CONNECTIONS >= len(act.ends)
            await self._round(one, act.ends[start : start + CONNECTIONS], act.then if last else "lives")
        if act.then == "dies after":
            await one.rest()
        if act.then.startswith("dies"):
            await self._kill(act.process)
        elif act.then == "stops":
            await self._stop(act.process)

    async def _round(self, one: Process, ends: Sequence[str], then: str) -> None:
        """Send at most one message over each connection."""
        going = {}
        for connection, end in enumerate(ends):
            if connection in one.flights or not (connection in one.held or await one.pull(connection)):
                continue
            if end == "postponed":
                one.ledger.postpone(one.held.pop(connection).delivery_id, 90)
            elif end != "held":
                going[connection] = end
        if then == "dies beginning" or not going:
            # What was said before goes along with the next beginning; here is none that gets there.
            await one.rest()
        if then == "dies beginning":
            for connection in going:
                one.ledger.sending(one.held[connection].delivery_id)
            return
        for connection, flight in (await one.begin(*going)).items():
            self.truth.begins(one, flight)
            end = going[connection]
            if end in ARRIVES:
                self.truth.arrives(flight)
            if end in ANSWERS and then == "dies unheard":
                self._say(one, flight, end)
            elif end in ANSWERS and then != "dies":
                self._end(one, connection, end)

    async def _come_back(self, act: ComeBack) -> None:
        if not self._hung():
            await self._send(Send(act.place % PROCESSES, ["hangs"], "lives"))
        if not (hung := self._hung()):
            return
        number, connection = hung[act.place % len(hung)]
        if act.meanwhile is not None:
            other = (number + 1) % PROCESSES
            await self._wait(Wait(LEASE + 1, (number,), other))
            await self._send(Send(other, act.meanwhile, "lives"))
            await self._rest()
            self.truth.judge()
        one = self.processes[number]
        arrived = one.flights[connection].arrived
        self._end(one, connection, "sent" if arrived and act.end not in ARRIVES else act.end)

    def _hung(self) -> list[tuple[int, int]]:
        return [(number, connection) for number, one in self.processes.items() for connection in one.flights]

    def _end(self, one: Process, connection: int, end: str) -> None:
        """Let a process hear how a message ended."""
        flight = one.flights.pop(connection)
        if end in ARRIVES:
            self.truth.arrives(flight)
        self._say(one, flight, end)
        self.truth.heard(flight, end)

    def _say(self, one: Process, flight: Flight, end: str) -> None:
        if end == "cut":
            one.ledger.release(flight.number)
        else:
            one.ledger.outcome(outcome(flight.number, end))

    async def _stop(self, number: int) -> None:
        if number in self.processes and not self.processes[number].flights:
            await self.processes.pop(number).stop()

    async def _kill(self, number: int) -> None:
        one = self.processes.pop(number)
        await one.kill()
        for flight in one.flights.values():
            self.truth.doubt(flight.number, pardoned=flight.pardoned)

    async def _wait(self, act: Wait) -> None:
        self.clock.step(seconds=act.seconds)
        self.truth.tick()
        for number, one in self.processes.items():
            if number not in act.asleep:
                await one.wake()
        await self._stop(act.begins)
        if self.truth.anything_due():
            await self._running(act.begins)

    # People, what comes back, and the operator

    async def _decide(self, reader: Reader, what: str) -> None:
        database, email, step = self.database, reader.person.email, self.truth.step
        match what:
            case "leave":
                await subscribers.remove(database, self.clock, email, source="model")
                reader.left = True
            case "return":
                lifted = await subscribers.unsuppress(database, email)
                assert lifted or reader.barred is None, "an address that was refused as dead was not suppressed"
                if reader.left:
                    back = reader.person.model_copy(update={"paused_until": None})
                    await subscribers.add(database, self.clock, back, source="model", again=True)
                    reader.left, reader.paused = False, None
                reader.barred = None
            case "pause":
                await subscribers.pause(database, email, None)
                reader.paused = step if reader.paused is None else reader.paused
            case "resume" if not reader.left:
                await subscribers.resume(database, email)
                reader.paused = None
            case "move":
                new = f"moved{next(_numbers)}@example.org"
                reader.person = await subscribers.edit(
                    database, email, lambda person: person.model_copy(update={"email": new})
                )
                reader.barred, reader.moved = None, step
            case "be erased":
                await subscribers.erase(database, self.clock, email)
                self.truth.erased(reader, Reader(await _newcomer(database, self.clock)))

    async def _report(self, act: Report) -> None:
        if not self.truth.taken:
            return
        number = self.truth.taken[act.place % len(self.truth.taken)]
        report = act._replace(place=number)
        bounce = Bounce("", act.kind, status="5.1.1" if act.kind == "hard" else "", reason="user unknown")
        intake = Intake(self.database, self.clock, SETTINGS, self.furnished.signer, lambda _: [bounce])
        to = ReturnPath(SENDER, self.furnished.signer).of(number)
        followed = await intake.take(Arrival("report", f"From: <>\r\n\r\n{report}".encode(), to))
        if number not in self.truth.stories:
            return
        assert followed.delivery_id == number
        row, reader = self.truth.record[number], self.truth.reader(number)
        self.truth.expected[number] = row.state
        if report in self.reports:
            return
        self.reports.add(report)
        if act.kind == "complaint":
            self.truth.expected[number] = COMPLAINED
        elif row.state not in CAME_BACK:
            self.truth.expected[number] = BOUNCED
        kept = await subscribers.details(self.database, reader.person.email)
        if kept.suppressed is None:
            assert act.kind == "soft" or row.address != reader.person.email, f"a {act.kind} suppresses nobody"
        elif reader.barred is None:
            reader.barred = self.truth.step
        # One who has another address by now may stay.
        stays = kept.subscriber.state is Consent.CONFIRMED
        assert act.kind != "complaint" or row.address != reader.person.email or not stays, "a complaint lets them stay"
        reader.left = not stays

    async def _retry(self, which: DeliveryState | int) -> None:
        if isinstance(which, DeliveryState):
            await record.retry(self.database, self.clock, state=which)
        else:
            await record.retry(self.database, self.clock, email=self.truth.readers[which].person.email)
        self.truth.retried()

    # The end

    def _reach(self, what: str) -> None:
        """Count the schedules that come so far."""
        self.reached["messages begun"] += what == "begun"
        if what not in self.seen:
            self.seen.add(what)
            self.reached[what] += 1

    def teardown(self) -> None:
        try:
            self.world.do(self._kill_all())
            if self.sound:
                self.world.do(self._finish())
        finally:
            self.world.do(self._kill_all())
            self.schedule.rollback()

    async def _kill_all(self) -> None:
        for number in list(self.processes):
            await self._kill(number)

    async def _finish(self) -> None:
        """Let everything come to its end: a healthy process leaves nothing waiting and nothing on its way."""
        self.settings = self.settings.model_copy(update={"batch": 50})
        for _ in range(8):
            self.clock.step(hours=2)
            self.truth.tick()
            one = await self._running(0)
            while await one.pull(len(one.held)):
                pass
            for connection, flight in (await one.begin(*one.held)).items():
                self.truth.begins(one, flight)
                self._end(one, connection, "sent")
            await self._stop(0)
            self.truth.judge()
            if not (left := [number for number, row in self.truth.record.items() if row.state in UNSETTLED]):
                return
        raise AssertionError(f"never settled: {left}")


async def _furnish(database: Database) -> Furnished:
    clock = Clock(NOW)
    found = tuple(Paper(title=f"The paper {number}", arxiv_id=f"2603.{number:05}") for number in range(PAPERS))
    await taking.take_in(database, clock, ParsedFeed(layout="page", papers=found), "model")
    people = [await _newcomer(database, clock) for _ in range(PEOPLE)]
    await _compose(database, clock, people, TODAY)
    async with database.connect() as connection:
        return Furnished(Signer(await schema.key(connection, "tokens")), people)


async def _newcomer(database: Database, clock: Clock) -> Subscriber:
    person = subscribers.new(Newsletter(), clock, f"reader{next(_numbers)}@example.org")
    return await subscribers.add(database, clock, person, source="model")


async def _compose(database: Database, clock: Clock, people: Sequence[Subscriber], day: date) -> None:
    """Choose for each two papers that they have not received."""
    async with database.begin() as connection:
        had = {tuple(row) for row in await connection.execute(select(received.c.subscriber_id, received.c.paper_id))}
        known = list((await connection.execute(select(papers.c.id).order_by(papers.c.id))).scalars())
        drafts = []
        for person in people:
            free = [number for number in known if (person.id, number) not in had][:2]
            chosen = tuple(
                Pick(position=place, paper=Paper(id=number, title="x"), score=1, reason=Reason(kind="popular"))
                for place, number in enumerate(free, start=1)
            )
            if chosen:
                message_id = f"<{secrets.token_hex(8)}@newsletter.example>"
                drafts.append(Draft(person.id, person.email, message_id, chosen))
        edition = await editions.ensure(connection, day, "daily", clock.now())
        await editions.compose(connection, edition.id, drafts, clock.now())


@contextlib.contextmanager
def model(database: Database) -> Iterator[type[DeliveryModel]]:
    """Give the model over a migrated database; its `reached` counts the schedules that came to each point."""
    with open_world(database) as world:
        furnished = world.do(_furnish(world.database))
        yield type("Model", (DeliveryModel,), {"world": world, "furnished": furnished, "reached": Counter()})
