"""Asks Amazon SNS what its messages name: the certificate of a signature, and the address that confirms a subscription.

Anyone can write a message that names a certificate. So what is asked for is at the host of a topic of ours, once, and
not often.
"""

import asyncio
import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from cryptography.x509 import Certificate

from newsletter.clock import Clock
from newsletter.config import Settings
from newsletter.delivery.hooks import RefusedError, sns
from newsletter.errors import FeedError
from newsletter.feeds.fetching import Fetcher, Terms
from newsletter.pipeline import servers

log = structlog.get_logger()

SECONDS = 10
_LARGEST = 65_536
# SNS has one certificate for years. Who makes up addresses of others uses up this hour; the ones known go on to count.
_MOST_KNOWN = 20
_MOST_ASKED = 20
_HOUR = timedelta(hours=1)


class Notary:
    """Knows the certificates of SNS, and confirms subscriptions; `opened` makes what fetches."""

    def __init__(self, clock: Clock, settings: Settings, opened: Callable[[Terms, Clock], Fetcher] = Fetcher) -> None:
        self._clock = clock
        # Whatever the address answers, nothing leads on from it to another.
        self._terms = dataclasses.replace(
            servers.terms(settings.feeds), timeout=SECONDS, silence=SECONDS, largest=_LARGEST, redirects=0
        )
        self._opened = opened
        self._known: dict[str, Certificate] = {}
        self._asked: dict[str, datetime] = {}
        self._asking = asyncio.Lock()

    async def certificate(self, url: str) -> Certificate:
        """Return the certificate at an address that was checked; raises RefusedError."""
        async with self._asking:
            if url not in self._known:
                self._count(url)
                found = self._read(await self._fetch(url))
                if len(self._known) == _MOST_KNOWN:
                    del self._known[next(iter(self._known))]
                self._known[url] = found
        return self._known[url]

    async def confirm(self, url: str) -> None:
        """Confirm a subscription at an address that was checked; raises RefusedError."""
        await self._fetch(url)
        log.info("a subscription was confirmed")

    def _count(self, url: str) -> None:
        now = self._clock.now()
        self._asked = {one: at for one, at in self._asked.items() if now - at < _HOUR}
        if url in self._asked or len(self._asked) == _MOST_ASKED:
            raise RefusedError("The certificate cannot be had at the moment.", 503)
        self._asked[url] = now

    async def _fetch(self, url: str) -> bytes:
        try:
            async with self._opened(self._terms, self._clock) as fetcher:
                answer = await fetcher.ask(url)
        except FeedError as error:
            # Its words would name an address with a token in it.
            raise RefusedError("SNS cannot be asked at the moment.", 503) from error
        if answer.status != 200:
            raise RefusedError("SNS did not answer what it was asked.", 503)
        return answer.data

    def _read(self, pem: bytes) -> Certificate:
        try:
            return sns.certificate(pem)
        except ValueError as error:
            raise RefusedError("The certificate is none of SNS.", 403) from error
