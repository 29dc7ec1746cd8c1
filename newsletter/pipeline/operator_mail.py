"""Mail for the operator to look at: the next one of a reader, or a sample; it is sent to nobody, and kept by nobody."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from newsletter.clock import Clock
from newsletter.errors import NotFoundError
from newsletter.models import Subscriber
from newsletter.pipeline import proofs, samples, subscribers
from newsletter.pipeline.foresight import Foresight
from newsletter.pipeline.gallery import looks
from newsletter.pipeline.letter import LetterWriter
from newsletter.pipeline.moving import shown
from newsletter.pipeline.standing import obstacles
from newsletter.store import subscribers as kept
from newsletter.store.database import Database
from newsletter.tokens import Signer, TokenError

PURPOSE = "operator mail"
LASTS = timedelta(hours=1)
# A page has two frames of one mail, which is made once; so many are at hand.
KEPT = 16


class Wish(NamedTuple):
    """What is to be seen: a sample of a `kind`, or without one the next mail of a person.

    Without a look or a language it is in theirs, or in that of the newsletter.
    """

    kind: str = ""
    person: int = 0
    look: str = ""
    language: str = ""


class ShownMail(NamedTuple):
    """A mail as a page for a frame, which is empty where there is no paper for them.

    `reader` is a masked address, empty for a sample; `obstacles` are the kinds of what keeps mail from them just now.
    """

    subject: str
    html: str
    reader: str = ""
    obstacles: tuple[str, ...] = ()


class OperatorMail:
    """Shows mail whose links are dead; `make_writer` makes what writes samples."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        signer: Signer,
        foresight: Foresight,
        make_writer: Callable[[], LetterWriter],
    ) -> None:
        self._database = database
        self._clock = clock
        self._signer = signer
        self._foresight = foresight
        self._make_writer = make_writer
        self._writer: LetterWriter | None = None
        self._made: OrderedDict[str, ShownMail] = OrderedDict()

    async def wish(self, kind: str, email: str, before: str, look: str, language: str) -> Wish:
        """Return what a form asks for: of who has that address, else a sample, else of whom was seen `before`, a token.

        Raises NotFoundError if nobody is meant who is on record, and UsageError for what is no address.
        """
        look = look if look in looks() else ""
        language = language if language in samples.LANGUAGES else ""
        # The form begins with a sample: who names somebody means them.
        if email:
            return Wish("", (await subscribers.find(self._database, email)).id, look, language)
        if kind in samples.kinds():
            return Wish(kind, 0, look, language)
        try:
            return Wish("", self.read(before).person, look, language)
        except TokenError as error:
            raise NotFoundError("Nobody is named whose mail could be shown.") from error

    def token(self, wish: Wish) -> str:
        """Return what a mail is asked for with, for an hour: no address of a page names a person."""
        return self._signer.sign(PURPOSE, int(self._clock.now().timestamp()), *wish)

    def read(self, token: str) -> Wish:
        """Return what a token asks for; raises TokenError for one that was not made here, or has had its time."""
        at, kind, person, look, language = self._signer.read(PURPOSE, token)
        if not 0 <= self._clock.now().timestamp() - int(at) <= LASTS.total_seconds():
            raise TokenError("This mail was shown long ago.", next_step="Ask for it anew.")
        return Wish(str(kind), int(person), str(look), str(language))

    async def see(self, token: str) -> ShownMail | None:
        """Return the mail that a token asks for; None if too many look at mail just now.

        Raises TokenError as `read` does, and NotFoundError for a person who was erased.
        """
        wish = self.read(token)
        # Of who was erased meanwhile nothing is shown that is still at hand.
        person = None if wish.kind else await self._person(wish.person)
        if token not in self._made:
            found = self._sample(wish) if person is None else await self._next(wish, person)
            if found is None:
                return None
            self._made[token] = found
            if len(self._made) > KEPT:
                self._made.popitem(last=False)
        return self._made[token]

    def _sample(self, wish: Wish) -> ShownMail:
        if self._writer is None:
            self._writer = self._make_writer()
        kind = samples.kinds()[wish.kind]
        issue = kind.make(wish.language or self._writer.settings.newsletter.language)
        issue = issue._replace(recipient=issue.recipient._replace(look=wish.look))
        message, rendered = self._writer.unsigned(
            issue, address=samples.READER, message_id="<sample@preview.invalid>", date=samples.NOON
        )
        return ShownMail(rendered.subject, proofs.page(message, rendered))

    async def _next(self, wish: Wish, person: Subscriber) -> ShownMail | None:
        changed = {name: word for name, word in (("look", wish.look), ("language", wish.language)) if word}
        seen = await self._foresight.letter(person.model_copy(update=changed))
        if seen is None:
            return None
        now = self._clock.now()
        against = tuple(one.kind for one in await obstacles(self._database, person, now))
        return ShownMail(seen.subject, seen.html, shown(person), against)

    async def _person(self, number: int) -> Subscriber:
        async with self._database.connect() as connection:
            found = await kept.by_ids(connection, [number])
        if number not in found:
            raise NotFoundError("They are no longer on record.")
        return found[number]
