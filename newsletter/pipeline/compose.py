"""Choose papers for everyone who is due, and put their issues on record; it knows nothing of mail."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock
from newsletter.config import Settings
from newsletter.errors import ConflictError, NewsletterError
from newsletter.models import Beside, Feedback, Paper, Revision, Subscriber
from newsletter.pipeline import arranging, returning
from newsletter.pipeline.arranging import Content
from newsletter.pipeline.chooser import Chooser, Chosen, there_by
from newsletter.pipeline.choosing import Asked, arrange, choose, in_order, own_of, popular_from, profile_of, window
from newsletter.pipeline.notices import message_id
from newsletter.pipeline.patience import Patience
from newsletter.pipeline.slots import Slot
from newsletter.pipeline.sweeping import less_to_sweep
from newsletter.pipeline.vectors import Placing
from newsletter.store import beside, editions, papers, subscribers
from newsletter.store.database import Database
from newsletter.store.editions import Draft

log = structlog.get_logger()

BLOCK = 500
# Of people with own searches fewer at a time, since each brings papers to the block that are only theirs.
OWN_BLOCK = 50
# Of people who were far away fewer too: what each has had of all that time is at hand.
FAR_BLOCK = 200

# Where choosing fails for the first so many of a block, it is not about a person.
MOST_LEFT_OUT = 5

# How often a block is put together anew because others wrote meanwhile.
MOST_CONFLICTS = 5

# So many revisions are told in a mail, and looked for among so many of the latest; the others wait for the next mail.
MOST_REVISED = 5
MOST_NEWER = 100

Progress = Callable[[int, int], None]


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
        self._newer: dict[date, list[Paper]] = {}
        self._older: tuple[date, list[Paper]] | None = None
        self._known: dict[int, Paper] = {}

    async def compose(
        self, due: Sequence[tuple[Subscriber, Slot]], *, progress: Progress = lambda _done, _of: None
    ) -> ComposeReport:
        """Put an issue on record for each of these people and slots; those who have one are passed over."""
        if len(due) <= BLOCK:
            return await self._compose(due, progress)
        async with less_to_sweep():
            return await self._compose(due, progress)

    async def _compose(self, due: Sequence[tuple[Subscriber, Slot]], progress: Progress) -> ComposeReport:
        by_slot: dict[Slot, list[Subscriber]] = defaultdict(list)
        for subscriber, slot in due:
            by_slot[slot].append(subscriber)
        composed, done = 0, 0
        empty: list[str] = []
        left_out: list[str] = []
        for slot in sorted(by_slot):
            for block in _blocks(by_slot[slot], await self._far_away(by_slot[slot], slot.date)):
                part = await self._block(slot, block)
                composed += part.composed
                empty += part.empty
                left_out += part.left_out
                done += len(block)
                progress(done, len(due))
        log.info("composed", issues=composed, empty=len(empty), left_out=len(left_out))
        return ComposeReport(composed, tuple(empty), tuple(left_out))

    async def pick(self, people: Sequence[Subscriber], day: date) -> list[Content]:
        """Return what each would get on a local date; nothing is put on record."""
        far = await self._far_away(people, day)
        if not far or len(far) == len(people):
            return await self._pick(people, day, far=bool(far))
        found: dict[int, Content] = {}
        for are_far in (False, True):
            some = [person for person in people if (person.id in far) is are_far]
            contents = await self._pick(some, day, far=are_far)
            found |= {person.id: content for person, content in zip(some, contents, strict=True)}
        return [found[person.id] for person in people]

    async def _pick(self, people: Sequence[Subscriber], day: date, *, far: bool) -> list[Content]:
        whole = await self.asked(people, day, far=far)
        whole, back = returning.back(people, whole, self._since(day, far=True))
        missed = returning.best(self.chooser, people, whole, back, self._known)
        asked = returning.of_the_day(whole, back)
        best = choose(self.chooser, asked, self._settings.ranking)
        self.causes |= {person.email: one.cause for person, one in zip(people, best, strict=True) if one.cause}
        popular = popular_from(asked.papers)
        placed = [
            arrange(self.chooser, profile, asked.papers, one, past, missed.get(at, ()), popular=popular)
            for at, (profile, one, past) in enumerate(zip(asked.profiles, best, asked.past, strict=True))
        ]
        revised = await self._revised([person.id for person in people], day)
        without = self._without_dislikes(people, asked)
        found: list[Content] = []
        for at, person in enumerate(people):
            said, past = asked.said[at], asked.past[at]
            told = arranging.told_of_likes(arranging.fresh(said, past, "more", "saved"), self._known, placed[at])
            if at in without:
                disliked = arranging.fresh(said, past, "less")
                told += arranging.told_of_dislikes(disliked, self._known, in_order(best[at]), in_order(without[at]))
            of_missed = arranging.missed(asked.papers, placed[at], past, person.timezone)
            extra = Beside(told, of_missed, revised.get(person.id, ()))
            picks = arranging.picks_of(asked.papers, placed[at])
            found.append(Content(picks, extra) if picks else Content(()))
        return found

    def _without_dislikes(self, people: Sequence[Subscriber], asked: Asked) -> dict[int, Chosen]:
        """Return what would be chosen for those who lately wanted less of something, had they not said so."""
        apart: dict[int, Any] = {}
        for at, (person, said, past) in enumerate(zip(people, asked.said, asked.past, strict=True)):
            if disliked := arranging.fresh(said, past, "less"):
                rest = [one for one in said if one not in disliked]
                apart[at] = profile_of(self.chooser, person, rest, self._known, asked.day, asked.own.get(person.id))
        if not apart:
            return {}
        other = Asked(asked.day, asked.papers, list(apart.values()), [asked.received[at] for at in apart])
        return dict(zip(apart, choose(self.chooser, other, self._settings.ranking), strict=True))

    async def _revised(self, ids: Sequence[int], day: date) -> dict[int, tuple[Revision, ...]]:
        """Return for each person what was revised since they got it, the latest first."""
        async with self._database.connect() as connection:
            if day not in self._newer:
                self._newer[day] = await beside.revised_since(connection, self._since(day), limit=MOST_NEWER)
            newer = [paper for paper in self._newer[day] if paper.id is not None and paper.version is not None]
            if not newer:
                return {}
            unaware = await beside.unaware(connection, ids, [paper.id or 0 for paper in newer])
        return {
            number: tuple(Revision(paper, paper.version or 0) for paper in newer if paper.id in had)[:MOST_REVISED]
            for number, had in unaware.items()
        }

    async def _far_away(self, people: Sequence[Subscriber], day: date) -> set[int]:
        """Return who is back from a pause that began before the window of a day."""
        away = [person for person in people if person.away and person.best_missed]
        if not away:
            return set()
        since = self._since(day)
        async with self._database.connect() as connection:
            past = await arranging.past_of(connection, away, day, since.date())
        return {number for number, one in past.items() if one.missed is not None and one.missed[0] < since}

    def _since(self, day: date, *, far: bool = False) -> datetime:
        """Return from when on papers are looked at: those of the window, or for who was `far` away."""
        since = window(day, self._settings.ranking.window_days)[0]
        return since - returning.FURTHEST if far else since

    async def asked(
        self, people: Sequence[Subscriber], day: date, *, before: datetime | None = None, far: bool = False
    ) -> Asked:
        """Return what is chosen by for people on a local date.

        `before` leaves out what was sent or said at that moment or later, and what came in after it; what was asked for
        is as it is now, since no other is on record. With `far`, the best papers before the window are at hand too.
        """
        found = [*(await self._papers_before(day) if far else ()), *(await self._papers_of(day))]
        ids = [person.id for person in people]
        async with self._database.connect() as connection:
            since, until = window(day, self._settings.ranking.window_days)
            alone, own = await own_of(connection, people, since, until, before=before)
            had = await papers.received_by(connection, ids, since=self._since(day, far=far), before=before)
            said = await subscribers.feedback_of(connection, ids, before=before)
            past = await arranging.past_of(connection, people, day, since.date())
            await self._learn(connection, said)
        found = [*found, *alone] if alone else found
        liked = {one.paper_id for words in said.values() for one in words}
        await self._placing.complete(self.chooser, [*found, *(self._known[number] for number in liked)])
        if before is not None:
            found = [paper for paper in found if there_by(paper, before)]
        profiles = [
            profile_of(self.chooser, person, said.get(person.id, []), self._known, day, own.get(person.id))
            for person in people
        ]
        # Of what they judged they need not hear again.
        judged = [{one.paper_id for one in said.get(number, ())} for number in ids]
        return Asked(
            day,
            found,
            profiles,
            [{*had[number], *spoken} for number, spoken in zip(ids, judged, strict=True)],
            [said.get(number, ()) for number in ids],
            [past[number] for number in ids],
            own,
        )

    async def _block(self, slot: Slot, people: Sequence[Subscriber]) -> ComposeReport:
        for last_try in (False,) * (MOST_CONFLICTS - 1) + (True,):
            picked, left_out = await self.picked(people, slot.date)
            drafts = [
                Draft(
                    person.id,
                    person.email,
                    message_id(self._settings.newsletter),
                    *content,
                    said=self._said(person, slot, content),
                )
                for person, content in picked
            ]
            try:
                async with self._database.begin() as connection:
                    now = self._clock.now()
                    edition = await editions.ensure(connection, slot.date, slot.cadence, now)
                    written, _ = await editions.compose(connection, edition.id, drafts, now)
                    back = [person.id for person, content in picked if person.away and content.picks]
                    await subscribers.returned(connection, back, slot.date)
            except ConflictError:
                # Someone was erased, or got one of these papers in another issue, since they were read.
                if last_try:
                    raise
                self._candidates.pop(slot.date, None)
                self._older = None
                self._newer.pop(slot.date, None)
                people = await self._still_there(people)
                continue
            return ComposeReport(
                written, tuple(person.email for person, content in picked if not content.picks), left_out
            )
        return ComposeReport(0, ())

    async def picked(
        self, people: Sequence[Subscriber], day: date
    ) -> tuple[list[tuple[Subscriber, Content]], tuple[str, ...]]:
        """Return what each gets, and who is left out: where choosing fails for one, the others get their mail.

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
        picked: list[tuple[Subscriber, Content]] = []
        left_out: list[str] = []
        new = 0
        for person in people:
            try:
                [content] = await self.pick([person], day)
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
                picked.append((person, content))
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

    async def _papers_before(self, day: date) -> list[Paper]:
        """Return the best papers of the weeks before the window of a day; those of one day are kept."""
        if self._older is None or self._older[0] != day:
            async with self._database.connect() as connection:
                self._older = (
                    day,
                    await papers.best_of_weeks(
                        connection,
                        since=self._since(day, far=True),
                        until=self._since(day),
                        limit=returning.EACH_WEEK,
                    ),
                )
        return self._older[1]

    async def _learn(self, connection: AsyncConnection, said: dict[int, list[Feedback]]) -> None:
        """Load the papers that people spoke of, each once a run."""
        named = {one.paper_id for words in said.values() for one in words}
        self._known.update(await papers.by_ids(connection, named - self._known.keys()))

    def _said(self, person: Subscriber, slot: Slot, content: Content) -> dict[str, Any] | None:
        """Return what to tell of a day without papers, if that is to be told."""
        if content.picks or not self._settings.notices.nothing_today:
            return None
        return self.nothing(person, slot.date)

    def nothing(self, person: Subscriber, day: date) -> dict[str, Any]:
        """Return what a mail tells that says that there is nothing; choosing has looked at that day before."""
        cause = self.causes.get(person.email, "no match")
        return {"day": day.isoformat(), "cause": cause, "looked_at": len(self._candidates.get(day, ()))}


def _blocks(people: Sequence[Subscriber], far: Collection[int]) -> Iterator[Sequence[Subscriber]]:
    # Apart from all others, since for whoever was far away more papers are at hand.
    distant = [person for person in people if person.id in far] if far else []
    near = [person for person in people if person.id not in far] if far else people
    searching = [person for person in near if person.searches]
    rest = [person for person in near if not person.searches] if searching else near
    for size, some in ((BLOCK, rest), (OWN_BLOCK, searching), (FAR_BLOCK, distant)):
        for start in range(0, len(some), size):
            yield some[start : start + size]
