"""Learn the archive's model from what is on record, and keep it fresh beside the work that goes on with the old one."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

import structlog

from newsletter.clock import Clock
from newsletter.models import Paper
from newsletter.pipeline.vectors import Placing
from newsletter.store import papers, subscribers
from newsletter.store.database import Database

if TYPE_CHECKING:
    from newsletter.ranking.vectors import Vectors

log = structlog.get_logger()

# The newest papers from which the words of the field are learned.
ARCHIVE = 20_000
# The newest likes of all readers from which it is learned what they have in common.
LIKES = 500_000
# A kept model is learned anew once so great a part of its archive has come in since, or once it is so old.
GROWN = 0.02
OLDEST = timedelta(hours=24)
# After learning failed, the next try waits for so long.
PAUSE = timedelta(hours=1)


class Learns(Protocol):
    """What can be fitted on the archive; fitting is pure, so it may run in a thread."""

    def fit(
        self, archive: Sequence[Paper], likes: Sequence[Sequence[Paper]] = (), *, vectors: "Vectors | None" = None
    ) -> None:
        """Learn the words of the archive, what all readers' likes have in common, and where a model puts papers."""
        ...


Model = TypeVar("Model", bound=Learns)
Result = TypeVar("Result")


class Lesson(NamedTuple):
    """What a model is fitted on, and the highest id of a paper on record by then."""

    archive: list[Paper]
    likes: list[list[Paper]]
    newest: int


class _Kept(NamedTuple, Generic[Model]):
    model: Model
    size: int
    newest: int
    at: datetime


class Learner(Generic[Model]):
    """Gives models that know the archive; `make` makes one that knows nothing, `placing` has vectors of papers."""

    def __init__(self, database: Database, clock: Clock, make: Callable[[], Model], placing: Placing) -> None:
        self.placing = placing
        self._database = database
        self._clock = clock
        self._make = make
        self._kept: _Kept[Model] | None = None
        self._first: asyncio.Task[_Kept[Model]] | None = None
        self._refresh: asyncio.Task[None] | None = None
        self._failed_at: datetime | None = None

    async def fresh(self, *, only_words: bool = False) -> Model:
        """Return a model of what is on record now, or of the words of its papers alone; it is not kept."""
        if not only_words:
            return (await self._learned()).model
        async with self._database.connect() as connection:
            archive = await papers.archive(connection, ARCHIVE)
        model = self._make()
        await _in_a_thread(lambda: model.fit(archive))
        return model

    async def kept(self) -> Model:
        """Return the model that is kept, at once, and learn it anew in the background if it is due.

        Only where there is none of any paper so far the first one is waited for. If learning fails, that is logged,
        and the old one stays.
        """
        if self._kept is None or not self._kept.size:
            self._kept = await self._learned_once()
        elif (self._refresh is None or self._refresh.done()) and await self._due(self._kept):
            self._refresh = asyncio.create_task(self._renew(), name="learning")
        return self._kept.model

    async def close(self) -> None:
        """Let go of what is under way."""
        tasks = [task for task in (self._first, self._refresh) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _learned_once(self) -> _Kept[Model]:
        """Learn for all who ask meanwhile; who leaves before its end lets it go on."""
        if self._first is None or self._first.done():
            self._first = asyncio.create_task(self._learned(), name="first learning")
            # If all left who asked, nobody hears of a fault.
            self._first.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._first)

    async def _due(self, kept: _Kept[Model]) -> bool:
        now = self._clock.now()
        # Either way: a clock that was ahead may have stepped back.
        if self._failed_at is not None and abs(now - self._failed_at) < PAUSE:
            return False
        if abs(now - kept.at) >= OLDEST:
            return True
        async with self._database.connect() as connection:
            return await papers.count_after(connection, kept.newest) > GROWN * kept.size

    async def _renew(self) -> None:
        try:
            self._kept = await self._learned()
            self._failed_at = None
        except Exception:
            self._failed_at = self._clock.now()
            log.exception("the model could not be learned anew, and the old one goes on")

    async def _learned(self) -> _Kept[Model]:
        now = self._clock.now()
        lesson = await lesson_of(self._database)
        vectors = await self.placing.of_archive(lesson.archive)

        def learn() -> Model:
            # What it is made of is loaded with the first one, which takes longer than many a page.
            model = self._make()
            model.fit(lesson.archive, lesson.likes, vectors=vectors)
            return model

        model = await _in_a_thread(learn)
        log.info("learned", papers=len(lesson.archive), readers=len(lesson.likes))
        return _Kept(model, len(lesson.archive), lesson.newest, now)


async def lesson_of(database: Database, *, before: datetime | None = None) -> Lesson:
    """Return the newest papers, and the newest likes of papers among them, a list for each reader.

    `before` leaves out what came in, or was said, at that moment or later.
    """
    async with database.connect() as connection:
        archive = await papers.archive(connection, ARCHIVE, before=before)
        liked = await subscribers.likes_of_all(connection, LIKES, before=before)
        newest = await papers.newest_id(connection)
    by_id = {paper.id: paper for paper in archive}
    readers = [[by_id[number] for number in numbers if number in by_id] for numbers in liked]
    return Lesson(archive, [likes for likes in readers if likes], newest)


async def _in_a_thread(work: Callable[[], Result]) -> Result:
    """Do work beside the event loop; who is cancelled does not wait for it, and nor does the end of the program."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def tell(result: Result | None, fault: BaseException | None) -> None:
        if done.done():
            return
        if fault is not None:
            done.set_exception(fault)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # without a fault it is what the work gave

    def act() -> None:
        result, fault = None, None
        try:
            result = work()
        except BaseException as error:
            fault = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, result, fault)

    threading.Thread(target=act, name="learning", daemon=True).start()
    return await done
