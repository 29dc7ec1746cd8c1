"""Send what is due: claim, write, hand to the courier, record; it knows nothing of choosing papers."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock
from newsletter.config import Delivery as DeliverySettings
from newsletter.delivery import policy
from newsletter.delivery.addresses import key
from newsletter.delivery.transaction import Message
from newsletter.errors import DeliveryError, StoreError
from newsletter.models import Consent, Delivery, DeliveryState, Issue, Outcome, Paper
from newsletter.pipeline import leases, slots
from newsletter.pipeline.ledger import Ledger
from newsletter.pipeline.letter import LetterWriter
from newsletter.store import deliveries, editions, suppressions
from newsletter.store.database import Database
from newsletter.store.deliveries import Settled

log = structlog.get_logger()

Progress = Callable[[int], None]

_FINAL = {"sent": DeliveryState.SENT, "caught": DeliveryState.CAUGHT, "rejected": DeliveryState.FAILED}


class Courier(Protocol):
    """Hands messages to a server and tells the ledger about each."""

    async def run(self, messages: AsyncIterator[Message], ledger: Ledger) -> None:
        """Send until the messages end; raises DeliveryError if the server cannot be used."""
        ...


class DeliverReport(NamedTuple):
    """What one run of sending did.

    `states` counts deliveries by the state they came into; `unknown_before` were in flight when an earlier run died;
    `next_due` is when the next waiting one is due; `fault` says why the run ended before its end.
    """

    states: dict[str, int]
    unknown_before: int
    next_due: datetime | None
    fault: DeliveryError | None = None


class Sending:
    """One run: claims in groups, loads what a group needs, and hands out message after message.

    `sender` is the address of the envelope.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: DeliverySettings,
        writer: LetterWriter,
        *,
        sender: str,
        chance: random.Random | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._writer = writer
        self._sender = sender
        self._chance = chance or random.SystemRandom()
        self._owner = leases.owner()
        self._claimed: dict[int, Delivery] = {}
        self._papers: dict[int, Paper] = {}

    async def run(
        self, courier: Courier, *, only: int | None = None, progress: Progress = lambda _: None
    ) -> DeliverReport:
        """Send everything that is due and return what became of it; a server that fails stops it without loss.

        `only` is the id of one person; what is due to others is left waiting.
        """
        unknown = await self._take_back()
        ledger = Ledger(self._database, self._clock, self._owner, self._judge)
        fault: DeliveryError | None = None
        try:
            async with ledger, self._leases_kept():
                await courier.run(self._messages(ledger, only, progress), ledger)
        except DeliveryError as error:
            fault = error
        finally:
            await self._give_back()
        async with self._database.connect() as connection:
            next_due = await deliveries.next_due(connection)
        states = {str(state): number for state, number in ledger.results.items()}
        log.info("delivered", run=self._owner[-8:], unknown_before=unknown, fault=bool(fault), **states)
        return DeliverReport(states, unknown, next_due, fault)

    async def _messages(self, ledger: Ledger, only: int | None, progress: Progress) -> AsyncIterator[Message]:
        done = 0
        while group := await self._claim(only):
            async with self._database.connect() as connection:
                issues = await editions.load(connection, [delivery.issue_id for delivery in group], self._papers)
                # Those of a person who was erased since the claim are gone.
                group = [delivery for delivery in group if delivery.issue_id in issues]
                barred = await _barred(connection, group, issues, self._clock.now())
            group = await self._readdressed(group, issues)
            for delivery in group:
                done += 1
                progress(done)
                if delivery.id in barred:
                    self._suppress(ledger, delivery, barred[delivery.id])
                else:
                    self._claimed[delivery.id] = delivery
                    yield self._message(delivery, issues[delivery.issue_id])

    async def _claim(self, only: int | None) -> list[Delivery]:
        now = self._clock.now()
        async with self._database.begin() as connection:
            return await deliveries.claim(
                connection,
                owner=self._owner,
                limit=self._settings.batch,
                now=now,
                until=now + timedelta(seconds=self._settings.lease),
                only=only,
            )

    async def _readdressed(self, group: list[Delivery], issues: Mapping[int, Issue]) -> list[Delivery]:
        """Let mail follow those whose address changed since it was queued."""
        moved = {one.id: email for one in group if (email := issues[one.issue_id].subscriber.email) != one.address}
        if not moved:
            return group
        async with self._database.begin() as connection:
            for subscriber_id in {one.subscriber_id for one in group if one.id in moved}:
                await deliveries.move(connection, subscriber_id)
        return [one.model_copy(update={"address": moved.get(one.id, one.address)}) for one in group]

    def _message(self, delivery: Delivery, issue: Issue) -> Message:
        def content() -> bytes:
            return self._writer.write(
                issue, address=delivery.address, message_id=delivery.message_id, date=self._clock.now()
            ).content

        return Message(delivery_id=delivery.id, sender=self._sender, recipient=delivery.address, content=content)

    def _suppress(self, ledger: Ledger, delivery: Delivery, why: str) -> None:
        ledger.settle(
            Settled(delivery.id, DeliveryState.SUPPRESSED, self._clock.now(), result="suppressed", text=why),
        )

    def _judge(self, outcome: Outcome, now: datetime) -> Settled:
        delivery = self._claimed[outcome.delivery_id]
        state, due_at, text = self._where_it_leads(outcome, delivery, now)
        return Settled(delivery.id, state, due_at, outcome.result, outcome.code, outcome.enhanced, text)

    def _where_it_leads(
        self, outcome: Outcome, delivery: Delivery, now: datetime
    ) -> tuple[DeliveryState, datetime, str]:
        if outcome.result in _FINAL:
            return _FINAL[outcome.result], now, outcome.text
        given_up = policy.give_up(delivery.queued_at, now, self._settings.give_up_after)
        if outcome.result == "unknown" and (given_up or self._settings.on_unknown == "hold"):
            return DeliveryState.UNKNOWN, now, outcome.text
        if given_up:
            return DeliveryState.FAILED, now, f"Given up after {delivery.attempts + 1} tries: {outcome.text}"
        pause = policy.next_pause(
            delivery.attempts + 1, self._settings.first_pause, self._settings.longest_pause, self._chance
        )
        return DeliveryState.DEFERRED, now + timedelta(seconds=pause), outcome.text

    async def _take_back(self) -> int:
        async with self._database.begin() as connection:
            return await deliveries.take_back(
                connection,
                now=self._clock.now(),
                dead=leases.dead(await deliveries.owners(connection)),
                resend=self._settings.on_unknown == "resend",
            )

    @contextlib.asynccontextmanager
    async def _leases_kept(self) -> AsyncIterator[None]:
        async def renew() -> None:
            while True:
                await asyncio.sleep(self._settings.lease / 3)
                until = self._clock.now() + timedelta(seconds=self._settings.lease)
                try:
                    async with self._database.begin() as connection:
                        await deliveries.renew(connection, self._owner, until)
                except StoreError as error:
                    # Nothing is at risk: what is no longer ours is refused when its sending is to be noted.
                    log.warning("leases were not renewed", fault=error.message)

        keeping = asyncio.create_task(renew(), name="leases")
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def _give_back(self) -> None:
        """Free what was claimed and not begun; if the database is gone, the leases run out by themselves."""
        with contextlib.suppress(StoreError):
            async with self._database.begin() as connection:
                await deliveries.release(connection, self._owner)


async def anything_due(database: Database, now: datetime) -> bool:
    """Tell whether a run may find work: something is due, or may have been left behind by a process that is gone."""
    async with database.connect() as connection:
        next_due = await deliveries.next_due(connection)
        owners = await deliveries.owners(connection)
    return (next_due is not None and next_due <= now) or owners != leases.at_work(owners)


async def _barred(
    connection: AsyncConnection, group: Sequence[Delivery], issues: Mapping[int, Issue], now: datetime
) -> dict[int, str]:
    """Return why deliveries must not go out any more: what people decided since their issue was composed counts."""
    keys = {one.id: key(issues[one.issue_id].subscriber.email) for one in group}
    suppressed = await suppressions.among(connection, set(keys.values()))
    barred: dict[int, str] = {}
    for delivery in group:
        issue = issues[delivery.issue_id]
        if issue.subscriber.state is not Consent.CONFIRMED:
            barred[delivery.id] = f"They are {issue.subscriber.state}."
        elif issue.subscriber.paused_on(slots.local_date(issue.subscriber, now)):
            barred[delivery.id] = "They have paused."
        elif (reason := suppressed.get(keys[delivery.id])) is not None:
            barred[delivery.id] = f"The address is suppressed: {reason}."
    return barred
