"""Why a person got a paper, or did not: told from the record, and by the same code that chooses; it changes nothing."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from newsletter.clock import Clock
from newsletter.config import Ranking
from newsletter.models import DeliveryState, Paper, Subscriber
from newsletter.pipeline import slots
from newsletter.pipeline.arranging import NO_PAST
from newsletter.pipeline.causes import cause
from newsletter.pipeline.chooser import Chooser, came_at, there_by
from newsletter.pipeline.choosing import Asked, arrange, choose, in_order, popular_from, window
from newsletter.pipeline.compose import Composer
from newsletter.pipeline.lookup import paper_meant
from newsletter.pipeline.standing import obstacles
from newsletter.pipeline.subscribers import find
from newsletter.rendering.reasons import reason_sentence
from newsletter.store import editions, history, papers
from newsletter.store.database import Database
from newsletter.store.history import Shown

if TYPE_CHECKING:
    from newsletter.ranking.weighing import Hurdle, Weighed


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
    ranking: Ranking,
    composer: Callable[[], Awaitable[Composer]],
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
    choosing = await composer()
    asked = await choosing.asked([person], day, before=composed_at)
    chosen = in_order(choose(choosing.chooser, asked, ranking)[0])
    because += judged(choosing.chooser, ranking, person, paper, asked, before=composed_at)
    if issue and {asked.papers[place].id for place, _ in chosen} != set(issue.paper_ids):
        at = f"{issue.composed_at:%Y-%m-%d %H:%M} UTC"
        sentence = (
            f"This goes by what they want and how it is set now; their issue of {day}, of {at}, was chosen otherwise."
        )
        because.append(Because("changed", sentence, {"composed_at": issue.composed_at}))
    return Answer(person, paper, day, (*because, *told))


def judged(
    chooser: Chooser,
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
    place = next((at for at, one in enumerate(asked.papers) if one.id == paper.id), None)
    # Open to all, so that what else keeps it out is told too.
    opened = paper.model_copy(update={"hidden": False, "shared": True})
    at, company = (len(asked.papers), [*asked.papers, opened]) if place is None else (place, asked.papers)
    weighed = chooser.weigh(profile, company, ranking.papers, received=received, today=asked.day)
    past = asked.past[0] if asked.past else NO_PAST
    popular = popular_from(asked.papers)
    order = [one.place for one in arrange(chooser, profile, company, weighed.chosen, past, popular=popular)]
    if place in order:
        return [_chosen(asked.day, order.index(at) + 1, weighed, at)]
    because: list[Because] = []
    if paper.hidden:
        because.append(Because("hidden", "The editor has hidden it; `newsletter papers unhide` takes that back."))
    if not paper.shared and paper.id not in asked.own.get(person.id, {}):
        because.append(Because("not theirs", "Only others' own searches found it, and it is theirs alone."))
    if paper.id in received:
        judged_already = paper.id in {one.id for one, _ in (*profile.likes, *profile.dislikes)}
        sentence = "They have said already what they think of it." if judged_already else "They had it before."
        because.append(Because("received", sentence))
    if place is None:
        because += _out_of_time(paper, asked.day, ranking, before)
    because += _muted(chooser, person, [opened])
    if weighed.matches[at] < weighed.bar or (place is not None and weighed.allowed[at]):
        because += [_kept_out(hurdle, company, weighed, at, person) for hurdle in weighed.hurdles(at)]
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


def _chosen(day: date, position: int, weighed: "Weighed", place: int) -> Because:
    of = len(in_order(weighed.chosen))
    facts = {"position": position, "of": of, "score": round(float(weighed.scores[place]), 6)}
    if weighed.chosen.outside is not None and position == of:
        sentence = f"It comes from outside their topics: it would be in place {of}, the last, in an issue of {day}."
        return Because("outside", sentence, facts)
    sentence = f"It is among the best for them: it would be in place {position} of {of} in an issue of {day}."
    return Because("chosen", sentence, facts)


def _out_of_time(paper: Paper, day: date, ranking: Ranking, before: datetime | None) -> list[Because]:
    seen = paper.first_seen_at
    since, until = window(day, ranking.window_days)
    if seen is None:
        return []
    facts = {"first_seen_at": seen}
    if seen < since:
        reach = f"ranking.window_days = {ranking.window_days} reaches back to {since:%Y-%m-%d}"
        return [Because("old", f"It is too old for {day}: it came in on {seen:%Y-%m-%d}, and {reach}.", facts)]
    if seen >= until or (before is not None and not there_by(paper, before)):
        put = (
            f"their issue of {day} was put together at {before:%Y-%m-%d %H:%M} UTC"
            if before
            else f"that is after {day}"
        )
        return [
            Because(
                "unseen",
                f"It was not there yet: it came in at {came_at(paper) or seen:%Y-%m-%d %H:%M} UTC, and {put}.",
                facts,
            )
        ]
    return []


def _muted(chooser: Chooser, person: Subscriber, alone: Sequence[Paper]) -> list[Because]:
    found = [
        Because("muted", f"They muted the word “{word}”, which stands in it.", {"word": word})
        for word in person.muted_words
        if not chooser.weigh(chooser.profile(muted=[word]), alone, 1).allowed[0]
    ]
    return found + [
        Because("muted", f"They muted its author {name}.", {"author": name})
        for name in person.muted_authors
        if not chooser.weigh(chooser.profile(muted_authors=[name]), alone, 1).allowed[0]
    ]


def _kept_out(hurdle: "Hurdle", papers: Sequence[Paper], weighed: "Weighed", place: int, person: Subscriber) -> Because:
    """Return in words what keeps out a paper that may be chosen."""
    if hurdle.kind in ("least", "few", "disliked"):
        return _too_little(hurdle, weighed, place)
    score, rank, of = float(weighed.scores[place]), weighed.rank(place), int(weighed.eligible.sum())
    facts: dict[str, Any] = {"score": round(score, 6), "rank": rank, "candidates": of}
    ranked = f"its score of {score:.3g} is place {rank} of {of} papers that they could get"
    other = "" if hurdle.by is None else f"“{papers[hurdle.by].title}”"
    if hurdle.by is not None:
        facts["paper"] = papers[hurdle.by].id
    if hurdle.kind == "below":
        last = float(weighed.chosen.picks[-1][1])
        by = f"{last - score:.3g} more" if last > score else "as much, and came in before it"
        sentence = (
            f"Others fit better: {ranked}, and the last of the {len(weighed.chosen.picks)} chosen has {last:.3g}, {by}."
        )
        return Because("below", sentence, {**facts, "last_score": round(last, 6)})
    if hurdle.kind == "same":
        return Because("alike", f"It is nearly the same as {other}, which is chosen before it.", facts)
    if hurdle.kind == "near":
        sentence = (
            f"It was passed over for papers of another kind: {ranked}, but {other}, which is chosen, is much like it."
        )
        return Because("near", sentence, facts)
    if hurdle.kind == "gave way":
        sentence = (
            f"It gave way to {other}, which has the last place, for something from outside their topics: {ranked}."
        )
        return Because("gave way", sentence, facts)
    length, taken = weighed.length(place), weighed.length(*weighed.within)
    sentence = (
        f"It no longer fits into their {person.minutes} minutes: it takes about {length:.1f}, and the papers that are "
        f"chosen take {taken:.1f}."
    )
    return Because("minutes", sentence, {**facts, "minutes": round(length, 2), "taken": round(taken, 2)})


def _too_little(hurdle: "Hurdle", weighed: "Weighed", place: int) -> Because:
    match, bar = float(weighed.matches[place]), weighed.bar
    facts = {"match": round(match, 6), "least": bar}
    if hurdle.kind == "disliked":
        by_wishes = float(weighed.by_wishes[place])
        sentence = (
            f"It is too much like what they disliked: its match is {match:.3g}, where {bar:.3g} is needed, and by "
            f"their wishes alone it would be {by_wishes:.3g}."
        )
        return Because("disliked", sentence, {**facts, "by_wishes": round(by_wishes, 6)})
    if hurdle.kind == "few":
        sentence = (
            f"It fits too little for someone who asked for few papers: its match is {match:.3g}, and beside the best "
            f"of the day {bar:.3g} is needed."
        )
        return Because("few", sentence, facts)
    where = f"ranking.least_score is {weighed.least:g}"
    # The bar is kept in four bytes.
    if bar < weighed.least * 0.999:
        where = f"{bar:.3g} is needed by what else is there and how much they want"
    return Because("least", f"It fits what they want too little: its match is {match:.3g}, and {where}.", facts)
