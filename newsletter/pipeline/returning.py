"""The first issue after a pause: the best of all that came meanwhile, beside the papers of the day; it asks nobody.

Whoever was away for no longer than the window gets the best of all papers of that time. Before the window there may be
years, so of each week of the last year the papers with the most votes are looked at, the same ones for everybody.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from newsletter.models import Paper, Subscriber
from newsletter.pipeline import arranging
from newsletter.pipeline.arranging import Past
from newsletter.pipeline.chooser import Chooser
from newsletter.pipeline.choosing import Asked, profile_of

TEN = 10
# Before the window it is looked back so far, at so many papers of each week.
FURTHEST = timedelta(weeks=52)
EACH_WEEK = 100


class Back(NamedTuple):
    """The ids of the papers at hand that somebody missed, and of all the others."""

    missed: frozenset[int]
    others: frozenset[int]


class Both(Collection[int]):
    """Two collections of ids as one, of which one is shared by many people."""

    __slots__ = ("_one", "_other")

    def __init__(self, one: Collection[int], other: Collection[int]) -> None:
        self._one, self._other = one, other

    def __contains__(self, number: object) -> bool:
        return number in self._one or number in self._other

    def __iter__(self) -> Iterator[int]:
        yield from self._one
        yield from self._other

    def __len__(self) -> int:
        return len(self._one) + len(self._other)


def back(people: Sequence[Subscriber], asked: Asked, since: datetime) -> tuple[Asked, Mapping[int, Back]]:
    """Return who gets the best of a pause, by their place, and what is asked with their past as such.

    Nothing from before `since` counts as missed.
    """
    found: dict[int, Back] = {}
    past = list(asked.past)
    spans: dict[Past, Back] = {}
    for at, person in enumerate(people):
        missed = past[at].missed
        if missed is None or not (person.away and person.best_missed):
            continue
        past[at] = past[at]._replace(missed=(max(missed[0], since), missed[1]), best=True)
        # Many were away for the same days.
        span = past[at]._replace(mailed_at=None)
        if span not in spans:
            spans[span] = _parted(asked.papers, span)
        found[at] = spans[span]
    return (asked._replace(past=past) if found else asked), found


def of_the_day(asked: Asked, back: Mapping[int, Back]) -> Asked:
    """Return what is asked for the papers of the day: for whoever is back, nothing of what they missed."""
    if not back:
        return asked
    received = [Both(had, back[at].missed) if at in back else had for at, had in enumerate(asked.received)]
    return asked._replace(received=received)


def best(
    chooser: Chooser,
    people: Sequence[Subscriber],
    asked: Asked,
    back: Mapping[int, Back],
    known: Mapping[int, Paper],
) -> Mapping[int, Sequence[tuple[int, float]]]:
    """Return for whoever is back the places and scores of the best that they missed, best first.

    It is ten however many papers they want on a day, in the minutes that they have; `known` has what they spoke of.
    """
    if not back:
        return {}
    profiles = [
        profile_of(
            chooser,
            people[at].model_copy(update={"papers": None}),
            asked.said[at],
            known,
            asked.day,
            asked.own.get(people[at].id),
        )
        for at in back
    ]
    received = [Both(asked.received[at], one.others) for at, one in back.items()]
    chosen = chooser.top(profiles, asked.papers, TEN, received=received, today=asked.day)
    return dict(zip(back, chosen, strict=True))


def _parted(papers: Sequence[Paper], past: Past) -> Back:
    missed = frozenset(one.id for one in papers if one.id is not None and arranging.was_missed(one, past))
    return Back(missed, frozenset(one.id for one in papers if one.id is not None) - missed)
