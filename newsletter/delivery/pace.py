"""How fast mail may go: the limits of all mail and of each receiving domain, and who is to be left alone for a while.

It is told the time and keeps no record: `reserve` and `take` are between it and whoever does (see `limits`).
"""

import random
import re
from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from newsletter.config import DomainRate, Rates
from newsletter.delivery.limits import SOON, Days, Limit, Rate, Share, State, Window
from newsletter.models import Outcome

# The name of what holds for all mail; other names are domains.
ALL = ""

# A message that would wait longer is put off by whoever asks, and comes again when it is due.
PATIENCE = 30.0
LONGEST_WAIT = 3600.0

_MINUTE = 60.0

# RFC 3463 section 3.5: congestion. Section 3.8: policy, in use for too much and too fast.
_TOO_MUCH = re.compile(r"4\.(4\.5|7\.\d+)")
_TOO_MUCH_IN_WORDS = re.compile(
    r"too (many|much|fast)|throttl|rate[ -]?limit|unusual(ly high)? (rate|volume)|slow down", re.IGNORECASE
)
# It asks every new sender once to come again, however slow they come (RFC 6647 section 2).
_GREYLISTED = re.compile(r"gr[ea]y-?list", re.IGNORECASE)


class Held(NamedTuple):
    """What keeps mail waiting: for which domain (empty: all mail), by which setting, and until when."""

    name: str
    setting: str
    until: float


class Grant(NamedTuple):
    """What was reserved for one name: a share of each limit, and its back-off (no message before; the next pause)."""

    shares: tuple[tuple[Limit, Share], ...]
    back_off: tuple[float, float]


def too_much(outcome: Outcome) -> bool:
    """Tell whether a receiver said that it gets too much mail, or too fast."""
    if outcome.result != "deferred" or outcome.code is None or _GREYLISTED.search(outcome.text):
        return False
    # RFC 5321 section 3.8: 421 is said of the service, not of the message.
    return (
        outcome.code == 421
        or _TOO_MUCH.fullmatch(outcome.enhanced) is not None
        or _TOO_MUCH_IN_WORDS.search(outcome.text) is not None
    )


class _Lane:
    """What is known of one name."""

    __slots__ = ("back_off", "connections", "flying", "horizon", "limits", "name", "recorded")

    def __init__(self, name: str, limits: tuple[Limit, ...] = (), connections: int = 0) -> None:
        self.name = name
        self.limits = limits
        self.connections = connections
        self.flying = 0
        # What was put off is promised the room until then.
        self.horizon = 0.0
        self.back_off = self.recorded = (0.0, 0.0)

    def wait(self, now: float) -> float:
        until, pause = self.back_off
        if until > now:
            return until - now
        # Who asked for a pause is asked by one message whether it was long enough.
        most = 1 if pause else self.connections
        if most and self.flying >= most:
            return SOON
        return max((limit.wait(now) for limit in self.limits), default=0.0)

    def use(self, now: float) -> None:
        for limit in self.limits:
            limit.use(now, self.flying)
        self.flying += 1

    def ended(self, *, attempted: bool) -> None:
        # One that was under way when its domain was first looked at was not counted.
        self.flying = max(0, self.flying - 1)
        for limit in self.limits:
            limit.ended(self.flying, attempted=attempted)

    def put_off(self, wait: float, now: float) -> float:
        """Return a wait that is longer for each message, so that they do not all come back at once."""
        spacing = max((limit.spacing for limit in self.limits), default=0.0)
        self.horizon = max(self.horizon + spacing, now + wait)
        return min(self.horizon - now, LONGEST_WAIT)

    def held(self, now: float) -> list[Held]:
        until, _ = self.back_off
        found = [Held(self.name, "back_off", until)] if until > now else []
        waits = [(limit.setting, limit.wait(now)) for limit in self.limits]
        return found + [Held(self.name, setting, now + wait) for setting, wait in waits if wait > SOON]


class Pacer:
    """Says when a message may start.

    `now` returns seconds that never step, `day` the local date of such a time and when that day ends. `call` is called
    when something is to be reserved: then `wanted` has the names.
    """

    def __init__(
        self,
        rates: Rates,
        *,
        now: Callable[[], float],
        day: Callable[[float], tuple[date, float]],
        chance: random.Random,
        call: Callable[[], None] = lambda: None,
    ) -> None:
        self._rates = rates
        self._now = now
        self._chance = chance
        self._call = call
        self._domains = {in_ascii(name): rate for name, rate in rates.domains.items()}
        self._paced = bool(rates.domain_per_minute or rates.domain_connections or rates.domains)
        limits: list[Limit] = []
        if rates.per_second:
            limits.append(Rate(rates.per_second))
        if rates.window_messages:
            limits.append(Window("window_messages", rates.window_messages, rates.window_seconds))
        if rates.warm_up_from is not None:
            limits.append(Days("warm_up_from", rates.warm_up_on, day))
        self._all = _Lane(ALL, tuple(limits))
        self._lanes: dict[str, _Lane] = {}
        self.wanted: set[str] = {ALL} if limits else set()

    def admit(self, domain: str) -> float:
        """Return the seconds until a message to a domain may start; 0.0: it may start now, and is counted."""
        lane = self._lane(domain)
        if lane is None and not self._all.limits:
            return 0.0
        now = self._now()
        lanes = (self._all,) if lane is None else (self._all, lane)
        waits = [one.wait(now) for one in lanes]
        wait = max(waits)
        if wait <= 0.0:
            for one in lanes:
                one.use(now)
        for one in lanes:
            self._want(one, now)
        return lanes[waits.index(wait)].put_off(wait, now) if wait > PATIENCE else wait

    def ended(self, domain: str, outcome: Outcome | None) -> None:
        """Take notice that an admitted message ended; None: it was not attempted, and does not count."""
        lane = self._lane(domain)
        self._all.ended(attempted=outcome is not None)
        if lane is not None:
            lane.ended(attempted=outcome is not None)
        if outcome is None:
            return
        if too_much(outcome):
            self._back_off(lane or self._lanes.setdefault(self._name(domain), _Lane(self._name(domain))))
        elif lane is not None and lane.back_off[1] and outcome.result in ("sent", "caught", "rejected"):
            self._ease(lane)

    def everyone(self) -> float:
        """Return the seconds until a message to anyone may start, which is not counted; 0.0: now."""
        if not self._all.limits:
            return 0.0
        now = self._now()
        wait = self._all.wait(now)
        if wait > 0.0:
            self._want(self._all, now)
        return wait

    def held(self) -> list[Held]:
        """Return what keeps mail waiting now, that of all mail first."""
        now = self._now()
        return [held for lane in (self._all, *self._lanes.values()) for held in lane.held(now)]

    def per_minute(self, name: str) -> int:
        """Return how many messages a minute a domain takes; 0: no limit."""
        return self._rate(name).per_minute

    def reserve(self, name: str, state: State) -> Grant:
        """Take out of the state of a name what is wanted next, and note its back-off; the state is changed in place."""
        lane, now = self._known(name), self._now()
        shares = [(limit, limit.reserve(state, now)) for limit in lane.limits if limit.wants(now)]
        if lane.back_off != lane.recorded:
            state["until"], state["pause"] = lane.back_off
        until, pause = state.get("until", 0.0), state.get("pause", 0.0)
        # A later end than any was written by a clock that was ahead.
        return Grant(tuple(shares), (min(until, now + self._rates.longest_back_off), pause))

    def take(self, name: str, grant: Grant) -> None:
        """Put at hand what was reserved, now that it is on record."""
        lane = self._known(name)
        self.wanted.discard(name)
        for limit, share in grant.shares:
            limit.take(share)
        if lane.back_off == lane.recorded or grant.back_off[0] > lane.back_off[0]:
            lane.back_off = grant.back_off
        lane.recorded = grant.back_off
        if lane.back_off != lane.recorded:
            # It has changed while this was being written.
            self._note(lane)

    def restore(self, name: str, state: State) -> None:
        """Take over the back-off that an earlier run noted."""
        until = min(state.get("until", 0.0), self._now() + self._rates.longest_back_off)
        self.take(name, Grant((), (until, state.get("pause", 0.0))))

    def give_back(self, name: str, state: State) -> None:
        """Put into the state what was reserved and not used; the pacer is not asked any more after that."""
        lane = self._known(name)
        for limit in lane.limits:
            limit.give_back(state)
        if lane.back_off != lane.recorded:
            state["until"], state["pause"] = lane.back_off

    def names(self) -> list[str]:
        """Return the names for which something is at hand or is to be noted."""
        lanes = (self._all, *self._lanes.values())
        return [
            lane.name for lane in lanes if lane.back_off != lane.recorded or any(limit.at_hand for limit in lane.limits)
        ]

    def forget(self) -> None:
        """Drop what is known of the domains where nothing goes on; the rest of what was reserved for them is lost."""
        now = self._now()
        for lane in list(self._lanes.values()):
            quiet = not (lane.flying or lane.back_off[1] or lane.horizon > now or lane.name in self.wanted)
            if quiet and lane.back_off == lane.recorded and all(limit.wants(now) for limit in lane.limits):
                del self._lanes[lane.name]

    def _lane(self, domain: str) -> _Lane | None:
        if not (self._paced or self._lanes):
            return None
        name = self._name(domain)
        return self._known(name) if self._paced else self._lanes.get(name)

    def _known(self, name: str) -> _Lane:
        if name == ALL:
            return self._all
        lane = self._lanes.get(name)
        if lane is None:
            rate = self._rate(name)
            limits = (Window("per_minute", rate.per_minute, _MINUTE),) if rate.per_minute else ()
            lane = self._lanes[name] = _Lane(name, limits, rate.connections)
        return lane

    def _rate(self, name: str) -> DomainRate:
        default = DomainRate(per_minute=self._rates.domain_per_minute, connections=self._rates.domain_connections)
        return self._domains.get(name, default)

    def _name(self, domain: str) -> str:
        """Return whose limits a domain has: its own, or those of the table's name that it lies under."""
        name = domain.lower() if domain.isascii() else in_ascii(domain)
        if self._domains:
            above = name
            while above:
                if above in self._domains:
                    return above
                above = above.partition(".")[2]
        return name[:255]

    def _back_off(self, lane: _Lane) -> None:
        now = self._now()
        until, pause = lane.back_off
        # What was on its way when the pause began says nothing new.
        if until > now:
            return
        pause = min(max(self._rates.back_off, 2 * pause), self._rates.longest_back_off)
        wait = min(1.25 * pause, self._rates.longest_back_off) * self._chance.uniform(0.8, 1.0)
        lane.back_off = (now + wait, pause)
        self._note(lane)

    def _ease(self, lane: _Lane) -> None:
        until, pause = lane.back_off
        if until <= self._now():
            lane.back_off = (0.0, 0.0) if pause <= self._rates.back_off else (0.0, pause / 2)
            self._note(lane)

    def _want(self, lane: _Lane, now: float) -> None:
        if lane.name not in self.wanted and any(limit.wants(now) for limit in lane.limits):
            self._note(lane)

    def _note(self, lane: _Lane) -> None:
        self.wanted.add(lane.name)
        self._call()


def in_ascii(domain: str) -> str:
    """Return a domain as it is compared: in lower case, in A-labels where it has them (RFC 5890)."""
    name = domain.strip().rstrip(".").lower()
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name
