"""What mails were made of: sets of parts, each part once by its digest, and what each mail has of its own."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store.database import chunks, insert
from newsletter.store.tables import deliveries, pieces, press_pieces, presses

# The set that a message was made of, and what is its own.
Own = tuple[int | None, str]
UNKNOWN: Own = (None, "")
NOTHING_KEPT: Mapping[int, Own] = MappingProxyType({})


class New(NamedTuple):
    """A part that came into a set: its name, its digest, and its content as it is compressed, if it may be new."""

    press_id: int
    name: str
    digest: bytes
    content: bytes | None


class Begun(NamedTuple):
    """A new set; `program` is the digest of the code that makes mail."""

    id: int
    at: datetime
    program: str


class Kept(NamedTuple):
    """What is kept of the message of a delivery: its set with all parts by name, and what is its own."""

    program: str
    parts: Mapping[str, bytes]
    made_of: str


def digest(content: bytes) -> bytes:
    """Return by what a part is told from all others there ever were."""
    return blake2b(content, digest_size=16).digest()


async def keep(connection: AsyncConnection, begun: Sequence[Begun], new: Sequence[New]) -> None:
    """Put sets on record, and parts into sets; a part that is on record already stays as it is."""
    if begun:
        rows = [{"id": one.id, "begun_at": one.at, "program": one.program} for one in begun]
        await connection.execute(insert(connection, presses), rows)
    # In one order, so that two who write the same parts never wait for each other.
    contents = {one.digest: one.content for one in new if one.content is not None}
    for part in chunks(sorted(contents.items())):
        rows = [{"digest": name, "content": content} for name, content in part]
        await connection.execute(insert(connection, pieces).on_conflict_do_nothing(), rows)
    for named in chunks(new):
        rows = [{"press_id": one.press_id, "name": one.name, "digest": one.digest} for one in named]
        await connection.execute(insert(connection, press_pieces), rows)


async def of_delivery(connection: AsyncConnection, delivery_id: int) -> Kept | None:
    """Return what is kept of the message of a delivery, as it went out last; None where nothing is."""
    statement = (
        select(deliveries.c.press_id, deliveries.c.made_of, presses.c.program)
        .join(presses, presses.c.id == deliveries.c.press_id)
        .where(deliveries.c.id == delivery_id)
    )
    found = (await connection.execute(statement)).first()
    if found is None:
        return None
    listed = (
        select(press_pieces.c.name, pieces.c.content)
        .join(pieces, pieces.c.digest == press_pieces.c.digest)
        .where(press_pieces.c.press_id == found.press_id)
    )
    parts = {name: zlib.decompress(content) for name, content in await connection.execute(listed)}
    return Kept(found.program, parts, found.made_of)
