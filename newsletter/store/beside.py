"""What issues tell beside their papers: as it is kept, and which revisions people do not know of."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import NOTHING_BESIDE, Beside, Missed, Paper, Revision, Told
from newsletter.store import papers as paper_rows
from newsletter.store.database import chunks, insert
from newsletter.store.tables import feedback, issues, papers, received, revisions


def written(beside: Beside) -> str | None:
    """Return it as it is kept, or None where there is nothing."""
    if beside == NOTHING_BESIDE:
        return None
    kept: dict[str, Any] = {}
    if beside.told:
        kept["told"] = [list(one) for one in beside.told]
    if beside.missed:
        missed = beside.missed
        kinds = missed[3:] if missed.late or missed.best else ()
        kept["missed"] = [missed.since.isoformat(), missed.first, missed.last, *kinds]
    if beside.revised:
        kept["revised"] = [[one.paper.id, one.version] for one in beside.revised]
    return json.dumps(kept)


def papers_in(text: str) -> list[int]:
    """Return the ids of the papers that are told of in what is kept."""
    return [number for number, _ in json.loads(text).get("revised", ())]


def read(text: str, known: Mapping[str, Paper]) -> Beside:
    """Return what is kept as a value; `known` has its papers by their ids."""
    kept = json.loads(text)
    missed = kept.get("missed")
    return Beside(
        told=tuple(Told(*one) for one in kept.get("told", ())),
        missed=Missed(date.fromisoformat(missed[0]), *missed[1:]) if missed else None,
        revised=tuple(Revision(known[str(number)], version) for number, version in kept.get("revised", ())),
    )


async def revised_since(connection: AsyncConnection, since: datetime, *, limit: int) -> list[Paper]:
    """Return the papers of which a higher version came at that moment or later, the latest first."""
    found = (
        select(papers.c.id)
        .where(papers.c.revised_at >= since, papers.c.merged_into.is_(None), ~papers.c.hidden)
        .order_by(papers.c.revised_at.desc(), papers.c.id)
        .limit(limit)
    )
    ids = list((await connection.execute(found)).scalars())
    known = await paper_rows.by_ids(connection, ids)
    return [known[number] for number in ids]


async def unaware(
    connection: AsyncConnection, subscriber_ids: Sequence[int], paper_ids: Sequence[int]
) -> Mapping[int, set[int]]:
    """Return for each person which of these papers they got or saved before this version came, and were not told of."""
    found: dict[int, set[int]] = defaultdict(set)
    for part in chunks(subscriber_ids):
        got = (
            select(received.c.subscriber_id, received.c.paper_id)
            .join(papers, papers.c.id == received.c.paper_id)
            .join(issues, issues.c.id == received.c.issue_id)
            .where(issues.c.composed_at < papers.c.revised_at, *_not_told(received, part, paper_ids))
        )
        # Somebody may have saved what reached them otherwise, or in a mail that came back.
        saved = (
            select(feedback.c.subscriber_id, feedback.c.paper_id)
            .join(papers, papers.c.id == feedback.c.paper_id)
            .where(
                feedback.c.verdict == "saved",
                feedback.c.at < papers.c.revised_at,
                *_not_told(feedback, part, paper_ids),
            )
        )
        for subscriber_id, paper_id in await connection.execute(got.union(saved)):
            found[subscriber_id].add(paper_id)
    return found


def _not_told(known: Table, people: Sequence[int], paper_ids: Sequence[int]) -> tuple[ColumnElement[bool], ...]:
    told = select(literal(1)).where(
        revisions.c.subscriber_id == known.c.subscriber_id,
        revisions.c.paper_id == known.c.paper_id,
        revisions.c.version == papers.c.version,
    )
    return known.c.subscriber_id.in_(people), known.c.paper_id.in_(paper_ids), ~told.exists()


async def take(connection: AsyncConnection, told: Iterable[tuple[int, int, Beside]]) -> None:
    """Note revisions as told: pairs of an issue and its person, with what the issue tells.

    Raises ConflictError if the person was told of one in another issue meanwhile.
    """
    rows = [row for issue_id, person, beside in told for row in _rows(issue_id, person, beside.revised)]
    if rows:
        await connection.execute(insert(connection, revisions), rows)


async def take_again(connection: AsyncConnection, issue_id: int, subscriber_id: int) -> None:
    """Note the revisions of an issue as told once more, those told elsewhere meanwhile but for it."""
    text = (await connection.execute(select(issues.c.beside).where(issues.c.id == issue_id))).scalar()
    if text is None or not (ids := papers_in(text)):
        return
    known = {str(number): paper for number, paper in (await paper_rows.by_ids(connection, ids)).items()}
    rows = _rows(issue_id, subscriber_id, read(text, known).revised)
    await connection.execute(insert(connection, revisions).on_conflict_do_nothing(), rows)


def _rows(issue_id: int, subscriber_id: int, revised: Sequence[Revision]) -> list[dict[str, Any]]:
    return [
        {"subscriber_id": subscriber_id, "paper_id": one.paper.id, "version": one.version, "issue_id": issue_id}
        for one in revised
    ]
