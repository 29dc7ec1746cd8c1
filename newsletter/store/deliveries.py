"""Deliveries: claimed as leases, moved from state to state under guards, and never by two at once."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Row,
    and_,
    case,
    func,
    null,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import Delivery, DeliveryState
from newsletter.store.database import chunks, insert
from newsletter.store.moves import NO_LEASE, WAITING, within
from newsletter.store.recall import readdressed
from newsletter.store.tables import attempts, deliveries, editions, issues

# States in which a delivery has come to its end without the person getting it: its papers may be chosen again.
RELEASING = (DeliveryState.FAILED, DeliveryState.SUPPRESSED)

# States out of which a message may be sent once more.
_REPEATABLE = within(*RELEASING, DeliveryState.UNKNOWN, DeliveryState.CAUGHT, DeliveryState.DEFERRED)

# Nobody can set a longer lease, so one that ends later was written by a clock that was ahead.
LONGEST_LEASE = timedelta(hours=1)


class Claimed(NamedTuple):
    """A delivery that is leased, with what its sending needs."""

    id: int
    issue_id: int
    subscriber_id: int
    address: str
    message_id: str
    attempts: int
    queued_at: datetime


async def claim(
    connection: AsyncConnection,
    *,
    owner: str,
    limit: int,
    now: datetime,
    until: datetime | timedelta,
    only: int | None = None,
    held: Collection[int] = (),
) -> list[Claimed]:
    """Lease up to `limit` deliveries that are due to `owner`; they stay queued. `only` is the id of one subscriber.

    `held` are those that the owner still has at hand, whoever has their leases now: they are passed over, or two of one
    delivery would be under way in one process, under one name, and no guard could tell them apart.

    A lease that lasts for a time, and not until a moment, is told by the clock of the database: with several machines,
    each with a clock of its own, nothing else can tell that it is over.

    What makes a row claimable stands twice: inside, where it picks rows and passes over those that another transaction
    has locked, and outside, where PostgreSQL looks again at a row that changed while this statement waited for it. The
    inner one is a WITH, which runs once; a plan may run a subquery several times, and lock more than `limit`.
    """
    its_clock = isinstance(until, timedelta)
    claimable = and_(
        WAITING,
        deliveries.c.due_at <= now,
        # A run whose own leases ran out still holds the messages: it must not take them a second time.
        or_(
            deliveries.c.lease_owner.is_(None),
            and_(_over(None if its_clock else now), deliveries.c.lease_owner != owner),
        ),
        true() if only is None else deliveries.c.subscriber_id == only,
    )
    chosen = (
        select(deliveries.c.id)
        .where(claimable, deliveries.c.id.not_in(held) if held else true())
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("chosen")
    )
    statement = (
        update(deliveries)
        .where(deliveries.c.id.in_(select(chosen.c.id)), claimable)
        .values(lease_owner=owner, leased_until=_end(until))
        .returning(*(deliveries.c[name] for name in Claimed._fields))
    )
    # By their ids.
    return sorted(map(Claimed._make, await connection.execute(statement)))


async def renew(connection: AsyncConnection, owner: str, until: datetime | timedelta) -> None:
    """Make the leases of `owner` run longer; those that are being settled this moment need it no more."""
    ours = deliveries.c.lease_owner == owner
    await connection.execute(update(deliveries).where(_at_rest(ours), ours).values(leased_until=_end(until)))


async def owners(connection: AsyncConnection) -> set[str]:
    """Return who holds leases."""
    statement = select(deliveries.c.lease_owner).where(deliveries.c.lease_owner.is_not(None)).distinct()
    return set((await connection.execute(statement)).scalars())


async def take_back(
    connection: AsyncConnection,
    *,
    now: datetime,
    dead: Iterable[str] = (),
    resend: bool = False,
    its_clock: bool = False,
) -> int:
    """End the leases that ran out and those of dead owners, and return how many deliveries became unknown.

    With `its_clock`, the clock of the database tells which ran out, as in `claim`.

    What was queued is free again. What was being sent may or may not have arrived: it becomes unknown, or with `resend`
    is queued again under its old Message-ID.
    """
    over = or_(_over(None if its_clock else now), deliveries.c.lease_owner.in_(list(dead)))
    leased = and_(deliveries.c.lease_owner.is_not(None), over)
    sending = and_(deliveries.c.state == DeliveryState.SENDING, leased)
    waiting = and_(WAITING, leased)
    text = "The program stopped while this message was on its way."
    lost = await connection.execute(
        update(deliveries)
        .where(_at_rest(sending), sending)
        .values(
            state=DeliveryState.QUEUED if resend else DeliveryState.UNKNOWN,
            at=now,
            due_at=now,
            code=None,
            enhanced="",
            text=text,
            **NO_LEASE,
        )
        .returning(deliveries.c.id)
    )
    ids = list(lost.scalars())
    await keep_attempts(connection, [(number, "unknown", None, "", text) for number in ids], now)
    await connection.execute(update(deliveries).where(_at_rest(waiting), waiting).values(NO_LEASE))
    return 0 if resend else len(ids)


async def release(
    connection: AsyncConnection, owner: str, ids: Sequence[int] | None = None, *, due_at: datetime | None = None
) -> None:
    """Give back what was not begun; with `due_at`, it waits until then.

    With `ids`, their sending may have been noted already: their bodies are known not to have left, so they are queued
    again and the attempt does not count. None: all leases that `owner` holds on what waits.
    """
    later = {} if due_at is None else {"due_at": due_at}
    if ids is None:
        waiting = update(deliveries).where(deliveries.c.lease_owner == owner, WAITING)
        await connection.execute(waiting.values(**later, **NO_LEASE))
        return
    noted = deliveries.c.state == DeliveryState.SENDING
    statement = update(deliveries).where(
        deliveries.c.id.in_(ids), deliveries.c.lease_owner == owner, or_(WAITING, noted)
    )
    await connection.execute(
        statement.values(
            state=case((noted, DeliveryState.QUEUED.value), else_=deliveries.c.state),
            attempts=case((noted, deliveries.c.attempts - 1), else_=deliveries.c.attempts),
            # Nothing went out that was made of it.
            press_id=case((noted, null()), else_=deliveries.c.press_id),
            made_of=case((noted, null()), else_=deliveries.c.made_of),
            **later,
            **NO_LEASE,
        )
    )


async def queue_again(connection: AsyncConnection, ids: Sequence[int], now: datetime) -> int:
    """Put deliveries back into the queue with their papers and their Message-ID, and return how many.

    They go to the address that the person has now: it may have been mended since.
    """
    number = 0
    for part in chunks(ids):
        queued = await connection.execute(
            update(deliveries)
            .where(deliveries.c.id.in_(part), _REPEATABLE, deliveries.c.lease_owner.is_(None))
            .values(state=DeliveryState.QUEUED, due_at=now, queued_at=now, at=now, **readdressed())
            .returning(deliveries.c.id)
        )
        number += len(queued.all())
    return number


async def lock(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, DeliveryState]:
    """Return the states of deliveries, which nobody else changes until the transaction ends."""
    statement = select(deliveries.c.id, deliveries.c.state).where(deliveries.c.id.in_(ids)).order_by(deliveries.c.id)
    return {number: DeliveryState(state) for number, state in await connection.execute(statement.with_for_update())}


async def hold(connection: AsyncConnection, now: datetime, why: str) -> int:
    """Make all that waits or is on its way unknown, for whoever cannot know what became of it; return how many."""
    statement = update(deliveries).where(or_(WAITING, within(DeliveryState.SENDING)))
    held = statement.values(state=DeliveryState.UNKNOWN, at=now, text=why, **NO_LEASE).returning(deliveries.c.id)
    return len((await connection.execute(held)).all())


async def next_due(connection: AsyncConnection) -> datetime | None:
    """Return when the next waiting delivery is due."""
    found: datetime | None = (await connection.execute(select(func.min(deliveries.c.due_at)).where(WAITING))).scalar()
    return found


async def counts(connection: AsyncConnection, *, day: date | None = None) -> dict[str, int]:
    """Return how many deliveries are in each state, of all editions or those of one date."""
    statement = select(deliveries.c.state, func.count()).group_by(deliveries.c.state)
    if day is not None:
        statement = (
            statement.join(issues, issues.c.id == deliveries.c.issue_id)
            .join(editions, editions.c.id == issues.c.edition_id)
            .where(editions.c.date == day)
        )
    return {state: number for state, number in await connection.execute(statement)}


async def by_issue(connection: AsyncConnection, issue_id: int) -> Delivery | None:
    """Return the delivery of an issue."""
    row = (await connection.execute(select(deliveries).where(deliveries.c.issue_id == issue_id))).first()
    return None if row is None else read(row)


async def by_message_id(connection: AsyncConnection, message_id: str) -> Delivery | None:
    """Return the delivery whose message has that Message-ID."""
    row = (await connection.execute(select(deliveries).where(deliveries.c.message_id == message_id))).first()
    return None if row is None else read(row)


async def keep_attempts(
    connection: AsyncConnection, made: Sequence[tuple[int, str, int | None, str, str]], now: datetime
) -> None:
    """Keep attempts that did not go straight through: delivery, result, code, enhanced code and words of each."""
    names = ("delivery_id", "result", "code", "enhanced", "text")
    for part in chunks(made):
        # A person may have been erased while their mail was on its way.
        there = select(deliveries.c.id).where(deliveries.c.id.in_([one[0] for one in part]))
        kept = set((await connection.execute(there.with_for_update(read=True, key_share=True))).scalars())
        rows = [{**dict(zip(names, one, strict=True)), "at": now} for one in part if one[0] in kept]
        if rows:
            await connection.execute(insert(connection, attempts), rows)


def _end(until: datetime | timedelta) -> Any:
    return func.current_timestamp() + until if isinstance(until, timedelta) else until


def _over(now: datetime | None) -> ColumnElement[bool]:
    """Tell which leases have run out; None: the clock of the database tells."""
    told: Any = func.current_timestamp() if now is None else now
    return or_(deliveries.c.leased_until <= told, deliveries.c.leased_until > told + LONGEST_LEASE)


def _at_rest(wanted: ColumnElement[bool]) -> ColumnElement[bool]:
    # Never waits for a row, so two that change many rows at once cannot wait for each other.
    chosen = select(deliveries.c.id).where(wanted).with_for_update(skip_locked=True).cte("at_rest")
    return deliveries.c.id.in_(select(chosen.c.id))


def read(row: Row[Any]) -> Delivery:
    """Return the delivery of a row."""
    return Delivery(
        id=row.id,
        issue_id=row.issue_id,
        subscriber_id=row.subscriber_id,
        address=row.address,
        message_id=row.message_id,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        due_at=row.due_at,
        queued_at=row.queued_at,
        at=row.at,
        code=row.code,
        enhanced=row.enhanced,
        text=row.text,
    )
