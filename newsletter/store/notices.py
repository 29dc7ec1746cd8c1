"""Notices: issues without papers in editions of their own kind, one for a person, a kind and a day."""

import json
from datetime import date, datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.bounds import WEEKDAYS
from newsletter.models import DeliveryState, EditionKind
from newsletter.store import deliveries as deliveries_of
from newsletter.store import editions as editions_of
from newsletter.store.editions import Draft
from newsletter.store.moves import WAITING, within
from newsletter.store.tables import deliveries, editions, issues

# The first, whatever their cadence: whoever changes theirs gets no second notice. The others are for kinds of which
# there may be more in a day.
SLOTS = ("daily", "weekdays", *(f"weekly:{day}" for day in WEEKDAYS))


async def put(
    connection: AsyncConnection,
    kind: EditionKind,
    day: date,
    draft: Draft,
    now: datetime,
    *,
    most: int = 1,
    each: bool = False,
) -> bool:
    """Queue a notice for a person and a day of theirs, and tell whether one waits now that did not before.

    One that was barred, such as the goodbye to somebody who came back at once, is queued again with the new words.
    There are `most` of a kind for a day, at most as many as there are slots, and the next only after the one before
    has gone out, unless `each` says something of its own.
    """
    for cadence in SLOTS[:most]:
        found = await _put(connection, kind, day, cadence, draft, now)
        if found or (found is not None and not each):
            return found
    return False


async def _put(
    connection: AsyncConnection, kind: EditionKind, day: date, cadence: str, draft: Draft, now: datetime
) -> bool | None:
    """Do so in a slot, and return None if it is taken by one that went out."""
    edition = await editions_of.ensure(connection, day, cadence, now, kind=kind)
    await editions_of.compose(connection, edition.id, [draft], now, kind=kind)
    mine = (
        select(deliveries.c.id, deliveries.c.issue_id, deliveries.c.message_id, WAITING.label("waits"))
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .where(issues.c.edition_id == edition.id, issues.c.subscriber_id == draft.subscriber_id)
    )
    found = (await connection.execute(mine)).one()
    if found.message_id == draft.message_id:
        return True
    if found.waits:
        return False
    barred = mine.where(within(DeliveryState.SUPPRESSED)).with_for_update(of=deliveries)
    if (await connection.execute(barred)).first() is None:
        return None
    await connection.execute(update(issues).where(issues.c.id == found.issue_id).values(said=json.dumps(draft.said)))
    return bool(await deliveries_of.queue_again(connection, [found.id], now))


async def waiting_after(connection: AsyncConnection, after: int | None) -> tuple[int, bool]:
    """Return the newest delivery on record, and whether a notice waits among those after that one, if it is given."""
    newest: int = (await connection.execute(select(func.max(deliveries.c.id)))).scalar() or 0
    if after is None or newest <= after:
        return newest, False
    statement = (
        select(deliveries.c.id)
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .join(editions, editions.c.id == issues.c.edition_id)
        .where(deliveries.c.id > after, deliveries.c.id <= newest, WAITING, ~editions_of.OF_ISSUES)
        .limit(1)
    )
    return newest, (await connection.execute(statement)).first() is not None


async def of_day(connection: AsyncConnection, subscriber_id: int, kind: EditionKind, day: date) -> int | None:
    """Return the issue of the notice that a person has for a day."""
    statement = (
        select(issues.c.id)
        .join(editions, editions.c.id == issues.c.edition_id)
        .where(issues.c.subscriber_id == subscriber_id, editions.c.date == day, editions.c.kind == kind)
        .order_by(issues.c.id.desc())
        .limit(1)
    )
    return (await connection.execute(statement)).scalar()


async def latest(connection: AsyncConnection, subscriber_id: int, kind: EditionKind) -> str:
    """Return the Message-ID of the latest notice of a kind that a person was sent, or an empty text."""
    statement = (
        select(deliveries.c.message_id)
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .join(editions, editions.c.id == issues.c.edition_id)
        .where(issues.c.subscriber_id == subscriber_id, editions.c.kind == kind)
        .order_by(issues.c.id.desc())
        .limit(1)
    )
    return (await connection.execute(statement)).scalar() or ""
