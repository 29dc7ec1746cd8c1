"""Limits on how many messages may start, and when: each is told the time and counts; it keeps no record itself.

What is used of a limit has been reserved before: `reserve` takes it out of a state that other processes may share, and
`take` puts it at hand once that state is on record. So a process that dies has never used more than the record says.
All times are seconds of one clock that does not step.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, Protocol

State = dict[str, Any]
Share = tuple[float, ...]

# How soon to ask again while something is being reserved.
SOON = 0.02

# A window is counted in so many parts. What is reserved may be used for one to two parts, and all of it counts as long
# as if it had been used at the end of that.
_PARTS = 50
# At most so much is reserved at once, as a part of the limit and in messages; a crash loses it.
_SHARE = 20
_LARGEST_SHARE = 2000

# Above this rate timers are too coarse to let messages go one at a time: what is due in so many seconds may go at once,
# and the rate is lowered by as much, so that no second has more than the limit.
_FINE_RATE = 50.0
_TOLERANCE = 0.02
_SPAN = 1.0


class Limit(Protocol):
    """One limit of one name."""

    setting: str
    spacing: float  # seconds from one message to the next, if they went evenly

    @property
    def at_hand(self) -> bool:
        """Whether something is reserved and not used."""
        ...

    def wait(self, now: float) -> float:
        """Return the seconds until a message may start; 0.0: now."""
        ...

    def use(self, now: float, flying: int) -> None:
        """Count a message that starts now, as `wait` allowed, while so many others are on their way."""
        ...

    def ended(self, flying: int, *, attempted: bool) -> None:
        """Take notice that one ended, so many are on their way still; one that was not attempted does not count."""
        ...

    def wants(self, now: float) -> bool:
        """Tell whether it is time to reserve more."""
        ...

    def reserve(self, state: State, now: float) -> Share:
        """Take what is wanted next out of the state, which is changed in place."""
        ...

    def take(self, share: Share) -> None:
        """Put at hand what was reserved."""
        ...

    def give_back(self, state: State) -> None:
        """Put into the state what was reserved and not used; nothing is at hand after that."""
        ...


class _Part:
    """So many messages that may start until a time."""

    __slots__ = ("end", "left")

    def __init__(self, end: float, left: float) -> None:
        self.end = end
        self.left = left


class _Counted:
    """What windows and days share: the parts at hand."""

    def __init__(self, setting: str, spacing: float) -> None:
        self.setting = setting
        self.spacing = spacing
        self._parts: deque[_Part] = deque()
        self._over: list[_Part] = []
        self._more = 0.0
        self._block = 1.0
        self._current: _Part | None = None
        self._old = 0  # on their way, and perhaps counted in a part before the current one

    @property
    def at_hand(self) -> bool:
        """Whether something is reserved and not used."""
        return any(part.left > 0 for part in (*self._over, *self._parts))

    def wait(self, now: float) -> float:
        """Return the seconds until a message may start."""
        while self._parts:
            first = self._parts[0]
            if first.left > 0 and first.end > now:
                return 0.0
            self._parts.popleft()
            if first.left > 0:
                self._over.append(first)
        return max(SOON, self._more - now)

    def use(self, now: float, flying: int) -> None:
        """Count a message."""
        part = self._parts[0]
        if part is not self._current:
            self._current, self._old = part, flying
        part.left -= 1

    def ended(self, flying: int, *, attempted: bool) -> None:
        """Take back the count of a message that was not attempted, where it is sure which part it was counted in."""
        if not attempted and self._old == 0 and self._current is not None:
            self._current.left += 1
            if self._current not in self._parts and self._current not in self._over:
                self._parts.appendleft(self._current)
        self._old = min(self._old, flying)

    def wants(self, now: float) -> bool:
        """Tell whether it is time to reserve, which is before the last is used, so that nobody waits for the record."""
        return now >= self._more and sum(part.left for part in self._parts if part.end > now) <= self._block // 2

    def take(self, share: Share) -> None:
        """Put at hand what was reserved."""
        number, end, self._more = share
        if number:
            self._parts.append(_Part(end, number))
            self._block = number

    def _returned(self, now: float) -> dict[float, float]:
        """Return what was not used of the parts that are over, and forget these."""
        over = [*self._over, *(part for part in self._parts if part.end <= now)]
        self._parts = deque(part for part in self._parts if part.end > now)
        self._over = []
        return _by_end(over)


class Window(_Counted):
    """At most `limit` messages in any window of so many seconds; the state has [end of use, number] of each part.

    A message leaves before its part ends, and the part counts until `seconds` after that. Whatever stands in a window
    was therefore still counted when the last of it was reserved: the limit holds in every window.
    """

    def __init__(self, setting: str, limit: int, seconds: float) -> None:
        super().__init__(setting, seconds / limit)
        self._limit = limit
        self._seconds = seconds

    def reserve(self, state: State, now: float) -> Share:
        """Take a block; the share is its number, the end of its use, and when there is more."""
        grain = self._seconds / _PARTS
        latest = (math.floor(now / grain) + 2) * grain
        kept: dict[float, float] = {}
        returned = self._returned(now)
        for end, number in state.get(self.setting, ()):
            # An end later than any can be was written by a clock that was ahead: as far as is known, it is from now.
            counted = min(end, latest + grain)
            used = number - returned.pop(end, 0)
            if counted + self._seconds > now and used > 0:
                kept[counted] = kept.get(counted, 0) + used
        given = max(0, min(self._limit - sum(kept.values()), _block(self._limit)))
        if given:
            kept[latest] = kept.get(latest, 0) + given
        state[self.setting] = sorted([end, number] for end, number in kept.items())
        room = sum(kept.values()) < self._limit
        return given, latest, now if room else min(kept) + self._seconds

    def give_back(self, state: State) -> None:
        """Put back what is left of each part."""
        left = _by_end([*self._over, *self._parts])
        state[self.setting] = [[end, number - left.pop(end, 0)] for end, number in state.get(self.setting, ())]
        self._parts.clear()
        self._over.clear()


class Days(_Counted):
    """At most `allowance` messages on each local day; the state has the end of the day and the number so far.

    `day` gives the local date of a time and when that day ends. None as allowance is no limit.
    """

    def __init__(
        self, setting: str, allowance: Callable[[date], int | None], day: Callable[[float], tuple[date, float]]
    ) -> None:
        super().__init__(setting, 0.0)
        self._allowance = allowance
        self._day = day

    def reserve(self, state: State, now: float) -> Share:
        """Take a block; the share is its number, the end of the day, and when there is more."""
        today, end = self._day(now)
        self._returned(now)
        allowance = self._allowance(today)
        if allowance is None:
            return _LARGEST_SHARE, end, now
        written, number = state.get(self.setting, (0.0, 0))
        # A day of the record that is not over is this one, even if a clock that was ahead called it another.
        number = number if written > now else 0
        given = max(0, min(allowance - number, _block(allowance)))
        state[self.setting] = [end, number + given]
        return given, end, now if number + given < allowance else end

    def give_back(self, state: State) -> None:
        """Put back what is left of the day."""
        if self.setting in state:
            end, number = state[self.setting]
            state[self.setting] = [end, number - _by_end(self._parts).get(end, 0)]
        self._parts.clear()


class Rate:
    """At most so many messages a second, evenly, also after a time of rest.

    It is the rule of GCRA (ITU-T I.371) within spans of time that were reserved; the state has the end of the last one.
    """

    setting = "per_second"

    def __init__(self, per_second: float) -> None:
        coarse = per_second >= _FINE_RATE
        self._tolerance = _TOLERANCE if coarse else 0.0
        self.spacing = (1 + _TOLERANCE) / (per_second - 1) if coarse else 1 / per_second
        self._span = max(_SPAN, 2 * self.spacing)
        self._spans: deque[tuple[float, float]] = deque()
        self._next = -math.inf
        self._opens = -math.inf

    @property
    def at_hand(self) -> bool:
        """Whether a span is reserved."""
        return bool(self._spans)

    def wait(self, now: float) -> float:
        """Return the seconds until a message may start."""
        while self._spans:
            start, end = self._spans[0]
            begin = max(self._next, start)
            if max(now, begin) + self.spacing <= end + 1e-6:
                return max(0.0, begin - self._tolerance - now)
            self._spans.popleft()
        return max(SOON, self._opens - now)

    def use(self, now: float, flying: int) -> None:
        """Count a message."""
        self._next = max(now, self._next, self._spans[0][0]) + self.spacing

    def ended(self, flying: int, *, attempted: bool) -> None:
        """Do nothing: its moment is over."""

    def wants(self, now: float) -> bool:
        """Tell whether the last span that was reserved is half over."""
        return now >= self._opens and (not self._spans or max(now, self._next) >= self._spans[-1][1] - self._span / 2)

    def reserve(self, state: State, now: float) -> Share:
        """Take the next span; the share is its start and end, or only when to ask again."""
        # Nobody reserves as far ahead as that: it was written by a clock that was ahead.
        taken = min(state.get(self.setting, now), now + 3 * self._span)
        state[self.setting] = taken
        if taken > now + 2 * self._span:
            return (taken - 2 * self._span,)
        start = max(now, taken)
        state[self.setting] = start + self._span
        return start, start + self._span

    def take(self, share: Share) -> None:
        """Put a span at hand."""
        if len(share) == 1:
            self._opens = share[0]
            return
        start, end = share
        if self._spans and self._spans[-1][1] == start:
            start = self._spans.pop()[0]
        self._spans.append((start, end))

    def give_back(self, state: State) -> None:
        """Put back the rest of the last span, if nobody has the one after it."""
        if self._spans and self._spans[-1][1] == state.get(self.setting):
            state[self.setting] = max(self._next, self._spans[-1][0])
        self._spans.clear()


def moved(state: State, seconds: float) -> State:
    """Return a state as if everything in it had been written so much later, for a clock that has stepped since."""
    later = dict(state)
    for setting, value in state.items():
        if setting in ("per_second", "until"):
            later[setting] = value + seconds
        elif setting == "warm_up_from":
            later[setting] = [value[0] + seconds, value[1]]
        elif isinstance(value, list):
            later[setting] = [[end + seconds, number] for end, number in value]
    return later


def _block(limit: int) -> int:
    return max(1, min(limit // _SHARE, _LARGEST_SHARE))


def _by_end(parts: Iterable[_Part]) -> dict[float, float]:
    found: dict[float, float] = {}
    for part in parts:
        found[part.end] = found.get(part.end, 0) + part.left
    return found
