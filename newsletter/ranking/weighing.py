"""What keeps a paper out of the issue of one reader, found by going through the choice again; it chooses nothing."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from newsletter.ranking.candidates import Bools
from newsletter.ranking.index import Floats
from newsletter.ranking.profile import Profile
from newsletter.ranking.selection import Chosen, Selection, lowered, raised, wanted


class Hurdle(NamedTuple):
    """One thing that keeps a paper out of an issue, and the place of the other paper that does it, if one does.

    It matches less than the `least` score, or less than a share of their best match since they asked for `few`; it
    would match enough but for what they `disliked`. Others score higher (`below`); it is of a kind with a chosen one
    (`same`), or so near to one that papers of a lower score came first (`near`); it does not fit into their `minutes`;
    or it `gave way` to one from outside their topics, which took the last place.
    """

    kind: Literal["least", "few", "disliked", "below", "same", "near", "minutes", "gave way"]
    by: int | None = None


@dataclass(frozen=True)
class Weighed:
    """How papers stand with one reader, by their places; the arrays are (papers,).

    `by_wishes` are the matches but for dislikes; `worth` is what papers are chosen by, in the order of the `scores`;
    `allowed` tells which are not hidden, muted or received, and `bar` is the match below which a paper is not for them.
    `within` was chosen before there was a place for something outside.
    """

    chosen: Chosen
    within: tuple[int, ...]
    matches: Floats
    by_wishes: Floats
    scores: Floats
    worth: Floats
    allowed: Bools
    least: float
    bar: float
    size: int
    selection: Selection
    minutes: float

    @property
    def eligible(self) -> Bools:
        """Which papers they could get."""
        return np.logical_and(self.allowed, self.matches >= self.bar)

    def rank(self, place: int) -> int:
        """Return the place of a paper among those that they could get, from 1, by score alone."""
        return 1 + sum(self._better(int(at), place) for at in np.flatnonzero(self.eligible))

    def length(self, *places: int) -> float:
        """Return how many minutes papers take to read."""
        return float(self.selection.minutes[list(places)].sum())

    def hurdles(self, place: int) -> list[Hurdle]:
        """Return what keeps out a paper that is not hidden, muted or received; the decisive thing comes first."""
        if self.matches[place] < self.bar:
            return [self._too_little(place)]
        if place in self.within:
            outside = self.chosen.outside
            return [] if outside is None or place in dict(self.chosen.picks) else [Hurdle("gave way", outside[0])]
        if self.length(place) > self.minutes:
            return [Hurdle("minutes")]
        likeness = self.selection.kin.among(np.array([*self.within, place]))[-1, :-1]
        found = [Hurdle("same", at) for at, near in zip(self.within, likeness, strict=True) if near == 2]
        last = self.chosen.picks[-1][0]
        if len(self.within) >= self.size and self._better(last, place):
            return [Hurdle("below"), *found]
        if found:
            return found
        if len(self.within) < self.size or self._found_too_long(place):
            return [Hurdle("minutes")]
        return [Hurdle("near", self.within[int(likeness.argmax())])]

    def _too_little(self, place: int) -> Hurdle:
        if self.by_wishes[place] >= self.bar:
            return Hurdle("disliked")
        return Hurdle("few" if self.by_wishes[place] >= self.least else "least")

    def _found_too_long(self, place: int) -> bool:
        """Tell whether a paper had its turn among those chosen, and was too long for the minutes left by then."""
        rest, left = list(self.within), self.minutes
        nearest = np.zeros(len(rest) + 1, np.float32)
        kin = self.selection.kin.among(np.array([*rest, place]))
        scores = self.worth[[*rest, place]]
        open_ = np.ones(len(rest), bool)
        while open_.any():
            worth = lowered(scores, nearest)
            first = int(np.where(open_, worth[:-1], -np.inf).argmax())
            if worth[-1] > worth[first] and self.length(place) > left:
                return True
            open_[first] = False
            left -= self.length(rest[first])
            nearest = np.maximum(nearest, kin[first])
        return False

    def _better(self, one: int, other: int) -> bool:
        return (float(self.scores[one]), -one) > (float(self.scores[other]), -other)


def weigh(
    selection: Selection,
    profile: Profile,
    matches: Floats,
    by_wishes: Floats,
    scores: Floats,
    k: int,
    received: Collection[int],
    wishes: Floats | None,
) -> Weighed:
    """Return how papers stand with one reader; `matches` and `scores` are (1, papers), `by_wishes` (papers,).

    `wishes` are as `Selection.choose` takes them.
    """
    allowed, bars = selection.allowed([profile], [received]), selection.bars([profile], matches)
    size, minutes = wanted(profile, k), float(profile.minutes or np.inf)
    high = raised([profile], scores)
    open_ = np.where(allowed & (matches >= bars[:, None]), high, -np.inf)
    (within,) = selection.diverse(open_, np.array([size]), np.array([minutes], np.float32))
    (chosen,) = selection.choose([profile], matches, scores, k, [received], wishes)
    return Weighed(
        chosen=chosen,
        within=tuple(within),
        matches=matches[0],
        by_wishes=by_wishes,
        scores=scores[0],
        worth=high[0],
        allowed=allowed[0],
        least=selection.least,
        bar=float(bars[0]),
        size=size,
        selection=selection,
        minutes=minutes,
    )
