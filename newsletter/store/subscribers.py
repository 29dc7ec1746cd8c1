"""Subscribers, their consent and their preferences."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Row, Select, Text, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter import searches
from newsletter.cadences import falls_on
from newsletter.models import Consent, Feedback, Subscriber, Subscription, Topic, Verdict
from newsletter.store.database import chunks, insert
from newsletter.store.questions import Question
from newsletter.store.recall import recall, recall_notices
from newsletter.store.tables import feedback, feeds, issues, papers, preferences, subscribers, subscriptions

# What is not a wish, and changes in ways of its own.
_FIXED = ("key", "state", "away", "created_at", "subscribed_at")
_LISTS = {"muted_word": "muted_words", "author": "authors", "muted_author": "muted_authors"}


async def add(
    connection: AsyncConnection, new: Sequence[tuple[Subscriber, str]], evidence: Subscription
) -> dict[str, int]:
    """Take people in with their preferences and the evidence of their consent.

    `new` pairs each subscriber (the id is not looked at) with the address as it is compared. People whose address is
    on record, or comes twice, are passed over. Returns the ids of the others by that address.
    """
    added: dict[str, int] = {}
    once = {email_key: (subscriber, email_key) for subscriber, email_key in reversed(new)}
    for part in chunks(reversed(once.values()), 500):
        statement = insert(connection, subscribers).on_conflict_do_nothing(index_elements=["email_key"])
        returned = await connection.execute(
            statement.returning(subscribers.c.email_key, subscribers.c.id),
            [_row(*pair) | {"away": pair[0].paused_until is not None} for pair in part],
        )
        ids = {email_key: number for email_key, number in returned}
        added |= ids
        people = [(ids[email_key], subscriber) for subscriber, email_key in part if email_key in ids]
        await _note(connection, [number for number, _ in people], evidence)
        await _write_preferences(connection, people)
    return added


async def change(connection: AsyncConnection, subscriber: Subscriber, email_key: str) -> None:
    """Write a person anew, preferences and all; their consent is changed by `consent` alone."""
    row = _row(subscriber, email_key)
    kept = {name: row[name] for name in row if name not in _FIXED}
    await connection.execute(update(subscribers).where(subscribers.c.id == subscriber.id).values(kept))
    await connection.execute(delete(preferences).where(preferences.c.subscriber_id == subscriber.id))
    await _write_preferences(connection, [(subscriber.id, subscriber)])


async def consent(connection: AsyncConnection, subscriber_id: int, evidence: Subscription) -> None:
    """Change the state of a consent and keep the evidence; waiting mail that may not go any more is taken back."""
    values: dict[str, Any] = {"state": evidence.state}
    if evidence.state is Consent.CONFIRMED:
        values["subscribed_at"] = evidence.at
    await connection.execute(update(subscribers).where(subscribers.c.id == subscriber_id).values(values))
    await _note(connection, [subscriber_id], evidence)
    if evidence.state is Consent.CONFIRMED:
        await recall_notices(connection, subscriber_id)
    else:
        await recall(connection, subscriber_id)


async def note(connection: AsyncConnection, subscriber_id: int, evidence: Subscription) -> None:
    """Keep evidence that leaves the state of a consent as it is."""
    await _note(connection, [subscriber_id], evidence)


async def swap(connection: AsyncConnection, ids: tuple[int, int]) -> None:
    """Let two people change their addresses with each other."""
    found = select(subscribers.c.id, subscribers.c.email, subscribers.c.email_key).where(subscribers.c.id.in_(ids))
    rows = {number: {"email": email, "email_key": key} for number, email, key in await connection.execute(found)}
    one, other = ids
    # No two may have one address, not even in between; no address has a space.
    between = {"email": rows[other]["email"], "email_key": f"between {other}"}
    for number, values in ((other, between), (one, rows[other]), (other, rows[one])):
        await connection.execute(update(subscribers).where(subscribers.c.id == number).values(values))


async def evidence(connection: AsyncConnection, subscriber_id: int) -> list[Subscription]:
    """Return every change of a person's consent, oldest first."""
    statement = select(subscriptions).where(subscriptions.c.subscriber_id == subscriber_id)
    rows = await connection.execute(statement.order_by(subscriptions.c.id))
    return [Subscription(state=Consent(row.state), how=row.how, source=row.source, at=row.at) for row in rows]


async def by_email(connection: AsyncConnection, email_key: str) -> Subscriber | None:
    """Return the person with an address (as it is compared)."""
    return await _whole(connection, await _AT.first(connection, email_key=email_key))


async def by_key(connection: AsyncConnection, key: str) -> Subscriber | None:
    """Return the person with an opaque key."""
    return await _whole(connection, await _WITH.first(connection, key=key))


async def by_id(connection: AsyncConnection, subscriber_id: int) -> Subscriber | None:
    """Return one person."""
    return await _whole(connection, await _PERSON.first(connection, number=subscriber_id))


async def by_ids(connection: AsyncConnection, ids: Iterable[int], *, wishes: bool = True) -> dict[int, Subscriber]:
    """Return people by their ids; without `wishes`, what they asked for is left out."""
    found: dict[int, Subscriber] = {}
    for part in chunks(ids):
        people = await _load(connection, select(subscribers).where(subscribers.c.id.in_(part)), wishes=wishes)
        found.update((person.id, person) for person in people)
    return found


async def email_keys(connection: AsyncConnection, ids: Iterable[int]) -> dict[int, str]:
    """Return the addresses of people as they are compared."""
    found: dict[int, str] = {}
    for part in chunks(ids):
        statement = select(subscribers.c.id, subscribers.c.email_key).where(subscribers.c.id.in_(part))
        found.update((number, email_key) for number, email_key in (await connection.execute(statement)).all())
    return found


async def hold(connection: AsyncConnection, subscriber_id: int) -> None:
    """Keep all others from changing a person until the transaction ends; SQLite has one writer at a time anyway."""
    await connection.execute(select(subscribers.c.id).where(subscribers.c.id == subscriber_id).with_for_update())


async def page(
    connection: AsyncConnection, *, after: int = 0, limit: int = 1000, state: Consent | None = None
) -> list[Subscriber]:
    """Return the next people by id, so that a long list is read in parts."""
    statement = select(subscribers).where(subscribers.c.id > after).order_by(subscribers.c.id).limit(limit)
    if state is not None:
        statement = statement.where(subscribers.c.state == state)
    return await _load(connection, statement)


async def cadences_on(connection: AsyncConnection, day: date) -> list[str]:
    """Return the cadences of confirmed people that have an issue on a day."""
    statement = select(subscribers.c.cadence).where(subscribers.c.state == Consent.CONFIRMED).distinct()
    found = (await connection.execute(statement)).scalars()
    return sorted(cadence for cadence in found if falls_on(cadence, day))


async def some_emails(connection: AsyncConnection, *, limit: int = 5000) -> list[str]:
    """Return addresses, to find the one that was nearly typed."""
    rows = await connection.execute(select(subscribers.c.email).order_by(subscribers.c.id).limit(limit))
    return list(rows.scalars())


async def emails_with(connection: AsyncConnection, part: str, *, limit: int) -> list[str]:
    """Return the first addresses, by the alphabet, in which the part stands, in capitals or not."""
    statement = select(subscribers.c.email).where(subscribers.c.email.icontains(part, autoescape=True))
    return list((await connection.execute(statement.order_by(subscribers.c.email).limit(limit))).scalars())


async def counts(connection: AsyncConnection) -> dict[str, int]:
    """Return how many people there are in each state of consent."""
    rows = await connection.execute(select(subscribers.c.state, func.count()).group_by(subscribers.c.state))
    return {state: number for state, number in rows}


async def erase(connection: AsyncConnection, subscriber_id: int) -> None:
    """Delete a person and everything that refers to them."""
    # Issues first: they hold deliveries, picks and what was received, each of which goes with them.
    await connection.execute(delete(issues).where(issues.c.subscriber_id == subscriber_id))
    await connection.execute(delete(subscribers).where(subscribers.c.id == subscriber_id))


async def anyone_at(connection: AsyncConnection, domain: str) -> bool:
    """Tell whether anybody on record has an address (as it is compared) at a domain; it reads all of them."""
    there = select(subscribers.c.id).where(subscribers.c.email_key.endswith(f"@{domain}", autoescape=True))
    return (await connection.execute(there.limit(1))).first() is not None


async def say(connection: AsyncConnection, said: Feedback) -> None:
    """Keep what a reader said of a paper, or of the one that it turned out to be; the latest word counts."""
    living = select(func.coalesce(papers.c.merged_into, papers.c.id)).where(papers.c.id == said.paper_id)
    row = {**said.model_dump(), "paper_id": living.scalar_subquery()}
    statement = insert(connection, feedback).values(row)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["subscriber_id", "paper_id"], set_={"verdict": said.verdict, "at": said.at}
        )
    )


async def unsay(connection: AsyncConnection, subscriber_id: int, paper_id: int) -> None:
    """Forget what a reader said of a paper."""
    theirs = and_(feedback.c.subscriber_id == subscriber_id, feedback.c.paper_id == paper_id)
    await connection.execute(delete(feedback).where(theirs))


async def said(connection: AsyncConnection, subscriber_id: int, paper_id: int) -> Verdict | None:
    """Return what a reader said of a paper last."""
    row = await _SAID.first(connection, number=subscriber_id, paper=paper_id)
    return None if row is None else row.verdict


async def feedback_of(
    connection: AsyncConnection, ids: Sequence[int], *, before: datetime | None = None
) -> dict[int, list[Feedback]]:
    """Return what each of these people said of papers, oldest first; of a paper and its double once.

    `before` leaves out what was said at that moment or later.
    """
    found: dict[int, list[Feedback]] = defaultdict(list)
    for part in chunks(ids):
        statement = (
            select(feedback)
            .join(papers, papers.c.id == feedback.c.paper_id)
            .where(feedback.c.subscriber_id.in_(part), papers.c.merged_into.is_(None))
            .order_by(feedback.c.at, feedback.c.paper_id)
        )
        if before is not None:
            statement = statement.where(feedback.c.at < before)
        for row in await connection.execute(statement):
            found[row.subscriber_id].append(
                Feedback(subscriber_id=row.subscriber_id, paper_id=row.paper_id, verdict=row.verdict, at=row.at)
            )
    return found


async def likes_of_all(connection: AsyncConnection, limit: int, *, before: datetime | None = None) -> list[list[int]]:
    """Return which papers each confirmed person liked or saved: the newest `limit` likes of all, newest first.

    `before` leaves out what was said at that moment or later.
    """
    statement = (
        select(feedback.c.subscriber_id, feedback.c.paper_id)
        .join(subscribers, subscribers.c.id == feedback.c.subscriber_id)
        .join(papers, papers.c.id == feedback.c.paper_id)
        .where(
            feedback.c.verdict.in_(("more", "saved")),
            subscribers.c.state == Consent.CONFIRMED,
            papers.c.merged_into.is_(None),
        )
        .order_by(feedback.c.at.desc(), feedback.c.subscriber_id, feedback.c.paper_id)
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(feedback.c.at < before)
    found: dict[int, list[int]] = defaultdict(list)
    for subscriber_id, paper_id in await connection.execute(statement):
        found[subscriber_id].append(paper_id)
    return list(found.values())


async def renew(connection: AsyncConnection, subscriber_id: int) -> None:
    """Count up a person's links, so that those of before open nothing any more."""
    counted = update(subscribers).where(subscribers.c.id == subscriber_id).values(links=subscribers.c.links + 1)
    await connection.execute(counted)


async def pause(
    connection: AsyncConnection, subscriber_id: int, until: date | None, *, best_missed: bool | None = None
) -> None:
    """Set the first local day on which a person wants mail again, and take back what waits; None ends the pause.

    They count as away until `returned`. `best_missed` says whether they want the best of that time then, None that it
    stays as it was.
    """
    values: dict[str, Any] = {"paused_until": until} | ({} if until is None else {"away": True})
    if best_missed is not None:
        values["best_missed"] = best_missed
    await connection.execute(update(subscribers).where(subscribers.c.id == subscriber_id).values(values))
    if until is not None:
        await recall(connection, subscriber_id)


async def returned(connection: AsyncConnection, ids: Iterable[int], day: date) -> None:
    """Note that people had an issue of a local day; for whoever paused again meanwhile nothing changes."""
    over = or_(subscribers.c.paused_until.is_(None), subscribers.c.paused_until <= day)
    for part in chunks(ids):
        there = subscribers.c.id.in_(part)
        await connection.execute(update(subscribers).where(there, over, subscribers.c.away).values(away=False))


async def _note(connection: AsyncConnection, ids: Sequence[int], evidence: Subscription) -> None:
    rows = [{**evidence.model_dump(), "subscriber_id": number} for number in ids]
    if rows:
        await connection.execute(insert(connection, subscriptions), rows)


async def _write_preferences(connection: AsyncConnection, people: Sequence[tuple[int, Subscriber]]) -> None:
    rows = []
    for number, subscriber in people:
        # What is named twice is kept once, with its last weight.
        named = {("topic", topic.name): topic.weight for topic in subscriber.topics}
        for kind, field in _LISTS.items():
            named |= {(kind, name): 1.0 for name in getattr(subscriber, field)}
        rows += [
            {"subscriber_id": number, "kind": kind, "name": name, "weight": weight, "position": position}
            for position, ((kind, name), weight) in enumerate(named.items())
        ]
    for part in chunks(rows):
        await connection.execute(insert(connection, preferences), part)


async def _load(connection: AsyncConnection, statement: Select[Any], *, wishes: bool = True) -> list[Subscriber]:
    rows = (await connection.execute(statement)).all()
    asked: dict[int, dict[str, list[Any]]] = {row.id: defaultdict(list) for row in rows}
    for part in chunks(asked if wishes else ()):
        wished = (await connection.execute(_wishes(preferences.c.subscriber_id.in_(part)))).all()
        _sort(asked, wished, (await connection.execute(_own(feeds.c.subscriber_id.in_(part)))).all())
    return [_subscriber(row, asked[row.id]) for row in rows]


async def _whole(connection: AsyncConnection, row: Any) -> Subscriber | None:
    if row is None:
        return None
    asked: dict[int, dict[str, list[Any]]] = {row.id: defaultdict(list)}
    _sort(asked, await _WISHES.all(connection, number=row.id), await _OWN.all(connection, number=row.id))
    return _subscriber(row, asked[row.id])


def _wishes(of: ColumnElement[bool]) -> Select[Any]:
    return select(preferences).where(of).order_by(preferences.c.position)


def _own(of: ColumnElement[bool]) -> Select[Any]:
    return select(feeds.c.subscriber_id, feeds.c.location).where(of).order_by(feeds.c.id)


_NUMBER = bindparam("number", type_=BigInteger)
_PERSON = Question(lambda _: select(subscribers).where(subscribers.c.id == _NUMBER))
_AT = Question(lambda _: select(subscribers).where(subscribers.c.email_key == bindparam("email_key", type_=Text)))
_WITH = Question(lambda _: select(subscribers).where(subscribers.c.key == bindparam("key", type_=Text)))
_WISHES = Question(lambda _: _wishes(preferences.c.subscriber_id == _NUMBER))
_OWN = Question(lambda _: _own(feeds.c.subscriber_id == _NUMBER))
_SAID = Question(
    lambda _: select(feedback.c.verdict).where(
        feedback.c.subscriber_id == _NUMBER, feedback.c.paper_id == bindparam("paper", type_=BigInteger)
    )
)


def _sort(asked: dict[int, dict[str, list[Any]]], wishes: Iterable[Any], own: Iterable[Any]) -> None:
    """Put what people asked for to each of them, by its kind."""
    for row in wishes:
        value = Topic(name=row.name, weight=row.weight) if row.kind == "topic" else row.name
        asked[row.subscriber_id][row.kind].append(value)
    for number, location in own:
        asked[number]["search"].append(searches.query_at(location))


def _row(subscriber: Subscriber, email_key: str) -> dict[str, Any]:
    return {
        "key": subscriber.key,
        "email": subscriber.email,
        "email_key": email_key,
        "language": subscriber.language,
        "timezone": subscriber.timezone,
        "cadence": subscriber.cadence,
        "hour": subscriber.hour,
        "papers": subscriber.papers,
        "minutes": subscriber.minutes,
        "bar": subscriber.bar,
        "look": subscriber.look,
        "away": subscriber.away,
        "best_missed": subscriber.best_missed,
        "state": subscriber.state,
        "paused_until": subscriber.paused_until,
        "created_at": subscriber.created_at,
        "subscribed_at": subscriber.subscribed_at,
    }


def _subscriber(row: Row[Any], asked: dict[str, list[Any]]) -> Subscriber:
    # With one field more that is set, what notes them takes 1.5 KB more for each person, and few have searches.
    own: dict[str, Any] = {"searches": tuple(asked["search"])} if asked["search"] else {}
    rare = {"links": row.links, "look": row.look, "away": row.away}
    own |= {name: value for name, value in rare.items() if value}
    if not row.best_missed:
        own["best_missed"] = False
    return Subscriber(
        id=row.id,
        key=row.key,
        email=row.email,
        language=row.language,
        timezone=row.timezone,
        cadence=row.cadence,
        hour=row.hour,
        papers=row.papers,
        minutes=row.minutes,
        bar=row.bar,
        state=Consent(row.state),
        topics=tuple(asked["topic"]),
        muted_words=tuple(asked["muted_word"]),
        authors=tuple(asked["author"]),
        muted_authors=tuple(asked["muted_author"]),
        **own,
        paused_until=row.paused_until,
        created_at=row.created_at,
        subscribed_at=row.subscribed_at,
    )
