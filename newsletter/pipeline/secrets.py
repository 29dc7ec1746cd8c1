"""What signs links: its secret is read from the record, and made new at the operator's wish."""

from datetime import datetime, timedelta

import structlog

from newsletter.clock import Clock
from newsletter.store import secrets
from newsletter.store.database import Database
from newsletter.tokens import Signer

log = structlog.get_logger()


async def signer(database: Database, clock: Clock) -> Signer:
    """Return what signs with the secret in use, and reads those of before whose time is not over."""
    async with database.connect() as connection:
        return Signer(*await secrets.in_use(connection, clock.now()))


async def turn(database: Database, clock: Clock, signer: Signer) -> None:
    """Let a signer that has been there for a while go on with what is in use now."""
    async with database.connect() as connection:
        signer.turn(*await secrets.in_use(connection, clock.now()))


async def rotate(database: Database, clock: Clock, days: int) -> tuple[datetime, int]:
    """Sign links with a new secret; the one of before is read for so many days more, at once no longer with 0.

    Returns until when, and how many secrets of before are read. The key of suppressions stays as it is for ever.
    """
    now = clock.now()
    until = now + timedelta(days=days)
    async with database.begin() as connection:
        left = await secrets.rotate(connection, now, until)
    log.info("secret rotated", older=left)
    return until, left
