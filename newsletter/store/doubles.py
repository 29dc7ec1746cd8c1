"""Picks of mail that waits whose papers became one after it was composed: none may be shown to its reader again.

What is composed after two papers became one cannot hold both, since `received` refuses. What waited meanwhile can.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Dialect, Text, any_, bindparam, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import Issue
from newsletter.store.database import chunks
from newsletter.store.moves import WAITING
from newsletter.store.ready import POSTGRESQL, SQLITE, Ready
from newsletter.store.tables import attempts, deliveries, issues, papers, picks, received


class Again(NamedTuple):
    """A pick that would show its reader a paper again.

    `paper_ids` are all records of its work, `issue_id` is the issue that has it: another one, or the same.
    """

    position: int
    paper_ids: tuple[int, ...]
    issue_id: int


def _asking(dialect: Dialect) -> Ready:
    def those(column: ColumnElement[int]) -> Any:
        pair = select(papers.c.id, papers.c.merged_into).where(papers.c.merged_into.is_not(None))
        if dialect is POSTGRESQL:
            return pair.where(column == any_(bindparam("ids", type_=ARRAY(BigInteger))))
        return pair.where(
            column.in_(select(func.json_each(bindparam("ids", type_=Text)).table_valued("value").c.value))
        )

    # As one condition, SQLite would go through all doubles.
    return Ready(those(papers.c.id).union_all(those(papers.c.merged_into)), dialect)


_ASKING = {"sqlite": _asking(SQLITE), "postgresql": _asking(POSTGRESQL)}


async def again(connection: AsyncConnection, found: Sequence[Issue]) -> dict[int, list[Again]]:
    """Return which picks of issues that wait would show a paper again, by the ids of the issues; most have none.

    That is so where the work stands earlier in the same issue, or where another issue has it: one that may have reached
    its reader, or one that waits for longer. A mail that may have arrived stays as it was.
    """
    works = await _works(connection, {pick.paper.id for issue in found for pick in issue.picks if pick.paper.id})
    if not works:
        return {}
    doubtful = [issue for issue in found if any(pick.paper.id in works for pick in issue.picks)]
    had = await _had(connection, {issue.recipient.id for issue in doubtful}, works)
    told = {issue.id: list(_again(issue, works, had[issue.recipient.id])) for issue in doubtful}
    return {number: picked for number, picked in told.items() if picked}


async def leave_out(
    connection: AsyncConnection, owner: str, leased: Mapping[int, int], found: Sequence[Issue]
) -> dict[int, frozenset[int]]:
    """Take such picks out of the record of issues that `owner` is about to send; `leased` has deliveries by issues.

    Returns the positions that were taken out, by the ids of the issues. The reader has the paper by the other issue
    from then on. An issue that is left with nothing is empty.
    """
    ours = (
        select(deliveries.c.issue_id)
        .where(deliveries.c.id.in_(list(leased.values())), deliveries.c.lease_owner == owner, WAITING)
        .order_by(deliveries.c.id)
        .with_for_update()
    )
    still = set((await connection.execute(ours)).scalars())
    issues_left = [issue for issue in found if issue.id in still]
    told = await again(connection, issues_left)
    for issue in issues_left:
        for one in told.get(issue.id, ()):
            here = picks.c.issue_id == issue.id
            await connection.execute(delete(picks).where(here, picks.c.position == one.position))
            of_work = received.c.paper_id.in_(one.paper_ids)
            theirs = update(received).where(received.c.issue_id == issue.id, of_work)
            await connection.execute(theirs.values(issue_id=one.issue_id))
        if len(told.get(issue.id, ())) == len(issue.picks):
            await connection.execute(update(issues).where(issues.c.id == issue.id).values(empty=True))
    return {number: frozenset(one.position for one in picked) for number, picked in told.items()}


def _again(issue: Issue, works: Mapping[int, tuple[int, ...]], had: Sequence["_Had"]) -> Iterator[Again]:
    if any(one.issue_id == issue.id and one.tried for one in had):
        return
    shown: set[int] = set()
    for pick in issue.picks:
        ids = works.get(pick.paper.id or 0)
        if ids is None:
            continue
        others = [
            one.issue_id
            for one in had
            if one.paper_id in ids
            and one.issue_id != issue.id
            and (not one.waits or one.tried or one.issue_id < issue.id)
        ]
        if others or ids[0] in shown:
            yield Again(pick.position, ids, min(others, default=issue.id))
        shown.add(ids[0])


async def _works(connection: AsyncConnection, ids: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """Return the records of each work that has several, the living one first, by each of their ids."""
    named = await _doubles(connection, ids)
    records: dict[int, list[int]] = {living: [living] for living in named.values()}
    for double, living in (await _doubles(connection, records)).items():
        if living in records:
            records[living].append(double)
    return {number: tuple(one) for one in records.values() for number in one}


async def _doubles(connection: AsyncConnection, ids: Iterable[int]) -> dict[int, int]:
    """Return which papers are doubles of which: those of these ids, and those that went into them."""
    ready = _ASKING[connection.dialect.name]
    found: dict[int, int] = {}
    for part in chunks(ids):
        given = ready.given({"ids": part if connection.dialect.name == "postgresql" else json.dumps(part)})
        rows: Sequence[Any] = (await connection.exec_driver_sql(ready.text, given)).all()
        found.update((double, living) for double, living in rows)
    return found


class _Had(NamedTuple):
    """A paper that a person has by an issue; whether that waits, and whether an attempt may have brought it."""

    paper_id: int
    issue_id: int
    waits: bool
    tried: bool


async def _had(
    connection: AsyncConnection, people: Iterable[int], works: Mapping[int, tuple[int, ...]]
) -> Mapping[int, Sequence[_Had]]:
    unclear = exists().where(attempts.c.delivery_id == deliveries.c.id, attempts.c.result == "unknown")
    columns = (received.c.subscriber_id, received.c.paper_id, received.c.issue_id, WAITING, unclear)
    found: dict[int, list[_Had]] = defaultdict(list)
    for part in chunks(people, 500):
        statement = (
            select(*columns)
            .join(deliveries, deliveries.c.issue_id == received.c.issue_id)
            .where(received.c.subscriber_id.in_(part), received.c.paper_id.in_(list(works)))
        )
        for person, paper_id, issue_id, waits, tried in await connection.execute(statement):
            found[person].append(_Had(paper_id, issue_id, bool(waits), bool(tried)))
    return found
