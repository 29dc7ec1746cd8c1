"""Sends messages over a few connections at once and reports what became of each; knows nothing of the database."""

import asyncio
import random
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Any

import structlog
from pydantic import SecretStr

from newsletter.config import Smtp
from newsletter.delivery.brake import ALIKE, Brake
from newsletter.delivery.policy import reconnect_pause
from newsletter.delivery.session import Session
from newsletter.delivery.smtp import Connection, Relay, Token, UnreachableError
from newsletter.delivery.supply import Ledger, Pacer, Queue, Supply
from newsletter.delivery.transaction import Message, Parcel, Result
from newsletter.errors import DeliveryError
from newsletter.models import Outcome

log = structlog.get_logger(__name__)

# A message over which the connection broke so often before its body waits for its next time, so that it cannot hold up
# the rest.
LOSSES = 3
# One refusal about us may be one receiver's rule; so many with nothing accepted in between are about us.
REFUSALS = 5
# How long a worker that gets no connection stays aside while others have one.
ASIDE_SECONDS = 60.0


class Courier:
    """Sends messages through the mail server of the settings.

    `password` or `token` is for the login, where the settings have one. `at` is host and port of the built-in catcher,
    and what it takes is `caught`. `pauses` are the seconds before each new try of a connection that failed; after the
    last one the server counts as dead.
    """

    def __init__(
        self,
        settings: Smtp,
        *,
        password: SecretStr | None = None,
        token: Token | None = None,
        at: tuple[str, int] | None = None,
        tls_context: ssl.SSLContext | None = None,
        pauses: tuple[float, ...] = (1.0, 4.0, 15.0),
        chance: random.Random | None = None,
    ) -> None:
        self._settings = settings
        self._relay = Relay(settings, password=password, token=token, at=at, tls_context=tls_context)
        self._caught = at is not None
        self._pauses = pauses
        self._chance = chance or random.Random()  # noqa: S311 - it spreads pauses and keeps no secret
        self._runs: set[_Run] = set()

    async def run(self, messages: AsyncIterator[Message], ledger: Ledger, pacer: Pacer | None = None) -> None:
        """Send the messages, each at most once, and hand every outcome to the ledger.

        At most three messages a connection are pulled ahead of their outcomes, and those that `pacer` holds up. Raises
        DeliveryError where the server cannot be used. Then, and when this is cancelled or `stop` is called, the
        messages under way get their answer first, and what was pulled and not attempted is released. What the ledger or
        the iterator raises ends the run likewise. An async generator is closed at the end.
        """
        queue = Queue(messages, ledger, pacer, self._settings.connections)
        run = _Run(self._settings, self._relay, queue, ledger, self._caught, self._pauses, self._chance)
        self._runs.add(run)
        try:
            await run.complete()
        finally:
            self._runs.discard(run)

    def stop(self) -> None:
        """Let each connection finish the message that it is at, and end the run."""
        for run in self._runs:
            run.queue.stop()


class _Run:
    """What the workers of one run share; they live in one event loop."""

    def __init__(
        self,
        settings: Smtp,
        relay: Relay,
        queue: Queue,
        ledger: Ledger,
        caught: bool,
        pauses: tuple[float, ...],
        chance: random.Random,
    ) -> None:
        self.settings = settings
        self.relay = relay
        self.queue = queue
        self.ledger = ledger
        self.caught = caught
        self.pauses = pauses
        self.chance = chance
        self.losses: Counter[int] = Counter()
        self.connections: set[Connection] = set()
        self._brake = Brake()
        self._accepted = 0
        self._refusals = 0
        self._refusal: DeliveryError | None = None

    async def complete(self) -> None:
        filling = asyncio.create_task(self.queue.fill())
        workers = [asyncio.create_task(_Worker(self).work()) for _ in range(self.settings.connections)]
        tasks = [*workers, filling]
        fault: BaseException | None = None
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            self.queue.stop()
            await asyncio.wait(workers)
        except asyncio.CancelledError as cancelled:
            fault = cancelled
            self.queue.stop()
            # A second cancellation breaks this off, and with it the bodies under way.
            await asyncio.wait(workers)
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            fault = fault or next((end for end in ends if isinstance(end, Exception)), None)
            fault = self._let_go(fault)
            await self.queue.give_back(fault)
        if fault is None and not self._accepted:
            fault = self._refusal
        if fault is not None:
            raise fault

    def others_are_connected(self) -> bool:
        return any(connection.open for connection in self.connections)

    def settle(self, message: Message, result: Result) -> bool:
        """Take notice of how a message ended; False where it is to be tried again.

        Raises DeliveryError where the server refuses us and not the message, and what the ledger raises.
        """
        if result.stop:
            self._untouched(message, committed=result.committed)
            raise self.refused(result.stop)
        outcome = result.outcome
        if outcome is None and result.broke:
            self.losses[message.delivery_id] += 1
            words = f"Each time before the message was taken the connection ended: {result.broke}."
            if result.committed:
                # Its content may be what breaks the connection, so it gets its pauses, and an end.
                words = f"The connection ended before the message was whole: {result.broke}."
            elif self.losses[message.delivery_id] < LOSSES:
                return False
            outcome = Outcome(
                delivery_id=message.delivery_id,
                result="deferred",
                code=result.reply.code if result.reply else None,
                enhanced=result.reply.enhanced if result.reply else "",
                text=words,
                about="us",
            )
        self.queue.ended(message, outcome)
        if outcome is not None:
            self.losses.pop(message.delivery_id, None)
            self._record(outcome, committed=result.committed)
            self._count(outcome, result)
        return True

    def refused(self, words: str) -> DeliveryError:
        return DeliveryError(
            f"The mail server {self.relay.where} refuses this newsletter, not its readers: {words}.",
            next_step="No reader lost their mail; mend what the server names, then send again.",
        )

    def all_alike(self, words: str) -> DeliveryError:
        return DeliveryError(
            f"The mail server {self.relay.where} refused {ALIKE} readers in a row with the same words: {words}.",
            next_step="No reader lost their mail; mend what the server names, or take out addresses that are dead, "
            "then send again.",
        )

    def unmakeable(self, words: str) -> DeliveryError:
        return DeliveryError(
            f"One message after the other cannot be made: {words}.",
            next_step="No reader lost their mail; see `newsletter preview`, mend what it says, then send again.",
        )

    def unreachable(self, words: str) -> DeliveryError:
        return DeliveryError(
            f"The mail server {self.relay.where} cannot be reached: {words}.",
            next_step="Nothing is lost; check smtp.host and smtp.port, or wait, then send again.",
        )

    def _untouched(self, message: Message, *, committed: bool) -> None:
        if committed:
            self.queue.ended(message, None)
            self.ledger.release(message.delivery_id)
        else:
            self.queue.hand_back(message)

    def _record(self, outcome: Outcome, *, committed: bool) -> None:
        said, alike = self._brake.take(outcome, committed=committed)
        for one in said:
            self.ledger.outcome(one)
        if alike:
            raise self.all_alike(_words(outcome))

    def _let_go(self, fault: BaseException | None) -> BaseException | None:
        """Record what the brake holds, and return what the run ends with."""
        try:
            for one in self._brake.let_go():
                self.ledger.outcome(one)
        except Exception as error:
            return fault or error
        return fault

    def _count(self, outcome: Outcome, result: Result) -> None:
        if outcome.result in ("sent", "caught"):
            self._accepted += 1
            self._refusals = 0
        elif result.against_us:
            self._refusals += 1
            if result.fault is not None:
                self._refusal = self.unmakeable(str(result.fault).rstrip("."))
            else:
                self._refusal = self.refused(_words(outcome))
            if self._refusals >= REFUSALS:
                raise self._refusal


class _Worker:
    """One connection at a time."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._supply = Supply(run.queue)
        self._connection: Connection | None = None
        # In a row: connections that could not be made, or broke before an answer that settled something.
        self._failures = 0
        self._reason = ""

    async def work(self) -> None:
        run = self._run
        try:
            while (parcel := await self._supply.next()) is not None:
                if not await self._send(parcel):
                    self._supply.give_back()
                    if run.queue.dry.is_set():
                        return
                    log.warning("fewer connections to the mail server", reason=self._reason)
                    await _wait(run.queue.dry, ASIDE_SECONDS)
        except asyncio.CancelledError:
            if self._connection is not None:
                self._connection.dialogue.close()
            raise
        finally:
            self._supply.give_back()
            await self._hang_up()

    async def _send(self, parcel: Parcel) -> bool:
        """Send a message, and what can follow it; False where there is no connection for it."""
        run = self._run
        left = [parcel]
        try:
            if (unmade := parcel.unmade()) is not None:
                left.clear()
                run.settle(parcel.message, unmade)
                return True
            connection = await self._ready()
            if connection is None:
                return False
            most = run.settings.messages_per_connection
            session = Session(
                connection, self._supply, run.ledger, self._settle, most=most, caught=run.caught, unsettled=left
            )
            await session.send(parcel)
            return True
        finally:
            for unsettled in reversed(left):
                self._supply.put_back(unsettled)
            if self._connection is not None and not self._connection.dialogue.idle:
                self._connection.dialogue.close()

    def _settle(self, parcel: Parcel, result: Result) -> None:
        if result.broke or (result.outcome is not None and result.outcome.code == 421):
            self._failures += 1
            self._reason = result.broke or "it answered 421"
        else:
            self._failures = 0
        if not self._run.settle(parcel.message, result):
            self._supply.put_back(parcel)

    async def _ready(self) -> Connection | None:
        """Return an open connection; None where this worker is to stay aside, because others have one or all stop."""
        run = self._run
        stopping = run.queue.stopping
        if self._connection is not None:
            if self._connection.open and self._connection.messages < run.settings.messages_per_connection:
                return self._connection
            await self._hang_up()
        while not stopping.is_set():
            if self._failures > len(run.pauses):
                if not run.others_are_connected():
                    raise run.unreachable(self._reason)
                self._failures = len(run.pauses)
                return None
            if self._failures:
                await _wait(stopping, reconnect_pause(self._failures, run.pauses, run.chance))
                if stopping.is_set():
                    return None
            try:
                self._connection = await _unless(stopping, run.relay.connect())
            except UnreachableError as error:
                self._failures += 1
                self._reason = str(error)
                if run.others_are_connected():
                    return None
            else:
                if self._connection is not None:
                    run.connections.add(self._connection)
                return self._connection
        return None

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # Before the goodbye, since others go by who is connected.
            self._run.connections.discard(connection)
            await connection.quit()


def _words(outcome: Outcome) -> str:
    said = (str(outcome.code or ""), outcome.enhanced, outcome.text)
    return " ".join(word for word in said if word).rstrip(".")


async def _unless(event: asyncio.Event, work: Coroutine[Any, Any, Connection]) -> Connection | None:
    """Return what `work` gives; None where the event comes first, which breaks it off."""
    working, waiting = asyncio.ensure_future(work), asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait([working, waiting], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        # One that meets the end of another wait is lost (Python 3.11), so it is asked for until it is heeded.
        while not working.done():
            working.cancel()
            await asyncio.wait([working], timeout=0.1)
    return None if working.cancelled() else working.result()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
