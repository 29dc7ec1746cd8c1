"""How often strangers may try something: counted on record, so that restarts and several processes count alike."""

import ipaddress
from datetime import timedelta

from newsletter.clock import Clock
from newsletter.store import tries
from newsletter.store.database import Database

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

# What was counted for longer is over.
_LONGEST = DAY


class Tries:
    """Counts tries: of what, and by whom or for whom. Neither stands on record but as a keyed hash."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def may(self, what: str, whose: str, most: int, within: timedelta) -> bool:
        """Count one try more, and tell whether it is one of the first `most` of that span, which is a day at most.

        It is a transaction of its own: what fails afterwards was tried all the same.
        """
        async with self._database.begin() as connection:
            return await tries.count(connection, what, whose, self._clock.now(), within) <= most

    async def digest(self, what: str, whose: str) -> str:
        """Return what stands for somebody in evidence: of 64 bits, and nobody can be read from it."""
        async with self._database.connect() as connection:
            return (await tries.digest(connection, what, whose))[:16]

    async def prune(self) -> int:
        """Delete what is over, and return how much that was."""
        async with self._database.begin() as connection:
            return await tries.prune(connection, self._clock.now() - _LONGEST)


def network(address: str) -> str:
    """Return what counts as one network address: one of IPv4, or the /64 that a line of IPv6 has; else nothing."""
    try:
        found = ipaddress.ip_address(address.strip().partition("%")[0])
    except ValueError:
        return ""
    if found.version == 4:
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
