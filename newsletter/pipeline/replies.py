"""What readers ask for when they answer a mail: done as a whole, and told in one line that goes back to them.

Who answers is known by the Message-ID of the mail, which nobody can guess, and by the address that it went to; a signed
tag of a link does as well (docs/decisions/0031-answers-by-mail.md). All of it is one transaction, the answer included.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock
from newsletter.delivery import until
from newsletter.delivery.incoming import Incoming
from newsletter.delivery.replies import Ask, Reply
from newsletter.models import FOREVER, Consent, Feedback, Subscriber, Topic, Verdict
from newsletter.pipeline import slots
from newsletter.pipeline import subscribers as people
from newsletter.pipeline.choices import WrongError, wished
from newsletter.pipeline.muting import may_mute
from newsletter.pipeline.notices import Notices
from newsletter.pipeline.reader_links import ISSUE, PERSON
from newsletter.pipeline.readers import FEEDBACK_DAYS
from newsletter.pipeline.wishes import Obeyed, same
from newsletter.store import deliveries, history, papers, subscribers, tries
from newsletter.store.database import Database
from newsletter.tokens import Signer, TokenError, marked

log = structlog.get_logger()

# For so long a mail is known that comes again; what it asks for leads to the same later, too.
_KNOWN = timedelta(days=1)
# A mail is read when somebody looks; what its writer means by Monday hangs on when they wrote it.
_LATEST = timedelta(days=14)

# What becomes of a topic: who wants less of one that they asked for does not want none of it at once.
_WANTED, _LITTLE, _UNWANTED, _NEVER = 1.0, 0.3, -0.5, -1.0

_VERDICTS = ("more", "less", "saved", "seen")
_LONGEST_SUBJECT = 150
_ADDRESS = re.compile(r"\.[^\W\d_]{2}|//|@")

Catalogue = Mapping[str, Any]


class _Whose(NamedTuple):
    """Who answers: their number, the address that the mail went to (if known), and the issues, nearest first."""

    subscriber_id: int
    address: str
    issues: tuple[int, ...]


class Replies:
    """Does what readers ask for in answers; `catalogue` gives the topics that have a name."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        signer: Signer,
        notices: Notices,
        catalogue: Callable[[], Catalogue] = dict,
    ) -> None:
        self._database = database
        self._clock = clock
        self._signer = signer
        self._notices = notices
        self._catalogue = catalogue

    async def obey(self, mail: Incoming, *, automatic: bool) -> Obeyed | None:
        """Do what a mail asks for, and queue the line that says what was done; None for one that answers none of ours.

        Nothing is done, and nothing answered, for a program, and for whoever writes from another address.
        """
        if not mail.reply.asks:
            return None
        async with self._database.begin() as connection:
            whose = await self._whose(connection, mail)
            if whose is None:
                return None
            person = await subscribers.by_id(connection, whose.subscriber_id)
            if person is None:
                return Obeyed("", "nobody is on record any more for that mail")
            if automatic:
                return Obeyed(person.email, "a program wrote it, so nothing followed")
            # Who moved to another address moved away from the one that this mail went to.
            if not same(mail.sender, person.email) or not same(mail.sender, whose.address or person.email):
                return Obeyed(person.email, "it comes from another address than theirs: look at it yourself")
            if person.state is not Consent.CONFIRMED:
                return Obeyed(person.email, f"they are {person.state}, so nothing followed", taken=True)
            await subscribers.hold(connection, person.id)
            if await tries.count(connection, "answer", mail.digest, self._clock.now(), _KNOWN) > 1:
                return Obeyed(person.email, "read before", taken=True)
            # As they are now that nobody else changes them.
            person = (await subscribers.by_ids(connection, [person.id]))[person.id]
            marks = _Marked(self._signer, mail.reply.marks)
            day = self._day(mail, person)
            act = _Act(connection, self._clock, person, whose.issues, marks, day, self._catalogue)
            await act.do(mail.reply.asks)
            told = {
                "subject": _subject(mail.subject),
                "in_reply_to": mail.message_id,
                "done": act.done,
                "undone": act.undone,
                "unknown": list(mail.reply.unknown),
            }
            answered = await self._notices.tell(connection, person, "answer", told=told)
        log.info("answered", subscriber=person.id, done=len(act.done), undone=len(act.undone), told=answered)
        return Obeyed(person.email, _summary(act, len(mail.reply.unknown), answered=answered), taken=True)

    async def _whose(self, connection: AsyncConnection, mail: Incoming) -> _Whose | None:
        found: _Whose | None = None
        for message_id in mail.answers:
            delivery = await deliveries.by_message_id(connection, message_id)
            if delivery is None or (found is not None and delivery.subscriber_id != found.subscriber_id):
                continue
            before = found.issues if found is not None else ()
            found = _Whose(
                delivery.subscriber_id, found.address if found else delivery.address, (*before, delivery.issue_id)
            )
        return found or await self._tagged(connection, mail.reply)

    async def _tagged(self, connection: AsyncConnection, reply: Reply) -> _Whose | None:
        """Return whom a tag is about; of more than one nobody knows which number is whose.

        It proves nothing of papers: of each that is spoken of, the mark has to stand there too.
        """
        if len(reply.tags) != 1:
            return None
        try:
            issue = self._signer.read_tag(ISSUE, reply.tags[0])
        except TokenError:
            try:
                return _Whose(self._signer.read_tag(PERSON, reply.tags[0]), "", ())
            except TokenError:
                return None
        marks = _Marked(self._signer, reply.marks)
        for ask in reply.asks:
            if ask.verb in _VERDICTS:
                there = await history.place(connection, issue, ask.number)
                if there is None or marks.fits(issue, ask.number, there.paper_id) is not True:
                    return None
        place = await history.place(connection, issue, 1)
        return None if place is None else _Whose(place.subscriber_id, "", (issue,))

    def _day(self, mail: Incoming, person: Subscriber) -> date:
        """Return the day on which a mail was written, where its writer is."""
        now = self._clock.now()
        written = mail.written if mail.written is not None and now - _LATEST <= mail.written <= now else now
        return slots.date_there(person.timezone, written)


class _Marked(NamedTuple):
    """The marks of papers that stand in a mail, each with the tag of the mail that it is of."""

    signer: Signer
    marks: Sequence[tuple[str, str]]

    def fits(self, issue_id: int, position: int, paper_id: int | None) -> bool | None:
        """Tell whether one is that of a paper in a place of an issue; None if none is of such a place."""
        theirs = [(tag, mark) for tag, mark in self.marks if marked(mark) == position]
        return any(self._fits(issue_id, paper_id, tag, mark) for tag, mark in theirs) if theirs else None

    def _fits(self, issue_id: int, paper_id: int | None, tag: str, mark: str) -> bool:
        try:
            issue = self.signer.read_tag(ISSUE, tag)
            self.signer.read_mark(ISSUE, issue, mark, paper_id or 0)
        except TokenError:
            return False
        return issue == issue_id and paper_id is not None


class _Act:
    """Does the wishes of one mail; `done` and `undone` are what became of them, as `rendering.answer` reads it."""

    def __init__(
        self,
        connection: AsyncConnection,
        clock: Clock,
        person: Subscriber,
        issues: Sequence[int],
        marks: _Marked,
        written: date,
        catalogue: Callable[[], Catalogue],
    ) -> None:
        self.done: list[str] = []
        self.undone: list[str] = []
        self._connection = connection
        self._now = clock.now()
        self._today = slots.local_date(person, self._now)
        self._person = person
        self._issues = issues
        self._marks = marks
        self._written = written
        self._catalogue = catalogue

    async def do(self, asks: Sequence[Ask]) -> None:
        """Do all of them, in their order; of two that are against each other the last one counts."""
        before = self._person
        pause: Ask | None = None
        for ask in asks:
            if ask.verb in _VERDICTS:
                await self._say(ask)
            elif ask.verb in ("pause", "resume"):
                pause = ask
            elif ask.verb in ("more of", "less of"):
                self._want(ask)
            elif ask.verb in ("mute", "hear"):
                await self._mute(ask)
            elif ask.verb == "cadence":
                self._come(ask)
            else:
                self._change(f"papers {ask.number}", f"bounds {ask.number}", papers=ask.number)
        if self._person != before:
            await people.write(self._connection, self._person, self._now)
        if pause is not None:
            await self._pause(pause)

    async def _say(self, ask: Ask) -> None:
        place = await self._place(ask.number)
        if place is None or place.paper_id is None:
            self._note(self.undone, f"place {ask.number}")
            return
        if place.edition + timedelta(days=FEEDBACK_DAYS) < self._today:
            self._note(self.undone, "old")
            return
        # Of two that turned out to be one, the one that counts.
        paper_id = (await papers.one_work(self._connection, place.paper_id))[0]
        verdict: Verdict = ask.verb  # type: ignore[assignment]
        said = Feedback(subscriber_id=self._person.id, paper_id=paper_id, verdict=verdict, at=self._now)
        await subscribers.say(self._connection, said)
        for code in [code for code in self.done if code.partition(" ")[2] == str(ask.number) and _of_paper(code)]:
            self.done.remove(code)
        self._note(self.done, f"{verdict} {ask.number}")

    async def _place(self, position: int) -> history.Place | None:
        """Return a place in the nearest mail that has papers: who answers an answer speaks of the mail before it.

        It is none if a mark beside its number is that of another paper.
        """
        for issue_id in self._issues:
            if await history.places(self._connection, issue_id):
                found = await history.place(self._connection, issue_id, position)
                fits = found is None or self._marks.fits(issue_id, position, found.paper_id)
                return None if fits is False else found
        return None

    def _want(self, ask: Ask) -> None:
        more = ask.verb == "more of"
        name = self._topic(ask.words)
        had = {topic.name: topic.weight for topic in self._person.topics}
        weight = _WANTED if more else _less(had.get(name))
        kept = [topic for topic in self._person.topics if topic.name != name]
        kind = "more-of" if more else "less-of"
        topics = (*kept, Topic(name=name, weight=weight))
        self._change(f"{kind} {self._called(name)}", f"kept {ask.words}", topics=topics)

    def _topic(self, words: str) -> str:
        """Return the topic that is meant: one of theirs, one of the catalogue, or the words as they are."""
        plain = _plain(words)
        catalogue = self._catalogue()
        theirs = [topic.name for topic in self._person.topics]
        for name in theirs:
            if plain in (_plain(name), _plain(self._called(name))):
                return name
        for slug, entry in catalogue.items():
            if plain in (_plain(slug), _plain(entry.name)):
                return slug
        # "Diffusion" of who asked for diffusion models, where nothing else of theirs has that word.
        near = [name for name in theirs if f" {plain} " in f" {_plain(self._called(name))} "]
        return near[0] if len(near) == 1 else words

    def _called(self, name: str) -> str:
        entry = self._catalogue().get(name)
        return name if entry is None else str(entry.name)

    async def _mute(self, ask: Ask) -> None:
        muted, words = ask.verb == "mute", ask.words
        field = "muted_authors" if ask.whom == "author" else "muted_words"
        if ask.whom == "" and (author := await self._author(words)):
            field, words = "muted_authors", author
        theirs = getattr(self._person, field)
        others = tuple(one for one in theirs if one.casefold() != words.casefold())
        changed = {field: (*others, words) if muted else others}
        self._change(f"{'muted' if muted else 'heard'} {words}", f"kept {words}", **changed)

    async def _author(self, words: str) -> str:
        """Return the author whom words name: one that they muted, or one of a paper of that mail."""
        wanted = _plain(words)
        named = list(self._person.muted_authors)
        for issue_id in self._issues:
            there = await history.places(self._connection, issue_id)
            found = await papers.by_ids(self._connection, list(there.values()))
            named += [name for paper in found.values() for name in may_mute(paper)]
        known = dict.fromkeys(named)
        whole = [name for name in known if _plain(name) == wanted]
        by_last = [name for name in known if _plain(name).rpartition(" ")[2] == wanted]
        return whole[0] if whole else by_last[0] if len(by_last) == 1 else ""

    def _come(self, ask: Ask) -> None:
        cadence = ask.words
        if cadence == "weekly":
            cadence = self._person.cadence if self._person.cadence.startswith("weekly:") else "weekly:mon"
        self._change(f"cadence {cadence}", f"kept {cadence}", cadence=cadence)

    def _change(self, done: str, undone: str, **wishes: Any) -> None:
        try:
            self._person = wished(self._person, wishes)
        except WrongError:
            self._note(self.undone, undone)
        else:
            self._note(self.done, done)

    async def _pause(self, ask: Ask) -> None:
        if ask.verb == "resume":
            await subscribers.pause(self._connection, self._person.id, None)
            self._note(self.done, "resumed")
            return
        end = FOREVER if ask.until is None else until.resolve(ask.until, self._written)
        if end is None:
            self._note(self.undone, "day")
        elif end <= self._today:
            self._note(self.undone, f"over {end}")
        else:
            await subscribers.pause(self._connection, self._person.id, end)
            self._note(self.done, "stopped" if end == FOREVER else f"paused {end}")

    def _note(self, codes: list[str], code: str) -> None:
        if code not in codes:
            codes.append(code)


def _less(had: float | None) -> float:
    if had is None or 0 < had <= _LITTLE:
        return _UNWANTED
    return _LITTLE if had > 0 else _NEVER if had <= _UNWANTED else _UNWANTED


def _of_paper(code: str) -> bool:
    return code.partition(" ")[0] in ("more", "less", "saved", "seen")


def _plain(words: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in words.casefold()).split())


def _subject(subject: str) -> str:
    """Return the subject of an answer; whoever forged a mail is to put no address of theirs into ours."""
    words = "".join(c for c in subject if c.isprintable())[:_LONGEST_SUBJECT].strip()
    return f"Re: {words}" if words and not _ADDRESS.search(words) else ""


def _summary(act: _Act, unknown: int, *, answered: bool) -> str:
    parts = [
        f"{len(act.done)} done" if act.done else "",
        f"{len(act.undone)} not" if act.undone else "",
        f"{unknown} not understood" if unknown else "",
        "answered" if answered else "not answered: they had as many answers today as there may be",
    ]
    return ", ".join(part for part in parts if part)
