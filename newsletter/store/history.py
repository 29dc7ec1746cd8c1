"""What became of deliveries, as it is told to people; nothing is changed here."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import Attempt, Delivery, DeliveryState
from newsletter.store import deliveries as deliveries_of
from newsletter.store.database import chunks
from newsletter.store.tables import attempts, deliveries, editions, feedback, issues, papers, picks


class Record(NamedTuple):
    """A delivery with its edition and the titles of its papers, in order."""

    delivery: Delivery
    edition: date
    cadence: str
    titles: tuple[str, ...]


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
        select(deliveries, editions.c.date, editions.c.cadence)
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .join(editions, editions.c.id == issues.c.edition_id)
        .where(deliveries.c.id > after)
        .order_by(deliveries.c.id)
        .limit(limit)
    )
    statement = _narrowed(statement, state=state, day=day, subscriber_id=subscriber_id, ids=ids)
    rows = list(await connection.execute(statement))
    titles = await _titles(connection, [row.issue_id for row in rows])
    return [Record(deliveries_of.read(row), row.date, row.cadence, titles.get(row.issue_id, ())) for row in rows]


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
