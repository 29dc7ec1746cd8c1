"""Keeps the pace of a run within its limits across processes, restarts and steps of the clock; it sends nothing.

What the pacer uses is reserved in the record first, in one guarded transaction for all that is wanted at the time.
"""

import asyncio
import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock, Machine, this_machine
from newsletter.config import Rates, Settings
from newsletter.delivery.limits import moved
from newsletter.delivery.pace import Pacer
from newsletter.errors import StoreError
from newsletter.pipeline import slots
from newsletter.store import pace
from newsletter.store.database import Database

log = structlog.get_logger()

# States of domains are kept for longer than any limit of theirs reaches back, and than clocks are wrong.
KEPT = timedelta(days=2)
# How often domains where nothing goes on are dropped from memory.
SWEEP_SECONDS = 5.0


class Held(NamedTuple):
    """What keeps mail waiting: for which domain (empty: all mail), by which setting, in words, and until when."""

    name: str
    setting: str
    words: str
    until: datetime


class InForce(NamedTuple):
    """A limit of the settings: for which domain (empty: all mail), by which setting, and in words."""

    name: str
    setting: str
    words: str


def in_force(settings: Settings, now: datetime) -> list[InForce]:
    """Return all limits of the settings, those of all mail first; whether one holds mail up is not known here."""
    smtp, rates = settings.smtp, settings.rates
    found = [
        InForce("", "smtp.connections", f"{_counted(smtp.connections, 'connection')} at once"),
        InForce("", "smtp.messages_per_connection", f"{_counted(smtp.messages_per_connection, 'message')} on each"),
    ]
    if rates.per_second:
        found.append(InForce("", "rates.per_second", f"{rates.per_second:g} messages a second"))
    if rates.window_messages:
        words = f"{_counted(rates.window_messages, 'message')} in any {rates.window_seconds:,} seconds"
        found.append(InForce("", "rates.window_messages", words))
    if rates.warm_up_from is not None:
        today = now.astimezone(ZoneInfo(settings.newsletter.timezone)).date()
        found.append(InForce("", "rates.warm_up_from", _warm_up(rates, today)))
    if rates.domain_per_minute:
        words = f"{_counted(rates.domain_per_minute, 'message')} a minute to any one domain"
        found.append(InForce("", "rates.domain_per_minute", words))
    if rates.domain_connections:
        words = f"{_counted(rates.domain_connections, 'message')} at once to any one domain"
        found.append(InForce("", "rates.domain_connections", words))
    for name, rate in rates.domains.items():
        most = [f"{_counted(rate.per_minute, 'message')} a minute"] if rate.per_minute else []
        most += [f"{rate.connections:,} at once"] if rate.connections else []
        words = f"{' and '.join(most) or 'as many as there are'} to {name} and what is below it"
        found.append(InForce(name, "rates.domains", words))
    pauses = f"{rates.back_off:,g} to {rates.longest_back_off:,g} seconds"
    found.append(InForce("", "rates.back_off", f"a rest of {pauses} for a domain that says it gets too much"))
    return found


def _warm_up(rates: Rates, today: date) -> str:
    first, allowed = rates.warm_up_from, rates.warm_up_on(today)
    if first is None or allowed is None:
        return "the warm-up is over"
    if today < first:
        return f"{_counted(allowed, 'message')} a day until {first}, when the warm-up begins"
    return f"{_counted(allowed, 'message')} today, day {(today - first).days + 1} of the warm-up"


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


class Pacing:
    """The pacer of one run, an async context manager; `pacer` is to be asked within.

    `timezone` is that of the newsletter, whose days the warm-up counts.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        rates: Rates,
        *,
        timezone: str,
        chance: random.Random | None = None,
        machine: Machine | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._rates = rates
        self._zone = ZoneInfo(timezone)
        self._machine = machine or this_machine()
        # The times of this run are those of the wall when it began, and go on as the machine's; a step of the wall is
        # known to others of the same boot by the difference between the two.
        self._base = clock.now().timestamp() - self._machine.seconds()
        self._called = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._fault: StoreError | None = None
        self.pacer = Pacer(
            rates,
            now=self._now,
            day=self._day,
            chance=chance or random.SystemRandom(),
            call=self._called.set,
        )

    async def look(self) -> list[Held]:
        """Return what keeps mail waiting, for whoever sends nothing; nothing is reserved."""
        async with self._database.connect() as connection:
            await self._restore(connection)
            found = await pace.states(connection, self.pacer.wanted)
        for name in list(self.pacer.wanted):
            self.pacer.take(name, self.pacer.reserve(name, self._read(found.get(name, {}))))
        return self.held()

    async def __aenter__(self) -> "Pacing":
        async with self._database.connect() as connection:
            await self._restore(connection)
        if self.pacer.wanted:
            await self._reserve()
        self._task = asyncio.create_task(self._reserve_on(), name="pacing")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self._give_back()
        except StoreError as error:
            # What was reserved counts as used; the next run is the slower for it, and nothing else.
            log.warning("the pace was not noted", fault=error.message)

    def admit(self, domain: str) -> float:
        """Return the seconds until a message to a domain may start; raises what the record failed with."""
        if self._fault is not None:
            raise self._fault
        return self.pacer.admit(domain)

    def everyone(self) -> float:
        """Return the seconds until a message to anyone may start."""
        if self._fault is not None:
            raise self._fault
        return self.pacer.everyone()

    def ended(self, domain: str, outcome: Any) -> None:
        """Take notice that an admitted message ended."""
        self.pacer.ended(domain, outcome)

    def held(self) -> list[Held]:
        """Return what keeps mail waiting now."""
        return [
            Held(one.name, one.setting, self._words(one.name, one.setting), datetime.fromtimestamp(one.until, UTC))
            for one in self.pacer.held()
        ]

    def _words(self, name: str, setting: str) -> str:
        rates = self._rates
        return {
            "per_second": f"the limit of {rates.per_second:g} messages a second",
            "window_messages": f"the limit of {rates.window_messages:,} messages in {rates.window_seconds:,} seconds",
            "warm_up_from": "the warm-up's limit of today",
            "per_minute": f"the limit of {self.pacer.per_minute(name):,} messages a minute to {name}",
            "back_off": f"{name}, which said that it gets too much",
        }[setting]

    def _now(self) -> float:
        return self._base + self._machine.seconds()

    def _day(self, now: float) -> tuple[date, float]:
        day = datetime.fromtimestamp(now, self._zone).date()
        return day, slots.moment(day + timedelta(days=1), 0, self._zone.key).timestamp()

    async def _restore(self, connection: AsyncConnection) -> None:
        for name, state in (await pace.backing_off(connection)).items():
            self.pacer.restore(name, self._read(state))

    async def _reserve_on(self) -> None:
        sweep = self._machine.seconds() + SWEEP_SECONDS
        while True:
            await self._called.wait()
            self._called.clear()
            try:
                await self._reserve()
            except StoreError as error:
                self._fault = error
                return
            if self._machine.seconds() >= sweep:
                self.pacer.forget()
                sweep = self._machine.seconds() + SWEEP_SECONDS

    async def _reserve(self) -> None:
        names = set(self.pacer.wanted)
        async with self._database.begin() as connection:
            states = {
                name: self._read(state) for name, state in (await pace.lock(connection, names, self._at())).items()
            }
            grants = {name: self.pacer.reserve(name, state) for name, state in states.items()}
            await pace.write(connection, self._written(states), self._at())
        for name, grant in grants.items():
            self.pacer.take(name, grant)

    async def _give_back(self) -> None:
        names = self.pacer.names()
        if not names:
            return
        async with self._database.begin() as connection:
            states = {
                name: self._read(state) for name, state in (await pace.lock(connection, names, self._at())).items()
            }
            for name, state in states.items():
                self.pacer.give_back(name, state)
            await pace.write(connection, self._written(states), self._at())
            await pace.forget(connection, self._at() - KEPT)

    def _at(self) -> datetime:
        return self._clock.now()

    def _read(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return a state of the record in the times of this run."""
        boot, base = state.pop("clock", ("", 0.0))
        return moved(state, self._base - base) if boot and boot == self._machine.boot else state

    def _written(self, states: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {name: {**state, "clock": [self._machine.boot, self._base]} for name, state in states.items()}
