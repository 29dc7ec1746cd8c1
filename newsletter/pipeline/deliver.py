"""Send what is due: claim, write, hand to the courier, record; it knows nothing of choosing papers."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

import structlog

from newsletter.clock import Clock
from newsletter.config import Delivery as DeliverySettings
from newsletter.delivery import policy
from newsletter.delivery.addresses import key
from newsletter.delivery.supply import Pacer
from newsletter.delivery.transaction import Message
from newsletter.errors import DeliveryError, StoreError
from newsletter.models import DeliveryState, Issue, Outcome
from newsletter.pipeline import leases
from newsletter.pipeline.groups import Groups
from newsletter.pipeline.keeping import Keeper
from newsletter.pipeline.ledger import Ledger
from newsletter.pipeline.letter import LetterWriter
from newsletter.pipeline.pacing import Held, Pacing
from newsletter.pipeline.sweeping import less_to_sweep
from newsletter.store import deliveries, notices
from newsletter.store.aside import Aside
from newsletter.store.database import Database
from newsletter.store.deliveries import Claimed
from newsletter.store.outcomes import Settled

log = structlog.get_logger()

Progress = Callable[[int], None]

_FINAL = {"sent": DeliveryState.SENT, "caught": DeliveryState.CAUGHT, "rejected": DeliveryState.FAILED}


class Courier(Protocol):
    """Hands messages to a server and tells the ledger about each."""

    async def run(self, messages: AsyncIterator[Message], ledger: Ledger, pacer: Pacer | None = None) -> None:
        """Send until the messages end; raises DeliveryError if the server cannot be used."""
        ...


class DeliverReport(NamedTuple):
    """What one run of sending did.

    `states` counts deliveries by the state they came into; `unknown_before` were in flight when an earlier run died;
    `next_due` is when the next waiting one is due; `fault` says why the run ended before its end;
    `held` are the limits that keep mail waiting.
    """

    states: dict[str, int]
    unknown_before: int
    next_due: datetime | None
    fault: DeliveryError | None = None
    held: tuple[Held, ...] = ()


class Sending:
    """One run: claims in groups, loads what a group needs, and hands out message after message.

    `sender` is the address of the envelope, or `return_path` gives one for each delivery. `pacing` tells the
    courier how fast. With `its_clock`, leases are told by the clock of the database, which all machines share.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: DeliverySettings,
        writer: LetterWriter,
        *,
        sender: str,
        return_path: Callable[[int], str] | None = None,
        pacing: Pacing | None = None,
        its_clock: bool = False,
        chance: random.Random | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._keeper = Keeper(writer)
        self._return_path = return_path or (lambda _: sender)
        self._pacing = pacing
        self._its_clock = its_clock
        self._chance = chance or random.SystemRandom()
        self._owner = leases.owner()
        # What was claimed and has not come to its end on disk, and no more: a run may have any number of deliveries.
        self._under_way: dict[int, Claimed] = {}

    async def run(
        self, courier: Courier, *, only: int | None = None, progress: Progress = lambda _: None
    ) -> DeliverReport:
        """Send everything that is due and return what became of it; a server that fails stops it without loss.

        `only` is the id of one person; what is due to others is left waiting.
        """
        unknown = await self._take_back()
        fault: DeliveryError | None = None
        async with (
            less_to_sweep(),
            Aside(self._database, writes=True) as store,
            Aside(self._database, writes=False) as reader,
        ):
            ledger = Ledger(store, self._clock, self._owner, self._judge, self._forget, self._keeper)
            groups = Groups(
                store,
                reader,
                self._clock,
                self._settings,
                self._owner,
                self._under_way,
                only=only,
                its_clock=self._its_clock,
            )
            try:
                async with ledger, self._leases_kept(groups):
                    messages = self._messages(ledger, groups, progress)
                    if self._pacing is None:
                        await courier.run(messages, ledger)
                    else:
                        async with self._pacing:
                            await courier.run(messages, ledger, self._pacing)
            except DeliveryError as error:
                fault = error
            finally:
                # If the database is gone, the leases run out by themselves.
                with contextlib.suppress(StoreError):
                    await groups.give_back()
        async with self._database.connect() as connection:
            next_due = await deliveries.next_due(connection)
        states = {str(state): number for state, number in ledger.results.items()}
        log.info("delivered", run=self._owner[-8:], unknown_before=unknown, fault=bool(fault), **states)
        held = () if self._pacing is None else tuple(self._pacing.held())
        return DeliverReport(states, unknown, next_due, fault, held)

    async def _messages(self, ledger: Ledger, groups: Groups, progress: Progress) -> AsyncIterator[Message]:
        done = 0
        async with contextlib.aclosing(groups.halves()) as halves:
            async for half in halves:
                for delivery, issue, barred in half:
                    done += 1
                    progress(done)
                    if barred:
                        state = DeliveryState.SUPPRESSED
                        ledger.settle(Settled(delivery.id, state, None, result="suppressed", text=barred))
                    else:
                        yield self._message(delivery, issue)

    def _message(self, delivery: Claimed, issue: Issue) -> Message:
        def content() -> bytes | Awaitable[bytes]:
            return self._keeper.content(
                delivery.id, issue, address=delivery.address, message_id=delivery.message_id, date=self._clock.now()
            )

        return Message(delivery.id, self._return_path(delivery.id), delivery.address, content)

    def _forget(self, delivery_id: int) -> None:
        self._under_way.pop(delivery_id, None)
        self._keeper.forget(delivery_id)

    def _judge(self, outcome: Outcome, now: datetime) -> Settled | None:
        # It stays under way until that is on disk, or it could be claimed again and end by what is said of it now.
        delivery = self._under_way.get(outcome.delivery_id)
        if delivery is None:
            return None
        state, due_at, text = self._where_it_leads(outcome, delivery, now)
        settled = Settled(delivery.id, state, due_at, outcome.result, outcome.code, outcome.enhanced, text)
        if outcome.suppress and outcome.result == "rejected":
            # The server's words may hold the address; the list must not.
            why = f"refused for good ({outcome.enhanced or outcome.code or 'no code'})"
            return settled._replace(suppress=why, email_key=key(delivery.address))
        return settled

    def _where_it_leads(
        self, outcome: Outcome, delivery: Claimed, now: datetime
    ) -> tuple[DeliveryState, datetime | None, str]:
        if outcome.result in _FINAL:
            return _FINAL[outcome.result], None, outcome.text
        given_up = policy.give_up(delivery.queued_at, now, self._settings.give_up_after)
        if outcome.result == "unknown" and (given_up or self._settings.on_unknown == "hold"):
            return DeliveryState.UNKNOWN, None, outcome.text
        if given_up:
            return DeliveryState.FAILED, None, f"Given up after {delivery.attempts + 1} tries: {outcome.text}"
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
                its_clock=self._its_clock,
            )

    @contextlib.asynccontextmanager
    async def _leases_kept(self, groups: Groups) -> AsyncIterator[None]:
        async def renew() -> None:
            while True:
                await asyncio.sleep(self._settings.lease / 3)
                try:
                    await groups.renew()
                except StoreError as error:
                    # Nothing is at risk: what is no longer ours is refused when its sending is to be noted.
                    log.warning("leases were not renewed", fault=error.message)

        keeping = asyncio.create_task(renew(), name="leases")
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


async def anything_due(database: Database, now: datetime) -> bool:
    """Tell whether a run may find work: something is due, or may have been left behind by a process that is gone."""
    async with database.connect() as connection:
        next_due = await deliveries.next_due(connection)
        owners = await deliveries.owners(connection)
    return (next_due is not None and next_due <= now) or owners != leases.at_work(owners)


async def notice_after(database: Database, after: int | None) -> tuple[int, bool]:
    """Return the newest delivery on record, and whether a notice waits among those after that one, if it is given."""
    async with database.connect() as connection:
        return await notices.waiting_after(connection, after)
