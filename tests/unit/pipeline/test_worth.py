"""What a difference is worth is told honestly: too little, chance, or a difference."""

import random

from hypothesis import given
from hypothesis import strategies as st

from newsletter.pipeline.worth import Caught, interval, likes_needed, verdict

NAMES = ("settings of now", "papers=20")


def readers(number: int, *, better: float) -> list[Caught]:
    """Return readers of whom that part has two more of ten likes caught, and as many others one less."""
    return [Caught(10, 4, 6, 2) if at < number * better else Caught(10, 4, 4, 0) for at in range(number)]


def test_few_readers_tell_nothing_however_clear_it_looks() -> None:
    assert verdict(NAMES, readers(9, better=1)).startswith("That is too little to tell, with 90 likes of 9 readers; ")
    assert verdict(NAMES, []).startswith("Nobody liked a paper that could be sent")


def test_a_clear_difference_is_named_with_its_bounds() -> None:
    told = verdict(NAMES, readers(100, better=0.5))
    assert told.startswith("papers=20 would have caught more likes than settings of now, between +")
    worse = [Caught(one.likes, one.last, one.first, one.only_one) for one in readers(100, better=0.5)]
    assert verdict(NAMES, worse).startswith("papers=20 would have caught fewer likes than settings of now, between -")


def test_what_may_be_chance_is_called_so() -> None:
    chance = random.Random(1)
    noise = [Caught(10, 5, 5 + chance.choice((-1, 1)), 1) for _ in range(40)]
    assert verdict(NAMES, noise).startswith("The difference may be chance: with 400 likes of 40 readers")
    assert verdict(NAMES[:1], noise).startswith("This is measured on 400 likes of 40 readers; about")


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(-9, 9)), min_size=1, max_size=30))
def test_the_interval_lies_within_what_readers_show(pairs: list[tuple[int, int]]) -> None:
    pairs = [(likes, max(-likes, min(likes, difference))) for likes, difference in pairs]
    low, high = interval([difference for _, difference in pairs], [likes for likes, _ in pairs])
    shares = [difference / likes for likes, difference in pairs]
    assert min(shares) - 1e-9 <= low <= high <= max(shares) + 1e-9


def test_more_likes_are_needed_where_more_changes() -> None:
    # Connor's formula by hand: (1.96 * sqrt(0.2) + 0.84 * sqrt(0.2 - 0.0025))^2 / 0.0025 = 624.
    assert likes_needed(0.2) == 630
    assert likes_needed(0.0) < likes_needed(0.2) < likes_needed(0.5)
