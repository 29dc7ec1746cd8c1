"""The way into the operator's page: a password for a session of some hours; what proxies say is the web's to read."""

import asyncio
import hashlib
import secrets
from datetime import timedelta

import structlog

from newsletter import passwords
from newsletter.clock import Clock
from newsletter.pipeline.tries import HOUR, Tries
from newsletter.store import sessions
from newsletter.store.database import Database

log = structlog.get_logger()

HOURS = 12
# In an hour, from one network address.
MOST_TRIES = 10
# Nobody's password is longer, and a long one would cost whoever makes its digest.
LONGEST = 200


class Entrance:
    """Lets in who knows the password; `kept` is the hash of the settings."""

    def __init__(self, database: Database, clock: Clock, kept: str) -> None:
        self._database = database
        self._clock = clock
        self._kept = kept
        self._tries = Tries(database, clock)
        # A digest takes 32 MB and a processor: many at once would take them from the mail.
        self._one_at_a_time = asyncio.Lock()

    async def may(self, client: str) -> bool:
        """Count one try more, and tell whether that network address may try a password now."""
        return await self._tries.may("password from", client, MOST_TRIES, HOUR)

    async def begin(self, password: str) -> str | None:
        """Return the secret of a new session if the password is right."""
        if not self._kept or len(password) > LONGEST:
            return None
        async with self._one_at_a_time:
            right = await asyncio.to_thread(passwords.fits, password, self._kept)
        if not right:
            log.warning("a wrong password for the operator's page")
            return None
        secret, now = secrets.token_urlsafe(32), self._clock.now()
        async with self._database.begin() as connection:
            await sessions.begin(connection, self._digest(secret), now + timedelta(hours=HOURS), now)
        log.info("the operator logged in")
        return secret

    async def holds(self, secret: str) -> bool:
        """Tell whether a session goes on; nothing changes."""
        if not self._kept or not secret or len(secret) > LONGEST:
            return False
        async with self._database.connect() as connection:
            return await sessions.holds(connection, self._digest(secret), self._clock.now())

    async def end(self, secret: str) -> None:
        """End a session, if it goes on."""
        async with self._database.begin() as connection:
            await sessions.end(connection, self._digest(secret))

    def _digest(self, secret: str) -> str:
        # With another password no session of the one before goes on.
        return hashlib.sha256(f"{self._kept} {secret}".encode()).hexdigest()
