"""What readers change on their own page: wishes, what they said of papers, a break, and their links.

All goes through the checks that the command line has (`subscribers.checked`). It knows no form.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import date
from typing import Any, NamedTuple

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock
from newsletter.errors import NewsletterError, UsageError
from newsletter.models import Consent, Feedback, Paper, Subscriber
from newsletter.pipeline import slots
from newsletter.pipeline import subscribers as people
from newsletter.pipeline.doors import Doors
from newsletter.pipeline.notices import Notices
from newsletter.rendering.language import available
from newsletter.store import papers, subscribers
from newsletter.store.database import Database

log = structlog.get_logger()

# What they said of papers last, so many of them.
MOST_SAID = 100
MOST_TOPICS = 100
MOST_NAMES = 200

# What each of these is, more than by its type: a list has so many at most.
_MOST = {"topics": MOST_TOPICS, "authors": MOST_NAMES, "muted_authors": MOST_NAMES, "muted_words": MOST_NAMES}


def languages() -> tuple[str, ...]:
    """Return the languages that mail and pages have words of."""
    return available()


class WrongError(NewsletterError):
    """Wishes that cannot be kept; `faults` has what is wrong by the name of the wish."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("Some of this cannot be kept.", next_step="Mend what is marked.")
        self.faults = dict(faults)


class Spoken(NamedTuple):
    """What a reader said of a paper."""

    feedback: Feedback
    paper: Paper


class Known(NamedTuple):
    """A reader as their page shows them; `own` tells that their link opens all."""

    person: Subscriber
    own: bool
    said: tuple[Spoken, ...]


class Choices:
    """What readers change by a link of `doors`; `notices` tell them of a long pause."""

    def __init__(self, database: Database, clock: Clock, doors: Doors, notices: Notices) -> None:
        self.doors = doors
        self._notices = notices
        self._database = database
        self._clock = clock

    async def known(self, token: str) -> Known:
        """Return a reader and what they said of papers, newest first; nothing changes. Raises as `Doors.open` does."""
        async with self._database.connect() as connection:
            person = await self.doors.open(connection, "settings", token)
            spoken = (await subscribers.feedback_of(connection, [person.id])).get(person.id, [])[-MOST_SAID:]
            found = await papers.by_ids(connection, [one.paper_id for one in spoken])
        said = tuple(Spoken(one, found[one.paper_id]) for one in reversed(spoken) if one.paper_id in found)
        return Known(person, self.doors.read("settings", token).purpose == "own", said)

    async def change(
        self, token: str, wishes: Callable[[Subscriber], Mapping[str, Any]]
    ) -> tuple[Subscriber, Subscriber]:
        """Write what `wishes` makes of a reader as they are now, and return them before and after it.

        Raises WrongError, and nothing is changed, for wishes that cannot be kept.
        """
        async with self._changing(token) as (connection, person):
            changed = wished(person, wishes(person))
            if changed != person:
                await people.write(connection, changed, self._clock.now())
        return person, changed

    async def take_back(self, token: str, paper_id: int) -> None:
        """Forget what a reader said of a paper."""
        async with self._changing(token) as (connection, person):
            await subscribers.unsay(connection, person.id, paper_id)

    async def pause(self, token: str, until: date | None, *, best_missed: bool | None = None) -> Subscriber:
        """Send a reader nothing until a day of theirs (None: send again); raises WrongError for one that is over.

        `best_missed` says whether they want the best of that time then, None that it stays as it was.
        """
        async with self._changing(token) as (connection, person):
            if until is not None and until <= slots.local_date(person, self._clock.now()):
                raise WrongError({"until": "over"})
            if person.state is Consent.UNSUBSCRIBED:
                return person
            await subscribers.pause(connection, person.id, until, best_missed=best_missed)
            await self._notices.tell_pause(connection, person, until)
        return person.model_copy(update={"paused_until": until})

    async def renew(self, token: str) -> Subscriber:
        """Make all links of a reader new: those of before still leave, pause and speak of papers, and no more."""
        async with self._changing(token) as (connection, person):
            await subscribers.renew(connection, person.id)
        log.info("links made new", subscriber=person.id)
        return person.model_copy(update={"links": person.links + 1})

    @asynccontextmanager
    async def _changing(self, token: str) -> AsyncIterator[tuple[AsyncConnection, Subscriber]]:
        async with self._database.begin() as connection:
            person = await self.doors.hold(connection, "settings", token)
            yield connection, person

    def day_of(self, person: Subscriber) -> date:
        """Return the day that it is where a reader is."""
        return slots.local_date(person, self._clock.now())

    def paused_until(self, person: Subscriber) -> date | None:
        """Return until when a reader gets nothing, None if they get mail."""
        return person.paused_until if person.paused_on(slots.local_date(person, self._clock.now())) else None


def wished(person: Subscriber, wishes: Mapping[str, Any]) -> Subscriber:
    """Return a person with wishes, as they can be kept; raises WrongError with all that is wrong."""
    faults: dict[str, str] = {}
    for name, wish in wishes.items():
        most = _MOST.get(name)
        if most is not None and len(wish) > most:
            faults[name] = "many"
            continue
        try:
            people.checked(person.model_copy(update={name: wish}))
        except UsageError as error:
            faults[name] = str(error)
        except ValueError:
            faults[name] = "bounds"
    if faults:
        raise WrongError(faults)
    return people.checked(person.model_copy(update=dict(wishes)))
