"""Show what a person would get, or got; it changes nothing."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import date
from typing import NamedTuple

from newsletter.clock import Clock
from newsletter.errors import NotFoundError
from newsletter.models import Delivery, Edition, EditionKind, Issue, Notice, Pick, Recipient, Subscriber
from newsletter.pipeline import slots
from newsletter.pipeline.chooser import CAUSES
from newsletter.pipeline.compose import Composer
from newsletter.pipeline.letter import LetterWriter, Written
from newsletter.pipeline.notices import said as told
from newsletter.pipeline.standing import obstacle
from newsletter.pipeline.subscribers import find
from newsletter.rendering.reasons import reason_sentence
from newsletter.store import deliveries, editions, issues, notices
from newsletter.store.database import Database


class Preview(NamedTuple):
    """The message of an issue; `delivery` is there if it was put on record, and so is what they got.

    Else `obstacle` says what would keep `send` from choosing for them on that day, if anything.
    """

    person: Subscriber
    issue: Issue
    written: Written
    delivery: Delivery | None
    obstacle: str = ""


async def preview(
    database: Database,
    clock: Clock,
    writer: LetterWriter,
    composer: Callable[[], Awaitable[Composer]],
    email: str,
    *,
    day: date | None = None,
    kind: Notice | None = None,
) -> Preview:
    """Return the message of a person for a local date, by default that of today: an issue, or a notice of that kind.

    What is on record for that date is shown as it was composed; else papers are chosen as `send` would choose them.
    Raises NotFoundError if the person is not on record, or if there is nothing for them.
    """
    person = await find(database, email)
    day = slots.local_date(person, clock.now()) if day is None else day
    if kind is not None:
        return await _notice(database, clock, writer, composer, person, day, kind)
    async with database.connect() as connection:
        number = await editions.issue_of(connection, person.id, day)
        if number is not None:
            issue = await issues.scored(connection, (await issues.load(connection, [number]))[number].issue)
            delivery = await deliveries.by_issue(connection, number)
        else:
            issue, delivery = None, None
            found = await editions.find(connection, day, person.cadence)
    why_not = ""
    if issue is None:
        why_not = await obstacle(database, person, clock.now(), day)
        issue = await _composed(composer, person, found or _unsaved(person, day, clock))
        async with database.connect() as connection:
            issue = await issues.summed_up(connection, issue)
    return await _shown(writer, clock, person, issue, delivery, why_not)


async def _notice(
    database: Database,
    clock: Clock,
    writer: LetterWriter,
    composer: Callable[[], Awaitable[Composer]],
    person: Subscriber,
    day: date,
    kind: Notice,
) -> Preview:
    of_kind: EditionKind = "issue" if kind == "nothing" else kind
    async with database.connect() as connection:
        number = await notices.of_day(connection, person.id, of_kind, day)
        if number is not None:
            issue = (await issues.load(connection, [number]))[number].issue
            delivery = await deliveries.by_issue(connection, number)
            if delivery is not None and issue.notice == kind:
                return await _shown(writer, clock, person, issue, delivery)
    if kind == "nothing":
        chooser = await composer()
        await chooser.pick([person], day)
        said = chooser.nothing(person, day)
    else:
        said = told(kind, person, clock.now())
    edition = _unsaved(person, day, clock).model_copy(update={"kind": of_kind})
    recipient = Recipient(person.id, person.email, person.language)
    return await _shown(writer, clock, person, Issue(0, edition, recipient, (), said=said), None)


async def _shown(
    writer: LetterWriter,
    clock: Clock,
    person: Subscriber,
    issue: Issue,
    delivery: Delivery | None,
    why_not: str = "",
) -> Preview:
    message_id = delivery.message_id if delivery else f"<preview.{secrets.token_hex(8)}@preview.invalid>"
    address = delivery.address if delivery else person.email
    written = await writer.write(issue, address=address, message_id=message_id, date=clock.now())
    return Preview(person, issue, written, delivery, why_not)


def reason(pick: Pick, language: str) -> str:
    """Return why a paper is in an issue, as the mail says it."""
    return reason_sentence(pick.reason, language)


async def _composed(composer: Callable[[], Awaitable[Composer]], person: Subscriber, edition: Edition) -> Issue:
    chooser = await composer()
    [content] = await chooser.pick([person], edition.date)
    if not content.picks:
        raise NotFoundError(
            f"There is no paper for {person.email} on {edition.date}: {CAUSES[chooser.causes[person.email]]}.",
            next_step="Take papers in with `newsletter feeds ingest`, widen their topics, or set `--bar many`.",
        )
    return Issue(0, edition, Recipient(person.id, person.email, person.language), *content)


def _unsaved(person: Subscriber, day: date, clock: Clock) -> Edition:
    return Edition(id=0, date=day, cadence=person.cadence, created_at=clock.now())
