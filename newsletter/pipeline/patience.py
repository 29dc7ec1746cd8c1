"""Remembers for whom choosing failed, so that they are tried again ever more seldom; it forgets with the process."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from newsletter.clock import Clock
from newsletter.models import Subscriber
from newsletter.pipeline.slots import Slot

# After the first failure the next try waits for so long, after each further one twice as long as before, and for so
# long at most.
FIRST = timedelta(minutes=2)
LONGEST = timedelta(hours=1)
# So many of them are tried again at once: each is chosen for alone, and costs nearly as much as everybody together.
MOST = 20


class _Failed(NamedTuple):
    at: datetime
    pause: timedelta


class Patience:
    """Tells who is tried now; a person and the local date of their issue are one thing that may fail."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed: dict[tuple[int, date], _Failed] = {}

    def ready(self, due: Sequence[tuple[Subscriber, Slot]]) -> list[tuple[Subscriber, Slot]]:
        """Return who of all that are due is tried now: who never failed, and a few whose pause is over.

        Who is due no more is forgotten: they have their issue, or the next one is theirs now.
        """
        now = self._clock.now()
        by_name = {(person.id, slot.date): (person, slot) for person, slot in due}
        self._failed = {name: failed for name, failed in self._failed.items() if name in by_name}
        # Either way: a clock that was ahead may have stepped back.
        over = [name for name, failed in self._failed.items() if abs(now - failed.at) >= failed.pause]
        again = set(sorted(over, key=lambda name: self._failed[name].at)[:MOST])
        return [pair for name, pair in by_name.items() if name in again or name not in self._failed]

    def failed_before(self, subscriber_id: int, day: date) -> bool:
        """Tell whether choosing failed for a person and a day before."""
        return (subscriber_id, day) in self._failed

    def failed(self, subscriber_id: int, day: date) -> None:
        """Take in that choosing failed for a person and a day."""
        before = self._failed.get((subscriber_id, day))
        pause = FIRST if before is None else min(2 * before.pause, LONGEST)
        self._failed[subscriber_id, day] = _Failed(self._clock.now(), pause)
