"""Show what a person would get, or got; it changes nothing."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import date
from typing import NamedTuple

from newsletter.clock import Clock
from newsletter.delivery.pictures import html_alone as html_alone
from newsletter.errors import NotFoundError
from newsletter.models import Delivery, Edition, EditionKind, Issue, Notice, Pick, Recipient, Subscriber
from newsletter.pipeline import reprint, slots
from newsletter.pipeline.chooser import CAUSES
from newsletter.pipeline.compose import Composer
from newsletter.pipeline.groups import without
from newsletter.pipeline.letter import LetterWriter, Written
from newsletter.pipeline.notices import said as told
from newsletter.pipeline.standing import obstacle
from newsletter.pipeline.subscribers import find
from newsletter.rendering.reasons import reason_sentence
from newsletter.store import deliveries, doubles, editions, issues, notices, presses
from newsletter.store.database import Database


class Found(NamedTuple):
    """The issue of a person for a day, as it is on record or would be; `delivery` and `obstacle` as in `Preview`."""

    person: Subscriber
    issue: Issue
    delivery: Delivery | None
    obstacle: str = ""


class Preview(NamedTuple):
    """The message of an issue; `delivery` is there if it was put on record, and so is what they got.

    Else `obstacle` says what would keep `send` from choosing for them on that day, if anything. `as_sent` tells whether
    it is the message that went out, and `doubt` what speaks against that, if it was sent.
    """

    person: Subscriber
    issue: Issue
    written: Written
    delivery: Delivery | None
    obstacle: str = ""
    as_sent: bool = False
    doubt: str = ""


async def preview(
    database: Database,
    clock: Clock,
    writer: LetterWriter,
    composer: Callable[[], Awaitable[Composer]],
    email: str,
    *,
    day: date | None = None,
    kind: Notice | None = None,
    anew: bool = False,
) -> Preview:
    """Return the message of a person for a local date, by default that of today: an issue, or a notice of that kind.

    What went out for that date is shown as it went out, unless it is to be written `anew`; what waits is shown as it
    was composed; else papers are chosen as `send` would choose them.
    Raises NotFoundError if the person is not on record, or if there is nothing for them.
    """
    if kind is None:
        found = await find_issue(database, clock, composer, email, day=day)
    else:
        found = await find_notice(database, clock, composer, email, kind, day=day)
    delivery = found.delivery
    if anew or delivery is None or delivery.state in reprint.WAITING:
        return await write(found, writer, clock)
    async with database.connect() as connection:
        kept = await presses.of_delivery(connection, delivery.id)
    if kept is None:
        # What was barred never went out.
        doubt = reprint.NEVER if delivery.attempts else ""
        return (await write(found, writer, clock))._replace(doubt=doubt)
    sent = reprint.as_sent(kept, found.issue, delivery, writer)
    if sent is None:
        return (await write(found, writer, clock))._replace(doubt=reprint.LOST)
    return Preview(found.person, found.issue, sent.written, delivery, as_sent=not sent.doubt, doubt=sent.doubt)


async def find_issue(
    database: Database,
    clock: Clock,
    composer: Callable[[], Awaitable[Composer]],
    email: str,
    *,
    day: date | None = None,
) -> Found:
    """Return the issue of a person for a local date, and raise, as `preview` does."""
    person = await find(database, email)
    day = slots.local_date(person, clock.now()) if day is None else day
    async with database.connect() as connection:
        number = await editions.issue_of(connection, person.id, day)
        if number is not None:
            issue = await issues.scored(connection, (await issues.load(connection, [number]))[number].issue)
            delivery = await deliveries.by_issue(connection, number)
            if delivery is not None and delivery.state in reprint.WAITING:
                repeated = await doubles.again(connection, [issue])
                issue = without(issue, [one.position for one in repeated.get(number, ())])
                if not issue.picks:
                    raise NotFoundError(
                        f"All papers for {person.email} on {day} reached them in other mail, so this one will not go.",
                        next_step=f"`newsletter subscribers show {person.email}` lists their mail.",
                    )
        else:
            issue, delivery = None, None
            edition = await editions.find(connection, day, person.cadence)
    why_not = ""
    if issue is None:
        why_not = await obstacle(database, person, clock.now(), day)
        issue = await _composed(composer, person, edition or _unsaved(person, day, clock))
        async with database.connect() as connection:
            issue = await issues.summed_up(connection, issue)
    return Found(person, issue, delivery, why_not)


async def find_notice(
    database: Database,
    clock: Clock,
    composer: Callable[[], Awaitable[Composer]],
    email: str,
    kind: Notice,
    *,
    day: date | None = None,
) -> Found:
    """Return the notice of that kind of a person for a local date, and raise, as `preview` does."""
    person = await find(database, email)
    day = slots.local_date(person, clock.now()) if day is None else day
    of_kind: EditionKind = "issue" if kind == "nothing" else kind
    async with database.connect() as connection:
        number = await notices.of_day(connection, person.id, of_kind, day)
        if number is not None:
            issue = (await issues.load(connection, [number]))[number].issue
            delivery = await deliveries.by_issue(connection, number)
            if delivery is not None and issue.notice == kind:
                return Found(person, issue, delivery)
    if kind == "nothing":
        chooser = await composer()
        await chooser.pick([person], day)
        said = chooser.nothing(person, day)
    else:
        said = told(kind, person, clock.now())
    edition = _unsaved(person, day, clock).model_copy(update={"kind": of_kind})
    return Found(person, Issue(0, edition, recipient_of(person), (), said=said), None)


async def write(found: Found, writer: LetterWriter, clock: Clock) -> Preview:
    """Return the message of an issue that was found."""
    person, issue, delivery, why_not = found
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
    return Issue(0, edition, recipient_of(person), *content)


def recipient_of(person: Subscriber) -> Recipient:
    """Return a person as their mail needs to know them."""
    return Recipient(person.id, person.email, person.language, person.links, person.look or "")


def _unsaved(person: Subscriber, day: date, clock: Clock) -> Edition:
    return Edition(id=0, date=day, cadence=person.cadence, created_at=clock.now())
