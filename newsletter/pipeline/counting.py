"""What follows from a report about a delivery: how it is held, and against whom; it knows not how the report came.

Each report counts once, in the transaction of whoever read it.
"""

import re
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.config import Bounces
from newsletter.delivery import addresses, policy
from newsletter.models import Consent, Delivery, DeliveryState, Subscription
from newsletter.store import bounces, subscribers, suppressions
from newsletter.store.bounces import Report

# By whom a report was known: the address that it came to; one that it quotes; our Message-ID and the reader's address.
# What a relay told over the web may name the mail as the relay does, or no more than the address.
By = Literal["", "return path", "quoted return path", "message id", "relay id", "address", "token", "sender"]

TRIES = 3

AGAIN = "read before"

_CODES = re.compile(r"^(smtp;\s*)?([245]\d\d[ -])?([245]\.\d{1,3}\.\d{1,3}\s+)?", re.IGNORECASE)


class Followed(NamedTuple):
    """What one mail or event led to: `kind` is what it is, `by` how the person was known, and `what` a sentence.

    `taken` says that the mail has done its work; any other stays where it is. `fault` says that it could not be read
    though it should have been, so that whoever handed it over had better keep it.
    """

    name: str
    kind: Literal["hard", "soft", "complaint", "unsubscribe", "wish", "other"]
    email: str = ""
    delivery_id: int | None = None
    status: str = ""
    reason: str = ""
    by: By = ""
    what: str = ""
    taken: bool = False
    fault: bool = False


async def count(connection: AsyncConnection, delivery: Delivery, report: Report, limits: Bounces, now: datetime) -> str:
    """Keep a report about a locked delivery, do what follows from it, and return that as a sentence."""
    if not await bounces.note(connection, delivery, report, now):
        return AGAIN
    complained = report.kind == "complaint"
    to = DeliveryState.COMPLAINED if complained else DeliveryState.BOUNCED
    moved = await bounces.came_back(connection, delivery, to, report, now)
    if complained:
        what = await _complained(connection, delivery, now)
    else:
        what = await _bounced(connection, delivery, report, limits, now)
    return what if moved else f"{what}; the delivery stays {delivery.state}"


def words(text: str) -> str:
    """Return the words of a report in one line, without the codes before them and what cannot be printed."""
    return policy.read(550, _CODES.sub("", " ".join(text.split()))).text


async def _complained(connection: AsyncConnection, delivery: Delivery, now: datetime) -> str:
    email_key = addresses.key(delivery.address)
    await suppressions.add(connection, email_key, "a complaint", now)
    people = await subscribers.by_ids(connection, [delivery.subscriber_id])
    person = people.get(delivery.subscriber_id)
    if person is None or person.state is Consent.UNSUBSCRIBED:
        return "suppressed; they had unsubscribed before"
    if addresses.key(person.email) != email_key:
        return "suppressed; they have another address by now, and stay"
    evidence = Subscription(
        state=Consent.UNSUBSCRIBED, how="by a complaint", source=f"about delivery {delivery.id}", at=now
    )
    await subscribers.consent(connection, person.id, evidence)
    return "unsubscribed, and suppressed for ever"


async def _bounced(
    connection: AsyncConnection, delivery: Delivery, report: Report, limits: Bounces, now: datetime
) -> str:
    weight = policy.weigh(report.kind, report.status, report.reason)
    if weight == "nothing":
        return "noted; it is about this newsletter, not about the address"
    limit, days = limits.soft_limit, limits.soft_days
    if weight == "dead":
        # The words of the report stay in `bounces`: they may hold the address, and this row outlives its person.
        why = f"a hard bounce {report.status}".strip()
    else:
        before = await bounces.since(connection, delivery, now - timedelta(days=days))
        number = len({one.delivery_id for one in before if policy.weigh(one.kind, one.status, one.reason) != "nothing"})
        if number < limit:
            return f"counted: {number} of {limit} within {days} days"
        why = f"{number} bounces within {days} days"
    await suppressions.add(connection, addresses.key(delivery.address), why, now)
    return f"suppressed: {why}"
