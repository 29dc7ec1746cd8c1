"""What a difference between two ways of choosing is worth: by chance or not, and how much it takes to tell."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# With fewer readers who liked something, no difference is called one.
LEAST_READERS = 10
# What a measure should be able to notice: so great a difference in the share of likes caught.
NOTICED = 0.05
# How much two ways of choosing differ in the likes that they catch, as long as nothing is known of it.
USUAL = 0.2
# How often readers are drawn anew for the interval of a difference.
DRAWS = 2_000


class Caught(NamedTuple):
    """Of the likes of one reader: how many the first and the last way caught, and how many only one of them did."""

    likes: int
    first: int
    last: int
    only_one: int


def verdict(names: Sequence[str], readers: Sequence[Caught]) -> str:
    """Return in a sentence what the difference between the last and the first way of choosing is worth."""
    likes = sum(one.likes for one in readers)
    changed = sum(one.only_one for one in readers) / max(1, likes)
    needed = likes_needed(changed if len(names) > 1 and len(readers) >= LEAST_READERS else USUAL)
    enough = f"about {needed:,} likes are needed to notice a difference of {NOTICED * 100:.0f} in 100"
    if not likes:
        return f"Nobody liked a paper that could be sent in these days, so nothing can be told; {enough}."
    said = f"{_counted(likes, 'like')} of {_counted(len(readers), 'reader')}"
    if len(readers) < LEAST_READERS:
        return f"That is too little to tell, with {said}; {enough}."
    if len(names) == 1:
        return f"This is measured on {said}; {enough}."
    low, high = interval([one.last - one.first for one in readers], [one.likes for one in readers])
    between = f"between {low * 100:+.1f} and {high * 100:+.1f} in 100"
    if low <= 0 <= high:
        return f"The difference may be chance: with {said} it lies {between}; {enough}."
    more = "more" if low > 0 else "fewer"
    return f"{names[-1]} would have caught {more} likes than {names[0]}, {between}, with {said}."


def interval(differences: Sequence[int], counts: Sequence[int]) -> tuple[float, float]:
    """Return the 95 % interval of the difference in the share of likes caught, by drawing readers anew.

    `differences` are more likes caught of each reader, `counts` their likes. A paired bootstrap by percentiles (Efron,
    Annals of Statistics 7(1), 1979), always with the same draws.
    """
    chance = np.random.default_rng(0)
    gained, liked = np.array(differences, float), np.array(counts, float)
    shares = []
    for _ in range(DRAWS):
        drawn = chance.integers(0, len(gained), len(gained))
        shares.append(gained[drawn].sum() / liked[drawn].sum())
    low, high = np.percentile(shares, [2.5, 97.5])
    return float(low), float(high)


def likes_needed(changed: float) -> int:
    """Return how many likes it takes to notice a difference of `NOTICED` in the share caught, in tens.

    `changed` is the share of likes that only one of both ways catches. For 5 % error and 80 % power in a paired
    comparison of shares (Connor, Biometrics 43(1), 1987).
    """
    spread = max(changed, NOTICED)
    root = 1.96 * math.sqrt(spread) + 0.84 * math.sqrt(spread - NOTICED**2)
    return math.ceil((root / NOTICED) ** 2 / 10) * 10


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
