"""All that is on record about a reader, handed to themselves or erased at once (docs/my-data.md has the form)."""

import asyncio
import json
from datetime import UTC, date, datetime
from typing import Any

import structlog

from newsletter.clock import Clock
from newsletter.delivery import addresses
from newsletter.models import Subscriber
from newsletter.pipeline.doors import Doors
from newsletter.pipeline.subscribers import erase_within
from newsletter.store import own, suppressions
from newsletter.store.database import Database

log = structlog.get_logger()

# Of the file; counted up when what stands in it is called or meant otherwise, and not for what is new beside it.
VERSION = 1

# What the record keeps as JSON within text.
_WITHIN = ("beside", "said")


class OwnData:
    """What an `own` link opens beside the wishes.

    All raise TokenError for a link that was not made here for this or was revoked, OldError for one that is too old,
    and GoneError for someone who was erased.
    """

    def __init__(self, database: Database, clock: Clock, doors: Doors) -> None:
        self._database = database
        self._clock = clock
        self._doors = doors

    async def person(self, token: str) -> Subscriber:
        """Return the person of a link; nothing changes."""
        async with self._database.connect() as connection:
            return await self._doors.open(connection, "own", token)

    async def export(self, token: str) -> bytes:
        """Return everything that is on record about the person of a link, as JSON."""
        async with self._database.connect() as connection:
            person = await self._doors.open(connection, "own", token)
            tables = await own.everything(connection, person.id)
            email_key = addresses.key(person.email)
            barred = (await suppressions.among(connection, [email_key])).get(email_key)
        (row,) = tables.pop("person")
        document = {
            "version": VERSION,
            "made_at": self._clock.now(),
            "person": row,
            "suppressed": barred,
            **{name: [_readable(one) for one in rows] for name, rows in tables.items()},
        }
        # Of many years it takes a second, in which other readers are answered.
        return await asyncio.to_thread(_file, document)

    async def erase(self, token: str) -> Subscriber:
        """Delete all that is on record of the person of a link, and return who they were.

        What stays is that their address must not be mailed, as a hash.
        """
        async with self._database.begin() as connection:
            person = await self._doors.hold(connection, "own", token)
            await erase_within(connection, self._clock, person)
        await self._database.leave_no_trace()
        log.info("erased", by="their own link")
        return person


def _file(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1, default=_written).encode()


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: json.loads(row[name]) for name in _WITHIN if row.get(name) is not None}


def _written(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in the file")
