"""No limit is ever passed, in any window, whatever crashes; what asks for a pause gets one that grows and eases."""

import json
import math
import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.config import DomainRate, Rates
from newsletter.delivery.limits import moved
from newsletter.delivery.pace import ALL, PATIENCE, Pacer, in_ascii, too_much
from newsletter.models import Outcome

START = datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp()
LATER = Outcome(delivery_id=1, result="deferred", code=421, enhanced="4.7.0", text="Try again later")
SENT = Outcome(delivery_id=1, result="sent", code=250)


def day(now: float) -> tuple[date, float]:
    """Return the day in UTC."""
    found = datetime.fromtimestamp(now, UTC).date()
    return found, datetime.combine(found + timedelta(days=1), datetime.min.time(), UTC).timestamp()


class World:
    """A clock, a record that keeps what is written whatever dies, and what started when."""

    def __init__(self, rates: Rates) -> None:
        self.rates = rates
        self.now = START
        self.record: dict[str, str] = {}
        self.started: list[tuple[float, str]] = []

    def process(self) -> "Process":
        """Start a process that paces."""
        return Process(self)

    def starts(self, domain: str | None = None) -> list[float]:
        """Return when messages started, all or those to a domain."""
        return [at for at, name in self.started if domain is None or name == domain]


class Process:
    """One process: it reserves when it is told to, as the pipeline does between two messages."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pacer = Pacer(world.rates, now=lambda: world.now, day=day, chance=random.Random(1))

    def reserve(self, *, dies: bool = False) -> None:
        """Reserve what is wanted; one that `dies` has written and never uses it."""
        for name in sorted(self.pacer.wanted):
            state = json.loads(self.world.record.get(name, "{}"))
            grant = self.pacer.reserve(name, state)
            self.world.record[name] = json.dumps(state)
            if not dies:
                self.pacer.take(name, grant)

    def admit(self, domain: str = "example.org") -> float:
        """Ask once, and once more after reserving."""
        wait = self.pacer.admit(domain)
        if wait and self.pacer.wanted:
            self.reserve()
            wait = self.pacer.admit(domain)
        if not wait:
            self.world.started.append((self.world.now, domain))
        return wait

    def send(self, domain: str = "example.org", outcome: Outcome | None = SENT) -> float:
        """Send a message that ends at once, if it may start."""
        wait = self.admit(domain)
        if not wait:
            self.pacer.ended(domain, outcome)
        return wait

    def end(self) -> None:
        """Give back what was not used."""
        for name in self.pacer.names():
            state = json.loads(self.world.record.get(name, "{}"))
            self.pacer.give_back(name, state)
            self.world.record[name] = json.dumps(state)


def most_within(starts: Sequence[float], seconds: float) -> int:
    """Return the largest number of messages in any half-open window of that length."""
    found = first = 0
    for last, at in enumerate(starts):
        while starts[first] <= at - seconds:
            first += 1
        found = max(found, last - first + 1)
    return found


def run(process: Process, seconds: float, domain: str = "example.org", *, most: int = 100_000) -> None:
    """Send as fast as the pacer lets through."""
    end = process.world.now + seconds
    for _ in range(most):
        wait = process.send(domain)
        process.world.now += max(wait, 1e-4)
        if process.world.now >= end:
            return


# What happens in a simulated life: (what, how long, how many).
LIVES = st.lists(
    st.tuples(
        st.sampled_from(["burst", "burst", "crash", "crash while reserving", "end", "other", "let go", "let go"]),
        st.floats(0.0, 90.0),
        st.integers(1, 40),
    ),
    min_size=3,
    max_size=30,
)


def live(world: World, life: list[tuple[str, float, int]]) -> None:
    """Let two processes that crash, end and start again send as fast as they may."""
    processes = [world.process(), world.process()]
    held: list[list[tuple[float, str]]] = [[], []]
    one = 0
    for what, seconds, number in life:
        process = processes[one]
        if what in ("crash", "crash while reserving", "end"):
            held[one] = []
        if what == "other":
            one = 1 - one
            world.now += seconds
        elif what == "let go":
            # What was held back by a connection that broke was not attempted.
            for start in held[one]:
                process.pacer.ended("example.org", None)
                world.started.remove(start)
            held[one] = []
        elif what == "crash":
            processes[one] = world.process()
        elif what == "crash while reserving":
            process.admit()
            process.reserve(dies=True)
            processes[one] = world.process()
        elif what == "end":
            process.end()
            processes[one] = world.process()
        else:
            for _ in range(number):
                if number % 3:
                    wait = process.send()
                elif not (wait := process.admit()):
                    held[one].append(world.started[-1])
                world.now += min(wait, seconds / number) if wait else seconds / number / 50


@given(life=LIVES, limit=st.integers(1, 60), window=st.integers(1, 300))
def test_no_window_ever_has_more_than_its_limit(life: Any, limit: int, window: int) -> None:
    world = World(Rates(window_messages=limit, window_seconds=window))
    live(world, life)
    assert most_within(world.starts(), window) <= limit


@given(life=LIVES, limit=st.integers(1, 60))
def test_no_minute_of_a_domain_ever_has_more_than_its_limit(life: Any, limit: int) -> None:
    world = World(Rates(domain_per_minute=limit))
    live(world, life)
    assert most_within(world.starts("example.org"), 60) <= limit


@given(life=LIVES, rate=st.sampled_from([0.05, 0.5, 1.0, 3.0, 7.5, 40.0, 60.0, 900.0]))
def test_no_second_ever_has_more_than_the_rate(life: Any, rate: float) -> None:
    world = World(Rates(per_second=rate))
    live(world, life)
    assert most_within(world.starts(), 1.0 - 1e-6) <= math.ceil(rate)
    # Fast ones may let go at once what is due in two hundredths of a second, since timers are no finer.
    assert most_within(world.starts(), 1 / rate - 1e-6) <= (1 if rate < 50 else 2 + rate * 0.02)


@given(life=LIVES, first=st.integers(1, 60))
def test_no_day_of_a_warm_up_ever_has_more_than_its_allowance(life: Any, first: int) -> None:
    world = World(Rates(warm_up_from=date(2026, 3, 2), warm_up_first=first, warm_up_growth=2))
    world.now = START + 14.99 * 3600
    live(world, life)
    starts = [datetime.fromtimestamp(at, UTC).date() for at in world.starts()]
    for ahead in range(3):
        assert starts.count(date(2026, 3, 2) + timedelta(days=ahead)) <= first * 2**ahead


def test_a_window_holds_for_what_is_used_at_the_last_moment_too() -> None:
    world = World(Rates(window_messages=40, window_seconds=100))
    process = world.process()
    # Slowly, so that what is reserved is used as late as it may be, and then as fast as there is room.
    for _ in range(38):
        process.send()
        world.now += 1.99
    run(process, 300)
    assert most_within(world.starts(), 100) == 40


def test_what_was_not_attempted_makes_room_only_where_it_was_counted() -> None:
    world = World(Rates(window_messages=40, window_seconds=100))
    process = world.process()
    for _ in range(5):
        assert process.admit() == 0
    old, world.started = len(world.started), []
    world.now += 50
    for _ in range(35):
        assert process.send() == 0
    for _ in range(old):
        process.pacer.ended("example.org", None)
    run(process, 200)
    assert most_within(world.starts(), 100) <= 40


# The limits are used, and not only kept


def test_a_window_lets_its_limit_through_at_once_and_then_waits_for_room() -> None:
    world = World(Rates(window_messages=100, window_seconds=3600))
    process = world.process()
    for _ in range(100):
        assert process.send() == 0
    wait = process.send()
    assert 3600 <= wait <= 3600 * 1.05
    world.now += process.pacer.everyone()
    assert process.send() == 0


def test_a_run_that_ends_gives_back_what_it_did_not_use() -> None:
    world = World(Rates(window_messages=100, window_seconds=3600))
    for _ in range(100):
        process = world.process()
        assert process.send() == 0
        process.end()
    assert world.process().send() > PATIENCE


def test_a_rate_is_kept_evenly_and_nearly_reached() -> None:
    for rate in (2.0, 40.0, 500.0):
        world = World(Rates(per_second=rate))
        process = world.process()
        # A time of rest saves nothing up.
        process.send()
        world.now += 100
        run(process, 10)
        starts = world.starts()[1:]
        assert rate * 10 * 0.93 <= len(starts) <= rate * 10 + 1
        assert most_within(starts, 0.5) <= math.ceil(rate * 0.52) + 1


def test_two_processes_share_a_rate() -> None:
    world = World(Rates(per_second=20))
    processes = [world.process(), world.process()]
    for number in range(20_000):
        processes[number % 2].send()
        world.now += 0.001
    assert 20 * 20 * 0.8 <= len(world.starts()) <= 20 * 20
    assert most_within(world.starts(), 1 - 1e-6) <= 20


def test_each_day_of_a_warm_up_takes_more_than_the_one_before() -> None:
    world = World(Rates(warm_up_from=date(2026, 3, 1), warm_up_first=10, warm_up_growth=1.5))
    process = world.process()
    numbers = []
    for _ in range(4):
        before = len(world.started)
        while not process.send():
            pass
        numbers.append(len(world.started) - before)
        world.now += 86400
    assert numbers == [15, 22, 33, 50]
    # After a month it is over.
    world.now += 60 * 86400
    assert [process.send() for _ in range(5000)] == [0.0] * 5000


def test_messages_of_one_domain_wait_while_others_go_on() -> None:
    world = World(Rates(domain_per_minute=5))
    process = world.process()
    for _ in range(5):
        assert process.send("a.example") == 0
    waits = [process.send("a.example") for _ in range(3)]
    # Each that is put off comes back at its own time, not all at once.
    assert 60 <= waits[0] < waits[1] < waits[2]
    assert waits[2] - waits[1] == pytest.approx(12)
    assert process.send("b.example") == 0
    assert [(held.name, held.setting) for held in process.pacer.held()] == [("a.example", "per_minute")]


def test_a_domain_of_the_table_stands_for_those_below_it_and_they_share_its_limit() -> None:
    rates = Rates(domain_per_minute=100, domains={"Example.org": DomainRate(per_minute=2, connections=0)})
    process = World(rates).process()
    assert process.send("example.org") == process.send("mail.example.org") == 0
    assert process.send("other.EXAMPLE.org") > PATIENCE
    assert process.send("notexample.org") == 0
    assert in_ascii("Bücher.example.") == "xn--bcher-kva.example"


def test_only_so_many_messages_are_on_their_way_to_a_domain_at_once() -> None:
    process = World(Rates(domain_connections=2)).process()
    assert process.admit() == process.admit() == 0
    assert 0 < process.admit() < 1
    assert process.admit("b.example") == 0
    process.pacer.ended("example.org", SENT)
    assert process.admit() == 0


# Who asks for a pause


@pytest.mark.parametrize(
    ("code", "enhanced", "text", "expected"),
    [
        (421, "4.7.0", "Try again later", True),
        (421, "", "closing", True),
        (450, "4.7.28", "Unusual rate of mail", True),
        (451, "4.4.5", "congestion", True),
        (452, "", "Too many connections from your address", True),
        (451, "4.7.1", "Greylisted, come back in 5 minutes", False),
        (450, "4.2.1", "Later", False),
        (452, "4.2.2", "The mailbox is full", False),
        (None, "", "The message cannot be made: too many", False),
    ],
)
def test_what_counts_as_too_much(code: int | None, enhanced: str, text: str, expected: bool) -> None:
    outcome = Outcome(delivery_id=1, result="deferred", code=code, enhanced=enhanced, text=text)
    assert too_much(outcome) is expected
    assert not too_much(outcome._replace(result="rejected"))


def test_a_pause_doubles_up_to_the_longest_and_eases_with_what_is_taken() -> None:
    world = World(Rates(back_off=60, longest_back_off=300))
    process = world.process()
    waits = []
    for _ in range(5):
        assert process.send(outcome=LATER) == 0
        waits.append(process.pacer.held()[0].until - world.now)
        assert process.send("b.example") == 0
        world.now += waits[-1] + 0.01
    for wait, least in zip(waits, [60, 120, 240, 240, 240], strict=True):
        assert least <= wait <= min(300, least * 1.25)
    # One message asks whether the pause was long enough, before the others follow.
    assert process.admit() == 0
    assert 0 < process.admit() < 1
    process.pacer.ended("example.org", SENT)
    for _ in range(3):
        assert process.send() == 0
    assert process.admit() == process.admit() == process.admit() == 0
    assert process.pacer.held() == []


def test_what_was_under_way_when_a_pause_began_does_not_double_it() -> None:
    world = World(Rates(back_off=60))
    process = world.process()
    for _ in range(10):
        assert process.admit() == 0
    for _ in range(10):
        process.pacer.ended("example.org", LATER)
    (held,) = process.pacer.held()
    assert 60 <= held.until - world.now <= 75


def test_a_pause_outlives_the_process() -> None:
    world = World(Rates())
    process = world.process()
    process.send(outcome=LATER)
    process.reserve()
    again = world.process()
    assert set(world.record) == {"example.org"}
    again.pacer.restore("example.org", json.loads(world.record["example.org"]))
    assert again.send() > PATIENCE
    assert again.send("b.example") == 0


# Clocks


@pytest.mark.parametrize(
    ("rates", "longest"),
    [
        (Rates(window_messages=10, window_seconds=600), 660),
        (Rates(domain_per_minute=10), 66),
        (Rates(per_second=10), 5),
        (Rates(warm_up_from=date(2026, 3, 1), warm_up_first=10), 15 * 3600),
        (Rates(back_off=60, longest_back_off=600), 600),
    ],
    ids=["window", "minute", "second", "day", "back-off"],
)
def test_a_record_of_a_clock_that_was_far_ahead_stops_mail_no_longer_than_its_limit(
    rates: Rates, longest: float
) -> None:
    world = World(rates)
    world.now = START + 30 * 86400
    process = world.process()
    for _ in range(25):
        process.send(outcome=SENT if longest != 600 else LATER)
    process.reserve()
    world.now = START
    again = world.process()
    for name in world.record.keys() - {ALL}:
        again.pacer.restore(name, json.loads(world.record[name]))
    waited = 0.0
    while wait := again.send():
        world.now += min(wait, 1.0)
        waited += min(wait, 1.0)
        assert waited <= longest


@pytest.mark.parametrize("step", [-3600.0, 86400.0])
def test_a_step_of_the_clock_that_is_known_changes_nothing(step: float) -> None:
    world = World(Rates(window_messages=10, window_seconds=600))
    process = world.process()
    for _ in range(10):
        assert process.send() == 0
    # The same moment on the stepped clock.
    world.now += step
    world.record = {name: json.dumps(moved(json.loads(state), step)) for name, state in world.record.items()}
    again = world.process()
    assert 600 <= again.send() <= 640


# Size


def test_domains_where_nothing_goes_on_are_forgotten() -> None:
    world = World(Rates(domain_per_minute=3))
    process = world.process()
    for number in range(1000):
        assert process.send(f"d{number}.example") == 0
        world.now += 0.01
    world.now += 120
    process.pacer.forget()
    assert process.pacer.names() == []
    assert len(process.pacer.held()) == 0
    assert process.send("d1.example") == 0


def test_without_limits_nothing_is_counted_or_written() -> None:
    process = World(Rates()).process()
    for number in range(1000):
        assert process.send(f"d{number}.example") == 0
    assert process.pacer.names() == []
    assert process.pacer.wanted == set()
    assert process.pacer.everyone() == 0
