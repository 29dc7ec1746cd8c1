"""What became of deliveries, as it is told to people; nothing is changed here."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Dialect, Integer, Select, and_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import Attempt, Delivery, DeliveryState, EditionKind, Reason
from newsletter.store import deliveries as deliveries_of
from newsletter.store.database import chunks
from newsletter.store.editions import OF_ISSUES
from newsletter.store.questions import Question
from newsletter.store.tables import attempts, deliveries, editions, feedback, issues, papers, picks, received


class Record(NamedTuple):
    """A delivery with its edition, of issues or of a notice, and the titles of its papers, in order."""

    delivery: Delivery
    edition: date
    cadence: str
    kind: EditionKind
    titles: tuple[str, ...]

    @property
    def mail(self) -> str:
        """What mail it is: `issue`, or which notice."""
        return "nothing" if self.kind == "issue" and not self.titles else self.kind


class Success(NamedTuple):
    """How many picks were sent to readers who ever said anything, and to how many of these they said more or saved."""

    sent: int
    welcome: int


async def success(connection: AsyncConnection) -> tuple[Success, Success]:
    """Return how the picks from outside the readers' topics fared, and all others.

    Readers who never said anything tell nothing of either, and are left out.
    """
    outside = picks.c.reason["kind"].as_string() == "outside"
    said = and_(
        feedback.c.subscriber_id == issues.c.subscriber_id,
        feedback.c.paper_id == picks.c.paper_id,
        feedback.c.verdict.in_(("more", "saved")),
        feedback.c.at >= issues.c.composed_at,
    )
    statement = (
        select(outside, func.count(), func.count(feedback.c.paper_id))
        .select_from(issues)
        .join(picks, picks.c.issue_id == issues.c.id)
        .join(deliveries, deliveries.c.issue_id == issues.c.id)
        .outerjoin(feedback, said)
        .where(
            issues.c.subscriber_id.in_(select(feedback.c.subscriber_id)),
            deliveries.c.state.in_((DeliveryState.SENT, DeliveryState.CAUGHT)),
        )
        .group_by(outside)
    )
    found = {bool(kind): Success(sent, welcome) for kind, sent, welcome in await connection.execute(statement)}
    return found.get(True, Success(0, 0)), found.get(False, Success(0, 0))


async def records(
    connection: AsyncConnection,
    *,
    after: int = 0,
    limit: int = 500,
    state: DeliveryState | None = None,
    day: date | None = None,
    subscriber_id: int | None = None,
    ids: Sequence[int] | None = None,
) -> list[Record]:
    """Return the next deliveries by id that fit, so that a long list is read in parts."""
    statement = (
        select(deliveries, editions.c.date, editions.c.cadence, editions.c.kind)
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .join(editions, editions.c.id == issues.c.edition_id)
        .where(deliveries.c.id > after)
        .order_by(deliveries.c.id)
        .limit(limit)
    )
    statement = _narrowed(statement, state=state, day=day, subscriber_id=subscriber_id, ids=ids)
    rows = list(await connection.execute(statement))
    titles = await _titles(connection, [row.issue_id for row in rows])
    return [
        Record(deliveries_of.read(row), row.date, row.cadence, row.kind, titles.get(row.issue_id, ())) for row in rows
    ]


async def states(
    connection: AsyncConnection,
    among: Sequence[DeliveryState],
    *,
    day: date | None = None,
    subscriber_id: int | None = None,
) -> dict[str, int]:
    """Count the deliveries that fit by their state, of these states."""
    statement = (
        select(deliveries.c.state, func.count())
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .join(editions, editions.c.id == issues.c.edition_id)
        .where(deliveries.c.state.in_(among))
        .group_by(deliveries.c.state)
    )
    statement = _narrowed(statement, state=None, day=day, subscriber_id=subscriber_id, ids=None)
    return {str(state): number for state, number in await connection.execute(statement)}


class Shown(NamedTuple):
    """A paper in an issue of a person: where it stood, under which title, and why; `received` if it counts as had.

    `of` is the last place of that issue.
    """

    edition: date
    cadence: str
    composed_at: datetime
    position: int
    of: int
    paper_id: int
    title: str
    reason: Reason
    delivery: Delivery
    received: bool


async def shown_to(connection: AsyncConnection, subscriber_id: int, paper_ids: Sequence[int]) -> list[Shown]:
    """Return the issues in which a person was shown one of these papers, newest first."""
    # What was left out of a mail leaves a gap: the others keep the places by which readers name them.
    last = select(func.max(picks.c.position)).where(picks.c.issue_id == issues.c.id).correlate(issues).scalar_subquery()
    had = select(received.c.paper_id).where(
        received.c.issue_id == issues.c.id,
        received.c.subscriber_id == subscriber_id,
        received.c.paper_id.in_(paper_ids),
    )
    statement = (
        select(
            deliveries,
            editions.c.date.label("edition"),
            editions.c.cadence,
            issues.c.composed_at,
            picks.c.position,
            last.label("of"),
            papers.c.id.label("paper_id"),
            papers.c.title,
            picks.c.reason,
            had.correlate(issues).exists().label("received"),
        )
        .select_from(issues)
        .join(deliveries, deliveries.c.issue_id == issues.c.id)
        .join(editions, editions.c.id == issues.c.edition_id)
        .join(picks, picks.c.issue_id == issues.c.id)
        .join(papers, papers.c.id == picks.c.paper_id)
        .where(issues.c.subscriber_id == subscriber_id, picks.c.paper_id.in_(paper_ids))
        .order_by(issues.c.composed_at.desc(), issues.c.id.desc())
    )
    return [
        Shown(
            edition=row.edition,
            cadence=row.cadence,
            composed_at=row.composed_at,
            position=row.position,
            of=row.of,
            paper_id=row.paper_id,
            title=row.title,
            reason=Reason(row.reason["kind"], row.reason["subject"], tuple(row.reason["words"])),
            delivery=deliveries_of.read(row),
            received=row.received,
        )
        for row in await connection.execute(statement)
    ]


class Place(NamedTuple):
    """A place in an issue: whose issue of which day it is, and the paper there; None if there is none."""

    subscriber_id: int
    edition: date
    paper_id: int | None


async def place(connection: AsyncConnection, issue_id: int, position: int) -> Place | None:
    """Return a place in an issue; None if that issue is not on record."""
    row = await _PLACE.first(connection, issue=issue_id, position=position)
    return None if row is None else Place(*row)


def _place(_: Dialect) -> Select[Any]:
    there = and_(picks.c.issue_id == issues.c.id, picks.c.position == bindparam("position", type_=Integer))
    return (
        select(issues.c.subscriber_id, editions.c.date, picks.c.paper_id)
        .join(editions, editions.c.id == issues.c.edition_id)
        .outerjoin(picks, there)
        .where(issues.c.id == bindparam("issue", type_=BigInteger))
    )


_PLACE = Question(_place)


async def places(connection: AsyncConnection, issue_id: int) -> dict[int, int]:
    """Return the papers of an issue by their places, which have gaps where one was taken out; none of a notice."""
    statement = (
        select(picks.c.position, picks.c.paper_id).where(picks.c.issue_id == issue_id).order_by(picks.c.position)
    )
    return {position: paper_id for position, paper_id in await connection.execute(statement)}


class Put(NamedTuple):
    """An issue as it was put together for a person; without papers if nothing was left for them."""

    subscriber_id: int
    day: date
    at: datetime
    paper_ids: tuple[int, ...]


class Had(NamedTuple):
    """A paper that a person received, and when it was chosen for them."""

    paper_id: int
    at: datetime


async def count_issues(connection: AsyncConnection, since: datetime) -> int:
    """Return how many issues were put together since a moment."""
    statement = select(func.count()).select_from(issues.join(editions)).where(issues.c.composed_at >= since, OF_ISSUES)
    return (await connection.execute(statement)).scalar_one()


async def readers_since(connection: AsyncConnection, since: datetime, *, after: int, limit: int) -> list[int]:
    """Return the next people, by id, for whom issues were put together since a moment."""
    statement = (
        select(issues.c.subscriber_id)
        .join(editions, editions.c.id == issues.c.edition_id)
        .where(issues.c.composed_at >= since, issues.c.subscriber_id > after, OF_ISSUES)
        .distinct()
        .order_by(issues.c.subscriber_id)
        .limit(limit)
    )
    return list((await connection.execute(statement)).scalars())


async def put_since(connection: AsyncConnection, subscriber_ids: Sequence[int], since: datetime) -> list[Put]:
    """Return the issues of people put together since a moment, by day and then as they were put together.

    Papers that turned out to be another are told as the one that counts.
    """
    found: dict[int, tuple[int, date, datetime, list[int]]] = {}
    living = func.coalesce(papers.c.merged_into, papers.c.id)
    for part in chunks(subscriber_ids):
        statement = (
            select(issues.c.id, issues.c.subscriber_id, editions.c.date, issues.c.composed_at, living)
            .join(editions, editions.c.id == issues.c.edition_id)
            .outerjoin(picks, picks.c.issue_id == issues.c.id)
            .outerjoin(papers, papers.c.id == picks.c.paper_id)
            .where(issues.c.subscriber_id.in_(part), issues.c.composed_at >= since, OF_ISSUES)
            .order_by(issues.c.id, picks.c.position)
        )
        for number, subscriber_id, day, at, paper_id in await connection.execute(statement):
            _, _, _, chosen = found.setdefault(number, (subscriber_id, day, at, []))
            if paper_id is not None and paper_id not in chosen:
                chosen.append(paper_id)
    puts = [Put(subscriber_id, day, at, tuple(chosen)) for subscriber_id, day, at, chosen in found.values()]
    return sorted(puts, key=lambda put: (put.day, put.at, put.subscriber_id))


async def had_by(connection: AsyncConnection, subscriber_ids: Sequence[int]) -> dict[int, list[Had]]:
    """Return what people received; papers that turned out to be another are told as the one that counts."""
    found: dict[int, list[Had]] = {}
    living = func.coalesce(papers.c.merged_into, papers.c.id)
    for part in chunks(subscriber_ids):
        statement = (
            select(received.c.subscriber_id, living, issues.c.composed_at)
            .join(papers, papers.c.id == received.c.paper_id)
            .join(issues, issues.c.id == received.c.issue_id)
            .where(received.c.subscriber_id.in_(part))
        )
        for subscriber_id, paper_id, at in await connection.execute(statement):
            found.setdefault(subscriber_id, []).append(Had(paper_id, at))
    return found


async def attempts_of(connection: AsyncConnection, delivery_id: int) -> list[Attempt]:
    """Return the attempts of a delivery that did not go straight through, oldest first."""
    statement = select(attempts).where(attempts.c.delivery_id == delivery_id).order_by(attempts.c.id)
    return [
        Attempt(number=number, at=row.at, result=row.result, code=row.code, enhanced=row.enhanced, text=row.text)
        for number, row in enumerate(await connection.execute(statement), start=1)
    ]


def _narrowed(
    statement: Select[Any],
    *,
    state: DeliveryState | None,
    day: date | None,
    subscriber_id: int | None,
    ids: Sequence[int] | None,
) -> Select[Any]:
    if state is not None:
        statement = statement.where(deliveries.c.state == state)
    if day is not None:
        statement = statement.where(editions.c.date == day)
    if subscriber_id is not None:
        statement = statement.where(deliveries.c.subscriber_id == subscriber_id)
    if ids is not None:
        statement = statement.where(deliveries.c.id.in_(ids))
    return statement


async def _titles(connection: AsyncConnection, issue_ids: Sequence[int]) -> Mapping[int, tuple[str, ...]]:
    found: dict[int, list[str]] = {}
    for part in chunks(issue_ids):
        statement = (
            select(picks.c.issue_id, papers.c.title)
            .join(papers, papers.c.id == picks.c.paper_id)
            .where(picks.c.issue_id.in_(part))
            .order_by(picks.c.issue_id, picks.c.position)
        )
        for issue_id, title in await connection.execute(statement):
            found.setdefault(issue_id, []).append(title)
    return {issue_id: tuple(titles) for issue_id, titles in found.items()}
