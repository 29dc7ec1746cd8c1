"""Reports that came back, each counted once, and the moves of deliveries that follow; knows nothing of mail formats."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import Delivery, DeliveryState
from newsletter.store import deliveries as deliveries_of
from newsletter.store.database import chunks, insert
from newsletter.store.tables import attempts, bounces, deliveries

Kind = Literal["hard", "soft", "complaint"]

# States in which the server took the message, or may have taken it: a report that comes back proves that it did.
# What the built-in catcher took comes back too, where it plays failures.
_TAKEN = (DeliveryState.SENT, DeliveryState.CAUGHT, DeliveryState.SENDING, DeliveryState.UNKNOWN)
# States of mail that went out, or may have, to someone's address and to no catcher.
_MAILED = (
    DeliveryState.SENT,
    DeliveryState.SENDING,
    DeliveryState.UNKNOWN,
    DeliveryState.BOUNCED,
    DeliveryState.COMPLAINED,
)
_WAITING = (DeliveryState.QUEUED, DeliveryState.DEFERRED)


class Report(NamedTuple):
    """What a report says of one delivery; `digest` is equal for all copies of one report."""

    digest: str
    kind: Kind
    status: str
    reason: str


class Kept(NamedTuple):
    """A report as it is on record, with the address that the mail went to and the state of its delivery now."""

    id: int
    at: datetime
    delivery_id: int
    address: str
    state: DeliveryState
    kind: Kind
    status: str
    reason: str


async def lock(
    connection: AsyncConnection, *, delivery_id: int | None = None, message_id: str | None = None
) -> Delivery | None:
    """Return a delivery by its id or its Message-ID, which nobody else changes until the transaction ends."""
    named = deliveries.c.id == delivery_id if message_id is None else deliveries.c.message_id == message_id
    row = (await connection.execute(select(deliveries).where(named).with_for_update())).first()
    return None if row is None else deliveries_of.read(row)


async def mailed(
    connection: AsyncConnection,
    subscriber_id: int,
    *,
    relay_id: str = "",
    between: tuple[datetime, datetime] | None = None,
    limit: int = 20,
) -> list[Delivery]:
    """Return mail that went out to a person, the newest first: what a relay took under a name, or what was queued then.

    A relay tells its name for a mail in the answer with which it takes it.
    """
    statement = select(deliveries).where(deliveries.c.subscriber_id == subscriber_id, deliveries.c.state.in_(_MAILED))
    if relay_id:
        answered = select(attempts.c.id).where(
            attempts.c.delivery_id == deliveries.c.id, attempts.c.text.contains(relay_id, autoescape=True)
        )
        statement = statement.where(or_(deliveries.c.text.contains(relay_id, autoescape=True), answered.exists()))
    if between is not None:
        statement = statement.where(deliveries.c.queued_at.between(*between))
    rows = await connection.execute(
        statement.order_by(deliveries.c.queued_at.desc(), deliveries.c.id.desc()).limit(limit)
    )
    return [deliveries_of.read(row) for row in rows]


async def known(connection: AsyncConnection, digests: Iterable[str]) -> set[str]:
    """Return which of these reports are on record."""
    found: set[str] = set()
    for part in chunks(digests):
        found.update((await connection.execute(select(bounces.c.report).where(bounces.c.report.in_(part)))).scalars())
    return found


async def note(connection: AsyncConnection, delivery: Delivery, report: Report, now: datetime) -> bool:
    """Keep a report about a delivery; False if it was read before."""
    row = {
        "report": report.digest,
        "subscriber_id": delivery.subscriber_id,
        "delivery_id": delivery.id,
        "kind": report.kind,
        "status": report.status,
        "reason": report.reason,
        "at": now,
    }
    statement = insert(connection, bounces).values(row).on_conflict_do_nothing().returning(bounces.c.id)
    return (await connection.execute(statement)).first() is not None


async def came_back(
    connection: AsyncConnection, delivery: Delivery, state: DeliveryState, report: Report, now: datetime
) -> bool:
    """Move a locked delivery to bounced or complained, with the words of the report; False if it stays as it is.

    What is sent again after an attempt of which nobody knows the end has arrived after all, if a report comes back. A
    complaint stands above a bounce, and what was never taken cannot come back. The papers stay received.
    """
    doubtful = select(attempts.c.id).where(attempts.c.delivery_id == deliveries.c.id, attempts.c.result == "unknown")
    taken = [*_TAKEN, DeliveryState.BOUNCED] if state is DeliveryState.COMPLAINED else [*_TAKEN]
    movable = or_(deliveries.c.state.in_(taken), and_(deliveries.c.state.in_(_WAITING), doubtful.exists()))
    moved = await connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery.id, movable)
        .values(
            state=state,
            at=now,
            lease_owner=None,
            leased_until=None,
            code=None,
            enhanced=report.status,
            text=report.reason,
        )
        .returning(deliveries.c.id)
    )
    if moved.first() is None:
        return False
    if delivery.state in (DeliveryState.SENT, DeliveryState.CAUGHT):
        # What the server said when it took the message tells its operator where to look.
        said = {"code": delivery.code, "enhanced": delivery.enhanced, "text": delivery.text}
        row = {"delivery_id": delivery.id, "at": delivery.at, "result": str(delivery.state), **said}
        await connection.execute(insert(connection, attempts).values(row))
    return True


async def since(connection: AsyncConnection, delivery: Delivery, moment: datetime) -> list[Kept]:
    """Return the bounces of mail to the person and the address of a delivery that was queued since a moment.

    What counts is when the mail went out: a box may be read long after reports came in.
    """
    found = await page(connection, subscriber_id=delivery.subscriber_id, queued_since=moment)
    return [one for one in found if one.address == delivery.address and one.kind != "complaint"]


async def page(
    connection: AsyncConnection,
    *,
    after: int = 0,
    limit: int = 500,
    kind: Kind | None = None,
    subscriber_id: int | None = None,
    delivery_id: int | None = None,
    queued_since: datetime | None = None,
) -> list[Kept]:
    """Return the next reports by id that fit, so that a long list is read in parts."""
    statement = (
        select(bounces, deliveries.c.address, deliveries.c.state)
        .join(deliveries, deliveries.c.id == bounces.c.delivery_id)
        .where(bounces.c.id > after)
        .order_by(bounces.c.id)
        .limit(limit)
    )
    if kind is not None:
        statement = statement.where(bounces.c.kind == kind)
    if subscriber_id is not None:
        statement = statement.where(bounces.c.subscriber_id == subscriber_id)
    if delivery_id is not None:
        statement = statement.where(bounces.c.delivery_id == delivery_id)
    if queued_since is not None:
        statement = statement.where(deliveries.c.queued_at >= queued_since)
    return [
        Kept(
            row.id,
            row.at,
            row.delivery_id,
            row.address,
            DeliveryState(row.state),
            row.kind,
            row.status,
            row.reason,
        )
        for row in await connection.execute(statement)
    ]
