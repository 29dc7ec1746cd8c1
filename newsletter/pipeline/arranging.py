"""What an issue holds besides the choice itself: its sections in order, what came of feedback, and revisions.

What is told of feedback is so by the way it is found: it is counted in the issue, or by choosing without that feedback.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import (
    NOTHING_BESIDE,
    SECTION_OF,
    SECTIONS,
    Beside,
    Feedback,
    Missed,
    Paper,
    Pick,
    Reason,
    Section,
    Subscriber,
    Told,
)
from newsletter.pipeline import slots
from newsletter.store import editions
from newsletter.store.editions import Latest


class Past(NamedTuple):
    """What a person had before an issue: when their last mail was put together, and the span of what they missed.

    The span is of days on which they had a slot and got no issue; it ends with the slot before this one. `chosen_at` is
    when it was last chosen for them, whether anything was found or not. `best` tells that they get the best of that
    span beside the papers of the day.
    """

    mailed_at: datetime | None = None
    missed: tuple[datetime, datetime] | None = None
    chosen_at: datetime | None = None
    best: bool = False


NO_PAST = Past()

_ORDER = {section: at for at, section in enumerate(SECTIONS)}


class Placed(NamedTuple):
    """A paper that was chosen, by its place among those at hand, with its score, reason and section."""

    place: int
    score: float
    reason: Reason
    section: Section


class Content(NamedTuple):
    """What a person gets in an issue."""

    picks: tuple[Pick, ...]
    beside: Beside = NOTHING_BESIDE


async def past_of(connection: AsyncConnection, people: Sequence[Subscriber], day: date, since: date) -> dict[int, Past]:
    """Return what people had before their slot of a day; most had something `since` a day not long ago."""
    latest = await editions.latest_before(connection, [person.id for person in people], day, since=since)
    away = [person.id for person in people if person.id not in latest and _subscribed_before(person, day)]
    if away:
        latest |= await editions.latest_before(connection, away, day)
    return {person.id: _past(person, day, latest.get(person.id)) for person in people}


def _past(person: Subscriber, day: date, latest: Latest | None) -> Past:
    if latest is None:
        # Whoever never had an issue missed none.
        return NO_PAST
    before = slots.previous(person.cadence, day)
    if latest.date >= before or not _subscribed_before(person, day):
        return Past(latest.filled_at, chosen_at=latest.composed_at)
    until = slots.moment(before, person.hour, person.timezone)
    since = slots.moment(latest.date, person.hour, person.timezone)
    if since < latest.composed_at < until:
        since = latest.composed_at
    return Past(latest.filled_at, (since, until), latest.composed_at)


def _subscribed_before(person: Subscriber, day: date) -> bool:
    """Tell whether they were to get the issue before that of a day."""
    at = slots.moment(slots.previous(person.cadence, day), person.hour, person.timezone)
    return person.subscribed_at is not None and person.subscribed_at <= at


def arranged(
    papers: Sequence[Paper], chosen: Sequence[tuple[int, float]], reasons: Sequence[Reason], past: Past = NO_PAST
) -> list[Placed]:
    """Return what was chosen, best first, in the order of the mail: section by section, best first in each."""
    placed = [
        Placed(place, float(score), reason, _section(papers[place], reason, past))
        for (place, score), reason in zip(chosen, reasons, strict=True)
    ]
    return sorted(placed, key=lambda one: _ORDER[one.section])


def _section(paper: Paper, reason: Reason, past: Past) -> Section:
    found = SECTION_OF[reason.kind]
    if found == "outside" or paper.first_seen_at is None:
        return found
    if was_missed(paper, past):
        return "best" if past.best else "missed"
    return "late" if _came_late(paper, past) else found


def was_missed(paper: Paper, past: Past) -> bool:
    """Tell whether a paper came on the days that a person missed."""
    if past.missed is None or paper.first_seen_at is None:
        return False
    return past.missed[0] < paper.first_seen_at <= past.missed[1] or _came_late(paper, past)


def _came_late(paper: Paper, past: Past) -> bool:
    """Tell whether it counts for a day from which they had their mail already, when its source had not told of it."""
    if past.chosen_at is None or paper.taken_at is None or paper.first_seen_at is None:
        return False
    return paper.first_seen_at <= past.chosen_at < paper.taken_at


def picks_of(papers: Sequence[Paper], placed: Sequence[Placed]) -> tuple[Pick, ...]:
    """Return the papers of an issue with their positions."""
    return tuple(
        Pick(position=position, paper=papers[one.place], score=one.score, reason=one.reason)
        for position, one in enumerate(placed, start=1)
    )


def missed(papers: Sequence[Paper], placed: Sequence[Placed], past: Past, timezone: str) -> Missed | None:
    """Return which papers of an issue are of missed days, or came late."""
    at = [position for position, one in enumerate(placed, start=1) if one.section in ("best", "missed", "late")]
    if not at:
        return None
    if past.missed is not None:
        return Missed(slots.date_there(timezone, past.missed[0]), at[0], at[-1], best=past.best)
    # The day is that of their source.
    days = [moment.date() for number in at if (moment := papers[placed[number - 1].place].first_seen_at)]
    return Missed(min(days), at[0], at[-1], late=True)


def fresh(said: Sequence[Feedback], past: Past, *verdicts: str) -> list[Feedback]:
    """Return what a person said since their last mail, the newest first."""
    if past.mailed_at is None:
        return []
    new = [one for one in said if one.at > past.mailed_at and one.verdict in verdicts]
    return sorted(new, key=lambda one: (one.at, one.paper_id), reverse=True)


def told_of_likes(liked: Sequence[Feedback], known: Mapping[int, Paper], placed: Sequence[Placed]) -> tuple[Told, ...]:
    """Return how many papers are here because of what was liked: those whose reason names it."""
    if not liked:
        return ()
    titles = {known[one.paper_id].title for one in liked}
    named = Counter(one.reason.subject for one in placed if one.reason.kind == "like" and one.reason.subject in titles)
    if not named:
        return ()
    # Of equals, the one whose paper comes first in the mail.
    title, _ = named.most_common(1)[0]
    return (Told("more", title, len(named) - 1, named.total()),)


def told_of_dislikes(
    disliked: Sequence[Feedback],
    known: Mapping[int, Paper],
    chosen: Sequence[tuple[int, Any]],
    without: Sequence[tuple[int, Any]],
) -> tuple[Told, ...]:
    """Return how many papers are not here because of what was disliked: those chosen `without` it alone."""
    gone = {place for place, _ in without} - {place for place, _ in chosen}
    if not disliked or not gone:
        return ()
    return (Told("less", known[disliked[0].paper_id].title, len(disliked) - 1, len(gone)),)
