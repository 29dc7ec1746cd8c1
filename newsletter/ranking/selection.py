"""Which of the ranked papers make an issue, and how many; knows neither what a match is made of nor who is mailed."""

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from newsletter.models import Paper
from newsletter.ranking.candidates import Bools, Candidates
from newsletter.ranking.index import Floats, Sparse, as_floats
from newsletter.ranking.profile import Profile

Places = npt.NDArray[np.intp]

# By how much of its score a paper falls behind that says the very same as one chosen before it.
DIVERSITY = 0.7
# How much the subject counts in what two papers have in common, beside their words.
SUBJECT = 0.5
# So many papers are held in memory with the likeness of each to each; of more, only those that readers may get.
HELD = 4096
ROWS = 256
# Whoever asked for few gets what matches at least so well as this share of their best match of all papers at hand.
FEW = 0.6
# Of so many papers or more, one stands out that matches better than the mean by so many standard deviations.
ENOUGH = 50
OUTSTANDING = 1.5
# Whoever asked for many gets what matches at least so well as this share of the least score.
MANY = 0.25
# Silent reading of English takes a minute for so many words (Brysbaert, Journal of Memory and Language 109, 2019).
WORDS_A_MINUTE = 238
# What looking at a title, authors and reason takes beside the abstract; and no abstract is read beyond so many words.
GLANCE = 0.25
MOST_WORDS = 300
# In a shorter issue a place for something outside the topics would be more than a fifth of what was asked for.
LEAST_FOR_OUTSIDE = 5
# From outside the topics comes nothing that is as near as this to what somebody disliked.
NEAR_DISLIKE = 0.1

Cause = Literal["", "no papers", "received", "muted", "no match"]


class Chosen(NamedTuple):
    """What one reader gets: pairs of a place and a score, best first; one more from outside their topics, or None.

    Where there is nothing, `cause` tells why: there are `no papers`, all were `received`, what is left is `muted`, or
    there is `no match` that is good enough for them.
    """

    picks: list[tuple[int, float]]
    outside: tuple[int, float] | None = None
    cause: Cause = ""


def minutes_to_read(paper: Paper) -> float:
    """Return how long a glance at a paper and the reading of its abstract take, in minutes, from 0.25 to about 1.5."""
    return GLANCE + min(MOST_WORDS, len(paper.abstract.split())) / WORDS_A_MINUTE


class Kin:
    """How alike papers are among each other, from 0 to 1, and which are of a kind."""

    def __init__(self, rows: Sparse, placed: Floats, same: float) -> None:
        """Take unit rows of words (papers, terms), unit vectors of subjects (papers, dimensions; there may be none).

        Two papers whose words have a cosine above `same` are of a kind.
        """
        self._rows, self._placed, self._same = rows, placed, same
        self._whole = self._among(np.arange(rows.shape[0])) if rows.shape[0] <= HELD else None

    def among(self, places: Places) -> Floats:
        """Return the likeness of papers to each other, (places, places); 2 stands for two of a kind."""
        return self._among(places) if self._whole is None else self._whole[np.ix_(places, places)]

    def _among(self, places: Places) -> Floats:
        rows = self._rows[places]
        # Each of papers and papers takes megabytes, so there are as few as can be.
        words, by_term = np.empty((len(places), len(places)), np.float32), rows.T.tocsr()
        for start in range(0, len(places), ROWS):
            words[start : start + ROWS] = (rows[start : start + ROWS] @ by_term).toarray()
        of_a_kind = words > self._same
        if self._placed.shape[1]:
            placed = self._placed[places]
            subjects = placed @ placed.T
            words *= 1 - SUBJECT
            words += np.multiply(np.maximum(subjects, 0, out=subjects), SUBJECT, out=subjects)
        alike = np.clip(words, 0, 1, out=words)
        alike[of_a_kind] = 2
        return alike


class Selection:
    """Chooses for blocks of readers among the papers at hand."""

    def __init__(self, candidates: Candidates, kin: Kin, prior: Floats, *, least: float, outside: bool) -> None:
        """Take how alike the papers are, what speaks for each by itself, (papers,), and the least match.

        `outside` says whether issues have a place for something outside the topics.
        """
        self.candidates = candidates
        self.prior = prior
        self.least = least
        self._outside = outside
        self._common = candidates.common
        self._shown = np.array([not paper.hidden for paper in candidates.papers], bool)
        self.minutes = as_floats([minutes_to_read(paper) for paper in candidates.papers])
        self.kin = kin

    def choose(
        self,
        profiles: Sequence[Profile],
        matches: Floats,
        scores: Floats,
        k: int,
        received: Sequence[Collection[int]],
        wishes: Floats | None = None,
    ) -> list[Chosen]:
        """Return what each reader gets; `matches` and `scores` are (profiles, papers).

        `k` is how many papers those get who asked for no number; `received` has the ids that each had, or is empty.
        `wishes` are the matches but for what readers reject, by which it is told what is outside their topics; without,
        nothing is chosen from there.
        """
        allowed = self.allowed(profiles, received)
        bars = self.bars(profiles, matches)
        fits = allowed & (matches >= bars[:, None])
        sizes = np.array([wanted(profile, k) for profile in profiles], int)
        minutes = as_floats([profile.minutes or np.inf for profile in profiles])
        rows = self.diverse(np.where(fits, raised(profiles, scores), -np.inf), sizes, minutes)
        found = []
        for row, profile in enumerate(profiles):
            places = rows[row]
            outside = None
            if self._outside and wishes is not None and _may_wander(profile, len(places)):
                beyond = allowed[row] & (matches[row] < bars[row]) & (wishes[row] < bars[row])
                outside = self._from_outside(profile, places, beyond, matches[row], float(minutes[row]))
                if outside is not None and not self._room(places, outside, int(sizes[row]), float(minutes[row])):
                    places = places[:-1]
            cause: Cause = "" if places else self._cause(profile, received[row] if received else ())
            extra = None if outside is None else (outside, float(scores[row, outside]))
            found.append(Chosen([(place, float(scores[row, place])) for place in places], extra, cause))
        return found

    def allowed(self, profiles: Sequence[Profile], received: Sequence[Collection[int]]) -> Bools:
        """Return what each may get at all, (profiles, papers): not hidden, muted or received, and theirs to see."""
        allowed = np.tile(self._shown & self._common, (len(profiles), 1))
        for row, profile in enumerate(profiles):
            if profile.own:
                allowed[row] = self._open_to(profile)
            for phrase in profile.muted:
                allowed[row] &= ~self.candidates.muted(phrase)
            if profile.muted_authors:
                allowed[row, self.candidates.by_authors(profile.muted_authors)] = False
            if received and received[row]:
                allowed[row, self.candidates.with_ids(received[row])] = False
        return allowed

    def bars(self, profiles: Sequence[Profile], matches: Floats) -> Floats:
        """Return the match below which each reader gets nothing, (profiles,); who has no wishes has no bar.

        It is the least score. Many likes of many kinds say of nearly every paper that it is not like most of them, so
        for those who liked something it is never above what stands out among enough papers. What fits well is told by
        the reader's own best match among the papers shown, had already or not, but for those that they judged or
        muted: so on a day of poor ones there may be none.
        """
        bars = np.full(len(profiles), self.least, np.float32)
        usual = self._shown & self._common
        shown = matches if usual.all() else matches[:, usual]
        outstanding = np.full(len(profiles), np.inf)
        if shown.shape[1] >= ENOUGH:
            outstanding = shown.mean(axis=1) + OUTSTANDING * shown.std(axis=1)
        for row, profile in enumerate(profiles):
            if not profile.has_wishes:
                bars[row] = -np.inf
                continue
            most = float(outstanding[row]) if profile.likes else np.inf
            bars[row] = min(self.least, most)
            if profile.bar == "many":
                bars[row] = min(MANY * self.least, most)
            elif profile.bar == "few":
                judged = [paper.id for paper, _ in (*profile.likes, *profile.dislikes) if paper.id is not None]
                there = self.allowed([profile], [judged])[0]
                bars[row] = max(bars[row], FEW * float(matches[row].max(initial=0.0, where=there)))
        return bars

    def diverse(self, scores: Floats, sizes: npt.NDArray[np.int_], minutes: Floats) -> list[list[int]]:
        """Return the places that each reader gets, best first; what they may not get has a score of -inf.

        Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998), greedy, over the best of each; the score falls
        by a share and not by a fixed sum, so that it is the same for readers of high scores and of low ones.
        """
        most = int(sizes.max(initial=0))
        chosen: list[list[int]] = [[] for _ in range(len(scores))]
        rows = np.arange(len(scores))
        pool = 4 * most + 16
        while most and len(rows):
            picked, cut_short = self._greedy(_best(scores[rows], pool), scores[rows], sizes[rows], minutes[rows])
            for row, places in zip(rows.tolist(), picked, strict=True):
                chosen[row] = places
            # Only where many are of a kind, or too long, is the pool used up.
            rows = rows[cut_short] if pool < scores.shape[1] else rows[:0]
            pool *= 4
        return [
            sorted(places, key=lambda place: (-row[place], place)) for places, row in zip(chosen, scores, strict=True)
        ]

    def _greedy(
        self, pool: Places, scores: Floats, sizes: npt.NDArray[np.int_], minutes: Floats
    ) -> tuple[list[list[int]], Bools]:
        """Return what is chosen from each pool (readers, places), and for whom it was used up too early."""
        every = np.arange(len(pool))
        worth = np.take_along_axis(scores, pool, 1)
        there = np.isfinite(worth)
        whole = there.all(axis=1)
        union, at = np.unique(pool, return_inverse=True)
        kin, at = self.kin.among(union), at.reshape(pool.shape)
        length = self.minutes[pool]
        left = minutes.copy()
        nearest = np.zeros(pool.shape, np.float32)
        picked: list[list[int]] = [[] for _ in pool]
        counts = np.zeros(len(pool), int)
        open_ = sizes > 0
        for _ in range(int(sizes.max(initial=0))):
            there &= (nearest < 2) & (length <= left[:, None])
            value = np.where(there, lowered(worth, nearest), -np.inf)
            first = value.argmax(axis=1)
            open_ &= there[every, first]
            for row in np.flatnonzero(open_).tolist():
                picked[row].append(int(pool[row, first[row]]))
            there[every, first] = False
            left -= np.where(open_, length[every, first], 0)
            nearest = np.maximum(nearest, kin[at[every, first][:, None], at])
            counts += open_
            open_ &= counts < sizes
            if not open_.any():
                break
        return picked, (counts < sizes) & whole

    def _from_outside(
        self, profile: Profile, places: Sequence[int], beyond: Bools, matches: Floats, minutes: float
    ) -> int | None:
        """Return the best paper of those `beyond` the bar that comes near nothing the reader rejects, or None.

        Nor is it of a kind with one that was chosen.

        Best is what speaks for it by itself times how near it comes to the reader: what is near and outside was liked
        more often than the last pick within, and than what is only popular or only near (docs/ranking.md).
        """
        kept = list(places)
        beyond &= self.minutes <= minutes - float(self.minutes[kept[:-1]].sum())
        if not beyond.any():
            return None
        if profile.dislikes or any(weight < 0 for _, weight in profile.topics):
            beyond &= matches > -self.least
        if profile.dislikes:
            disliked = self.candidates.like_scores([paper for paper, _ in profile.dislikes])
            beyond &= disliked.max(axis=0) < NEAR_DISLIKE
        nearness = matches - matches.min(initial=np.inf, where=self._common | beyond)
        worth = np.where(beyond, nearness * self.prior, -np.inf)
        for first in (-worth).argsort(kind="stable").tolist():
            if not worth[first] > 0:
                return None
            # The one that it may take the place of counts too: it stays where there is room.
            if (self.kin.among(np.array([*kept, first]))[-1, :-1] < 2).all():
                return int(first)
        return None

    def _room(self, places: Sequence[int], extra: int, size: int, minutes: float) -> bool:
        """Tell whether one more paper may be added."""
        return len(places) < size and float(self.minutes[[*places, extra]].sum()) <= minutes

    def _open_to(self, profile: Profile) -> Bools:
        """Return which papers are shown to a reader, (papers,): everybody's, and what their own searches found."""
        shown: Bools = self._shown & self._common
        own = self.candidates.with_ids(dict(profile.own))
        shown[own] = self._shown[own]
        return shown

    def _cause(self, profile: Profile, received: Collection[int]) -> Cause:
        """Return why a reader gets nothing."""
        left = self._open_to(profile)
        if not left.any():
            return "no papers"
        left[self.candidates.with_ids(received)] = False
        if not left.any():
            return "received"
        return "no match" if (left & self.allowed([profile], ())[0]).any() else "muted"


def wanted(profile: Profile, k: int) -> int:
    """Return how many papers a reader gets at most; `k` is for those who asked for no number."""
    return k if profile.papers is None else profile.papers


def raised(profiles: Sequence[Profile], scores: Floats) -> Floats:
    """Return scores, (profiles, papers), half above 0 for those who wish for nothing, whose dislikes lower all papers.

    By the share by which a score falls for what was chosen before, popular papers would else lose the most.
    """
    sunk = [row for row, profile in enumerate(profiles) if profile.dislikes and not profile.has_wishes]
    if not sunk:
        return scores
    scores = scores.copy()
    scores[sunk] -= np.median(scores[sunk], axis=1, keepdims=True)
    return scores


def lowered(scores: Floats, nearest: Floats) -> Floats:
    """Return what scores are worth beside what was chosen, given how near each comes to the nearest of that."""
    fall = DIVERSITY * np.minimum(nearest, 1)
    return as_floats(scores * np.where(scores < 0, 1 + fall, 1 - fall))


def _may_wander(profile: Profile, size: int) -> bool:
    """Tell whether an issue may have something outside the topics: there are some, and not only few papers."""
    return size >= LEAST_FOR_OUTSIDE and profile.has_wishes and profile.bar != "few"


def _best(scores: Floats, count: int) -> Places:
    """Return the places of the best scores of each row, best first and the earlier of equals first, (rows, count)."""
    count = min(count, scores.shape[1])
    # A float32 read as a whole number keeps its order once the negative ones are turned round (IEEE 754), so that
    # score and place fit into one number, and what is equal is told apart while the best are looked for.
    bits = np.ascontiguousarray(scores + np.float32(0)).view(np.int32).astype(np.int64)
    bits = np.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    keys = -(bits << 32) + np.arange(scores.shape[1])
    best = np.sort(np.partition(keys, count - 1, axis=1)[:, :count], axis=1)
    found: Places = best & 0xFFFFFFFF
    return found
