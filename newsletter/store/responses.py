"""What feeds answered, each content once, compressed; for taking in again."""

import hashlib
import zlib
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store.database import insert
from newsletter.store.tables import responses

_LEVEL = 6
_LONGEST = 500


class Response(NamedTuple):
    """What a feed once answered: from which address, when first and when last, and its bytes, unpacked.

    `day` is the day that its papers count for, where the source is asked day by day.
    """

    feed_id: int
    address: str
    day: date | None
    at: datetime
    seen_at: datetime
    data: bytes


class Latest(NamedTuple):
    """The last answer of an address, without its bytes, and its validators (RFC 9110 section 8.8)."""

    id: int
    etag: str
    last_modified: str


class Kept(NamedTuple):
    """An answer that is on record, without its bytes: the moment is that at which it first came."""

    id: int
    feed_id: int
    address: str
    at: datetime


def packed(data: bytes) -> tuple[str, bytes]:
    """Return the digest of a body, SHA-256 in hex, and the body as it is kept; this takes a while for a large one."""
    return hashlib.sha256(data).hexdigest(), zlib.compress(data, _LEVEL)


async def keep(
    connection: AsyncConnection,
    feed_id: int,
    address: str,
    data: tuple[str, bytes],
    *,
    size: int,
    now: datetime,
    day: date | None = None,
    etag: str = "",
    last_modified: str = "",
) -> bool:
    """Keep a body as `packed` returns it, of `size` bytes before; False if the feed had answered just that before.

    Of what it had answered before only the moment and the validators are noted.
    """
    digest, body = data
    row = {
        "feed_id": feed_id,
        "address": address,
        "day": day,
        "digest": digest,
        "at": now,
        "seen_at": now,
        "size": size,
        "body": body,
        "etag": etag[:_LONGEST],
        "last_modified": last_modified[:_LONGEST],
    }
    statement = insert(connection, responses).values(row).on_conflict_do_nothing().returning(responses.c.id)
    if (await connection.execute(statement)).first() is not None:
        return True
    same = (responses.c.feed_id == feed_id) & (responses.c.address == address) & (responses.c.digest == digest)
    await connection.execute(
        update(responses).where(same).values({key: row[key] for key in ("seen_at", "etag", "last_modified")})
    )
    return False


async def latest(connection: AsyncConnection, feed_id: int, address: str) -> Latest | None:
    """Return what a feed last answered at an address, if that is on record."""
    wanted = (
        select(responses.c.id, responses.c.etag, responses.c.last_modified)
        .where(responses.c.feed_id == feed_id, responses.c.address == address)
        .order_by(responses.c.seen_at.desc(), responses.c.id.desc())
        .limit(1)
    )
    row = (await connection.execute(wanted)).first()
    return None if row is None else Latest(*row)


async def since(
    connection: AsyncConnection, moment: datetime | None = None, *, feed_id: int | None = None
) -> list[int]:
    """Return the ids of what was answered since a moment, by all feeds or one, what was answered last at the end."""
    wanted = select(responses.c.id).order_by(responses.c.seen_at, responses.c.id)
    if moment is not None:
        wanted = wanted.where(responses.c.seen_at >= moment)
    if feed_id is not None:
        wanted = wanted.where(responses.c.feed_id == feed_id)
    return list((await connection.execute(wanted)).scalars())


async def kept(connection: AsyncConnection, *, feed_id: int | None = None) -> list[Kept]:
    """Return all answers, or those of one feed, without their bytes, what came first at the front."""
    wanted = select(responses.c.id, responses.c.feed_id, responses.c.address, responses.c.at)
    if feed_id is not None:
        wanted = wanted.where(responses.c.feed_id == feed_id)
    found = await connection.execute(wanted.order_by(responses.c.at, responses.c.id))
    return [Kept(*row) for row in found]


async def load(connection: AsyncConnection, response_id: int) -> Response | None:
    """Return one answer, unpacked, or None where it was pruned."""
    row = (await connection.execute(select(responses).where(responses.c.id == response_id))).first()
    if row is None:
        return None
    return Response(row.feed_id, row.address, row.day, row.at, row.seen_at, zlib.decompress(row.body))


async def prune(connection: AsyncConnection, before: datetime) -> int:
    """Forget what no feed has answered since that moment, and return how many answers that were."""
    gone = await connection.execute(delete(responses).where(responses.c.seen_at < before).returning(responses.c.id))
    return len(gone.all())
