"""Reports that relays post over the web: whether a page is open, who may post there, and what follows from a body.

It knows no page: who serves one asks `welcome` with the headers of a request, then hands its body to `take`.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from newsletter.clock import Clock
from newsletter.config import Settings, secret
from newsletter.delivery.hooks import Event, RefusedError, event, postmark, proofs, sendgrid, ses, signed, sns
from newsletter.errors import NewsletterError, SettingsError
from newsletter.pipeline.counting import Followed
from newsletter.pipeline.intake import Intake
from newsletter.pipeline.notary import Notary

__all__ = ["Hooks", "RefusedError"]

log = structlog.get_logger()

# Relays hang up after some seconds. What was not reached is told again, and what was counts once.
SECONDS = 20

_KEYS = re.compile(r"-----BEGIN.*?-----END[A-Z ]*-----|[^\s-]\S*", re.DOTALL)
_NEXT = "Write it into that file anew, readable by this user alone; docs/webhooks.md says what belongs there."


@dataclass(frozen=True)
class Keys:
    """By what the relays of the settings prove themselves."""

    topics: Sequence[str] = ()
    ses: Sequence[bytes] = ()
    postmark: Sequence[bytes] = ()
    sendgrid: Sequence[EllipticCurvePublicKey] = ()
    signed: Sequence[bytes] = ()

    @classmethod
    def of(cls, settings: Settings) -> "Keys":
        """Read the files that the settings name; raises SettingsError for one that cannot be used."""
        hooks = settings.hooks
        return cls(
            hooks.ses_topics,
            _secrets(settings, "ses_password_file", hooks.ses_password_file),
            _secrets(settings, "postmark_password_file", hooks.postmark_password_file),
            _curves(settings, "sendgrid_key_file", hooks.sendgrid_key_file),
            _secrets(settings, "signed_secret_file", hooks.signed_secret_file),
        )


class Hooks:
    """Takes in what relays post, by the keys of the settings."""

    def __init__(self, settings: Settings, clock: Clock, intake: Intake) -> None:
        """Read the keys; raises SettingsError for a file that cannot be used."""
        self._clock = clock
        self._keys = Keys.of(settings)
        self._notary = Notary(clock, settings)
        self._events = intake.events
        self.relays = frozenset(settings.hooks.relays)

    def largest(self, relay: str) -> int:
        """Return how many bytes a body of a relay has at most."""
        return sns.LARGEST if relay == ses.SOURCE else event.LARGEST

    def welcome(self, relay: str, headers: proofs.Headers) -> None:
        """Pass a request whose body may be read; raises RefusedError for one that its headers show to be forged."""
        now = self._clock.now()
        if relay == postmark.SOURCE:
            postmark.check(headers, self._keys.postmark)
        elif relay == sendgrid.SOURCE:
            proofs.stamped(headers.get(sendgrid.STAMP, ""), now, past=sendgrid.OLDEST, ahead=sendgrid.AHEAD)
        elif relay == signed.SOURCE:
            proofs.stamped(headers.get(signed.STAMP, ""), now, past=signed.WINDOW, ahead=signed.WINDOW)
        elif self._keys.ses:
            proofs.password(headers, self._keys.ses)

    async def take(self, relay: str, headers: proofs.Headers, body: bytes) -> str:
        """Take in a body of a relay, and return what to answer; raises RefusedError for one that is not proven.

        Raises StoreError where the database is away, and NewsletterError for a fault: then the relay had better tell
        it again.
        """
        found = await self._proven(relay, headers, body)
        new = await self._events.new(found)
        followed = await self._follow(new)
        if any(one.fault for one in followed):
            raise NewsletterError("An event could not be read, which is a fault of this program.")
        before = len(found) - len(new)
        taken = before + sum(one.taken for one in followed)
        log.info("a relay reported", relay=relay, events=len(found), taken=taken, before=before)
        return f"Taken: {taken} of {len(found)}."

    async def _proven(self, relay: str, headers: proofs.Headers, body: bytes) -> list[Event]:
        now = self._clock.now()
        if relay == ses.SOURCE:
            return await self._of_sns(headers, body)
        if relay == postmark.SOURCE:
            postmark.check(headers, self._keys.postmark)
            return await asyncio.to_thread(postmark.events, body)
        if relay == sendgrid.SOURCE:
            sendgrid.check(headers, body, self._keys.sendgrid, now)
            return await asyncio.to_thread(sendgrid.events, body)
        signed.check(headers, body, self._keys.signed, now)
        return await asyncio.to_thread(signed.events, body)

    async def _of_sns(self, headers: proofs.Headers, body: bytes) -> list[Event]:
        if headers.get(sns.RAW, "").lower() == "true":
            # Raw delivery is the message alone, and nothing of it is signed.
            if not self._keys.ses:
                raise RefusedError("Raw delivery needs a password.", 403)
            proofs.password(headers, self._keys.ses)
            if headers.get(sns.TOPIC) not in self._keys.topics:
                raise RefusedError("The topic is none of this newsletter.", 403)
            return await asyncio.to_thread(ses.events, body)
        envelope = sns.opened(body, self._keys.topics, self._clock.now())
        sns.verify(envelope, await self._notary.certificate(envelope.certificate), self._clock.now())
        if envelope.type == "SubscriptionConfirmation":
            await self._notary.confirm(sns.confirmation(envelope))
            return []
        if envelope.type == "UnsubscribeConfirmation":
            log.warning("SNS reports no more", topic=envelope.topic)
            return []
        return await asyncio.to_thread(ses.events, envelope.fields.get("Message", "").encode("utf-8", "replace"))

    async def _follow(self, events: Sequence[Event]) -> list[Followed]:
        loop = asyncio.get_running_loop()
        until = loop.time() + SECONDS
        followed = []
        for one in events:
            if loop.time() > until:
                raise RefusedError("There was no time for all of it; send it again.", 503)
            followed.append(await self._events.take(one))
        return followed


def _secrets(settings: Settings, name: str, file: Path | None) -> list[bytes]:
    """Return the secrets of a file, one a line: while one is exchanged for another, both hold."""
    if file is None:
        return []
    path = settings.path(file)
    found = [line.encode() for line in secret(path, f"hooks.{name}").get_secret_value().split()]
    if not found or any(len(one) < proofs.SHORTEST_SECRET for one in found):
        raise SettingsError(
            f"{path} of hooks.{name} needs a secret of {proofs.SHORTEST_SECRET} characters or more on each line.",
            next_step=_NEXT,
        )
    return found


def _curves(settings: Settings, name: str, file: Path | None) -> list[EllipticCurvePublicKey]:
    if file is None:
        return []
    path = settings.path(file)
    text = secret(path, f"hooks.{name}").get_secret_value()
    try:
        found = [proofs.curve_key(one) for one in _KEYS.findall(text)]
        if not found:
            raise ValueError("it is empty")
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SettingsError(f"{path} of hooks.{name} holds no key of ECDSA.", next_step=_NEXT) from error
    return found
