"""Mail to the operator about sources: one message, no part of the list; it decides nothing about days."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import structlog

from newsletter.clock import Clock
from newsletter.config import Settings
from newsletter.delivery import addresses
from newsletter.delivery.message import Letter, build
from newsletter.delivery.quoted import encode
from newsletter.delivery.transaction import Message
from newsletter.errors import NewsletterError
from newsletter.models import Feed, Outcome
from newsletter.pipeline import days
from newsletter.pipeline.days import Quiet
from newsletter.pipeline.notices import message_id
from newsletter.store import arrivals, suppressions
from newsletter.store.database import Database

log = structlog.get_logger()

_NO_EXCUSE = (
    "No day above is a weekend or a holiday of its source, one of feeds.holidays, or one that the feed says it skips."
)


_WHERE = (
    "`newsletter feeds list` shows when each was read last. Each is told once; `newsletter status` shows what lasts. "
    "This mail comes since feeds.tell names your address."
)


class Seal(Protocol):
    """Signs messages."""

    def seal(self, content: bytes) -> bytes | Awaitable[bytes]:
        """Return the whole message with its signature, or what gives it when awaited."""
        ...


async def tell(
    database: Database,
    clock: Clock,
    settings: Settings,
    courier: AbstractAsyncContextManager[Any],
    seal: Seal | None,
    lasting: Sequence[Feed] = (),
) -> bool:
    """Mail the operator the days that no mail told so far, and `lasting` faults; False if there is nothing to tell.

    A mail that the server does not take is tried again at the next look, as far as it is about days; a fault stands in
    the log and in status in any case. If the process dies in the midst, it is not sent again.
    """
    to = settings.feeds.tell
    if to is None:
        return False
    # `courier` opens what hands messages to the relay; it is opened only if there is something to tell.
    marked, quiet = await days.to_mail(database, clock)
    if not quiet and not lasting:
        return False
    ledger = _Ledger()
    try:
        if await _is_open(database, to):
            letter = _letter(clock, settings, to, quiet, lasting)
            content = letter if seal is None else functools.partial(seal.seal, letter)
            await _send(courier, ledger, Message(0, settings.newsletter.from_address, to, content))
    except NewsletterError as error:
        ledger.words = str(error)
    if not ledger.sent:
        async with database.begin() as connection:
            await arrivals.not_told(connection, marked)
        log.warning("the operator was not mailed", fault=ledger.words or "The address must not be mailed.")
    return ledger.sent


async def _is_open(database: Database, to: str) -> bool:
    async with database.connect() as connection:
        return not await suppressions.among(connection, [addresses.key(to)])


async def _send(opened: AbstractAsyncContextManager[Any], ledger: "_Ledger", message: Message) -> None:
    async def one() -> AsyncIterator[Message]:
        yield message

    async with opened as courier:
        await courier.run(one(), ledger)


class _Ledger:
    """What became of the one message."""

    def __init__(self) -> None:
        self.sent = False
        self.words = ""

    def sending(self, delivery_id: int) -> asyncio.Future[bool]:
        """Let it go: what is to be told of it is on record."""
        done = asyncio.get_running_loop().create_future()
        done.set_result(True)
        return done

    def outcome(self, outcome: Outcome) -> None:
        """Take the outcome; one that may have arrived is not sent again."""
        self.sent = outcome.result in ("sent", "caught", "unknown")
        self.words = outcome.text

    def release(self, delivery_id: int) -> None:
        """Take it back."""

    def postpone(self, delivery_id: int, seconds: float) -> None:
        """Take it back; the next look tries again."""


def _letter(clock: Clock, settings: Settings, to: str, quiet: Sequence[Quiet], lasting: Sequence[Feed]) -> bytes:
    lines = [str(one) for one in quiet] + [f"{feed.location} stays broken: {feed.last_fault}" for feed in lasting]
    subject = lines[0] if len(lines) == 1 else f"{len(lines)} things to know about sources"
    words = "\n\n".join(
        (
            *lines,
            *([_NO_EXCUSE] if quiet else []),
            _WHERE,
        )
    )
    return build(
        Letter(
            from_name=settings.newsletter.name,
            from_address=settings.newsletter.from_address,
            to_address=to,
            subject=f"{settings.newsletter.name}: {subject}",
            message_id=message_id(settings.newsletter),
            date=clock.now(),
            list_id="",
            html_parts=None,
            text_parts=(encode(words + "\n"),),
            language="en",
            automatic=True,
        )
    )
