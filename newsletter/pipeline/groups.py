"""What is due, in groups: leased, loaded, held against what people decided since it was composed; it sends nothing."""

import asyncio
import functools
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.clock import Clock
from newsletter.config import Delivery as DeliverySettings
from newsletter.models import STATES_FOR, Consent, Issue
from newsletter.pipeline import slots
from newsletter.pipeline.notices import ANSWERS
from newsletter.store import deliveries, doubles, issues, recall, suppressions
from newsletter.store.aside import Aside
from newsletter.store.deliveries import Claimed
from newsletter.store.issues import Known, Loaded

log = structlog.get_logger()

NOTHING_LEFT = "All its papers reached them in other mail."


class Due(NamedTuple):
    """A delivery that is leased and its issue; `barred` says why it must not go out any more, if it must not."""

    delivery: Claimed
    issue: Issue
    barred: str


class Groups:
    """Leases for one owner. While the second half of a group goes out, the next one is made ready.

    `store` writes and `reader` reads; `only` is the id of one person; with `its_clock`, the clock of the database tells
    when leases end. `held` is what this run has at hand: what is claimed goes in, and whoever is done with it takes it
    out. It may lose a lease while it is there, and is not claimed again before it is out.
    """

    def __init__(
        self,
        store: Aside,
        reader: Aside,
        clock: Clock,
        settings: DeliverySettings,
        owner: str,
        held: dict[int, Claimed],
        *,
        only: int | None = None,
        its_clock: bool = False,
    ) -> None:
        self._store = store
        self._reader = reader
        self._clock = clock
        self._batch = settings.batch
        self._lease = timedelta(seconds=settings.lease)
        self._owner = owner
        self._held = held
        self._only = only
        self._its_clock = its_clock
        self._known = Known()

    async def halves(self) -> AsyncGenerator[Sequence[Due], None]:
        """Yield all that is due, half a group at a time; close it to the end of what it has begun."""
        ahead: asyncio.Task[list[Due]] | None = None
        try:
            # Where nothing was due by then, something may be now.
            while group := (await ahead if ahead else []) or await self._next():
                middle = len(group) // 2
                yield group[:middle]
                ahead = asyncio.create_task(self._next(), name="next group")
                yield group[middle:]
        finally:
            if ahead is not None:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)

    async def renew(self) -> None:
        """Make the leases run longer."""
        until = self._until(self._clock.now())
        await self._store.run(lambda connection: deliveries.renew(connection, self._owner, until))

    async def give_back(self) -> None:
        """Free what was leased and not begun."""
        await self._store.run(lambda connection: deliveries.release(connection, self._owner))

    def _until(self, now: datetime) -> datetime | timedelta:
        return self._lease if self._its_clock else now + self._lease

    async def _next(self) -> list[Due]:
        while claimed := await self._claim():
            group, doubtful = await self._reader.run(functools.partial(self._load, claimed=claimed))
            if group:
                group = await self._readdressed(await self._once(group, doubtful))
                self._held.update((due.delivery.id, due.delivery) for due in group)
                return group
        return []

    async def _claim(self) -> list[Claimed]:
        now, held = self._clock.now(), list(self._held)
        return await self._store.run(
            lambda connection: deliveries.claim(
                connection,
                owner=self._owner,
                limit=self._batch,
                now=now,
                until=self._until(now),
                only=self._only,
                held=held,
            )
        )

    async def _load(self, connection: AsyncConnection, *, claimed: list[Claimed]) -> tuple[list[Due], Collection[int]]:
        """Return what was claimed, and the ids of the issues that hold what their readers have."""
        found = await issues.load(connection, [one.issue_id for one in claimed], self._known)
        suppressed = await suppressions.among(connection, [loaded.standing.email_key for loaded in found.values()])
        now = self._clock.now()
        # What is not found is that of a person who was erased since the claim.
        group = [
            Due(one, loaded.issue, _obstacle(loaded, suppressed, now))
            for one in claimed
            if (loaded := found.get(one.issue_id)) is not None
        ]
        return group, (await doubles.again(connection, [due.issue for due in group])).keys()

    async def _once(self, group: list[Due], doubtful: Collection[int]) -> list[Due]:
        """Leave papers out that would come to a reader again, since they became one after the mail was composed."""
        if not doubtful:
            return group
        looked_at = [due for due in group if due.issue.id in doubtful]
        leased = {due.issue.id: due.delivery.id for due in looked_at}
        left_out = await self._store.run(
            lambda connection: doubles.leave_out(connection, self._owner, leased, [due.issue for due in looked_at])
        )
        log.info("papers left out that their readers have", mails=len(left_out))
        return [_judged_again(due, left_out[due.issue.id]) if due.issue.id in left_out else due for due in group]

    async def _readdressed(self, group: list[Due]) -> list[Due]:
        """Let mail follow those whose address changed since it was queued."""
        moved = [due.delivery.id for due in group if due.delivery.address != due.issue.recipient.email]
        if not moved:
            return group
        await self._store.run(lambda connection: recall.follow(connection, self._owner, moved))
        return [
            due._replace(delivery=due.delivery._replace(address=due.issue.recipient.email))
            if due.delivery.address != due.issue.recipient.email
            else due
            for due in group
        ]


def _judged_again(due: Due, left_out: Collection[int]) -> Due:
    issue = without(due.issue, left_out)
    return due._replace(issue=issue, barred=due.barred or ("" if issue.picks else NOTHING_LEFT))


def without(issue: Issue, positions: Collection[int]) -> Issue:
    """Return an issue without its papers in these places; the others stay in theirs, by which feedback names them."""
    return issue._replace(picks=tuple(pick for pick in issue.picks if pick.position not in positions))


def _obstacle(loaded: Loaded, suppressed: Mapping[str, str], now: datetime) -> str:
    issue, person = loaded
    if not issue.picks and not issue.said and issue.edition.kind == "issue":
        return NOTHING_LEFT
    if person.state not in STATES_FOR["issue" if issue.picks else issue.edition.kind]:
        return f"They are {person.state}."
    # Who left has no pause, and who has not come has none either.
    if (
        person.state is Consent.CONFIRMED
        and issue.edition.kind not in ANSWERS
        and person.paused_until is not None
        and slots.date_there(person.timezone, now) < person.paused_until
    ):
        return "They have paused."
    why = suppressed.get(person.email_key)
    return "" if why is None else f"The address is suppressed: {why}."
