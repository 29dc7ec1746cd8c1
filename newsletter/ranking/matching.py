"""How well papers match readers, and what moved a match most; knows neither what is left out nor who is mailed."""

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import scipy.sparse as sp

from newsletter.models import Paper
from newsletter.ranking.candidates import Candidates
from newsletter.ranking.index import Floats, Sparse, as_floats
from newsletter.ranking.profile import Profile, paper_key
from newsletter.ranking.reasons import followed
from newsletter.ranking.topics import Query, Topics

# How much all likes count beside all topics; a followed author is as good as a paper that fits a topic very well.
LIKES = 3.0
AUTHOR = 0.4
# What a search of their own found, they asked for by name too.
SEARCH = 0.4
# Few likes are summed; from so many on they are damped by the root of their number. One like says less of a reader than
# their topics, and the mean of many says it better; measured there too.
FEW_LIKES = 8.0
# How much a dislike takes away: three of a kind more than half of the places in a mail, at no cost for other papers;
# measured on the public folds.
DISLIKES = 6.0
# Where nothing is wished for, popularity leads: of the half of the papers at hand that is more alike to dislikes than
# the other, each falls so fast behind what is popular; measured there and on daily papers.
FALL = 2.0
# What decides between papers that a reader's wishes say nothing of: what is known of a paper itself, and dislikes.
UNDECIDED = 1e-3
# A loss below this part of all that speaks for or against a paper is rounding.
ROUNDING = 1e-5

T = TypeVar("T")


class Searched(NamedTuple):
    """A search of somebody's own."""

    query: str


# What moved a match most: a topic, a liked paper, an author as the paper names them, or a search of their own.
Mover = Query | Paper | str | Searched


def matches(profiles: Sequence[Profile], candidates: Candidates, topics: Topics) -> Floats:
    """Return how well papers match readers, (profiles, papers), before anything that speaks for a paper by itself."""
    return as_floats(wished(profiles, candidates, topics) - rejected(profiles, candidates, topics))


def wished(profiles: Sequence[Profile], candidates: Candidates, topics: Topics) -> Floats:
    """Return how well papers match what readers ask for, (profiles, papers).

    It is the sum over their topics, liked papers, followed authors and own searches. Topics and likes are each damped
    by the root of their number, likes only from `FEW_LIKES` on.
    """
    names, weights = _shared([_asked_for(profile) for profile in profiles], lambda name: name)
    found: Floats = weights @ candidates.topic_scores(topics, topics.compile(names))
    liked, weights = _shared([profile.likes for profile in profiles], paper_key, least=FEW_LIKES)
    if liked:
        found += LIKES * (weights @ candidates.like_scores(liked))
    for row, profile in enumerate(profiles):
        for key, _ in profile.authors:
            found[row, candidates.by_authors([key])] += AUTHOR
        if profile.own:
            found[row, candidates.with_ids(dict(profile.own))] += SEARCH
    return found


def rejected(profiles: Sequence[Profile], candidates: Candidates, topics: Topics) -> Floats:
    """Return by how much the matches of papers fall, (profiles, papers), for topics asked against and for dislikes.

    What readers do not want lowers the papers that it fits, and speaks for no others. For those who wish for nothing
    dislikes leave to what is popular its lead, and lower papers that stand out as alike to them.
    """
    found = np.zeros((len(profiles), len(candidates.papers)), np.float32)
    names, weights = _shared([_asked_against(profile) for profile in profiles], lambda name: name)
    if names:
        found += weights @ np.maximum(candidates.topic_scores(topics, topics.compile(names)), 0)
    disliking = [row for row, profile in enumerate(profiles) if profile.dislikes]
    if disliking:
        averse = _aversion([profiles[row] for row in disliking], candidates)
        wishless = [not _wishes(profiles[row], candidates) for row in disliking]
        averse[wishless] = _evened(averse[wishless], candidates)
        found[disliking] += DISLIKES * averse
    return found


def largest_movers(
    profile: Profile, papers: Sequence[Paper], columns: Sequence[int], candidates: Candidates, topics: Topics
) -> list[Mover | None]:
    """Return for each paper the topic, liked paper, author or search without which its match is lowest.

    `columns` are their places among the candidates. It is None where nothing would lower it.
    """
    wanted = _asked_for(profile)
    queries = topics.compile([name for name, _ in wanted])
    by_topic = _losses(candidates.topic_scores(topics, queries)[:, columns], [weight for _, weight in wanted])
    liked = [weight for _, weight in profile.likes]
    by_like = _losses(_likenesses(profile, candidates, columns), liked, FEW_LIKES)
    own = dict(profile.own)
    movers: list[Mover | None] = []
    for paper, topic, like in zip(papers, by_topic, by_like, strict=True):
        author = followed(profile, paper)
        author_loss = AUTHOR if author else 0.0
        search = own.get(paper.id) if paper.id is not None else None
        search_loss = 0.0 if search is None else SEARCH
        largest = max(topic.most, like.most, author_loss, search_loss)
        if search is not None and (search_loss == largest or not paper.shared):
            # Without it, what is theirs alone would not be there at all.
            movers.append(Searched(search))
        elif largest <= ROUNDING * (1 + topic.size + like.size):
            movers.append(None)
        elif author_loss == largest:
            movers.append(author)
        elif topic.most == largest:
            movers.append(queries[topic.thing])
        else:
            movers.append(profile.likes[like.thing][0])
    return movers


def with_prior(found: Floats, prior: Floats) -> Floats:
    """Return scores: the match raised by the share that speaks for the paper by itself; monotone in the match."""
    raised = np.where(found >= 0, found * (1 + prior), found / (1 + prior))
    return as_floats(raised + UNDECIDED * prior)


def _asked_for(profile: Profile) -> list[tuple[str, float]]:
    """Return the topics of a profile that are to bring papers."""
    return [(name, weight) for name, weight in profile.topics if weight > 0]


def _asked_against(profile: Profile) -> list[tuple[str, float]]:
    return [(name, -weight) for name, weight in profile.topics if weight < 0]


def _aversion(profiles: Sequence[Profile], candidates: Candidates) -> Floats:
    """Return how much readers dislike the likes of papers, from 0: the length of the vector of likenesses.

    Several dislikes of a kind add up by the root of their number, and many that are a little alike by chance do not.
    """
    disliked, weights = _shared([profile.dislikes for profile in profiles], paper_key, damped=False)
    alike = np.maximum(candidates.like_scores(disliked), 0)
    return as_floats(np.sqrt(weights.power(2) @ alike**2))


def _wishes(profile: Profile, candidates: Candidates) -> bool:
    """Tell whether a reader wishes for anything, a paper at hand that their own search found included."""
    return profile.has_wishes or bool(candidates.with_ids(dict(profile.own)))


def _evened(averse: Floats, candidates: Candidates) -> Floats:
    """Return how much those dislike papers who wish for nothing, (profiles, papers): all the most, and some more so.

    To many dislikes of many kinds everything is a little alike, which tells nothing; only what is more so than half of
    the papers at hand falls. As all papers are as low as the lowest, votes decide, and any wish still lifts its papers.
    """
    usual = averse[:, candidates.common]
    if not usual.size:
        return averse
    standing_out = np.maximum(averse - np.median(usual, axis=1, keepdims=True), 0)
    return as_floats(averse.max(axis=1, keepdims=True) * (1 + FALL * standing_out))


def _shared(
    groups: Sequence[Sequence[tuple[T, float]]],
    key: Callable[[T], Hashable],
    *,
    damped: bool = True,
    least: float = 0.0,
) -> tuple[list[T], Sparse]:
    """Return the different things of readers, and their weights, (readers, things), damped if they are to be summed."""
    given = [one for group in groups for one in group]
    names = [key(thing) for thing, _ in given]
    places: dict[Hashable, int] = {}
    columns = np.array([places.setdefault(name, len(places)) for name in names], np.int32)
    # The first of each name, since the last one that is written here stays.
    first = dict(zip(reversed(names), [thing for thing, _ in reversed(given)], strict=True))
    sizes = [len(group) for group in groups]
    weights = np.array([weight for _, weight in given], np.float64)
    if damped:
        weights /= np.repeat([_damping([weight for _, weight in group], least) for group in groups], sizes)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    shared = sp.csr_matrix((weights.astype(np.float32), columns, ends), shape=(len(groups), len(places)))
    return [first[name] for name in places], shared


def _damping(weights: Iterable[float], least: float) -> float:
    """Return what a sum over things of these weights is divided by: many things are more than one, but not as often.

    It is the root of all weights, or of the `least` if they come to less. With it, taking away the thing that fits a
    paper best always lowers the quotient, whatever the weights.
    """
    return math.sqrt(max(least, sum(map(abs, weights)))) or 1.0


class _Loss(NamedTuple):
    """Which thing a sum would lose most by going, how much, and what all amounts in the sum come to."""

    thing: int
    most: float
    size: float


def _likenesses(profile: Profile, candidates: Candidates, columns: Sequence[int]) -> Floats:
    """Return how much likes speak for papers, (likes, papers)."""
    if not profile.likes:
        return np.zeros((0, len(columns)), np.float32)
    return as_floats(LIKES * candidates.like_scores([liked for liked, _ in profile.likes])[:, columns])


def _losses(scores: Floats, weights: Sequence[float], least: float = 0.0) -> list[_Loss]:
    """Return for each paper what the damped sum over all things would lose most by, given scores (things, papers).

    The loss is 0 where there is none.
    """
    given = np.asarray(weights, np.float64)
    size = float(np.abs(given).sum())
    if size <= 0:
        return [_Loss(0, 0.0, 0.0)] * scores.shape[1]
    # What a paper is added up of is one piece of memory, so that the sum is the same for one paper as for many.
    parts = np.ascontiguousarray(scores.T) * given
    sums = parts.sum(axis=1)[:, None]
    damping = math.sqrt(max(least, size))
    left = np.maximum(size - np.abs(given), least)
    rest = (sums - parts) / np.where(left > 0, np.sqrt(left), 1)
    losses = np.where(parts > 0, sums / damping - rest, 0)
    best = losses.argmax(axis=1)
    most = np.maximum(losses[np.arange(len(best)), best], 0)
    amounts = np.abs(parts).sum(axis=1) / damping
    return list(map(_Loss, best.tolist(), most.tolist(), amounts.tolist()))
