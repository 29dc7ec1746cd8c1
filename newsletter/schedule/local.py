"""`newsletter run`: APScheduler ticks, and each tick does what the record says is due."""

import asyncio
import contextlib
import functools
import logging
import signal
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from newsletter.app import App
from newsletter.clock import Clock, SystemClock
from newsletter.errors import NewsletterError
from newsletter.pipeline import deliver, refresh
from newsletter.pipeline.asking import Asking
from newsletter.pipeline.due import due_now
from newsletter.pipeline.intake import Box, Intake
from newsletter.pipeline.resolve import Resolving

log = structlog.get_logger()

# How often it is looked whether the clock stepped back, and what counts as a step.
WATCH_SECONDS = 30.0
SLACK = timedelta(seconds=2)

# How often it is looked who wants to subscribe, or has said so: they wait for a mail, before their page.
NEWCOMERS_SECONDS = 2.0
PRUNE_SECONDS = 3600.0

# How often it is looked who waits for an answer at a page.
ANSWERS_SECONDS = 2.0

# How often it is looked which feeds are due; when each of them is, its server has a part in.
FEEDS_SECONDS = 60.0
# Looks that wait for slow servers hold up no other; each ends within ten minutes.
LOOKS_AT_ONCE = 10

Act = Callable[[App], Awaitable[None]]


async def tick(app: App) -> None:
    """Choose for everyone whose hour has come, and send what is due; safe to repeat and to run twice at once."""
    try:
        await _choose(app)
    except Exception:
        # What waits already has nothing to do with it.
        await _send(app)
        raise
    await _send(app)


async def _choose(app: App) -> None:
    catch_up = timedelta(hours=app.settings.schedule.catch_up_hours)
    due = app.patience.ready(await due_now(app.database, app.clock.now(), catch_up))
    if due:
        await (await app.composer(kept=True)).compose(due)


async def newcomers(app: App) -> None:
    """Ask those who want to subscribe, choose a first issue for those who said so, and send both; safe to repeat."""
    signups = await app.signups()
    asked = await signups.settle()
    first, looked_at = await signups.first()
    if first:
        await (await app.composer(kept=True)).compose(first)
    if app.sending_turn.locked():
        # That run may be past what was queued just now, so who has confirmed is looked at again after it.
        return
    if looked_at:
        await signups.greeted(looked_at)
    if asked or looked_at:
        await _send(app)


async def prune(app: App) -> None:
    """Delete who asked to subscribe and never said so."""
    await (await app.signups()).prune()


async def _send(app: App) -> None:
    async with app.sending_turn:
        await _send_now(app)


async def _send_now(app: App) -> None:
    if await deliver.anything_due(app.database, app.clock.now()):
        await app.sum_up()
        sending = await app.sending()
        async with app.courier() as courier:
            report = await sending.run(courier)
        if report.fault is not None:
            raise report.fault


async def look_at_feeds(app: App, manners: "refresh.Manners | None" = None) -> None:
    """Ask the feeds that are due, and take in what they bring."""
    window_days = app.settings.ranking.window_days
    report = await refresh.refresh(
        app.database, app.clock, app.settings.feeds, window_days=window_days, manners=manners
    )
    for source in report.sources:
        # What is wrong with a feed itself is on record, and told once when it lasts.
        if source.entries and source.refused:
            first = source.refused[0]
            log.info("refused", source=source.source, number=len(source.refused), where=first.where, what=first.what)
    await app.tell_operator(report.lasting)


class Looking:
    """Looks at the feeds that are due, while earlier looks wait for slow servers; all of them share their manners."""

    def __init__(self) -> None:
        self._manners: refresh.Manners | None = None

    async def __call__(self, app: App) -> None:
        """Ask the feeds that are due and that no other look is asking."""
        self._manners = self._manners or refresh.manners(app.settings.feeds, app.clock)
        await look_at_feeds(app, self._manners)


class Answering:
    """Sends what somebody waits for at a page: their link, the word that they are out, a question at a new address.

    Each is tried once so soon; what cannot be sent then is the next tick's, as is what waits at the start.
    """

    def __init__(self) -> None:
        self._seen: int | None = None

    async def __call__(self, app: App) -> None:
        """Send what came up since the last call, unless a run is under way, which takes it along."""
        if app.sending_turn.locked():
            return
        self._seen, waits = await deliver.notice_after(app.database, self._seen)
        if waits:
            await _send(app)


class LookingUp:
    """Looks up some of the papers that are known by title alone; mail that is due goes first."""

    def __init__(self) -> None:
        # Who wanted to be left alone is left alone in the hours that follow.
        self._pauses: dict[str, datetime] = {}

    async def __call__(self, app: App) -> None:
        """Look up as many papers as the settings allow in an hour."""

        async def no_mail_waits() -> bool:
            return not await deliver.anything_due(app.database, app.clock.now())

        feeds = app.settings.feeds
        work = Resolving(app.database, app.clock, feeds, pauses=self._pauses)
        async with Asking(app.database, app.clock, feeds) as ask:
            await work.run(ask, limit=feeds.resolve_hourly, go_on=no_mail_waits)


async def look_at(intake: Intake, box: Box, _: App) -> None:
    """Take in what came back to a box since the last look."""
    async with contextlib.aclosing(intake.read(box)) as mails:
        async for mail in mails:
            if mail.kind != "other" and not mail.taken:
                log.warning("left in its box", mail=mail.name, kind=mail.kind, what=mail.what)


class Clockwork:
    """Runs acts at intervals, each at most once at a time unless told otherwise, until `stop`.

    A fault of one is told and no more. `wall` is the clock that APScheduler goes by.
    """

    def __init__(self, app: App, *, wall: Clock | None = None) -> None:
        self._app = app
        self._wall_clock = wall or SystemClock()
        self._intervals: dict[str, timedelta] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._end = asyncio.Event()
        # A tick that is still at work when the next is due takes its place; what came due is found by the one after.
        # That is no fault, and APScheduler would warn of it at each interval of a long edition.
        logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )

    def every(self, seconds: float, act: Act, *, name: str = "", at_once: int = 1) -> None:
        """Run an act at once and then at intervals; it is called by the name of its function, unless one is given.

        It is begun anew while fewer than `at_once` of its runs are under way.
        """
        name = name or getattr(act, "__name__", "")
        self._intervals[name] = timedelta(seconds=seconds)
        self._scheduler.add_job(
            self._guarded,
            "interval",
            [act, name],
            seconds=seconds,
            next_run_time=self._wall_clock.now(),
            id=name,
            max_instances=at_once,
        )

    def stop(self) -> None:
        """Ask for the end."""
        self._end.set()

    async def run(self) -> None:
        """Work until `stop`; what is under way is asked to come to a safe end and waited for."""
        self._scheduler.start()
        watching = asyncio.create_task(self._watch(), name="watch")
        try:
            await self._end.wait()
        finally:
            watching.cancel()
            # This cancels the acts under way: a transaction is rolled back, a message on its way gets its answer.
            self._scheduler.shutdown(wait=False)
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _watch(self) -> None:
        """Bring forward what a clock that stepped back has put off: APScheduler goes by the wall, this does not."""
        pause = min([WATCH_SECONDS, *(interval.total_seconds() for interval in self._intervals.values())])
        while True:
            await asyncio.sleep(pause)
            now = self._wall_clock.now()
            for job in self._scheduler.get_jobs():
                due = job.next_run_time
                if due is not None and due - now > self._intervals[job.id] + SLACK:
                    log.warning("the clock stepped back", act=job.id, by=(due - now).total_seconds())
                    job.modify(next_run_time=now)

    async def _guarded(self, act: Act, name: str) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine always runs in a task here
        self._running.add(task)
        try:
            await act(self._app)
        except NewsletterError as error:
            log.error("failed", act=name, fault=str(error))
        except asyncio.CancelledError:
            # The end was asked for, which APScheduler would log as a fault.
            log.info("stopped", act=name)
        except Exception:
            log.exception("failed", act=name)
        finally:
            self._running.discard(task)


async def run(app: App) -> None:
    """Tick and look at the feeds until the process is asked to end."""
    clockwork = Clockwork(app)
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, clockwork.stop)
    clockwork.every(FEEDS_SECONDS, Looking(), name="look_at_feeds", at_once=LOOKS_AT_ONCE)
    clockwork.every(app.settings.schedule.tick_seconds, tick)
    if app.settings.web.base_url and app.settings.signup.open:
        clockwork.every(NEWCOMERS_SECONDS, newcomers)
    if app.settings.web.base_url:
        clockwork.every(ANSWERS_SECONDS, Answering(), name="answer")
    clockwork.every(PRUNE_SECONDS, prune)
    if app.settings.feeds.resolve:
        clockwork.every(3600, LookingUp(), name="look_up")
    async with contextlib.AsyncExitStack() as stack:
        await take_in_what_comes_back(app, clockwork, stack)
        log.info("running", tick_seconds=app.settings.schedule.tick_seconds)
        await clockwork.run()
    log.info("ended")


async def take_in_what_comes_back(app: App, clockwork: Clockwork, stack: contextlib.AsyncExitStack) -> None:
    """Look at the boxes of the settings at intervals, and listen for what a mail server hands over."""
    bounces = app.settings.bounces
    boxes = app.boxes()
    if not boxes and not bounces.lmtp_port:
        return
    intake = await app.intake()
    for number, box in enumerate(boxes, start=1):
        clockwork.every(bounces.poll_minutes * 60, functools.partial(look_at, intake, box), name=f"look_at_{number}")
    if bounces.lmtp_port:
        log.info("listening", port=await stack.enter_async_context(app.listening(intake)))
