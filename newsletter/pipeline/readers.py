"""What readers do by themselves with the links of their mail: leave, come back, pause, say more or less.

The token decides whom; nobody has an account. Whether a wish came by a page or by a mail is the caller's to know.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock
from newsletter.delivery import addresses
from newsletter.errors import NotFoundError
from newsletter.models import FOREVER, Consent, Feedback, Paper, Subscriber, Subscription, Verdict
from newsletter.pipeline import slots
from newsletter.pipeline.muting import may_mute, mute
from newsletter.pipeline.notices import Notices
from newsletter.pipeline.reader_links import ISSUE, PERSON
from newsletter.store import history, papers, subscribers, suppressions
from newsletter.store.database import Database
from newsletter.tokens import Signer, TokenError, marked

log = structlog.get_logger()

# How somebody left, as the evidence has it.
BY_PAGE = "on the page that their mail leads to"
BY_ONE_CLICK = "by one click in their mail program"
BY_MAIL = "by a mail with their token"
BY_SENDER = "by a mail with their address as its sender"
BY_RELAY = "by a link or a mail to the relay"
CAME_BACK = "they took it back on the page that their mail leads to"
REASON = "the reason that they gave"

# For so long after the day of an issue its links to more and less act.
FEEDBACK_DAYS = 60
# For so long who left may come back by the same link; an old mail in the hands of others must not subscribe anybody.
RETURN_DAYS = 30
LONGEST_REASON = 500


class GoneError(NotFoundError):
    """Whom or what a link of a mail is about is no longer on record."""


class OldError(GoneError):
    """The mail of a link is too old for it."""


class PlaceError(NotFoundError):
    """Nothing of that name is where a wish looks for it."""


class Reader(NamedTuple):
    """A reader as their pages need to know them.

    `left` is the evidence that they left, if they did. `may_return` says that they may come back by their link, and
    `may_tell` that they gave no reason so far.
    """

    person: Subscriber
    left: Subscription | None
    may_return: bool
    may_tell: bool


class Shown(NamedTuple):
    """A paper of a mail: to whom it was shown, what they say of it, and what they said before that."""

    person: Subscriber
    paper: Paper
    said: Verdict | None
    before: Verdict | None = None


async def bearer(connection: AsyncConnection, signer: Signer, token: str) -> Subscriber | None:
    """Return the person of a token; None if they were erased. Raises TokenError if it was not made here."""
    try:
        number = signer.read_tag(PERSON, token)
    except TokenError:
        # As mails of the first version had it.
        words = signer.read(PERSON, token)
        return await subscribers.by_key(connection, str(words[0])) if len(words) == 1 else None
    return await subscribers.by_id(connection, number)


class Readers:
    """What readers do by themselves; `notices` tell who leaves, or pauses for long, that they are out.

    All raise TokenError for a token that was not made here, and GoneError for someone who was erased.
    """

    def __init__(self, database: Database, clock: Clock, signer: Signer, notices: Notices | None = None) -> None:
        self._database = database
        self._clock = clock
        self._signer = signer
        self._notices = notices

    async def reader(self, token: str) -> Reader:
        """Return the person of a token; nothing changes."""
        async with self._database.connect() as connection:
            return await self._known(connection, await self._person(connection, token))

    async def leave(self, token: str, *, how: str) -> Reader:
        """Unsubscribe a person, once however often it is asked."""
        async with self._changing(token) as (connection, person):
            if person.state is not Consent.UNSUBSCRIBED:
                await self._consent(connection, person, Consent.UNSUBSCRIBED, how)
                if self._notices is not None:
                    await self._notices.tell(connection, person, "goodbye")
                log.info("unsubscribed", by=how)
            return await self._known(connection, await self._person(connection, token))

    async def come_back(self, token: str) -> Reader:
        """Take back that a person left; nothing changes if they may not, or did not leave."""
        async with self._changing(token) as (connection, person):
            known = await self._known(connection, person)
            if known.left is not None and known.may_return:
                source = f"they had left {known.left.at:%Y-%m-%d %H:%M} UTC, {known.left.how}"
                await self._consent(connection, person, Consent.CONFIRMED, CAME_BACK, source)
                log.info("came back")
            return await self._known(connection, await self._person(connection, token))

    async def tell_why(self, token: str, words: str) -> Reader:
        """Keep the reason of a person who left with the evidence of it; the first one counts."""
        reason = " ".join("".join(c if c.isprintable() else " " for c in words).split())[:LONGEST_REASON]
        async with self._changing(token) as (connection, person):
            known = await self._known(connection, person)
            if reason and known.may_tell:
                await self._consent(connection, person, Consent.UNSUBSCRIBED, REASON, reason)
            return await self._known(connection, person)

    async def pause(
        self, token: str, until: date | None = None, *, days: int | None = None, best_missed: bool | None = None
    ) -> Subscriber:
        """Send a person nothing until a local day, for so many days, or (without both) until they resume.

        `best_missed` says whether they want the best of that time then, None that it stays as it was.
        """
        async with self._changing(token) as (connection, person):
            if days is not None:
                until = slots.local_date(person, self._clock.now()) + timedelta(days=days)
            return await self._pause(connection, person, until or FOREVER, best_missed)

    async def resume(self, token: str) -> Subscriber:
        """End a person's pause."""
        async with self._changing(token) as (connection, person):
            return await self._pause(connection, person, None)

    def paused_until(self, person: Subscriber) -> date | None:
        """Return the day on which the pause of a person ends, FOREVER for none; None if they have not paused today."""
        return person.paused_until if person.paused_on(slots.local_date(person, self._clock.now())) else None

    async def shown(self, token: str, mark: str) -> Shown:
        """Return a paper of a mail by the mail's token and its own mark, and what its reader said of it.

        Raises OldError for a mail that is older than FEEDBACK_DAYS, and TokenError for a mark of anything else.
        """
        async with self._database.connect() as connection:
            return await self._shown(connection, token, mark)

    async def say(self, token: str, mark: str, verdict: Verdict | None) -> Shown:
        """Keep what a reader says of a paper of a mail, in place of what they said before; None takes it back."""
        async with self._database.begin() as connection:
            shown = await self._shown(connection, token, mark)
            person, paper = shown.person, shown.paper
            number = paper.id or 0
            if verdict is None:
                await subscribers.unsay(connection, person.id, number)
            else:
                said = Feedback(subscriber_id=person.id, paper_id=number, verdict=verdict, at=self._clock.now())
                await subscribers.say(connection, said)
        # What is said twice, as by a page that is loaded again, is taken back as a whole.
        return shown._replace(said=verdict, before=None if shown.said == verdict else shown.said)

    async def mute(self, token: str, mark: str, name: str, *, muted: bool) -> Shown:
        """Mute an author of a paper of a mail for its reader, or hear them again; PlaceError if none has that name."""
        async with self._database.begin() as connection:
            shown = await self._shown(connection, token, mark)
            await subscribers.hold(connection, shown.person.id)
            if name not in may_mute(shown.paper):
                raise PlaceError("Nobody of that name wrote this paper.", next_step="Use the buttons of the page.")
            # As they are now that nobody else changes them.
            person = await mute(connection, await self._living(connection, shown.person.id), name, muted=muted)
        return shown._replace(person=person)

    async def whose(self, token: str) -> Subscriber:
        """Return the reader of the mail with a token of feedback."""
        async with self._database.connect() as connection:
            _, place = await self._place(connection, token, 1)
            return await self._living(connection, place.subscriber_id)

    async def _shown(self, connection: AsyncConnection, token: str, mark: str) -> Shown:
        issue, place = await self._place(connection, token, marked(mark))
        if place.paper_id is None:
            # Of a paper that was taken out there is no telling whether it was meant.
            raise TokenError("This mail has no paper there any more.", next_step="Use the link of another paper.")
        self._signer.read_mark(ISSUE, issue, mark, place.paper_id)
        person = await self._living(connection, place.subscriber_id)
        if place.edition + timedelta(days=FEEDBACK_DAYS) < slots.local_date(person, self._clock.now()):
            raise OldError(f"This mail is older than {FEEDBACK_DAYS} days.", next_step="Use the links of a newer mail.")
        # Of two that turned out to be one, the one that counts.
        ids = await papers.one_work(connection, place.paper_id)
        paper = (await papers.by_ids(connection, ids[:1]))[ids[0]]
        return Shown(person, paper, await subscribers.said(connection, person.id, ids[0]))

    async def _place(self, connection: AsyncConnection, token: str, position: int) -> tuple[int, history.Place]:
        issue = self._signer.read_tag(ISSUE, token)
        found = await history.place(connection, issue, position)
        if found is None:
            raise GoneError("This mail is no longer on record.")
        return issue, found

    async def _living(self, connection: AsyncConnection, number: int) -> Subscriber:
        person = await subscribers.by_id(connection, number)
        if person is None:
            raise GoneError("Nobody is on record any more for this link.")
        return person

    async def _person(self, connection: AsyncConnection, token: str) -> Subscriber:
        person = await bearer(connection, self._signer, token)
        if person is None:
            raise GoneError("Nobody is on record any more for this link.")
        return person

    @asynccontextmanager
    async def _changing(self, token: str) -> AsyncIterator[tuple[AsyncConnection, Subscriber]]:
        """Open a transaction in which nobody else changes the person of a token."""
        async with self._database.begin() as connection:
            await subscribers.hold(connection, (await self._person(connection, token)).id)
            # As they are now that nobody else changes them.
            yield connection, await self._person(connection, token)

    async def _consent(
        self, connection: AsyncConnection, person: Subscriber, state: Consent, how: str, source: str = ""
    ) -> None:
        evidence = Subscription(state=state, how=how, source=source, at=self._clock.now())
        await subscribers.consent(connection, person.id, evidence)

    async def _pause(
        self, connection: AsyncConnection, person: Subscriber, until: date | None, best_missed: bool | None = None
    ) -> Subscriber:
        if person.state is Consent.UNSUBSCRIBED:
            return person
        await subscribers.pause(connection, person.id, until, best_missed=best_missed)
        if self._notices is not None:
            await self._notices.tell_pause(connection, person, until)
        best_missed = person.best_missed if best_missed is None else best_missed
        return person.model_copy(update={"paused_until": until, "best_missed": best_missed})

    async def _known(self, connection: AsyncConnection, person: Subscriber) -> Reader:
        # Somebody may have asked for them since they left; until they say so themselves, that they left stands.
        asked_for = person.state is Consent.UNCONFIRMED and person.subscribed_at is not None
        if person.state is not Consent.UNSUBSCRIBED and not asked_for:
            return Reader(person, None, may_return=False, may_tell=False)
        evidence = await subscribers.evidence(connection, person.id)
        left = next(
            (one for one in reversed(evidence) if one.how != REASON and one.state is not Consent.UNCONFIRMED), None
        )
        theirs = left is not None and left.how in (BY_PAGE, BY_ONE_CLICK, BY_MAIL, BY_SENDER, BY_RELAY)
        email_key = addresses.key(person.email)
        may_return = (
            theirs
            and left is not None
            and _within(left.at, self._clock.now(), RETURN_DAYS)
            # Who never confirmed has nothing to come back to.
            and person.subscribed_at is not None
            and not await suppressions.among(connection, [email_key])
        )
        return Reader(person, left, may_return, may_tell=theirs and not asked_for and evidence[-1].how != REASON)


def _within(at: datetime, now: datetime, days: int) -> bool:
    return now - at <= timedelta(days=days)
