"""What a reader's next mail would have with other wishes: chosen as mail is, and kept by nobody."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from newsletter.clock import Clock
from newsletter.models import Edition, Issue, Pick, Recipient, Subscriber
from newsletter.pipeline import proofs, slots
from newsletter.pipeline.arranging import Content
from newsletter.pipeline.compose import Composer
from newsletter.pipeline.letter import LetterWriter
from newsletter.pipeline.moving import shown
from newsletter.pipeline.turns import BusyError, Turns
from newsletter.rendering.reasons import reason_sentence

# For so long the papers on record count as looked at.
FRESH = timedelta(minutes=5)

NOBODY = "you@example.org"


class Seen(NamedTuple):
    """A mail as a page for a frame; both are empty without papers."""

    subject: str
    html: str


class Foresight:
    """Chooses one at a time.

    `make` makes what chooses without a trace, `writer` what writes mail whose links are dead.
    """

    def __init__(
        self, clock: Clock, make: Callable[[], Awaitable[Composer]], writer: Callable[[], LetterWriter]
    ) -> None:
        self._clock = clock
        self._make = make
        self._make_writer = writer
        self._writer: LetterWriter | None = None
        self._made: tuple[datetime, Composer] | None = None
        self._turns = Turns()

    async def prepare(self, person: Subscriber) -> None:
        """Do once what is kept of choosing and writing for a person, who need not be on record.

        Templates are compiled in a thread: it takes longer than many a page.
        """
        if self._writer is None:
            self._writer = await asyncio.to_thread(self._make_writer)
        await self.mail(person)

    async def next(self, person: Subscriber) -> tuple[Pick, ...] | None:
        """Return the papers that a person would get now, None if too many others ask just now."""
        content = await self._content(person)
        return None if content is None else content.picks

    async def mail(self, person: Subscriber) -> str | None:
        """Return that mail as a page for a frame, empty without papers; None if too many others ask just now."""
        seen = await self.letter(person)
        return None if seen is None else seen.html

    async def letter(self, person: Subscriber) -> Seen | None:
        """Return that mail with its subject; None if too many others ask just now."""
        content = await self._content(person)
        if content is None or not content.picks:
            return None if content is None else Seen("", "")
        if self._writer is None:
            self._writer = self._make_writer()
        now = self._clock.now()
        edition = Edition(id=0, date=slots.local_date(person, now), cadence=person.cadence, created_at=now)
        # Of nobody, since whoever looks over a shoulder would have the links.
        reader = Recipient(0, shown(person), person.language, look=person.look or "")
        message, rendered = self._writer.unsigned(
            Issue(0, edition, reader, *content), address=NOBODY, message_id="<next@preview.invalid>", date=now
        )
        return Seen(rendered.subject, proofs.page(message, rendered))

    async def _content(self, person: Subscriber) -> Content | None:
        try:
            async with self._turns.turn():
                composer = await self._fresh()
                [content] = await composer.pick([person], slots.local_date(person, self._clock.now()))
                return content
        except BusyError:
            return None

    async def _fresh(self) -> Composer:
        now = self._clock.now()
        if self._made is None or not timedelta() <= now - self._made[0] < FRESH:
            self._made = now, await self._make()
        return self._made[1]


def reason(pick: Pick, language: str) -> str:
    """Return why a paper is there, as the mail says it."""
    return reason_sentence(pick.reason, language)
