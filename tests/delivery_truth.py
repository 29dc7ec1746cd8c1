"""What really became of each message in the model of delivery, and what must hold of the record beside it.

Lost is what the server does not have though the record says that it came to its end. Twice is what went out again
though it may have arrived, unless `resend` or the operator allowed that. DESIGN.md has the definitions.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from delivery_world import Flight, Process
from newsroom import NOW, Clock

from newsletter.config import Delivery as DeliverySettings
from newsletter.models import DeliveryState, Subscriber
from newsletter.store.deliveries import LONGEST_LEASE

QUEUED, SENDING, SENT, DEFERRED, FAILED, SUPPRESSED, UNKNOWN, _, BOUNCED, COMPLAINED = DeliveryState
CAME_BACK = {BOUNCED, COMPLAINED}
AT_SERVER = {SENT, *CAME_BACK}
RELEASED = {FAILED, SUPPRESSED}
WAITING = {QUEUED, DEFERRED}
UNSETTLED = {*WAITING, SENDING}

# One row for a delivery and a paper, since it is asked after each step.
ON_RECORD = """
    SELECT d.id, d.state, d.message_id, d.subscriber_id, d.address, d.lease_owner, d.leased_until,
        p.paper_id, COALESCE(r.issue_id = d.issue_id, false)
    FROM deliveries d JOIN picks p ON p.issue_id = d.issue_id
    LEFT JOIN received r ON r.subscriber_id = d.subscriber_id AND r.paper_id = p.paper_id
"""


class Row(NamedTuple):
    """A delivery on record; `papers` tells which of its papers are kept as received."""

    state: DeliveryState
    message_id: str
    subscriber_id: int
    address: str
    owner: str | None
    until: datetime | None
    papers: dict[int, bool]


@dataclass
class Story:
    """What really became of a delivery.

    `doubted`: an attempt ended so that the record cannot know whether it arrived. `suspect`: likewise, and nobody has
    allowed another one since. `again`: the operator has, once. It is not due before `due`.
    """

    message_id: str
    queued_at: datetime
    arrived: int = 0
    doubted: bool = False
    suspect: bool = False
    again: bool = False
    due: datetime = NOW


@dataclass
class Reader:
    """A person; `barred` and `paused` are the steps since which they must not be mailed, `moved` their latest move."""

    person: Subscriber
    left: bool = False
    barred: int | None = None
    paused: int | None = None
    moved: int = 0


@dataclass
class Truth:
    """The stories of all deliveries beside their record; `statement` runs one and `reach` counts what came to pass.

    `gone` are the numbers of processes that everyone can see to be gone, `expected` is where a delivery must be after
    the step, `latest` the latest time that any clock has shown.
    """

    statement: Callable[[str], Any]
    reach: Callable[[str], None]
    settings: DeliverySettings
    clock: Clock
    readers: list[Reader]
    processes: dict[int, Process]
    gone: set[int]
    step: int = 0
    latest: datetime = NOW
    took_back: bool = False
    stories: dict[int, Story] = field(default_factory=dict)
    record: dict[int, Row] = field(default_factory=dict)
    expected: dict[int, DeliveryState] = field(default_factory=dict)
    taken: list[int] = field(default_factory=list)

    def tick(self) -> None:
        """Take notice that a step begins."""
        self.step += 1
        self.latest = max(self.latest, self.clock.now())

    def reader(self, number: int) -> Reader:
        """Return whose delivery it is."""
        person = self.record[number].subscriber_id
        return next(reader for reader in self.readers if reader.person.id == person)

    def anything_due(self) -> bool:
        """Tell whether a run may find something to do."""
        return any(row.state in UNSETTLED for row in self.record.values())

    # What happens

    def composed(self) -> None:
        """Take notice of new deliveries."""
        for number, row in self._read().items():
            if number not in self.stories:
                self.stories[number] = Story(row.message_id, self.clock.now())
                self.record[number] = row

    def erased(self, reader: Reader, successor: Reader) -> None:
        """Take notice that someone is gone, and somebody new there."""
        for number in [number for number in self.stories if self.reader(number) is reader]:
            del self.stories[number], self.record[number]
        self.readers[self.readers.index(reader)] = successor

    def taken_back(self) -> None:
        """Take notice of what was on its way and lost its lease: whoever has it is taken for dead."""
        for number, before in self.look().items():
            if before.state is SENDING and self.record[number].state is not SENDING:
                assert self._is_over(before), f"{number} was taken from a process that has it on its way"
                self.doubt(number)
                for flight in self._flights(number):
                    flight.lost = True
                self.took_back = True
                self.reach("taken back")

    def _is_over(self, row: Row) -> bool:
        """Tell whether a lease ran out, was written by a clock far ahead, or is that of a process known to be gone."""
        assert row.owner is not None
        assert row.until is not None
        ahead = row.until - self.clock.now()
        return not timedelta() < ahead <= LONGEST_LEASE or int(row.owner.split("/")[-2]) in self.gone

    def retried(self) -> None:
        """Take notice of what the operator put back."""
        for number, before in self.look().items():
            if before.state is not self.record[number].state:
                story = self.stories[number]
                story.queued_at, story.due = self.clock.now(), NOW
                story.again |= story.doubted
                story.suspect = False
                for flight in self._flights(number):
                    flight.pardoned = True

    def arrives(self, flight: Flight) -> None:
        """Take notice that the server took a message."""
        if not flight.arrived:
            flight.arrived = True
            self.taken.append(flight.number)
            if flight.number in self.stories:
                self.stories[flight.number].arrived += 1

    def doubt(self, number: int, *, pardoned: bool = False) -> None:
        """Take notice that the record cannot know whether a message arrived."""
        if number in self.stories:
            self.stories[number].doubted = True
            self.stories[number].suspect |= not pardoned

    def heard(self, flight: Flight, end: str) -> None:
        """Take notice of how a message ended, as its process says it."""
        number = flight.number
        if number not in self.stories:
            return
        story, state, reader = self.stories[number], self.record[number].state, self.reader(number)
        if flight.lost:
            self.reach("answered after its lease")
            if end == "sent" and state is UNKNOWN:
                self.expected[number] = SENT
        elif state not in CAME_BACK:
            led_to = self._leads_to(story, end)
            # What is queued again may be claimed again before the step is over, and be barred.
            if led_to is not QUEUED or not (reader.left or reader.barred or reader.paused):
                self.expected[number] = led_to
            if led_to is DEFERRED:
                story.due = self.clock.now() + timedelta(seconds=self.settings.first_pause)
            if end == "dead" and flight.message.recipient == reader.person.email and reader.barred is None:
                reader.barred = self.step
        if end in ("unknown", "lost"):
            self.doubt(number, pardoned=flight.pardoned)

    def _leads_to(self, story: Story, end: str) -> DeliveryState:
        ended = UNKNOWN if story.doubted else FAILED
        over = self.clock.now() - story.queued_at >= timedelta(seconds=self.settings.give_up_after)
        match end:
            case "sent":
                return SENT
            case "cut":
                return QUEUED
            case "refused" | "dead":
                return ended
            case "unknown" | "lost":
                return UNKNOWN if over or self.settings.on_unknown == "hold" else DEFERRED
            case _:
                return ended if over else DEFERRED

    # What must hold

    def begins(self, process: Process, flight: Flight) -> None:
        """Judge a message that leaves; `process` may have claimed it before the person decided otherwise."""
        number, to = flight.number, flight.message.recipient
        assert number in self.stories, f"{number} goes to someone who was erased"
        story, reader = self.stories[number], self.reader(number)
        self.expected.pop(number, None)
        assert self.record[number].state not in AT_SERVER, f"{number} is at the server, and goes out again"
        others = [other for other in self._flights(number) if other is not flight and not other.pardoned]
        if self.settings.on_unknown == "hold":
            assert not others, f"{number} goes out while another process has it on its way"
            assert not story.suspect, f"{number} may have arrived, and goes out again"
        assert story.due <= self.latest, f"{number} goes out before its time"
        assert not reader.left, f"{number} goes to someone who left"
        since = process.since
        assert reader.barred is None or reader.barred >= since, f"{number} goes to someone who was suppressed before"
        assert reader.paused is None or reader.paused >= since, f"{number} goes to someone who had paused before"
        assert to == reader.person.email or reader.moved >= since, f"{number} goes to an address that they left before"
        story.due = NOW
        self.reach("begun")
        if story.doubted:
            self.reach("begun again in doubt")
        if self.took_back:
            self.reach("begun after a take-back")

    def look(self) -> dict[int, Row]:
        """Read the record, judge what changed, and return what stood there before."""
        before, self.record = self.record, self._read()
        assert self.record.keys() == self.stories.keys(), "deliveries came or went by themselves"
        for number, row in self.record.items():
            was = before[number].state
            if row.state is not was:
                self.reach(f"{was} to {row.state}")
            assert was not in AT_SERVER or row.state in AT_SERVER, f"{number} was {was}, and is {row.state}"
        return before

    def judge(self) -> None:
        """Judge the record at rest."""
        self.look()
        for number, expected in self.expected.items():
            if number in self.record:
                state = self.record[number].state
                assert state is expected, f"{number} is {state}, and not {expected}"
        self.expected.clear()
        mailed: Counter[tuple[int, int]] = Counter()
        for number, row in self.record.items():
            self._judge_one(number, row)
            for paper, kept in row.papers.items():
                assert kept is (row.state not in RELEASED), f"{number} is {row.state}; are its papers kept? {kept}"
                mailed[row.subscriber_id, paper] += bool(self.stories[number].arrived)
        assert not mailed or max(mailed.values()) <= 1, "a paper came to somebody in two issues"

    def _judge_one(self, number: int, row: Row) -> None:
        story, state = self.stories[number], row.state
        flights = self._flights(number)
        assert row.message_id == story.message_id, f"{number} has another Message-ID"
        assert state not in AT_SERVER or story.arrived, f"{number} is {state}, and the server never had it"
        assert state is not UNKNOWN or story.doubted, f"{number} is unknown for no reason"
        assert state in UNSETTLED or row.owner is None, f"{number} is {state}, and leased"
        if state in RELEASED:
            possible = story.arrived or story.doubted or flights
            assert not possible, f"{number} is {state}, and may have arrived"
        if any(not flight.lost for flight in flights):
            assert state in {SENDING, *CAME_BACK}, f"{number} is on its way, and {state}"
        if self.settings.on_unknown == "hold":
            assert state not in WAITING or not story.suspect, f"{number} may have arrived, and is {state}"
            assert story.arrived <= 1 or story.again, f"{number} went out {story.arrived} times"

    def _flights(self, number: int) -> list[Flight]:
        return [flight for one in self.processes.values() for flight in one.flights.values() if flight.number == number]

    def _read(self) -> dict[int, Row]:
        found: dict[int, Row] = {}
        for number, state, *kept, until, paper, received in self.statement(ON_RECORD):
            if number not in found:
                found[number] = Row(DeliveryState(state), *kept, _moment(until), {})
            found[number].papers[paper] = bool(received)
        return found


def _moment(kept: datetime | str | None) -> datetime | None:
    """Return a moment as either engine keeps it."""
    return datetime.fromisoformat(kept).replace(tzinfo=UTC) if isinstance(kept, str) else kept
