"""Editions, issues and picks: what was put together for whom."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, case, delete, func, literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.errors import ConflictError
from newsletter.models import NOTHING_BESIDE, Beside, DeliveryState, Edition, EditionKind, Pick
from newsletter.store import beside as beside_rows
from newsletter.store import papers as paper_rows
from newsletter.store.database import chunks, insert
from newsletter.store.moves import WAITING
from newsletter.store.tables import deliveries, editions, issues, picks

OF_ISSUES = editions.c.kind == literal_column("'issue'")

# What waits, was never tried, and nobody has at hand.
_UNTOUCHED = and_(WAITING, deliveries.c.lease_owner.is_(None), deliveries.c.attempts == 0)


class Draft(NamedTuple):
    """An issue that is about to be put on record; `message_id` is that of its one message.

    Without picks it has a message only if there is something `said`: that there is nothing, or what a notice tells.
    """

    subscriber_id: int
    address: str
    message_id: str
    picks: tuple[Pick, ...]
    beside: Beside = NOTHING_BESIDE
    said: Mapping[str, Any] | None = None


async def ensure(
    connection: AsyncConnection, day: date, cadence: str, now: datetime, *, kind: EditionKind = "issue"
) -> Edition:
    """Return the edition of a slot, made if it is not there."""
    row = {"date": day, "cadence": cadence, "kind": kind, "note": "", "created_at": now}
    await connection.execute(insert(connection, editions).values(row).on_conflict_do_nothing())
    found = await find(connection, day, cadence, kind=kind)
    if found is None:
        raise ConflictError(f"The edition of {day} was deleted while it was made.", next_step="Try again.")
    return found


async def find(connection: AsyncConnection, day: date, cadence: str, *, kind: EditionKind = "issue") -> Edition | None:
    """Return the edition of a slot."""
    slot = and_(editions.c.date == day, editions.c.cadence == cadence, editions.c.kind == kind)
    row = (await connection.execute(select(editions).where(slot))).first()
    return None if row is None else _edition(row)


async def note(connection: AsyncConnection, edition_id: int, markdown: str) -> None:
    """Set the editor's note of an edition."""
    await connection.execute(update(editions).where(editions.c.id == edition_id).values(note=markdown))


class Summary(NamedTuple):
    """An edition and how its mail stands: issues without papers, and deliveries by state."""

    edition: Edition
    empty: int
    states: Mapping[str, int]


async def summaries(connection: AsyncConnection, *, day: date | None = None, limit: int = 30) -> list[Summary]:
    """Return the newest editions of issues, or those of one day, with how their mail stands."""
    statement = select(editions).where(OF_ISSUES).order_by(editions.c.date.desc(), editions.c.cadence).limit(limit)
    if day is not None:
        statement = statement.where(editions.c.date == day)
    found = [_edition(row) for row in await connection.execute(statement)]
    ids = [edition.id for edition in found]
    states: dict[int, dict[str, int]] = defaultdict(dict)
    grouped = (
        select(issues.c.edition_id, deliveries.c.state, func.count())
        .join(deliveries, deliveries.c.issue_id == issues.c.id)
        .where(issues.c.edition_id.in_(ids))
        .group_by(issues.c.edition_id, deliveries.c.state)
    )
    for edition_id, state, number in await connection.execute(grouped):
        states[edition_id][state] = number
    empty = select(issues.c.edition_id, func.count()).where(issues.c.edition_id.in_(ids), issues.c.empty)
    blanks = {number: count for number, count in await connection.execute(empty.group_by(issues.c.edition_id))}
    return [Summary(edition, blanks.get(edition.id, 0), states[edition.id]) for edition in found]


async def compose(
    connection: AsyncConnection,
    edition_id: int,
    drafts: Sequence[Draft],
    now: datetime,
    *,
    kind: EditionKind = "issue",
) -> tuple[int, int]:
    """Put issues on record with their picks, what was received and told, and their deliveries, all or nothing.

    People who have an issue of this edition are passed over; an issue that was empty gives way, unless a mail that told
    so may have left. Returns how many issues with papers and how many without were written. Raises ConflictError (at
    the end of the transaction or here) if a paper went to a person in another issue meanwhile.
    """
    # One draft a person, in one order for all processes: two that wait for each other are a deadlock.
    by_person = {draft.subscriber_id: draft for draft in reversed(drafts)}
    drafts = [by_person[number] for number in sorted(by_person)]
    if not drafts:
        return 0, 0
    blank = and_(
        issues.c.edition_id == edition_id,
        issues.c.empty,
        issues.c.subscriber_id.in_([draft.subscriber_id for draft in drafts]),
    )
    # The delivery first: whoever claims it this moment is waited for, and looked at again.
    await connection.execute(
        delete(deliveries).where(deliveries.c.issue_id.in_(select(issues.c.id).where(blank)), _UNTOUCHED)
    )
    await connection.execute(delete(issues).where(blank, ~_told()))
    written = await connection.execute(
        insert(connection, issues)
        .on_conflict_do_nothing(index_elements=["edition_id", "subscriber_id"])
        .returning(issues.c.subscriber_id, issues.c.id),
        [
            {
                "edition_id": edition_id,
                "subscriber_id": draft.subscriber_id,
                "empty": not draft.picks and kind == "issue",
                "composed_at": now,
                "said": None if draft.said is None else json.dumps(draft.said),
                "beside": beside_rows.written(draft.beside),
            }
            for draft in drafts
        ],
    )
    ids = {subscriber_id: issue_id for subscriber_id, issue_id in written}
    new = [(ids[draft.subscriber_id], draft) for draft in drafts if draft.subscriber_id in ids]
    filled = [(issue_id, draft) for issue_id, draft in new if draft.picks]
    if filled:
        await connection.execute(insert(connection, picks), [row for pair in filled for row in _pick_rows(*pair)])
        await paper_rows.take(connection, [issue_id for issue_id, _ in filled])
        await beside_rows.take(connection, [(number, draft.subscriber_id, draft.beside) for number, draft in filled])
    if mailed := [_delivery_row(issue_id, draft, now) for issue_id, draft in new if draft.picks or draft.said]:
        await connection.execute(insert(connection, deliveries), mailed)
    return len(filled), len(new) - len(filled)


async def settled(connection: AsyncConnection, day: date, cadence: str, *, empty_counts: bool) -> set[int]:
    """Return who has an issue of a slot; empty ones that nobody was told of are looked past unless `empty_counts`."""
    statement = (
        select(issues.c.subscriber_id)
        .join(editions, editions.c.id == issues.c.edition_id)
        .where(editions.c.date == day, editions.c.cadence == cadence, OF_ISSUES)
    )
    if not empty_counts:
        statement = statement.where(or_(~issues.c.empty, _told(~_UNTOUCHED)))
    return set((await connection.execute(statement)).scalars())


async def latest_dates(connection: AsyncConnection, ids: Sequence[int], today: date, now: datetime) -> dict[int, date]:
    """Return the date of the latest slot for which each of these people has an issue, seen from a day where they are.

    An issue of a day to come was made by hand, and does not stand for the days before it. But one that was composed
    later than now shows that the clock stepped back; it counts, unless that clock was ahead by more than a week.
    """
    ahead = and_(editions.c.date <= today + timedelta(days=7), issues.c.composed_at > now)
    found: dict[int, date] = {}
    for part in chunks(ids):
        statement = (
            select(issues.c.subscriber_id, func.max(editions.c.date))
            .join(editions, editions.c.id == issues.c.edition_id)
            .where(issues.c.subscriber_id.in_(part), or_(editions.c.date <= today, ahead), OF_ISSUES)
            .group_by(issues.c.subscriber_id)
        )
        found.update((number, day) for number, day in await connection.execute(statement))
    return found


class Latest(NamedTuple):
    """The newest slot of a person with an issue, when that was composed, and when the newest one with papers was."""

    date: date
    composed_at: datetime
    filled_at: datetime | None


async def latest_before(
    connection: AsyncConnection, ids: Sequence[int], day: date, *, since: date | None = None
) -> dict[int, Latest]:
    """Return the latest issues of people of days before that one, and not before `since`; who has none is left out."""
    dated: ColumnElement[bool] = and_(editions.c.date < day, OF_ISSUES)
    if since is not None:
        these = select(editions.c.id).where(dated, editions.c.date >= since)
        # As numbers, so that each person's few issues of these are looked up and not all that they ever had.
        dated = issues.c.edition_id.in_(list((await connection.execute(these)).scalars()))
    filled_at = func.max(case((~issues.c.empty, issues.c.composed_at)))
    found: dict[int, Latest] = {}
    for part in chunks(ids):
        statement = (
            select(issues.c.subscriber_id, func.max(editions.c.date), func.max(issues.c.composed_at), filled_at)
            .join(editions, editions.c.id == issues.c.edition_id)
            .where(issues.c.subscriber_id.in_(part), dated)
            .group_by(issues.c.subscriber_id)
        )
        found.update((number, Latest(*rest)) for number, *rest in await connection.execute(statement))
    return found


async def issue_of(connection: AsyncConnection, subscriber_id: int, day: date) -> int | None:
    """Return the issue with papers that a person has for a local date."""
    statement = (
        select(issues.c.id)
        .join(editions, editions.c.id == issues.c.edition_id)
        .where(issues.c.subscriber_id == subscriber_id, editions.c.date == day, ~issues.c.empty, OF_ISSUES)
        .order_by(issues.c.id.desc())
        .limit(1)
    )
    return (await connection.execute(statement)).scalar()


class Composed(NamedTuple):
    """When an issue was put together, and its papers in order."""

    composed_at: datetime
    paper_ids: tuple[int, ...]


async def composed_issue(connection: AsyncConnection, subscriber_id: int, day: date) -> Composed | None:
    """Return how the issue with papers that a person has for a local date was put together."""
    number = await issue_of(connection, subscriber_id, day)
    statement = select(issues.c.composed_at, picks.c.paper_id).join(picks, picks.c.issue_id == issues.c.id)
    rows = (await connection.execute(statement.where(issues.c.id == number).order_by(picks.c.position))).all()
    return Composed(rows[0].composed_at, tuple(row.paper_id for row in rows)) if rows else None


async def overview(connection: AsyncConnection, subscriber_id: int, *, limit: int = 10) -> list[tuple[date, str, int]]:
    """Return a person's latest issues: date, state of the delivery (`empty` for none), number of papers.

    Of notices those are among them that tell of a day without papers.
    """
    number = select(func.count()).where(picks.c.issue_id == issues.c.id).scalar_subquery()
    state = func.coalesce(deliveries.c.state, case((issues.c.empty, "empty"), else_=DeliveryState.QUEUED.value))
    statement = (
        select(editions.c.date, state, number)
        .select_from(issues)
        .join(editions, editions.c.id == issues.c.edition_id)
        .outerjoin(deliveries, deliveries.c.issue_id == issues.c.id)
        .where(issues.c.subscriber_id == subscriber_id, OF_ISSUES)
        .order_by(editions.c.date.desc(), issues.c.id.desc())
        .limit(limit)
    )
    return [(day, str(word), count) for day, word, count in await connection.execute(statement)]


def _pick_rows(issue_id: int, draft: Draft) -> list[dict[str, Any]]:
    return [
        {
            "issue_id": issue_id,
            "position": pick.position,
            "paper_id": pick.paper.id,
            "score": pick.score,
            "reason": pick.reason._asdict(),
        }
        for pick in draft.picks
    ]


def _delivery_row(issue_id: int, draft: Draft, now: datetime) -> dict[str, Any]:
    return {
        "issue_id": issue_id,
        "subscriber_id": draft.subscriber_id,
        "address": draft.address,
        "message_id": draft.message_id,
        "state": DeliveryState.QUEUED,
        "attempts": 0,
        "queued_at": now,
        "due_at": now,
        "at": now,
        "enhanced": "",
        "text": "",
    }


def _edition(row: Row[Any]) -> Edition:
    return Edition(
        id=row.id, date=row.date, cadence=row.cadence, kind=row.kind, note=row.note, created_at=row.created_at
    )


def _told(of: ColumnElement[bool] | None = None) -> ColumnElement[bool]:
    """Tell whether an issue has a delivery, or one like that."""
    theirs = select(deliveries.c.id).where(deliveries.c.issue_id == issues.c.id)
    return (theirs if of is None else theirs.where(of)).correlate(issues).exists()


async def by_ids(connection: AsyncConnection, ids: set[int]) -> dict[int, Edition]:
    """Return editions by their ids."""
    found = await connection.execute(select(editions).where(editions.c.id.in_(ids)))
    return {row.id: _edition(row) for row in found}
