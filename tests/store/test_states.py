"""Workers that claim, send, die, come late and try again in any order, held against a second account of the rules."""

import asyncio
import dataclasses
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import event, select

from newsletter.errors import ConflictError
from newsletter.models import DeliveryState, Paper
from newsletter.store import deliveries, history, outcomes, papers, recall, schema
from newsletter.store.database import Database
from newsletter.store.outcomes import Settled
from newsletter.store.tables import deliveries as table
from newsletter.store.tables import received
from store.samples import MINUTE, NOW, TODAY, add_papers, add_people, compose, draft, known

OWNERS = ("one", "two", "three")
LEASE = 3 * MINUTE
READERS = (1, 2, 3)
IDS = st.integers(1, 4)

QUEUED, SENDING, SENT, DEFERRED, FAILED, SUPPRESSED, UNKNOWN, CAUGHT = list(DeliveryState)[:8]
WAITING = {QUEUED, DEFERRED}
UNDELIVERED = {FAILED, SUPPRESSED}
ENDS = st.sampled_from([SENT, CAUGHT, DEFERRED, FAILED, SUPPRESSED, UNKNOWN])


@dataclasses.dataclass
class Row:
    """A delivery as the rules have it."""

    reader: int
    due: datetime
    state: DeliveryState = QUEUED
    owner: str | None = None
    until: datetime | None = None
    doubtful: bool = False

    def free(self, now: datetime) -> bool:
        return self.owner is None or (self.until is not None and self.until <= now)

    def drop(self) -> None:
        self.owner = self.until = None


@cache
def _template() -> bytes:
    """A database with three readers and one paper, none of it queued."""

    async def make(file: Path) -> None:
        database = Database.at(f"sqlite:///{file}")
        await schema.migrate(database, NOW)
        async with database.begin() as connection:
            await add_papers(connection, known(1))
            await add_people(connection, len(READERS))
        await database.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(make(Path(folder) / "template.db"))
        return (Path(folder) / "template.db").read_bytes()


def _quickly(connection: Any, _record: Any) -> None:
    # What a power cut would do is not asked here.
    connection.cursor().execute("PRAGMA synchronous=OFF")


class Workers(RuleBasedStateMachine):
    """Three workers and an operator on one database."""

    paper: ClassVar[Paper] = known(1).paper.model_copy(update={"id": 1})

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        file = Path(self.folder) / "newsletter.db"
        file.write_bytes(_template())
        self.runner = asyncio.Runner()
        self.database = Database.at(f"sqlite:///{file}")
        event.listen(self.database.engine.sync_engine, "connect", _quickly)
        self.now = NOW
        self.told = 0
        self.day = TODAY
        self.rows: dict[int, Row] = {}
        # Bodies that were handed to the server for each reader, and how many more the rules allow than one.
        self.bodies: Counter[int] = Counter()
        self.repeats: Counter[int] = Counter()
        self.had: set[int] = set()
        for reader in READERS:
            self.choose(reader)

    def teardown(self) -> None:
        self.runner.run(self.database.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    def do(self, act: Any, *given: Any, **named: Any) -> Any:
        async def transaction() -> Any:
            async with self.database.begin() as connection:
                return await act(connection, *given, **named)

        return self.runner.run(transaction())

    def read(self, act: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(act)

    @rule(minutes=st.integers(1, 4))
    def wait(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    @rule(reader=st.sampled_from(READERS))
    def choose(self, reader: int) -> None:
        """A new issue, for someone who has not had the paper or whose mail ended undelivered."""
        holds = any(row.reader == reader and row.state not in UNDELIVERED for row in self.rows.values())
        self.day += timedelta(days=1)
        name = f"{reader}-{self.day}"
        try:
            self.do(compose, draft(reader, self.paper, name=name), day=self.day, at=self.now)
        except ConflictError:
            assert holds, "it was refused without a reason"
            return
        assert not holds, "the same paper twice"
        number = max(self.rows, default=0) + 1
        self.rows[number] = Row(reader, self.now)
        if number > len(READERS):
            self.repeats[reader] += 1

    @rule(owner=st.sampled_from(OWNERS), limit=st.integers(1, 3))
    def claim(self, owner: str, limit: int) -> None:
        claimed = self.do(deliveries.claim, owner=owner, limit=limit, now=self.now, until=self.now + LEASE)
        can = [
            (row.due, number)
            for number, row in self.rows.items()
            if row.state in WAITING and row.due <= self.now and row.free(self.now) and row.owner != owner
        ]
        assert [one.id for one in claimed] == sorted(number for _, number in sorted(can)[:limit])
        for one in claimed:
            self.rows[one.id].owner, self.rows[one.id].until = owner, self.now + LEASE

    @rule(owner=st.sampled_from(OWNERS))
    def work(self, owner: str) -> None:
        """What a worker does most of the time."""
        self.claim(owner, 2)
        self.begin(owner, {number for number, row in self.rows.items() if row.owner == owner})

    @rule(owner=st.sampled_from(OWNERS))
    def renew(self, owner: str) -> None:
        self.do(deliveries.renew, owner, self.now + LEASE)
        for row in self.rows.values():
            if row.owner == owner:
                row.until = self.now + LEASE

    def moment(self) -> datetime:
        """Return now, as no other call has it."""
        self.told += 1
        return self.now + timedelta(microseconds=self.told)

    @rule(owner=st.sampled_from(OWNERS), ids=st.sets(IDS))
    def begin(self, owner: str, ids: set[int]) -> None:
        begun = self.do(outcomes.note, owner, (), sorted(ids), self.moment())
        ours = {
            number
            for number in ids & self.rows.keys()
            if self.rows[number].owner == owner and self.rows[number].state in WAITING
        }
        assert begun == ours
        for number in begun:
            self.rows[number].state = SENDING
            self.bodies[self.rows[number].reader] += 1

    @rule(
        owner=st.sampled_from(OWNERS),
        ends=st.dictionaries(IDS, ENDS, min_size=1),
        pause=st.integers(0, 5),
    )
    def settle(self, owner: str, ends: dict[int, DeliveryState], pause: int) -> None:
        due = self.now + pause * MINUTE
        self.do(
            outcomes.note,
            owner,
            [Settled(number, state, due, str(state)) for number, state in ends.items()],
            (),
            self.moment(),
        )
        for number, state in ends.items():
            row = self.rows.get(number)
            if row is None:
                continue
            row.doubtful |= state is UNKNOWN
            if row.state not in {*WAITING, SENDING, UNKNOWN}:
                continue
            if row.owner == owner or (row.state is UNKNOWN and state in {SENT, CAUGHT}):
                row.state, row.due = (UNKNOWN if row.doubtful and state in UNDELIVERED else state), due
                row.drop()
                if state is DEFERRED:
                    self.repeats[row.reader] += 1

    @rule(dead=st.sets(st.sampled_from(OWNERS)), resend=st.booleans())
    def take_back(self, dead: set[str], resend: bool) -> None:
        number_lost = self.do(deliveries.take_back, now=self.now, dead=dead, resend=resend)
        lost = 0
        for row in self.rows.values():
            if row.owner is None or not (row.free(self.now) or row.owner in dead):
                continue
            if row.state is SENDING:
                row.state, row.due = (QUEUED if resend else UNKNOWN), self.now
                row.doubtful = True
                lost += not resend
                self.repeats[row.reader] += resend
            row.drop()
        assert number_lost == lost

    @rule(owner=st.sampled_from(OWNERS), ids=st.none() | st.sets(IDS))
    def release(self, owner: str, ids: set[int] | None) -> None:
        self.do(deliveries.release, owner, None if ids is None else sorted(ids))
        for number, row in self.rows.items():
            if row.owner != owner or (ids is not None and number not in ids):
                continue
            if row.state in WAITING:
                row.drop()
            elif ids is not None and row.state is SENDING:
                row.state = QUEUED
                row.drop()
                self.bodies[row.reader] -= 1

    @rule(reader=st.sampled_from(READERS))
    def change_something(self, reader: int) -> None:
        """What a person decides takes their mail back from whoever claimed it."""
        self.do(recall.recall, reader)
        for row in self.rows.values():
            if row.reader == reader and row.state in WAITING:
                row.drop()

    @rule(ids=st.sets(IDS, min_size=1))
    def retry(self, ids: set[int]) -> None:
        """What the operator does: papers that were released are taken again first."""
        for number in sorted(ids & self.rows.keys()):
            row = self.rows[number]
            if row.state in UNDELIVERED:
                issue = self.read(self._issue(number))
                taken = self.do(papers.take_again, issue, row.reader)
                others = [other for other in self.rows.values() if other.reader == row.reader and other is not row]
                assert taken is all(other.state in UNDELIVERED for other in others)
                if not taken:
                    continue
            queued = self.do(deliveries.queue_again, [number], self.now)
            can = row.owner is None and row.state in {*UNDELIVERED, UNKNOWN, CAUGHT, DEFERRED}
            assert queued == can
            if can:
                row.state, row.due = QUEUED, self.now
                self.repeats[row.reader] += 1

    @invariant()
    def the_database_is_as_the_rules_have_it(self) -> None:
        found = self.read(self._rows())
        assert found == {number: (row.state, row.owner, row.until, row.due) for number, row in self.rows.items()}

    @invariant()
    def what_was_received_is_what_did_not_end_undelivered(self) -> None:
        wanted = Counter(row.reader for row in self.rows.values() if row.state not in UNDELIVERED)
        assert all(number == 1 for number in wanted.values()), "the same paper in two mails"
        assert self.read(self._received()) == set(wanted)

    @invariant()
    def nobody_is_mailed_more_often_than_the_rules_allow(self) -> None:
        assert all(number <= 1 + self.repeats[reader] for reader, number in self.bodies.items())

    @invariant()
    def what_was_sent_stays_sent(self) -> None:
        sent = {number for number, row in self.rows.items() if row.state is SENT}
        assert self.had <= sent
        self.had = sent

    async def _rows(self) -> dict[int, Any]:
        async with self.database.connect() as connection:
            chosen = select(table.c.id, table.c.state, table.c.lease_owner, table.c.leased_until, table.c.due_at)
            return {
                row.id: (DeliveryState(row.state), row.lease_owner, row.leased_until, row.due_at)
                for row in await connection.execute(chosen)
            }

    async def _received(self) -> set[int]:
        async with self.database.connect() as connection:
            return set((await connection.execute(select(received.c.subscriber_id))).scalars())

    async def _issue(self, number: int) -> int:
        async with self.database.connect() as connection:
            (record,) = await history.records(connection, ids=[number])
        return record.delivery.issue_id


TestWorkers = Workers.TestCase
TestWorkers.settings = settings(max_examples=30, stateful_step_count=25)
