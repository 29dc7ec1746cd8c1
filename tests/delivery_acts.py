"""What happens in the schedules of the model of delivery: acts as values, and how they are drawn."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from hypothesis import strategies as st

from newsletter.models import DeliveryState, Outcome

PEOPLE = 3
PROCESSES = 2
CONNECTIONS = 2
LEASE = 60

# How a message can end that left; of what is cut its body is known not to have left.
ANSWERS = ("sent", "deferred", "refused", "dead", "about us", "cut", "unknown", "lost")
ARRIVES = frozenset({"sent", "unknown", "hangs, taken"})


class Send(NamedTuple):
    """A process sends messages with these ends, as many at a time as it has connections, and goes on or dies."""

    process: int
    ends: Sequence[str]
    then: str


class ComeBack(NamedTuple):
    """A process that hung with a message on its way hears its end after all.

    Meanwhile its lease may have run out, and another process have sent messages with these ends.
    """

    place: int
    end: str
    meanwhile: Sequence[str] | None


class Wait(NamedTuple):
    """Time passes, or the clock is set; who is asleep renews no leases meanwhile. Then a run begins, if it can."""

    seconds: int
    asleep: tuple[int, ...]
    begins: int


class Report(NamedTuple):
    """A report comes back for a message that the server took."""

    place: int
    kind: Literal["hard", "soft", "complaint"]
    copy: int


class Decide(NamedTuple):
    """A person decides something."""

    who: int
    what: str


class Retry(NamedTuple):
    """The operator puts back what is in a state, or all that can be of one person."""

    which: DeliveryState | int


class Compose(NamedTuple):
    """Papers are chosen again: what was released may be, what anyone received may not."""


Act = Send | ComeBack | Wait | Report | Decide | Retry | Compose

_UNKNOWN, _FAILED = DeliveryState.UNKNOWN, DeliveryState.FAILED

_process = st.integers(0, PROCESSES - 1)
_ends = st.sampled_from([*ANSWERS, "sent", "sent", *["hangs", "hangs, taken"] * 2, "held", "postponed"])
_fates = st.sampled_from(["lives"] * 5 + ["stops", "dies beginning", "dies", "dies unheard", "dies after"])
_sends = st.builds(Send, _process, st.lists(_ends, min_size=1, max_size=3), _fates)
# What goes out a second time meets its first attempt while it is on its way.
_meanwhile = st.lists(st.sampled_from(["hangs", "hangs", "hangs, taken", *ANSWERS]), max_size=3)
_comes_back = st.builds(
    ComeBack, st.integers(0, 3), st.sampled_from(["sent", "cut", *ANSWERS]), st.none() | _meanwhile | _meanwhile
)
_waits = st.builds(
    Wait, st.sampled_from([61, 700, 1, 6 * 3600, -1, -600]), st.sampled_from([(0, 1), (0,), (1,), ()]), _process
)

acts: st.SearchStrategy[Act] = st.one_of(
    _sends,
    _sends,
    _sends,
    _comes_back,
    _comes_back,
    _waits,
    st.builds(Report, st.integers(0, 20), st.sampled_from(["hard", "soft", "complaint"]), st.integers(0, 1)),
    st.builds(
        Decide,
        st.integers(0, PEOPLE - 1),
        st.sampled_from(["move", "leave", "return", "pause", "resume", "be erased"]),
    ),
    st.builds(
        Retry,
        st.sampled_from(
            [*[_UNKNOWN, _FAILED] * 2, DeliveryState.SUPPRESSED, DeliveryState.DEFERRED, *range(PEOPLE)],
        ),
    ),
    st.just(Compose()),
)


def outcome(number: int, end: str) -> Outcome:
    """Return what a courier says of a message that ended so."""
    if end == "sent":
        return Outcome(delivery_id=number, result="sent", code=250, text="queued")
    if end == "deferred":
        return Outcome(delivery_id=number, result="deferred", code=451, text="later")
    if end == "about us":
        return Outcome(delivery_id=number, result="deferred", code=550, enhanced="5.7.1", text="policy", about="us")
    if end in ("dead", "refused"):
        return Outcome(delivery_id=number, result="rejected", code=550, text="unknown", suppress=end == "dead")
    return Outcome(delivery_id=number, result="unknown", text="the connection was lost")
