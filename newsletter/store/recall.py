"""Mail that waits while something changes for its person: taken back from whoever claimed it, and sent after them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ScalarSelect, and_, case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store.moves import NO_LEASE, WAITING
from newsletter.store.tables import deliveries, editions, issues, subscribers


async def recall(connection: AsyncConnection, whose: int | ScalarSelect[int]) -> None:
    """End the leases on a person's waiting mail: nobody may begin to send it before it is claimed and judged anew.

    What is being sent is past that. What shows no lease is written too, since it may be claimed this very moment.
    """
    waiting = and_(deliveries.c.subscriber_id == whose, WAITING)
    await connection.execute(update(deliveries).where(waiting).values(**NO_LEASE))


async def recall_notices(connection: AsyncConnection, subscriber_id: int) -> None:
    """End the leases on a person's waiting notices alone: of their issues they are still glad."""
    kinds = select(issues.c.id).join(editions, editions.c.id == issues.c.edition_id).where(editions.c.kind != "issue")
    notices = deliveries.c.issue_id.in_(kinds.where(issues.c.subscriber_id == subscriber_id))
    waiting = and_(deliveries.c.subscriber_id == subscriber_id, WAITING, notices)
    await connection.execute(update(deliveries).where(waiting).values(**NO_LEASE))


async def move(connection: AsyncConnection, subscriber_id: int) -> None:
    """Let a person's waiting mail go to the address that they have now, taken back from whoever has it for the old.

    What is being handed over, or was, keeps the address that it went to: reports that come back are about that one.
    """
    elsewhere = and_(deliveries.c.subscriber_id == subscriber_id, WAITING, deliveries.c.address != address_now())
    await connection.execute(update(deliveries).where(elsewhere).values(**readdressed(), **NO_LEASE))


async def follow(connection: AsyncConnection, owner: str, ids: Sequence[int]) -> None:
    """Let mail that `owner` holds, and has not begun, go to the addresses that its people have now."""
    ours = and_(deliveries.c.id.in_(ids), deliveries.c.lease_owner == owner, WAITING)
    await connection.execute(update(deliveries).where(ours).values(**readdressed()))


def readdressed() -> dict[str, Any]:
    """Return the values of a delivery that is to go to the address that its person has now.

    Where it went before stays with what went there.
    """
    before = deliveries.c.made_of.concat("\n").concat(deliveries.c.address)
    return {
        "address": address_now(),
        "made_of": case((deliveries.c.address != address_now(), before), else_=deliveries.c.made_of),
    }


def address_now() -> ScalarSelect[str]:
    """Return the address that the person of a delivery has now."""
    return select(subscribers.c.email).where(subscribers.c.id == deliveries.c.subscriber_id).scalar_subquery()
