"""Postfix's smtp-sink with each of its failure switches: the record and the sink's own files say the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import postfix
import pytest
from newsroom import Newsroom, address, papers
from postfix import Sink

from newsletter.delivery import Courier
from newsletter.pipeline.deliver import DeliverReport

NAMES = ("ada", "bob", "cyd", "dan")
EVERYONE = sorted(map(address, NAMES))
PAUSES = (0.01,) * 20


class Case(NamedTuple):
    """Switches, and what is to follow for all: the state, the code, what the fault of the run says; `whole` tells
    whether the sink has every message up to its last dot.
    """

    switches: str
    state: str
    code: int | None
    fault: str = ""
    whole: bool = False


REFUSES = "refuses this newsletter, not its readers"
UNREACHABLE = "cannot be reached"

CASES = (
    Case("", "sent", 250, whole=True),
    Case("-p", "sent", 250, whole=True),
    Case("-e", "sent", 250, whole=True),
    Case("-8", "sent", 250, whole=True),
    Case("-P", "sent", 250, whole=True),
    Case("-f EHLO", "sent", 250, whole=True),
    Case("-f RSET,QUIT", "sent", 250, whole=True),
    Case("-w 1", "sent", 250, whole=True),
    Case("-H 1 -T 2000", "sent", 250, whole=True),
    Case("-p -W .:1", "sent", 250, whole=True),
    Case("-p -W RCPT:1", "sent", 250, whole=True),
    # Pipelined, it answers DATA before RCPT; what cannot be matched is not sent.
    Case("-W RCPT:1", "deferred", 503, REFUSES),
    Case("-f CONNECT", "queued", None, UNREACHABLE),
    Case("-q CONNECT", "queued", None, UNREACHABLE),
    Case("-Q CONNECT", "queued", None, UNREACHABLE),
    Case("-Q EHLO", "queued", None, UNREACHABLE),
    Case("-f MAIL", "queued", None, REFUSES),
    Case("-f RCPT", "deferred", 500, REFUSES),
    Case("-f DATA", "deferred", 500, REFUSES),
    Case("-f .", "deferred", 500, REFUSES, whole=True),
    Case("-f RCPT -B 550_5.1.1_Nobody", "failed", 550),
    Case("-f . -B 550_5.1.1_Nobody", "failed", 550, whole=True),
    Case("-r MAIL", "deferred", 450),
    Case("-r RCPT", "deferred", 450),
    Case("-r DATA", "deferred", 450),
    Case("-r .", "deferred", 450, whole=True),
    Case("-q MAIL", "deferred", None),
    Case("-q RCPT", "deferred", None),
    Case("-q DATA", "deferred", None),
    Case("-q .", "unknown", None, whole=True),
    Case("-Q MAIL", "deferred", 421),
    Case("-Q RCPT", "deferred", 421),
    Case("-Q DATA", "deferred", 421),
    Case("-Q .", "deferred", 421, whole=True),
    Case("-A 0", "deferred", 550, REFUSES),
)


@contextmanager
def sink(switches: str) -> Iterator[Sink]:
    """Start an smtp-sink with switches; an underscore stands for a blank in their values."""
    try:
        with postfix.sink(*(word.replace("_", " ") for word in switches.split())) as started:
            yield started
    except postfix.NotStartedError as error:
        pytest.skip(str(error))


async def deliver(room: Newsroom, to: Sink) -> DeliverReport:
    room.relay(to, connections=1, timeout=5, final_timeout=5)
    return await room.deliver(Courier(room.app.settings.smtp, pauses=PAUSES))


async def test_who_refuses_all_whole_messages_alike_is_asked_again_for_all_but_the_first(small_room: Newsroom) -> None:
    """Four full mailboxes in a row may be chance: they wait. `brake` says why, and what ten of them mean."""
    await small_room.take_in(*papers(1))
    for name in NAMES:
        await small_room.subscribe(name)
    await small_room.compose()
    with sink("-f . -B 552_5.2.2_Full") as full:
        await deliver(small_room, full)
    first, *others = NAMES
    assert await small_room.states() == {first: "failed", **dict.fromkeys(others, "deferred")}
    small_room.clock.step(days=1)
    with sink("") as healthy:
        await deliver(small_room, healthy)
    assert await small_room.states() == {first: "failed", **dict.fromkeys(others, "sent")}


@pytest.mark.parametrize("case", CASES, ids=[case.switches or "none" for case in CASES])
async def test_nothing_is_lost_and_nothing_comes_twice(small_room: Newsroom, case: Case) -> None:
    small_room.set("ranking", papers=2)
    await small_room.take_in(*papers(*range(6)))
    for name in NAMES:
        await small_room.subscribe(name)
    await small_room.compose()
    with sink(case.switches) as first:
        report = await deliver(small_room, first)
        came = first.bodies()
    assert await small_room.states() == dict.fromkeys(NAMES, case.state)
    assert {one.delivery.code for one in await small_room.records()} == {case.code}
    assert case.fault in str(report.fault or "")
    assert bool(report.fault) == bool(case.fault)
    assert came == (EVERYONE if case.whole else [])
    # The next run, with a server in its best health, brings what waits, and nothing else.
    small_room.clock.step(days=1)
    with sink("") as second:
        await deliver(small_room, second)
        late = second.bodies()
    waited = case.state in ("queued", "deferred")
    assert late == (EVERYONE if waited else [])
    assert await small_room.states() == dict.fromkeys(NAMES, "sent" if waited else case.state)
