"""Summaries that a machine wrote, what they cost, and the papers that wait for one."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import DeliveryState, Paper
from newsletter.store.database import chunks, insert
from newsletter.store.tables import deliveries, papers, picks, summaries


class Kept(NamedTuple):
    """One attempt at the summary of a paper: without `text` it failed, and `fault` says why.

    `tokens` are those that are not on record so far; fewer than none where more were set aside than it took.
    """

    paper_id: int
    model: str
    digest: str
    text: str
    fault: str
    tokens: int
    made_at: datetime


class Wanting(NamedTuple):
    """A paper that waits, the summary that it has, of which text by its digest, and how often it was tried."""

    paper_id: int
    title: str
    abstract: str
    text: str
    digest: str
    attempts: int


async def keep(connection: AsyncConnection, made: Kept) -> bool:
    """Write an attempt down, with the tokens of those before it, and tell whether the paper is still there."""
    return await _put(connection, made, ("model", "digest", "text", "fault", "made_at"), attempts=1)


async def count(connection: AsyncConnection, made: Kept) -> bool:
    """Write down what a question costs that is no attempt, and tell whether the paper is still there.

    That is so before it is asked, and where the fault is the endpoint's alone. A summary that was there stays.
    """
    return await _put(connection, made, ("fault", "made_at"), attempts=0)


async def _put(connection: AsyncConnection, made: Kept, changed: Iterable[str], *, attempts: int) -> bool:
    there = select(papers.c.id).where(papers.c.id == made.paper_id).with_for_update(read=True, key_share=True)
    if (await connection.execute(there)).first() is None:
        return False
    statement = insert(connection, summaries).values(**made._asdict(), attempts=attempts)
    new = {name: statement.excluded[name] for name in changed}
    new["tokens"] = summaries.c.tokens + statement.excluded.tokens
    new["attempts"] = summaries.c.attempts + attempts
    await connection.execute(statement.on_conflict_do_update(index_elements=["paper_id"], set_=new))
    return True


async def texts(connection: AsyncConnection, paper_ids: Iterable[int]) -> dict[int, str]:
    """Return the summaries of papers that have one."""
    found: dict[int, str] = {}
    for part in chunks(dict.fromkeys(paper_ids)):
        statement = select(summaries.c.paper_id, summaries.c.text).where(
            summaries.c.paper_id.in_(part), summaries.c.text != ""
        )
        found.update((row.paper_id, row.text) for row in await connection.execute(statement))
    return found


def with_text(paper: Paper, text: str) -> Paper:
    """Return a paper with the summary that a machine wrote, unless its source has one."""
    return paper.model_copy(update={"machine_summary": text}) if text and not paper.summary else paper


async def spent(connection: AsyncConnection, since: datetime) -> int:
    """Return the tokens of all papers that were tried since a moment, never too few."""
    statement = select(func.coalesce(func.sum(summaries.c.tokens), 0)).where(summaries.c.made_at >= since)
    return int((await connection.execute(statement)).scalar_one())


async def wanting(connection: AsyncConnection, *, longer_than: int) -> list[Wanting]:
    """Return the papers in mail that waits, with abstracts longer than so many characters, that no source sums up.

    Those that most people wait for come first; those that have a summary are among them, since their text may have
    changed.
    """
    waiting = (
        select(picks.c.paper_id, func.count().label("people"))
        .join(deliveries, deliveries.c.issue_id == picks.c.issue_id)
        .where(deliveries.c.state.in_([DeliveryState.QUEUED, DeliveryState.DEFERRED]))
        .group_by(picks.c.paper_id)
        .subquery()
    )
    statement = (
        select(
            papers.c.id,
            papers.c.title,
            papers.c.abstract,
            func.coalesce(summaries.c.text, ""),
            func.coalesce(summaries.c.digest, ""),
            func.coalesce(summaries.c.attempts, 0),
        )
        .join(waiting, waiting.c.paper_id == papers.c.id)
        .outerjoin(summaries, summaries.c.paper_id == papers.c.id)
        .where(papers.c.summary == "", func.length(papers.c.abstract) > longer_than)
        .order_by(waiting.c.people.desc(), papers.c.id)
    )
    return [Wanting(*row) for row in await connection.execute(statement)]
