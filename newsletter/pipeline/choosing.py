"""What choosing goes by, and what comes of it for each person; it knows neither editions nor who is due."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.config import Ranking
from newsletter.models import Feedback, Paper, Reason, Subscriber
from newsletter.pipeline import arranging
from newsletter.pipeline.arranging import NO_PAST, Past, Placed
from newsletter.pipeline.chooser import Chooser, Chosen
from newsletter.store import searches

# West and east of Greenwich a date begins and ends at most so many hours from the same date in UTC.
_WIDEST_OFFSET = timedelta(hours=14)

# Popular is what has more votes than so many of four others; fewer than `FEWEST_VOTES` are few on any day
# (docs/decisions/0011-ranking.md).
_BEATEN_OF_FOUR = 3
FEWEST_VOTES = 10


class Asked(NamedTuple):
    """What is chosen by on a local date: the papers at hand, and for each person their profile and what they had.

    What they `said`, and the issues of their `past`, say only how the mail is arranged. `own` has by the ids of people
    what their own searches found: ids of papers, and the search.
    """

    day: date
    papers: list[Paper]
    profiles: list[Any]
    received: list[Collection[int]]
    said: Sequence[Sequence[Feedback]] = ()
    past: Sequence[Past] = ()
    own: Mapping[int, Mapping[int, str]] = MappingProxyType({})


async def own_of(
    connection: AsyncConnection,
    people: Sequence[Subscriber],
    since: datetime,
    until: datetime,
    *,
    before: datetime | None = None,
) -> tuple[list[Paper], dict[int, dict[int, str]]]:
    """Return the papers of a span that are some of these people's alone, and what the searches of each found."""
    searching = [person.id for person in people if person.searches]
    if not searching:
        return [], {}
    alone, found = await searches.found(connection, searching, since=since, until=until, before=before)
    return alone, {number: {paper: one.query for paper, one in theirs.items()} for number, theirs in found.items()}


def choose(chooser: Chooser, asked: Asked, ranking: Ranking) -> Sequence[Chosen]:
    """Return what is chosen for each person."""
    return chooser.choose(asked.profiles, asked.papers, ranking.papers, received=asked.received, today=asked.day)


def arrange(
    chooser: Chooser,
    profile: Any,
    papers: Sequence[Paper],
    chosen: Chosen,
    past: Past = NO_PAST,
    more: Sequence[tuple[int, float]] = (),
    *,
    popular: int,
) -> list[Placed]:
    """Return what was chosen for a person, and `more` beside it, in the order of their mail, with reasons.

    `popular` is the number of votes from which on a paper is called so, as `popular_from` tells it of these papers.
    """
    within = [*chosen.picks, *more]
    picked = [papers[place] for place, _ in within]
    reasons = [
        Reason(kind="new") if reason.kind == "popular" and paper.votes < popular else reason
        for reason, paper in zip(chooser.reasons(profile, picked), picked, strict=True)
    ]
    if chosen.outside is not None:
        within.append(chosen.outside)
        reasons.append(Reason(kind="outside"))
    return arranging.arranged(papers, within, reasons, past)


def popular_from(papers: Sequence[Paper]) -> int:
    """Return how many votes a paper needs to be called popular among those at hand; others are new.

    They are more than three quarters of the others have, of those that everybody may get and somebody voted for: most
    sources count no votes. They are never fewer than `FEWEST_VOTES`.
    """
    votes = sorted(paper.votes for paper in papers if paper.votes > 0 and paper.shared and not paper.hidden)
    beaten = -(-_BEATEN_OF_FOUR * (len(votes) - 1) // 4)
    return max(FEWEST_VOTES, votes[beaten - 1] + 1) if beaten > 0 else FEWEST_VOTES


def in_order(chosen: Chosen) -> list[tuple[int, float]]:
    """Return the places of the papers of an issue and their scores, best first and what is outside last."""
    return [*chosen.picks, *([] if chosen.outside is None else [chosen.outside])]


def window(day: date, days: int) -> tuple[datetime, datetime]:
    """Return the span of first sight of the papers that an issue of that local date may hold."""
    midnight = datetime.combine(day, time(), UTC)
    return midnight - timedelta(days=days), midnight + timedelta(days=1) + _WIDEST_OFFSET


def profile_of(
    chooser: Chooser,
    person: Subscriber,
    said: Sequence[Feedback],
    known: Mapping[int, Paper],
    day: date,
    own: Mapping[int, str] | None = None,
) -> Any:
    """Return the profile of a person on a local date by what they asked for and `said` of `known` papers.

    `own` is what their own searches found.
    """

    def spoken_of(*verdicts: str) -> list[tuple[Paper, date]]:
        return [(known[one.paper_id], one.at.date()) for one in said if one.verdict in verdicts]

    return chooser.profile(
        person.topics,
        spoken_of("more", "saved"),
        spoken_of("less"),
        person.muted_words,
        authors=person.authors,
        muted_authors=person.muted_authors,
        own=own,
        today=day,
        papers=person.papers,
        minutes=person.minutes,
        bar=person.bar,
    )
