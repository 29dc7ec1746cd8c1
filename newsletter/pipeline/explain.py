"""Why a person got a paper, or did not: told from the record, and by the same code that chooses; it changes nothing."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from newsletter.clock import Clock
from newsletter.config import Ranking, Settings
from newsletter.models import DeliveryState, Paper, Subscriber
from newsletter.pipeline import slots
from newsletter.pipeline.causes import cause
from newsletter.pipeline.compose import Asked, Chooser, Composer, choose, window
from newsletter.pipeline.lookup import paper_meant
from newsletter.pipeline.standing import obstacles
from newsletter.pipeline.subscribers import find
from newsletter.rendering.reasons import reason_sentence
from newsletter.store import editions, history, papers
from newsletter.store.database import Database
from newsletter.store.history import Shown

if TYPE_CHECKING:
    from newsletter.ranking.ranker import Weighed


class Judge(Chooser, Protocol):
    """A chooser that also tells by what it chooses."""

    def weigh(
        self, profile: Any, papers: Sequence[Paper], *, received: Collection[int] = (), today: date | None = None
    ) -> "Weighed":
        """Return that by which `top` chooses among papers for one profile."""
        ...


class Because(NamedTuple):
    """One thing that decided: of which kind, in a sentence, and its figures."""

    kind: str
    sentence: str
    facts: Mapping[str, Any] = {}


class Answer(NamedTuple):
    """Why a person got a paper or did not, seen from a local date; the decisive thing comes first."""

    person: Subscriber
    paper: Paper
    day: date
    because: tuple[Because, ...]


async def why(
    database: Database,
    clock: Clock,
    settings: Settings,
    judge: Callable[[], Awaitable[Judge]],
    email: str,
    named: str,
    *,
    day: date | None = None,
) -> Answer:
    """Return why a person got the paper that is `named`, or did not, on a local date (by default that of today).

    What they had is told from the record. For a date of which they have an issue, what came in, was sent or was said
    since is left out. Raises NotFoundError for a person or a paper that is not on record, and UsageError where several
    papers may be meant.
    """
    person = await find(database, email)
    paper = await paper_meant(database, named)
    day = slots.local_date(person, clock.now()) if day is None else day
    async with database.connect() as connection:
        shown = await history.shown_to(connection, person.id, await papers.one_work(connection, paper.id or 0))
        issue = await editions.composed_issue(connection, person.id, day)
    composed_at = issue.composed_at if issue else None
    received = [one for one in shown if one.received]
    told = [_shown(one, paper, person.language) for one in received + [one for one in shown if not one.received]]
    if any(composed_at is None or one.composed_at <= composed_at for one in received):
        return Answer(person, paper, day, tuple(told))
    because = [] if issue else await _standing(database, clock, person, day)
    ranker = await judge()
    asked = await Composer(database, clock, settings, ranker).asked([person], day, before=composed_at)
    chosen = choose(ranker, asked, settings.ranking)[0]
    because += judged(ranker, settings.ranking, person, paper, asked, before=composed_at)
    if issue and [asked.papers[place].id for place, _ in chosen] != list(issue.paper_ids):
        at = f"{issue.composed_at:%Y-%m-%d %H:%M} UTC"
        sentence = (
            f"This goes by what they want and how it is set now; their issue of {day}, of {at}, was chosen otherwise."
        )
        because.append(Because("changed", sentence, {"composed_at": issue.composed_at}))
    return Answer(person, paper, day, (*because, *told))


def judged(
    judge: Judge,
    ranking: Ranking,
    person: Subscriber,
    paper: Paper,
    asked: Asked,
    *,
    before: datetime | None = None,
) -> list[Because]:
    """Return what decides on a paper for the one person that is `asked` about, the decisive thing first.

    `before` is when choosing took place, if it did. It goes by what `choose` does with the same profile and papers.
    """
    profile, received = asked.profiles[0], asked.received[0]
    chosen = choose(judge, asked, ranking)[0]
    weighed = judge.weigh(profile, asked.papers, received=received, today=asked.day)
    place = next((at for at, one in enumerate(asked.papers) if one.id == paper.id), None)
    if place is not None and (position := [at for at, _ in chosen].index(place) + 1 if place in dict(chosen) else 0):
        return [_chosen(paper, asked.day, position, len(chosen), float(weighed.scores[place]))]
    because: list[Because] = []
    if paper.hidden:
        because.append(Because("hidden", "The editor has hidden it; `newsletter papers unhide` takes that back."))
    if paper.id in received:
        because.append(Because("received", "They had it before."))
    if place is None:
        because += _out_of_time(paper, asked.day, ranking, before)
    # Alone and open to all, so that nothing else can keep it out.
    alone = [paper.model_copy(update={"hidden": False})]
    because += _muted(judge, person, alone)
    match = judge.weigh(profile, alone).matches[0] if place is None else weighed.matches[place]
    if profile.has_wishes and match < weighed.least:
        because.append(_least(float(match), weighed.least))
    if place is not None and weighed.allowed[place]:
        because += _beaten(asked, weighed, chosen, place, room=len(chosen) < ranking.papers)
    return because


async def _standing(database: Database, clock: Clock, person: Subscriber, day: date) -> list[Because]:
    return [Because(one.kind, one.sentence) for one in await obstacles(database, person, clock.now(), day)]


def _shown(one: Shown, paper: Paper, language: str) -> Because:
    delivery = one.delivery
    reason = reason_sentence(one.reason, language)
    sentence = (
        f"It is in their issue of {one.edition} ({one.cadence}), in place {one.position} of {one.of}: {reason}. "
        f"{_arrival(one)}"
    )
    if one.paper_id != paper.id:
        sentence += f" There it is called “{one.title}”, which turned out to be the same paper."
    facts = {
        "edition": one.edition,
        "cadence": one.cadence,
        "position": one.position,
        "of": one.of,
        "reason": reason,
        "state": delivery.state,
        "at": delivery.at,
        "delivery": delivery.id,
    }
    waits = delivery.state in (DeliveryState.QUEUED, DeliveryState.DEFERRED)
    return Because("waiting" if waits else "sent" if one.received else "released", sentence, facts)


def _arrival(one: Shown) -> str:
    delivery = one.delivery
    at = f"{delivery.at:%Y-%m-%d %H:%M} UTC"
    sentences = {
        DeliveryState.QUEUED: "That mail waits to be sent.",
        DeliveryState.SENDING: "That mail is on its way.",
        DeliveryState.SENT: f"The mail server took it at {at}.",
        DeliveryState.DEFERRED: f"The mail server put it off until {delivery.due_at:%Y-%m-%d %H:%M} UTC.",
        DeliveryState.FAILED: f"That mail failed at {at}: {cause(delivery)}.",
        DeliveryState.SUPPRESSED: "That mail was not sent, since they left, paused or must not be mailed.",
        DeliveryState.UNKNOWN: "That mail may or may not have arrived.",
        DeliveryState.CAUGHT: f"The built-in catcher has it since {at}, so nobody was mailed.",
        DeliveryState.BOUNCED: f"It came back at {at}: {cause(delivery)}.",
        DeliveryState.COMPLAINED: f"They reported that mail as unwanted at {at}.",
    }
    free = "" if one.received else " So the paper may be chosen again."
    return sentences[delivery.state] + free


def _chosen(paper: Paper, day: date, position: int, of: int, score: float) -> Because:
    sentence = f"It is among the best for them: it would be in place {position} of {of} in an issue of {day}."
    return Because("chosen", sentence, {"position": position, "of": of, "score": round(score, 6)})


def _out_of_time(paper: Paper, day: date, ranking: Ranking, before: datetime | None) -> list[Because]:
    seen = paper.first_seen_at
    since, until = window(day, ranking.window_days)
    if seen is None:
        return []
    facts = {"first_seen_at": seen}
    if seen < since:
        reach = f"ranking.window_days = {ranking.window_days} reaches back to {since:%Y-%m-%d}"
        return [Because("old", f"It is too old for {day}: it came in on {seen:%Y-%m-%d}, and {reach}.", facts)]
    if seen >= until or (before is not None and seen > before):
        put = (
            f"their issue of {day} was put together at {before:%Y-%m-%d %H:%M} UTC"
            if before
            else f"that is after {day}"
        )
        return [Because("unseen", f"It was not there yet: it came in at {seen:%Y-%m-%d %H:%M} UTC, and {put}.", facts)]
    return []


def _muted(judge: Judge, person: Subscriber, alone: Sequence[Paper]) -> list[Because]:
    found = [
        Because("muted", f"They muted the word “{word}”, which stands in it.", {"word": word})
        for word in person.muted_words
        if not judge.weigh(judge.profile(muted=[word]), alone).allowed[0]
    ]
    return found + [
        Because("muted", f"They muted its author {name}.", {"author": name})
        for name in person.muted_authors
        if not judge.weigh(judge.profile(muted_authors=[name]), alone).allowed[0]
    ]


def _least(match: float, least: float) -> Because:
    sentence = f"It fits what they want too little: its match is {match:.3g}, and ranking.least_score is {least:g}."
    return Because("least", sentence, {"match": round(match, 6), "least": least})


def _beaten(
    asked: Asked, weighed: "Weighed", chosen: Sequence[tuple[int, float]], place: int, *, room: bool
) -> list[Because]:
    """Return why a paper that may be chosen is not: others have more, or one that is nearly equal does."""
    score = float(weighed.scores[place])
    places = [at for at, allowed in enumerate(weighed.allowed) if allowed]
    rank = 1 + sum((weighed.scores[at], -at) > (weighed.scores[place], -place) for at in places)
    last_place, last = chosen[-1]
    facts = {"score": round(score, 6), "rank": rank, "candidates": len(places), "last_score": round(float(last), 6)}
    because = [
        Because(
            "alike",
            f"It is nearly the same as “{asked.papers[at].title}”, which is chosen before it.",
            {**facts, "paper": asked.papers[at].id},
        )
        for at, _ in chosen
        if at in weighed.alike.get(place, ())
    ]
    below = not room and (score, -place) < (float(last), -last_place)
    if below:
        by = f"{float(last) - score:.3g} more" if float(last) > score else "as much, and came in before it"
        sentence = (
            f"Others fit better: its score of {score:.3g} is place {rank} of {len(places)} papers that they could get, "
            f"and the last of the {len(chosen)} chosen has {float(last):.3g}, {by}."
        )
        because.insert(0, Because("below", sentence, facts))
    elif not because:
        sentence = f"Its score of {score:.3g} would do, but an issue has few papers of one kind, and others came first."
        because.append(Because("passed over", sentence, facts))
    return because
