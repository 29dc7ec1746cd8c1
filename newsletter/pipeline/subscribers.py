"""People come, change what they want, and go: each with the evidence of their consent."""

import difflib
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from shlex import quote
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter import searches as queries
from newsletter.cadences import timezones
from newsletter.clock import Clock
from newsletter.config import Newsletter
from newsletter.delivery import addresses
from newsletter.errors import NotFoundError, UsageError
from newsletter.models import FOREVER, Consent, Feed, Subscriber, Subscription, Topic
from newsletter.pipeline.notices import Notices
from newsletter.store import editions, pace, recall, searches, signups, subscribers, suppressions
from newsletter.store.database import Database

BY_OPERATOR = "by the operator"

LONGEST_WISH = 200

# BCP 47 (RFC 5646) as far as it names a language, a script and a region.
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")
# What ends a line for some, or has no UTF-8, or is refused by PostgreSQL.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Details(NamedTuple):
    """All that is on record of a person, for the operator or for themselves."""

    subscriber: Subscriber
    consents: list[Subscription]
    issues: list[tuple[date, str, int]]
    suppressed: str | None
    searches: list[Feed]


def new(defaults: Newsletter, clock: Clock, email: str, **wishes: Any) -> Subscriber:
    """Return a person as they are before they are on record; what they did not wish is as the settings have it.

    Raises UsageError if the address is none, or for a wish that cannot be kept, with what is wrong.
    """
    now = clock.now()
    filled = {
        "language": defaults.language,
        "timezone": defaults.timezone,
        "cadence": defaults.cadence,
        "hour": defaults.hour,
    } | {name: wish for name, wish in wishes.items() if wish is not None}
    person = Subscriber(
        id=0,
        key=secrets.token_urlsafe(15),
        email=addresses.normalise(email),
        state=Consent.CONFIRMED,
        created_at=now,
        subscribed_at=now,
        **filled,
    )
    return _checked(person)


async def add(
    database: Database,
    clock: Clock,
    subscriber: Subscriber,
    *,
    source: str,
    again: bool = False,
    welcome: Notices | None = None,
) -> Subscriber:
    """Put a person on record with a consent given to the operator.

    `again` takes back someone who had unsubscribed; with `welcome` they get that mail. Raises UsageError for someone
    who is on record, or whose address must not be mailed.
    """
    email_key = addresses.key(subscriber.email)
    evidence = Subscription(state=Consent.CONFIRMED, how=BY_OPERATOR, source=source, at=clock.now())
    async with database.begin() as connection:
        known = await subscribers.by_email(connection, email_key)
        if known is not None and not (known.state is Consent.UNSUBSCRIBED and again):
            raise _already(known)
        await _refuse_suppressed(connection, email_key, subscriber.email)
        if known is not None:
            await subscribers.change(connection, subscriber.model_copy(update={"id": known.id}), email_key)
            await subscribers.consent(connection, known.id, evidence)
            await searches.write(connection, {known.id: subscriber.searches}, evidence.at)
        elif ids := await subscribers.add(connection, [(subscriber, email_key)], evidence):
            await searches.write(connection, {ids[email_key]: subscriber.searches}, evidence.at)
        else:
            # Another process added them since we looked.
            raise _already(subscriber)
        if welcome is not None and (there := await subscribers.by_email(connection, email_key)):
            await welcome.tell(connection, there, "welcome", asked=True)
    return await find(database, subscriber.email)


async def ask(database: Database, notices: Notices, subscriber: Subscriber, *, source: str) -> Subscriber:
    """Put a person on record who is asked by mail whether they want the newsletter; return them as they are.

    Who had unsubscribed is asked too. Where there are no pages, the mail asks for a mail. Raises UsageError for a
    subscriber, and for an address that must not be mailed.
    """
    email_key = addresses.key(subscriber.email)
    async with database.begin() as connection:
        await _refuse_suppressed(connection, email_key, subscriber.email)
        if await notices.ask_in(connection, subscriber, how=BY_OPERATOR, source=source) is Consent.CONFIRMED:
            raise _already(subscriber)
    return await find(database, subscriber.email)


async def find(database: Database, email: str) -> Subscriber:
    """Return the person with an address; raises NotFoundError with the nearest address on record."""
    async with database.connect() as connection:
        found = await subscribers.by_email(connection, addresses.key(email))
        if found is not None:
            return found
        near = _near(email, await subscribers.some_emails(connection))
    raise NotFoundError(
        f"Nobody with the address {email} is on record.",
        next_step=f"Did you mean {near[0]}?" if near else "`newsletter subscribers list` shows who is.",
    )


async def like(database: Database, part: str, *, limit: int) -> list[str]:
    """Return the first addresses in which a part stands, in capitals or not."""
    async with database.connect() as connection:
        return await subscribers.emails_with(connection, part.strip(), limit=limit)


def _near(email: str, known: Sequence[str]) -> list[str]:
    """Return the address that someone who slipped may have meant: a domain in common makes no two people alike."""
    local, _, domain = email.casefold().rpartition("@")
    close = difflib.get_close_matches(email.casefold(), known, n=5, cutoff=0.8)
    for one in close:
        its_local, _, its_domain = one.casefold().rpartition("@")
        if its_local == local or (its_domain == domain and difflib.get_close_matches(local, [its_local], cutoff=0.7)):
            return [one]
    return []


async def details(database: Database, email: str) -> Details:
    """Return all that is on record of a person."""
    person = await find(database, email)
    async with database.connect() as connection:
        barred = await suppressions.among(connection, [addresses.key(person.email)])
        return Details(
            person,
            await subscribers.evidence(connection, person.id),
            await editions.overview(connection, person.id),
            barred.get(addresses.key(person.email)),
            await searches.of(connection, person.id),
        )


async def edit(
    database: Database, email: str, change: Callable[[Subscriber], Subscriber], *, clock: Clock | None = None
) -> Subscriber:
    """Write a person as `change` makes them; raises UsageError if their new address is another person's.

    `clock` tells since when a search that is new is theirs; without, it is since they are on record.
    """
    person = await find(database, email)
    now = person.created_at if clock is None else clock.now()
    changed = checked(change(person))
    async with database.begin() as connection:
        await write(connection, changed, now)
    return changed


async def write(connection: AsyncConnection, changed: Subscriber, now: datetime) -> None:
    """Write a person, as `checked` returns them, in a transaction; searches that are new are theirs from now on.

    Raises UsageError if their new address is another person's, or must not be mailed.
    """
    email_key = addresses.key(changed.email)
    other = await subscribers.by_email(connection, email_key)
    if other is not None and other.id != changed.id:
        raise UsageError(f"{changed.email} is the address of another subscriber.")
    if other is None:
        await _refuse_suppressed(connection, email_key, changed.email)
    await subscribers.change(connection, changed, email_key)
    await searches.write(connection, {changed.id: changed.searches}, now)
    await recall.move(connection, changed.id)


def checked(changed: Subscriber) -> Subscriber:
    """Return a person with changes as they can be kept; raises UsageError, or ValueError for a number out of bounds."""
    # A copy with changes is not validated by itself.
    return _checked(Subscriber(**{**dict(changed), "email": addresses.normalise(changed.email)}))


async def pause(database: Database, email: str, until: date | None, *, best_missed: bool | None = None) -> Subscriber:
    """Send a person nothing until a local day, or until they resume; `best_missed` as of `store.subscribers.pause`."""
    person = await find(database, email)
    async with database.begin() as connection:
        await subscribers.pause(connection, person.id, until or FOREVER, best_missed=best_missed)
    return await find(database, email)


async def resume(database: Database, email: str) -> Subscriber:
    """End a person's pause; raises UsageError for someone who left."""
    person = await find(database, email)
    if person.state is Consent.UNSUBSCRIBED:
        raise _already(person)
    async with database.begin() as connection:
        await subscribers.pause(connection, person.id, None)
    return await find(database, email)


async def remove(database: Database, clock: Clock, email: str, *, source: str) -> Subscriber:
    """Unsubscribe a person; what they received stays on record."""
    person = await find(database, email)
    evidence = Subscription(state=Consent.UNSUBSCRIBED, how=BY_OPERATOR, source=source, at=clock.now())
    if person.state is not Consent.UNSUBSCRIBED:
        async with database.begin() as connection:
            await subscribers.consent(connection, person.id, evidence)
    return await find(database, email)


async def erase(database: Database, clock: Clock, email: str) -> None:
    """Delete all that is on record of a person, but that their address must not be mailed."""
    person = await find(database, email)
    async with database.begin() as connection:
        await erase_within(connection, clock, person)
    await database.leave_no_trace()


async def erase_within(connection: AsyncConnection, clock: Clock, person: Subscriber) -> None:
    """Do the same in a transaction, behind which `Database.leave_no_trace` is called."""
    email_key = addresses.key(person.email)
    await subscribers.erase(connection, person.id)
    await signups.drop(connection, email_key)
    await suppressions.add(connection, email_key, "erased at their wish", clock.now())
    # A domain that nobody else has may be their name.
    if not await subscribers.anyone_at(connection, _domain(email_key)):
        await pace.drop(connection, _domain(addresses.on_the_wire(person.email).lower()))


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


async def everyone(database: Database, *, state: Consent | None = None) -> Sequence[Subscriber]:
    """Return all people on record, oldest first."""
    found: list[Subscriber] = []
    async with database.connect() as connection:
        while part := await subscribers.page(connection, after=found[-1].id if found else 0, state=state):
            found += part
    return found


def _checked(person: Subscriber) -> Subscriber:
    """Return a person with each wish once; raises UsageError for one that cannot be kept."""
    if person.timezone not in timezones():
        raise UsageError(f"{person.timezone!r} is no time zone.", next_step="Names look like Europe/Berlin.")
    if not _LANGUAGE.fullmatch(person.language):
        raise UsageError(f"{person.language!r} is no language.", next_step="Tags look like en or pt-BR.")
    topics = [Topic(name=worded(topic.name), weight=topic.weight) for topic in person.topics]
    return person.model_copy(
        update={
            "topics": tuple({topic.name: topic for topic in topics}.values()),
            "muted_words": _once(person.muted_words),
            "authors": _once(person.authors),
            "muted_authors": _once(person.muted_authors),
            "searches": _searches(person.searches),
        }
    )


def _once(wishes: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(worded, wishes)))


def _searches(wishes: Iterable[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(map(queries.checked, wishes)))
    if len(found) > queries.MOST:
        raise UsageError(f"{len(found)} searches are more than the {queries.MOST} that one person may have.")
    return found


def worded(wish: str) -> str:
    """Return a topic, word or name as it is kept; raises UsageError if it cannot be."""
    words = " ".join(wish.split())
    if not words:
        raise UsageError("A topic, a word or a name is empty.")
    if len(words) > LONGEST_WISH:
        raise UsageError(f"{words[:30]}… is longer than {LONGEST_WISH} characters.")
    if ";" in words:
        raise UsageError(f"{words[:30]!r} has a semicolon, which stands between wishes in a list.")
    if _UNPRINTABLE.search(words):
        raise UsageError(f"{words!r} has a character that cannot be printed.")
    return words


async def _refuse_suppressed(connection: Any, email_key: str, email: str) -> None:
    reason = (await suppressions.among(connection, [email_key])).get(email_key)
    if reason is not None:
        raise UsageError(
            f"{email} must not be mailed: {reason}.",
            next_step=f"If they ask for it themselves, `newsletter subscribers unsuppress {quote(email)}` lifts that.",
        )


async def unsuppress(database: Database, email: str) -> bool:
    """End the suppression of an address, at its owner's wish; False if there was none."""
    async with database.begin() as connection:
        return await suppressions.lift(connection, addresses.key(email))


async def left(database: Database, email: str) -> bool:
    """Tell whether someone with an address is on record and has unsubscribed."""
    async with database.connect() as connection:
        known = await subscribers.by_email(connection, addresses.key(email))
    return known is not None and known.state is Consent.UNSUBSCRIBED


def _already(known: Subscriber) -> UsageError:
    if known.state is Consent.UNSUBSCRIBED:
        return UsageError(
            f"{known.email} has unsubscribed.",
            next_step="If they ask to come back, add them with --again.",
        )
    return UsageError(
        f"{known.email} is on record already.",
        next_step=f"`newsletter subscribers edit {quote(known.email)}` changes what they get.",
    )
