"""Figures over days, for the operator's page: people, mail, what came back, what readers said; nothing is changed."""

from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

from sqlalchemy import Column, Date, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from newsletter.models import Consent, DeliveryState
from newsletter.store.editions import OF_ISSUES
from newsletter.store.tables import (
    arrivals,
    bounces,
    deliveries,
    editions,
    feedback,
    feeds,
    issues,
    picks,
    subscribers,
    subscriptions,
)


class Count(NamedTuple):
    """How many of a name there were on a day."""

    day: date
    name: str
    number: int


class Moved(NamedTuple):
    """How many people came and went on a day."""

    day: date
    came: int
    went: int


class Fared(NamedTuple):
    """How many picks were sent in a place to readers who ever said anything, and how many of them they welcomed."""

    position: int
    sent: int
    welcome: int


class _UtcDay(FunctionElement[date]):
    """The day of a moment in UTC."""

    inherit_cache = True
    type = Date()


@compiles(_UtcDay)
def _day_anywhere(element: _UtcDay, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(({compiler.process(element.clauses, **options)}) AT TIME ZONE 'UTC' AS DATE)"


@compiles(_UtcDay, "sqlite")
def _day_on_sqlite(element: _UtcDay, compiler: SQLCompiler, **options: Any) -> str:
    # There moments have no zone, since all are in UTC.
    return f"date({compiler.process(element.clauses, **options)})"


def _start(since: date) -> datetime:
    return datetime.combine(since, time(), UTC)


async def confirmed(connection: AsyncConnection) -> int:
    """Return how many people are subscribed now."""
    of_now = select(func.count()).select_from(subscribers).where(subscribers.c.state == Consent.CONFIRMED)
    return (await connection.execute(of_now)).scalar_one()


async def moved(connection: AsyncConnection, since: date) -> list[Moved]:
    """Return who came and went on each day (UTC); those who were erased since are no longer known."""
    changed = select(subscriptions.c.subscriber_id).where(subscriptions.c.at >= _start(since))
    before = func.lag(subscriptions.c.state).over(
        partition_by=subscriptions.c.subscriber_id, order_by=subscriptions.c.id
    )
    steps = (
        select(subscriptions.c.at, subscriptions.c.state, func.coalesce(before, "").label("before"))
        .where(subscriptions.c.subscriber_id.in_(changed))
        .subquery()
    )
    # A second row of the same state is further evidence and no step.
    came = and_(steps.c.state == Consent.CONFIRMED, steps.c.before != Consent.CONFIRMED)
    went = and_(steps.c.state != Consent.CONFIRMED, steps.c.before == Consent.CONFIRMED)
    day = _UtcDay(steps.c.at)
    statement = (
        select(day.label("day"), func.sum(case((came, 1), else_=0)), func.sum(case((went, 1), else_=0)))
        .where(steps.c.at >= _start(since))
        .group_by(day)
        .order_by(day)
    )
    return [Moved(*row) for row in await connection.execute(statement) if row[1] or row[2]]


async def mail(connection: AsyncConnection, since: date) -> list[Count]:
    """Return how many deliveries of issues stand in which state, by the day of their edition."""
    statement = (
        select(editions.c.date, deliveries.c.state, func.count())
        .join(issues, issues.c.edition_id == editions.c.id)
        .join(deliveries, deliveries.c.issue_id == issues.c.id)
        .where(OF_ISSUES, editions.c.date >= since)
        .group_by(editions.c.date, deliveries.c.state)
        .order_by(editions.c.date, deliveries.c.state)
    )
    return [Count(*row) for row in await connection.execute(statement)]


async def returned(connection: AsyncConnection, since: date) -> list[Count]:
    """Return how many reports came back on each day (UTC), by their kind: hard, soft, complaint."""
    return await _by_day(connection, bounces.c.at, bounces.c.kind, since)


async def verdicts(connection: AsyncConnection, since: date) -> list[Count]:
    """Return how often readers said what on each day (UTC): more, less, saved; the last word on a paper counts."""
    return await _by_day(connection, feedback.c.at, feedback.c.verdict, since)


async def _by_day(connection: AsyncConnection, at: Column[Any], name: Column[Any], since: date) -> list[Count]:
    """Return how many rows there are of each name and day (UTC)."""
    day = _UtcDay(at)
    statement = (
        select(day.label("day"), name, func.count()).where(at >= _start(since)).group_by(day, name).order_by(day, name)
    )
    return [Count(*row) for row in await connection.execute(statement)]


async def places(connection: AsyncConnection, since: date) -> list[Fared]:
    """Return how picks fared by their place in the mail, with readers who ever said anything."""
    said = and_(
        feedback.c.subscriber_id == issues.c.subscriber_id,
        feedback.c.paper_id == picks.c.paper_id,
        feedback.c.verdict.in_(("more", "saved")),
        feedback.c.at >= issues.c.composed_at,
    )
    statement = (
        select(picks.c.position, func.count(), func.count(feedback.c.paper_id))
        .select_from(editions)
        .join(issues, issues.c.edition_id == editions.c.id)
        .join(picks, picks.c.issue_id == issues.c.id)
        .join(deliveries, deliveries.c.issue_id == issues.c.id)
        .outerjoin(feedback, said)
        .where(
            OF_ISSUES,
            editions.c.date >= since,
            issues.c.subscriber_id.in_(select(feedback.c.subscriber_id)),
            deliveries.c.state.in_((DeliveryState.SENT, DeliveryState.CAUGHT)),
        )
        .group_by(picks.c.position)
        .order_by(picks.c.position)
    )
    return [Fared(*row) for row in await connection.execute(statement)]


async def brought(connection: AsyncConnection, since: date) -> list[Count]:
    """Return how many new papers each feed of everybody brought on each of its days, under its location."""
    statement = (
        select(arrivals.c.day, feeds.c.location, arrivals.c.new)
        .join(feeds, feeds.c.id == arrivals.c.feed_id)
        .where(arrivals.c.day >= since, feeds.c.subscriber_id.is_(None))
        .order_by(arrivals.c.day, feeds.c.location)
    )
    return [Count(*row) for row in await connection.execute(statement)]
