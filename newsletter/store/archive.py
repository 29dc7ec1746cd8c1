"""What the public may see: days with an edition, and everybody's papers that were popular; nothing of any person."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import Paper
from newsletter.store import papers as paper_rows
from newsletter.store.editions import OF_ISSUES
from newsletter.store.tables import editions, papers


async def days(connection: AsyncConnection, *, before: date, limit: int) -> list[date]:
    """Return the last days before another that have an edition of issues, newest first."""
    statement = select(editions.c.date).where(OF_ISSUES, editions.c.date < before).distinct()
    return list((await connection.execute(statement.order_by(editions.c.date.desc()).limit(limit))).scalars())


async def popular(connection: AsyncConnection, *, since: datetime, until: datetime, limit: int) -> list[Paper]:
    """Return everybody's papers first taken in within a span that have votes, those with most first."""
    statement = (
        select(papers.c.id)
        .where(
            papers.c.merged_into.is_(None),
            papers.c.shared,
            ~papers.c.hidden,
            papers.c.votes > 0,
            papers.c.first_seen_at >= since,
            papers.c.first_seen_at < until,
        )
        # The title decides what is equal otherwise, and not which source came first.
        .order_by(papers.c.votes.desc(), papers.c.stars.desc(), papers.c.title_key, papers.c.id)
        .limit(limit)
    )
    ids = list((await connection.execute(statement)).scalars())
    known = await paper_rows.by_ids(connection, ids)
    return [known[number] for number in ids]
