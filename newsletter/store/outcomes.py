"""What a run tells of its messages: which begin, and where the attempts led, with all that follows from it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import DeliveryState
from newsletter.store import papers as paper_rows
from newsletter.store import suppressions
from newsletter.store.database import chunks
from newsletter.store.deliveries import RELEASING, keep_attempts
from newsletter.store.moves import MOVING, within
from newsletter.store.presses import NOTHING_KEPT, UNKNOWN, Own
from newsletter.store.ready import Ready
from newsletter.store.tables import attempts, deliveries

# What an attempt gave where nothing is to be done but to write it down.
_SMOOTH = ("sent", "caught")

# As `moves` has it.
Move = tuple[int, str, int, str | None, int | None, str, str]


class Settled(NamedTuple):
    """Where one attempt led: the new state, when it is due again (None: never), and what the server said.

    `suppress` says why its address (`email_key` as it is compared) must not be mailed again; empty: it may.
    """

    delivery_id: int
    state: DeliveryState
    due_at: datetime | None
    result: str
    code: int | None = None
    enhanced: str = ""
    text: str = ""
    suppress: str = ""
    email_key: str = ""


def at_once(settled: Sequence[Settled], beginning: Sequence[int]) -> bool:
    """Tell whether one statement is all that `note` needs, if the record is as it is thought to be."""
    named = {one.delivery_id for one in settled}.union(beginning)
    return len(named) == len(settled) + len(beginning) and all(one.result in _SMOOTH for one in settled)


async def note(
    connection: AsyncConnection,
    owner: str,
    settled: Sequence[Settled],
    beginning: Sequence[int],
    now: datetime,
    made: Mapping[int, Own] = NOTHING_KEPT,
) -> set[int]:
    """Write where attempts led and which messages are about to leave; return those that are still ours to send.

    `made` has of what messages that begin were made, where that is known: the set of parts is on record by then.

    Papers of mail that ends undelivered are released in the same transaction. That a message was taken still counts for
    a delivery that is unknown, though its lease was taken away: it is the truth, and nobody without it could know. What
    may have arrived once is never freed: it ends as unknown, not failed.

    Of what people decided since the claim, only whether they left is asked here: all that bars or moves them ends the
    lease too (`recall`). What is theirs stays queued, for the next claim to judge.

    What began is known by its time: an owner gives each moment to one call.
    """
    ready = MOVING[connection.dialect.name]
    moves = [_settling(ready, one) for one in settled]
    for number in beginning:
        press, own = made.get(number, UNKNOWN)
        moves.append((number, DeliveryState.SENDING, 1, None, press, "", own))
    ended = [one.delivery_id for one in settled if one.state in RELEASING]
    open_before = await _unended(connection, ended)
    moved = sum([await _move(connection, ready, owner, part, now) for part in _each_once(moves)])
    if rough := [one for one in settled if one.result not in _SMOOTH]:
        await _follow_up(connection, rough, open_before, now)
    return set(beginning) if moved == len(moves) else await _begun(connection, owner, beginning, now)


def _settling(ready: Ready, one: Settled) -> Move:
    due_at = None if one.due_at is None else ready.written(one.due_at)
    made = int(one.state is not DeliveryState.SUPPRESSED)
    return one.delivery_id, one.state, made, due_at, one.code, one.enhanced, one.text


async def _move(connection: AsyncConnection, ready: Ready, owner: str, moves: Sequence[Move], now: datetime) -> int:
    given = ready.given({"moves": json.dumps(moves), "owner": owner, "now": ready.moment(now)})
    return (await connection.exec_driver_sql(ready.text, given)).rowcount


async def _begun(connection: AsyncConnection, owner: str, ids: Sequence[int], now: datetime) -> set[int]:
    found = select(deliveries.c.id).where(
        deliveries.c.id.in_(ids),
        within(DeliveryState.SENDING),
        deliveries.c.lease_owner == owner,
        deliveries.c.at == now,
    )
    return set((await connection.execute(found)).scalars())


def _each_once(moves: Iterable[Move]) -> Iterator[list[Move]]:
    """Cut moves into parts that name no delivery twice: each part is one statement."""
    part: dict[int, Move] = {}
    for one in moves:
        if one[0] in part:
            yield list(part.values())
            part = {}
        part[one[0]] = one
    if part:
        yield list(part.values())


async def _unended(connection: AsyncConnection, ids: Sequence[int]) -> list[int]:
    """Return those that have not ended undelivered: of the others the papers are free, and a doubt comes too late."""
    found: list[int] = []
    for part in chunks(ids):
        others = select(deliveries.c.id).where(deliveries.c.id.in_(part), ~within(*RELEASING))
        found += (await connection.execute(others)).scalars()
    return found


async def _follow_up(
    connection: AsyncConnection, settled: Sequence[Settled], open_before: Sequence[int], now: datetime
) -> None:
    """Keep what did not go straight through, free the papers of what ended undelivered, suppress dead addresses."""
    tried = [one for one in settled if one.result != "suppressed"]
    await keep_attempts(
        connection, [(one.delivery_id, one.result, one.code, one.enhanced, one.text) for one in tried], now
    )
    for part in chunks(open_before):
        doubtful = select(attempts.c.delivery_id).where(attempts.c.result == "unknown")
        await connection.execute(
            update(deliveries)
            .where(deliveries.c.id.in_(part), within(*RELEASING), deliveries.c.id.in_(doubtful))
            .values(state=DeliveryState.UNKNOWN)
        )
    await _release_papers(connection, [one.delivery_id for one in settled if one.state in RELEASING])
    for one in settled:
        if one.suppress and await _is_over(connection, one.delivery_id):
            await suppressions.add(connection, one.email_key, one.suppress, now)


async def _is_over(connection: AsyncConnection, delivery_id: int) -> bool:
    """Tell whether a delivery has ended undelivered, so that what was said of its address was its owner's to say."""
    ended = select(deliveries.c.id).where(
        deliveries.c.id == delivery_id, within(DeliveryState.FAILED, DeliveryState.UNKNOWN)
    )
    return (await connection.execute(ended)).first() is not None


async def _release_papers(connection: AsyncConnection, ids: Sequence[int]) -> None:
    # Looked up by the state that was really written: a guard may have refused the change.
    for part in chunks(ids):
        ended = select(deliveries.c.issue_id).where(deliveries.c.id.in_(part), within(*RELEASING))
        await paper_rows.give_back(connection, list((await connection.execute(ended)).scalars()))
