"""`newsletter run`: APScheduler ticks, and each tick does what the record says is due."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from newsletter.app import App
from newsletter.errors import NewsletterError
from newsletter.pipeline import compose, deliver, refresh

log = structlog.get_logger()

Act = Callable[[App], Awaitable[None]]


async def tick(app: App) -> None:
    """Choose for everyone whose hour has come, and send what is due; safe to repeat and to run twice at once."""
    catch_up = timedelta(hours=app.settings.schedule.catch_up_hours)
    due = await compose.due_now(app.database, app.clock.now(), catch_up)
    if due:
        await (await app.composer()).compose(due)
    if await deliver.anything_due(app.database, app.clock.now()):
        sending = await app.sending()
        async with app.courier() as courier:
            report = await sending.run(courier)
        if report.fault is not None:
            raise report.fault


async def look_at_feeds(app: App) -> None:
    """Take in what the feeds brought."""
    report = await refresh.refresh(app.database, app.clock, app.settings.feeds)
    for source in report.sources:
        for problem in source.refused:
            log.warning("refused", source=source.source, where=problem.where, what=problem.what)


class Clockwork:
    """Runs acts at intervals, each at most once at a time, until `stop`; a fault of one is told and no more."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._running: set[asyncio.Task[None]] = set()
        self._end = asyncio.Event()
        # A tick that is still at work when the next is due takes its place; what came due is found by the one after.
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )

    def every(self, seconds: float, act: Act) -> None:
        """Run an act at once and then at intervals."""
        self._scheduler.add_job(
            self._guarded,
            "interval",
            [act],
            seconds=seconds,
            next_run_time=self._app.clock.now(),
            id=act.__name__,
        )

    def stop(self) -> None:
        """Ask for the end."""
        self._end.set()

    async def run(self) -> None:
        """Work until `stop`; what is under way is asked to come to a safe end and waited for."""
        self._scheduler.start()
        try:
            await self._end.wait()
        finally:
            # This cancels the acts under way: a transaction is rolled back, a message on its way gets its answer.
            self._scheduler.shutdown(wait=False)
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _guarded(self, act: Act) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine always runs in a task here
        self._running.add(task)
        try:
            await act(self._app)
        except NewsletterError as error:
            log.error("failed", act=act.__name__, fault=str(error))
        except asyncio.CancelledError:
            # The end was asked for, which APScheduler would log as a fault.
            log.info("stopped", act=act.__name__)
        except Exception:
            log.exception("failed", act=act.__name__)
        finally:
            self._running.discard(task)


async def run(app: App) -> None:
    """Tick and look at the feeds until the process is asked to end."""
    clockwork = Clockwork(app)
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, clockwork.stop)
    clockwork.every(app.settings.feeds.refresh_minutes * 60, look_at_feeds)
    clockwork.every(app.settings.schedule.tick_seconds, tick)
    log.info("running", tick_seconds=app.settings.schedule.tick_seconds)
    await clockwork.run()
    log.info("ended")
