"""Choose papers for everyone who is due, and put their issues on record; it knows nothing of mail."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.bounds import Bar
from newsletter.clock import Clock
from newsletter.config import Ranking, Settings
from newsletter.errors import ConflictError, NewsletterError
from newsletter.models import Feedback, Paper, Pick, Reason, Subscriber, Topic
from newsletter.pipeline.notices import message_id
from newsletter.pipeline.patience import Patience
from newsletter.pipeline.slots import Slot
from newsletter.pipeline.vectors import Placed, Placing
from newsletter.store import editions, papers, subscribers
from newsletter.store.database import Database
from newsletter.store.editions import Draft

if TYPE_CHECKING:
    from newsletter.ranking.weighing import Weighed

log = structlog.get_logger()

BLOCK = 500

# Where choosing fails for the first so many of a block, it is not about a person.
MOST_LEFT_OUT = 5

# How often a block is put together anew because others wrote meanwhile.
MOST_CONFLICTS = 5

# West and east of Greenwich a date begins and ends at most so many hours from the same date in UTC.
_WIDEST_OFFSET = timedelta(hours=14)

# Why somebody gets nothing, by what a ranker calls it.
CAUSES = {
    "no papers": "there are no new papers",
    "received": "they have had all of them",
    "muted": "what they have not had is muted",
    "no match": "what they have not had does not fit well enough",
}

Progress = Callable[[int, int], None]


class Chosen(Protocol):
    """What a ranker chose for one person."""

    @property
    def picks(self) -> Sequence[tuple[int, float]]:
        """Places and scores, best first."""
        ...

    @property
    def outside(self) -> tuple[int, float] | None:
        """One more from outside their topics, or None."""
        ...

    @property
    def cause(self) -> str:
        """Where there is nothing, one of `CAUSES`."""
        ...


class Chooser(Placed, Protocol):
    """What choosing needs of a ranker, and telling why; what a profile is, is the ranker's own affair."""

    def profile(
        self,
        topics: Iterable[Topic] = (),
        likes: Iterable[tuple[Paper, date]] = (),
        dislikes: Iterable[tuple[Paper, date]] = (),
        muted: Iterable[str] = (),
        *,
        authors: Iterable[str] = (),
        muted_authors: Iterable[str] = (),
        today: date | None = None,
        papers: int | None = None,
        minutes: int | None = None,
        bar: Bar = "normal",
    ) -> Any:
        """Return what is known of a person."""
        ...

    def choose(
        self,
        profiles: Sequence[Any],
        papers: Sequence[Paper],
        k: int,
        *,
        received: Sequence[Collection[int]] = (),
        today: date | None = None,
    ) -> Sequence[Chosen]:
        """Return for each profile the places of its best papers; `k` is for those who asked for no number."""
        ...

    def weigh(
        self,
        profile: Any,
        papers: Sequence[Paper],
        k: int,
        *,
        received: Collection[int] = (),
        today: date | None = None,
    ) -> "Weighed":
        """Return what `choose` goes by for one profile."""
        ...

    def explain(self, profile: Any, paper: Paper) -> Reason:
        """Return why a paper suits a profile."""
        ...


class Asked(NamedTuple):
    """What is chosen by on a local date: the papers at hand, and for each person their profile and what they had."""

    day: date
    papers: list[Paper]
    profiles: list[Any]
    received: list[Collection[int]]


class ComposeReport(NamedTuple):
    """What one run of choosing did: issues with papers, who got none because nothing was left, and who was left out.

    For the latter choosing failed, which is a fault of this program; the next run tries again.
    """

    composed: int
    empty: tuple[str, ...]
    left_out: tuple[str, ...] = ()


class Composer:
    """Chooses for blocks of people.

    `chooser` has been fitted on the archive, `placing` has vectors of papers, and `patience` knows for whom choosing
    failed in earlier runs of this process.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Settings,
        chooser: Chooser,
        placing: Placing,
        patience: Patience | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self.chooser = chooser
        self._placing = placing
        self._patience = patience or Patience(clock)
        # Of who gets nothing, by their address, why: a key of `CAUSES`.
        self.causes: dict[str, str] = {}
        self._candidates: dict[date, list[Paper]] = {}
        self._known: dict[int, Paper] = {}

    async def compose(
        self, due: Sequence[tuple[Subscriber, Slot]], *, progress: Progress = lambda _done, _of: None
    ) -> ComposeReport:
        """Put an issue on record for each of these people and slots; those who have one are passed over."""
        by_slot: dict[Slot, list[Subscriber]] = defaultdict(list)
        for subscriber, slot in due:
            by_slot[slot].append(subscriber)
        composed, done = 0, 0
        empty: list[str] = []
        left_out: list[str] = []
        for slot in sorted(by_slot):
            people = by_slot[slot]
            for start in range(0, len(people), BLOCK):
                block = people[start : start + BLOCK]
                part = await self._block(slot, block)
                composed += part.composed
                empty += part.empty
                left_out += part.left_out
                done += len(block)
                progress(done, len(due))
        log.info("composed", issues=composed, empty=len(empty), left_out=len(left_out))
        return ComposeReport(composed, tuple(empty), tuple(left_out))

    async def pick(self, people: Sequence[Subscriber], day: date) -> list[tuple[Pick, ...]]:
        """Return the papers that each would get on a local date, in order; nothing is put on record."""
        asked = await self.asked(people, day)
        best = choose(self.chooser, asked, self._settings.ranking)
        self.causes |= {person.email: one.cause for person, one in zip(people, best, strict=True) if one.cause}
        return [self._picks(profile, asked.papers, one) for profile, one in zip(asked.profiles, best, strict=True)]

    def _picks(self, profile: Any, found: Sequence[Paper], chosen: Chosen) -> tuple[Pick, ...]:
        reasons = [_honest(self.chooser.explain(profile, found[place]), found[place]) for place, _ in chosen.picks]
        if chosen.outside is not None:
            reasons.append(Reason(kind="outside"))
        return tuple(
            Pick(position=position, paper=found[place], score=float(score), reason=reason)
            for position, ((place, score), reason) in enumerate(zip(in_order(chosen), reasons, strict=True), start=1)
        )

    async def asked(self, people: Sequence[Subscriber], day: date, *, before: datetime | None = None) -> Asked:
        """Return what is chosen by for people on a local date.

        `before` leaves out what was sent or said at that moment or later, and what came in after it; what was asked for
        is as it is now, since no other is on record.
        """
        found = await self._papers_of(day)
        ids = [person.id for person in people]
        async with self._database.connect() as connection:
            since = window(day, self._settings.ranking.window_days)[0]
            had = await papers.received_by(connection, ids, since=since, before=before)
            said = await subscribers.feedback_of(connection, ids, before=before)
            await self._learn(connection, said)
        liked = {one.paper_id for words in said.values() for one in words}
        await self._placing.complete(self.chooser, [*found, *(self._known[number] for number in liked)])
        if before is not None:
            found = [paper for paper in found if paper.first_seen_at is not None and paper.first_seen_at <= before]
        profiles = [profile_of(self.chooser, person, said.get(person.id, []), self._known, day) for person in people]
        # Of what they judged they need not hear again.
        judged = [{one.paper_id for one in said.get(number, ())} for number in ids]
        return Asked(
            day, found, profiles, [{*had[number], *spoken} for number, spoken in zip(ids, judged, strict=True)]
        )

    async def _block(self, slot: Slot, people: Sequence[Subscriber]) -> ComposeReport:
        for last_try in (False,) * (MOST_CONFLICTS - 1) + (True,):
            picked, left_out = await self.picked(people, slot.date)
            drafts = [
                Draft(
                    person.id,
                    person.email,
                    message_id(self._settings.newsletter),
                    chosen,
                    self._said(person, slot, chosen),
                )
                for person, chosen in picked
            ]
            try:
                async with self._database.begin() as connection:
                    now = self._clock.now()
                    edition = await editions.ensure(connection, slot.date, slot.cadence, now)
                    written, _ = await editions.compose(connection, edition.id, drafts, now)
            except ConflictError:
                # Someone was erased, or got one of these papers in another issue, since they were read.
                if last_try:
                    raise
                self._candidates.pop(slot.date, None)
                people = await self._still_there(people)
                continue
            return ComposeReport(written, tuple(person.email for person, chosen in picked if not chosen), left_out)
        return ComposeReport(0, ())

    async def picked(
        self, people: Sequence[Subscriber], day: date
    ) -> tuple[list[tuple[Subscriber, tuple[Pick, ...]]], tuple[str, ...]]:
        """Return the picks of each, and who is left out: where choosing fails for one, the others get their mail.

        Raises what it failed with where it fails for one after the other, since that is not about a person. For whom
        it failed before on that day is not told again.
        """
        try:
            return list(zip(people, await self.pick(people, day), strict=True)), ()
        except NewsletterError:
            raise
        except Exception as error:
            failure = error
        if not all(self._patience.failed_before(person.id, day) for person in people):
            log.warning("choosing failed, and each person is chosen for alone", people=len(people))
        picked: list[tuple[Subscriber, tuple[Pick, ...]]] = []
        left_out: list[str] = []
        new = 0
        for person in people:
            try:
                [chosen] = await self.pick([person], day)
            except NewsletterError:
                raise
            except Exception as error:
                left_out.append(person.email)
                first = not self._patience.failed_before(person.id, day)
                self._patience.failed(person.id, day)
                new += first
                if new >= MOST_LEFT_OUT and not picked:
                    raise failure from error
                if first:
                    log.exception("left out, since choosing for them failed", subscriber=person.id, day=day)
            else:
                picked.append((person, chosen))
        return picked, tuple(left_out)

    async def _still_there(self, people: Sequence[Subscriber]) -> list[Subscriber]:
        async with self._database.connect() as connection:
            found = await subscribers.by_ids(connection, [person.id for person in people])
        return [found[person.id] for person in people if person.id in found]

    async def _papers_of(self, day: date) -> list[Paper]:
        if day not in self._candidates:
            since, until = window(day, self._settings.ranking.window_days)
            async with self._database.connect() as connection:
                self._candidates[day] = await papers.candidates(connection, since=since, until=until)
        return self._candidates[day]

    async def _learn(self, connection: AsyncConnection, said: dict[int, list[Feedback]]) -> None:
        """Load the papers that people spoke of, each once a run."""
        named = {one.paper_id for words in said.values() for one in words}
        self._known.update(await papers.by_ids(connection, named - self._known.keys()))

    def _said(self, person: Subscriber, slot: Slot, chosen: Sequence[Pick]) -> dict[str, Any] | None:
        """Return what to tell of a day without papers, if that is to be told."""
        if chosen or not self._settings.notices.nothing_today:
            return None
        return self.nothing(person, slot.date)

    def nothing(self, person: Subscriber, day: date) -> dict[str, Any]:
        """Return what a mail tells that says that there is nothing; choosing has looked at that day before."""
        cause = self.causes.get(person.email, "no match")
        return {"day": day.isoformat(), "cause": cause, "looked_at": len(self._candidates.get(day, ()))}


def choose(chooser: Chooser, asked: Asked, ranking: Ranking) -> Sequence[Chosen]:
    """Return what is chosen for each person."""
    return chooser.choose(asked.profiles, asked.papers, ranking.papers, received=asked.received, today=asked.day)


def in_order(chosen: Chosen) -> list[tuple[int, float]]:
    """Return the places of the papers of an issue and their scores, as they stand in it."""
    return [*chosen.picks, *([] if chosen.outside is None else [chosen.outside])]


def window(day: date, days: int) -> tuple[datetime, datetime]:
    """Return the span of first sight of the papers that an issue of that local date may hold."""
    midnight = datetime.combine(day, time(), UTC)
    return midnight - timedelta(days=days), midnight + timedelta(days=1) + _WIDEST_OFFSET


def profile_of(
    chooser: Chooser, person: Subscriber, said: Sequence[Feedback], known: Mapping[int, Paper], day: date
) -> Any:
    """Return the profile of a person on a local date by what they asked for and `said` of `known` papers."""

    def spoken_of(*verdicts: str) -> list[tuple[Paper, date]]:
        return [(known[one.paper_id], one.at.date()) for one in said if one.verdict in verdicts]

    return chooser.profile(
        person.topics,
        spoken_of("more", "saved"),
        spoken_of("less"),
        person.muted_words,
        authors=person.authors,
        muted_authors=person.muted_authors,
        today=day,
        papers=person.papers,
        minutes=person.minutes,
        bar=person.bar,
    )


def _honest(reason: Reason, paper: Paper) -> Reason:
    """Return a reason, which for a paper that nobody has voted for cannot be that it is popular."""
    return Reason(kind="new") if reason.kind == "popular" and paper.votes <= 0 else reason
