"""The mail of today for topics that somebody thinks of: really chosen and rendered, sent to nobody, kept by nobody."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from newsletter.clock import Clock
from newsletter.config import Settings
from newsletter.models import Edition, Issue, Recipient, Topic
from newsletter.pipeline import proofs, slots
from newsletter.pipeline import subscribers as people
from newsletter.pipeline.compose import Composer
from newsletter.pipeline.letter import LetterWriter
from newsletter.pipeline.turns import Turns
from newsletter.tokens import Signer, TokenError

EXAMPLE = "example"
LASTS = timedelta(hours=1)
# For so long the papers of today count as looked at.
FRESH = timedelta(minutes=5)
KEPT = 64

_READER = "you@example.org"


class Examples:
    """Makes examples, one at a time; `composer` chooses without a trace, `writer` writes mail whose links are dead."""

    def __init__(
        self,
        clock: Clock,
        settings: Settings,
        signer: Signer,
        composer: Callable[[], Awaitable[Composer]],
        writer: Callable[[], LetterWriter],
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._signer = signer
        self._make_composer = composer
        self._make_writer = writer
        self._composer: tuple[datetime, Composer] | None = None
        self._writer: LetterWriter | None = None
        self._turns = Turns()
        self._made: OrderedDict[tuple[str, ...], str] = OrderedDict()

    def token(self, topics: Sequence[Topic], language: str, timezone: str) -> str:
        """Return what an example is asked for with, for an hour."""
        now = int(self._clock.now().timestamp())
        return self._signer.sign(EXAMPLE, now, language, timezone, *(topic.name for topic in topics))

    async def html(self, token: str) -> str:
        """Return the HTML of an example for a frame, or nothing where there is no paper for it.

        Raises TokenError for a token that was not made here or has had its time, and BusyError if too
        many others ask just now.
        """
        words = self._signer.read(EXAMPLE, token)
        at, language, timezone, *names = words
        age = self._clock.now().timestamp() - int(at)
        if not -60 <= age <= LASTS.total_seconds():
            raise TokenError("This example has had its time.", next_step="Ask for it anew.")
        async with self._turns.turn():
            return await self._html(str(language), str(timezone), tuple(map(str, names)))

    async def _html(self, language: str, timezone: str, names: tuple[str, ...]) -> str:
        composer = await self._fresh()
        asked = (language, timezone, *names)
        if asked not in self._made:
            self._made[asked] = await self._render(composer, language, timezone, names)
            if len(self._made) > KEPT:
                self._made.popitem(last=False)
        return self._made[asked]

    async def _fresh(self) -> Composer:
        now = self._clock.now()
        if self._composer is None or not timedelta() <= now - self._composer[0] < FRESH:
            self._made.clear()
            self._composer = now, await self._make_composer()
        return self._composer[1]

    async def _render(self, composer: Composer, language: str, timezone: str, names: tuple[str, ...]) -> str:
        now = self._clock.now()
        topics = tuple(Topic(name=name) for name in names)
        person = people.new(
            self._settings.newsletter, self._clock, _READER, topics=topics, language=language, timezone=timezone
        )
        day = slots.local_date(person, now)
        [content] = await composer.pick([person], day)
        if not content.picks:
            return ""
        if self._writer is None:
            self._writer = self._make_writer()
        edition = Edition(id=0, date=day, cadence=person.cadence, created_at=now)
        issue = Issue(0, edition, Recipient(0, person.email, person.language), *content)
        message, rendered = self._writer.unsigned(
            issue, address=person.email, message_id="<example@preview.invalid>", date=now
        )
        return proofs.page(message, rendered)
