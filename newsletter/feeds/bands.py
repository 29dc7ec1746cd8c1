"""What a source usually brings on a weekday, and whether a day is out of it; pure, and knows no calendar."""

from collections.abc import Sequence
from math import sqrt
from statistics import median
from typing import Literal, NamedTuple

# A weekday must have been seen in so many weeks before anything is said of it, and no more than so many count.
LEAST_WEEKS = 4
MOST_WEEKS = 8
# Makes of the median of absolute deviations what a standard deviation would be (Hampel, 1974).
_TO_SIGMA = 1.4826
_SIGMAS = 3
# By Poisson's law a source that brings this many on average brings none on one day in twenty.
_SELDOM_NONE = 3


class Band(NamedTuple):
    """What is usual on a weekday: the `middle` of the last weeks, and `least`, below which a day is out of it.

    `never_none` says that a day with nothing was not seen, and that chance alone would hardly bring one.
    """

    middle: float
    least: float
    never_none: bool


def band(seen: Sequence[int]) -> Band | None:
    """Return the band of the counts of one weekday in the last weeks, the newest first, or None if they are too few.

    `seen` has the days on which the source was asked and not closed; counts are not negative. Median and median
    absolute deviation stand a third of wild days; the spread is that of Poisson's law at least.
    """
    counts = list(seen[:MOST_WEEKS])
    if len(counts) < LEAST_WEEKS:
        return None
    middle = median(counts)
    spread = max(_TO_SIGMA * median(abs(count - middle) for count in counts), sqrt(middle))
    # Half of the usual is never far fewer, however even the weeks were.
    least = max(0.0, min(middle - _SIGMAS * spread, middle / 2))
    enough = middle >= _SELDOM_NONE or len(counts) >= MOST_WEEKS
    return Band(middle, least, min(counts) > 0 and enough)


def judged(count: int, usual: Band) -> Literal["usual", "few", "nothing"]:
    """Tell whether a day with so many is usual, far below it, or has nothing where there always is something."""
    if count == 0:
        return "nothing" if usual.never_none or usual.least > 0 else "usual"
    return "few" if count < usual.least else "usual"
