"""Look at the record, and put deliveries back into the queue: who got what, who did not, and why."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import NamedTuple, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock
from newsletter.delivery import addresses
from newsletter.errors import NotFoundError, UsageError
from newsletter.models import Attempt, DeliveryState, Edition, Paper
from newsletter.pipeline import lookup
from newsletter.store import beside, bounces, deliveries, editions, history, papers, subscribers, suppressions
from newsletter.store.bounces import Kept as Kept
from newsletter.store.bounces import Kind
from newsletter.store.database import Database
from newsletter.store.deliveries import RELEASING
from newsletter.store.editions import Summary as Summary
from newsletter.store.history import Record as Record
from newsletter.store.history import Success as Success

RETRIABLE = (
    DeliveryState.CAUGHT,
    DeliveryState.DEFERRED,
    DeliveryState.FAILED,
    DeliveryState.SUPPRESSED,
    DeliveryState.UNKNOWN,
)
# Beside those that failed: who may not have got it either.
ALSO_WITHOUT = (DeliveryState.BOUNCED, DeliveryState.SUPPRESSED, DeliveryState.UNKNOWN)
PAGE = 500

Found = TypeVar("Found")


class Status(NamedTuple):
    """The figures of the whole; `outside` and `inside` tell how picks from outside the topics fared, and the others."""

    subscribers: dict[str, int]
    papers: int
    deliveries: dict[str, int]
    suppressions: int
    next_due: datetime | None
    outside: Success
    inside: Success


class Shown(NamedTuple):
    """A delivery with the attempts that did not go straight through, and the reports that came back."""

    record: Record
    attempts: list[Attempt]
    reports: list[Kept]


class RetryReport(NamedTuple):
    """How many deliveries were put back, and those whose papers went out in another issue meanwhile.

    `barred` are addresses of what was put back that must not be mailed.
    """

    queued: int
    overtaken: tuple[str, ...]
    barred: tuple[str, ...] = ()


async def status(database: Database) -> Status:
    """Return the figures of the whole."""
    async with database.connect() as connection:
        return Status(
            await subscribers.counts(connection),
            await papers.count(connection),
            await deliveries.counts(connection),
            await suppressions.count(connection),
            await deliveries.next_due(connection),
            *await history.success(connection),
        )


async def list_deliveries(
    database: Database,
    *,
    state: DeliveryState | None = None,
    day: date | None = None,
    email: str | None = None,
    ids: Sequence[int] | None = None,
) -> AsyncIterator[Record]:
    """Go through the deliveries that fit, oldest first, in parts that fit into memory."""
    whose = await _subscriber_id(database, email)

    def part(connection: AsyncConnection, after: int) -> Awaitable[list[Record]]:
        return history.records(connection, after=after, limit=PAGE, state=state, day=day, subscriber_id=whose, ids=ids)

    async for one in _through(database, part, lambda one: one.delivery.id):
        yield one


async def list_reports(
    database: Database, *, kind: Kind | None = None, email: str | None = None
) -> AsyncIterator[Kept]:
    """Go through the reports that came back, oldest first, in parts that fit into memory."""
    whose = await _subscriber_id(database, email)

    def part(connection: AsyncConnection, after: int) -> Awaitable[list[Kept]]:
        return bounces.page(connection, after=after, limit=PAGE, kind=kind, subscriber_id=whose)

    async for one in _through(database, part, lambda one: one.id):
        yield one


async def show_delivery(database: Database, number: int) -> Shown:
    """Return one delivery whole."""
    async with database.connect() as connection:
        found = await history.records(connection, ids=[number])
        if not found:
            raise NotFoundError(
                f"There is no delivery {number}.", next_step="`newsletter deliveries list` shows their numbers."
            )
        return Shown(
            found[0],
            await history.attempts_of(connection, number),
            await bounces.page(connection, delivery_id=number),
        )


async def retry(
    database: Database,
    clock: Clock,
    *,
    state: DeliveryState | None = None,
    day: date | None = None,
    email: str | None = None,
    ids: Sequence[int] | None = None,
) -> RetryReport:
    """Put deliveries back into the queue with their papers and their Message-ID; the next run sends them.

    One whose papers were released is put back only if none of them went to the person in another issue meanwhile.
    Raises NotFoundError if an id is not on record, and puts nothing back then.
    """
    if state is not None and state not in RETRIABLE:
        raise UsageError(f"What is {state} is not sent again.", next_step=f"Name one of {', '.join(RETRIABLE)}.")
    overtaken: list[str] = []
    barred: list[str] = []
    queued = 0
    if ids is not None:
        await _must_be_there(database, ids)
    found = [
        record
        async for record in list_deliveries(database, state=state, day=day, email=email, ids=ids)
        if record.delivery.state in RETRIABLE
    ]
    for start in range(0, len(found), PAGE):
        async with database.begin() as connection:
            ready = []
            part = [record.delivery for record in found[start : start + PAGE]]
            states = await deliveries.lock(connection, [one.id for one in part])
            # A run may have gone on with some of them since they were listed.
            for one in (one for one in part if states.get(one.id) is one.state):
                if one.state in RELEASING and not await papers.take_again(connection, one.issue_id, one.subscriber_id):
                    overtaken.append(one.address)
                    continue
                if one.state in RELEASING:
                    await beside.take_again(connection, one.issue_id, one.subscriber_id)
                ready.append(one.id)
            queued += await deliveries.queue_again(connection, ready, clock.now())
            back = {addresses.key(one.address): one.address for one in part if one.id in ready}
            barred += [back[key] for key in await suppressions.among(connection, back)]
    return RetryReport(queued, tuple(overtaken), tuple(barred))


async def states(
    database: Database, *, day: date | None = None, email: str | None = None, ids: Sequence[int] | None = None
) -> dict[str, int]:
    """Count the deliveries that fit by their state."""
    found = Counter[str]()
    async for one in list_deliveries(database, day=day, email=email, ids=ids):
        found[str(one.delivery.state)] += 1
    return dict(found)


async def also_without(database: Database, *, day: date | None = None, email: str | None = None) -> dict[str, int]:
    """Count those who did not get it either, though their deliveries do not count as failed, by state."""
    whose = await _subscriber_id(database, email)
    async with database.connect() as connection:
        return await history.states(connection, ALSO_WITHOUT, day=day, subscriber_id=whose)


async def _must_be_there(database: Database, ids: Sequence[int]) -> None:
    there = {record.delivery.id async for record in list_deliveries(database, ids=ids)}
    missing = [str(number) for number in dict.fromkeys(ids) if number not in there]
    if missing:
        raise NotFoundError(
            f"There is no delivery {', '.join(missing)}; nothing was put back.",
            next_step="`newsletter deliveries list` shows their numbers.",
        )


async def _subscriber_id(database: Database, email: str | None) -> int | None:
    if email is None:
        return None
    async with database.connect() as connection:
        person = await subscribers.by_email(connection, addresses.key(email))
    if person is None:
        raise NotFoundError(f"Nobody with the address {email} is on record.")
    return person.id


async def _through(
    database: Database,
    part_after: Callable[[AsyncConnection, int], Awaitable[list[Found]]],
    number: Callable[[Found], int],
) -> AsyncIterator[Found]:
    after = 0
    while True:
        async with database.connect() as connection:
            part = await part_after(connection, after)
        for one in part:
            yield one
        if len(part) < PAGE:
            return
        after = number(part[-1])


async def list_editions(database: Database, *, day: date | None = None, limit: int = 30) -> list[Summary]:
    """Return the newest editions with how their mail stands."""
    async with database.connect() as connection:
        return await editions.summaries(connection, day=day, limit=limit)


def refused_in(markdown: str) -> str:
    """Return a sentence on what of an editor's note no mail shows as it is written, or an empty string."""
    # Imported here: whoever only asks the records need not wait for it.
    from newsletter.rendering import note

    images, links = note.refused(markdown)
    told = [
        f"{count} {name}{'' if count == 1 else 's'}" for count, name in ((images, "image"), (links, "link")) if count
    ]
    if not told:
        return ""
    return (
        f"{' and '.join(told)} will be shown as plain words: a mail fetches no images, and its links are whole "
        "addresses with http, https or mailto."
    )


def octets_of_note(markdown: str) -> int:
    """Return how many octets of a mail an editor's note takes, as HTML in quoted-printable."""
    from newsletter.delivery import quoted
    from newsletter.rendering import note

    return len(quoted.encode(note.to_html(markdown)))


async def set_note(
    database: Database, clock: Clock, markdown: str, day: date, cadences: Sequence[str]
) -> list[Edition]:
    """Set the editor's note of the editions of a day, made if they are not there."""
    if "\x00" in markdown:
        raise UsageError("The note holds a NUL character.", next_step="Give a file of plain text in Markdown.")
    async with database.begin() as connection:
        found = [await editions.ensure(connection, day, cadence, clock.now()) for cadence in cadences]
        for edition in found:
            await editions.note(connection, edition.id, markdown)
    return [edition.model_copy(update={"note": markdown}) for edition in found]


async def cadences(database: Database, day: date) -> list[str]:
    """Return the cadences in use that have an issue on a day."""
    async with database.connect() as connection:
        return await subscribers.cadences_on(connection, day)


async def search_papers(database: Database, words: str, *, limit: int) -> list[Paper]:
    """Return the newest papers whose title has all the words."""
    async with database.connect() as connection:
        return await lookup.with_words(connection, words, limit=limit)


async def paper(database: Database, number: int) -> Paper:
    """Return one paper."""
    async with database.connect() as connection:
        found = await papers.by_ids(connection, [number])
    if number not in found:
        raise NotFoundError(f"There is no paper {number}.", next_step="`newsletter papers list` shows their numbers.")
    return found[number]


async def mark_paper(database: Database, number: int, **marks: bool) -> Paper:
    """Hide a paper from choosing, or pin it, or take that back."""
    await paper(database, number)
    async with database.begin() as connection:
        await papers.mark(connection, number, **marks)
    return await paper(database, number)
