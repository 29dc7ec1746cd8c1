"""Sends messages over a few connections at once and reports what became of each; knows nothing of the database."""

import asyncio
import random
import ssl
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import Protocol

import structlog
from pydantic import SecretStr

from newsletter.config import Smtp
from newsletter.delivery.policy import reconnect_pause
from newsletter.delivery.smtp import Connection, Relay, Token, UnreachableError
from newsletter.delivery.transaction import Message, Result, transact
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


class Ledger(Protocol):
    """Where it is recorded what becomes of each delivery."""

    async def sending(self, delivery_id: int) -> bool:
        """Commit that its body is about to be sent; False if it is no longer ours to send."""
        ...

    async def outcome(self, outcome: Outcome) -> None:
        """Take an outcome; it is to be committed before the next `sending` that this connection awaits returns."""
        ...

    async def release(self, delivery_id: int) -> None:
        """Give back a delivery whose body was never sent; it does not count as an attempt."""
        ...


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

    async def run(self, messages: AsyncIterator[Message], ledger: Ledger) -> None:
        """Send the messages, each at most once, and hand every outcome to the ledger.

        Messages are pulled one at a time, when a connection is free. Raises DeliveryError where the server cannot be
        used. Then, and when this is cancelled or `stop` is called, the bodies under way get their answer first, and
        what was pulled and not attempted is released. What the ledger or the iterator raises ends the run likewise.
        An async generator is closed at the end.
        """
        run = _Run(self._settings, self._relay, messages, ledger, self._caught, self._pauses, self._chance)
        self._runs.add(run)
        try:
            await run.complete()
        finally:
            self._runs.discard(run)

    def stop(self) -> None:
        """Let each connection finish the message that it is at, and end the run."""
        for run in self._runs:
            run.stop()


class _Run:
    """What the workers of one run share; they live in one event loop."""

    def __init__(
        self,
        settings: Smtp,
        relay: Relay,
        messages: AsyncIterator[Message],
        ledger: Ledger,
        caught: bool,
        pauses: tuple[float, ...],
        chance: random.Random,
    ) -> None:
        self.settings = settings
        self.relay = relay
        self.ledger = ledger
        self.caught = caught
        self.pauses = pauses
        self.chance = chance
        self.losses: Counter[int] = Counter()
        self.connections: set[Connection] = set()
        self.stopping = asyncio.Event()
        self.dry = asyncio.Event()
        self._messages = messages
        self._returned: deque[Message] = deque()
        self._pulling = asyncio.Lock()
        self._pull: asyncio.Task[Message | None] | None = None
        self._changed = asyncio.Event()
        self._accepted = 0
        self._refusals = 0
        self._refusal = ""

    def stop(self) -> None:
        self.stopping.set()
        self.dry.set()
        self._changed.set()

    async def complete(self) -> None:
        workers = [asyncio.create_task(_Worker(self).work()) for _ in range(self.settings.connections)]
        fault: BaseException | None = None
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            self.stop()
            await asyncio.wait(workers)
        except asyncio.CancelledError as cancelled:
            fault = cancelled
            self.stop()
            # A second cancellation breaks this off, and with it the bodies under way.
            await asyncio.wait(workers)
        finally:
            for worker in workers:
                worker.cancel()
            ends = await asyncio.gather(*workers, return_exceptions=True)
            fault = fault or next((end for end in ends if isinstance(end, Exception)), None)
            await self._give_back(fault)
        if fault is None and self._refusals and not self._accepted:
            fault = self.refused(self._refusal)
        if fault is not None:
            raise fault

    async def next(self) -> Message | None:
        """Return the message that is to be sent next, or None at the end."""
        while not self.stopping.is_set():
            if self._returned:
                return self._returned.popleft()
            if self.dry.is_set():
                return None
            async with self._pulling:
                await self._pull_one()
        return None

    def hand_back(self, message: Message) -> None:
        """Let another connection take a message that was not attempted."""
        self._returned.append(message)
        self._changed.set()

    def others_are_connected(self) -> bool:
        return any(connection.open for connection in self.connections)

    def count(self, outcome: Outcome, *, against_us: bool) -> None:
        """Take notice of an outcome; raises DeliveryError where one refusal about us follows another."""
        if outcome.result in ("sent", "caught"):
            self._accepted += 1
            self._refusals = 0
        elif against_us:
            self._refusals += 1
            words = (str(outcome.code or ""), outcome.enhanced, outcome.text)
            self._refusal = " ".join(word for word in words if word).rstrip(".")
            if self._refusals >= REFUSALS:
                raise self.refused(self._refusal)

    def refused(self, words: str) -> DeliveryError:
        return DeliveryError(
            f"The mail server {self.relay.where} refuses this newsletter, not its readers: {words}.",
            next_step="No reader lost their mail; mend what the server names, then send again.",
        )

    def unreachable(self, words: str) -> DeliveryError:
        return DeliveryError(
            f"The mail server {self.relay.where} cannot be reached: {words}.",
            next_step="Nothing is lost; check smtp.host and smtp.port, or wait, then send again.",
        )

    async def _pull_one(self) -> None:
        if self._returned or self.dry.is_set():
            return
        # In a task of its own, since a message that is handed back must not wait for the next one.
        if self._pull is None:
            self._pull = asyncio.create_task(_first(self._messages))
            self._pull.add_done_callback(lambda _: self._changed.set())
        while not (self._pull.done() or self._returned or self.stopping.is_set()):
            self._changed.clear()
            await self._changed.wait()
        if self._pull.done():
            self._take_pulled()

    def _take_pulled(self) -> None:
        if self._pull is None or self._pull.cancelled():
            return
        pull, self._pull = self._pull, None
        message = pull.result()
        if message is None:
            self.dry.set()
        else:
            self._returned.append(message)

    async def _give_back(self, fault: BaseException | None) -> None:
        """Release what was not attempted; a fault that is on its way already is the one to tell."""
        try:
            if self._pull is not None:
                self._pull.cancel()
                await asyncio.wait([self._pull])
                self._take_pulled()
            while self._returned:
                await self.ledger.release(self._returned[0].delivery_id)
                self._returned.popleft()
            if isinstance(self._messages, AsyncGenerator):
                await self._messages.aclose()
        except Exception:
            if fault is None:
                raise
            log.warning("deliveries not given back", count=len(self._returned))


class _Worker:
    """One connection at a time, and one message at a time on it."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._connection: Connection | None = None
        # In a row: connections that could not be made, or broke before an answer that settled something.
        self._failures = 0
        self._reason = ""

    async def work(self) -> None:
        run = self._run
        try:
            while (message := await run.next()) is not None:
                connection = None
                try:
                    connection = await self._ready()
                finally:
                    if connection is None:
                        run.hand_back(message)
                if connection is not None:
                    await self._send(connection, message)
                elif run.dry.is_set():
                    return
                else:
                    log.warning("fewer connections to the mail server", reason=self._reason)
                    await _wait(run.dry, ASIDE_SECONDS)
        except asyncio.CancelledError:
            if self._connection is not None:
                self._connection.close()
            raise
        finally:
            await self._hang_up()

    async def _send(self, connection: Connection, message: Message) -> None:
        try:
            result = await transact(connection, message, self._run.ledger.sending, caught=self._run.caught)
        except DeliveryError:
            self._run.hand_back(message)
            raise
        await self._settle(message, result)

    async def _ready(self) -> Connection | None:
        """Return an open connection; None where this worker is to stay aside, because others have one or all stop."""
        run = self._run
        if self._connection is not None:
            if self._connection.open and self._connection.messages < run.settings.messages_per_connection:
                return self._connection
            await self._hang_up()
        while not run.stopping.is_set():
            if self._failures > len(run.pauses):
                if not run.others_are_connected():
                    raise run.unreachable(self._reason)
                self._failures = len(run.pauses)
                return None
            if self._failures:
                await _wait(run.stopping, reconnect_pause(self._failures, run.pauses, run.chance))
                if run.stopping.is_set():
                    return None
            try:
                self._connection = await run.relay.connect()
            except UnreachableError as error:
                self._failures += 1
                self._reason = str(error)
                if run.others_are_connected():
                    return None
            else:
                run.connections.add(self._connection)
                return self._connection
        return None

    async def _settle(self, message: Message, result: Result) -> None:
        run = self._run
        outcome = result.outcome
        if result.broke or (outcome is not None and outcome.code == 421):
            self._failures += 1
            self._reason = result.broke or "it answered 421"
        else:
            self._failures = 0
        if result.stop:
            await self._untouched(message, result)
            raise run.refused(result.stop)
        if outcome is None:
            if not result.broke:
                return
            run.losses[message.delivery_id] += 1
            if run.losses[message.delivery_id] < LOSSES:
                await self._untouched(message, result)
                return
            words = f"Each time before the message was taken the connection ended: {result.broke}."
            outcome = Outcome(delivery_id=message.delivery_id, result="deferred", text=words, about="us")
        run.losses.pop(message.delivery_id, None)
        await run.ledger.outcome(outcome)
        run.count(outcome, against_us=result.against_us)

    async def _untouched(self, message: Message, result: Result) -> None:
        if result.committed:
            await self._run.ledger.release(message.delivery_id)
        else:
            self._run.hand_back(message)

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # Before the goodbye, since others go by who is connected.
            self._run.connections.discard(connection)
            await connection.quit()


async def _first(messages: AsyncIterator[Message]) -> Message | None:
    return await anext(messages, None)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
