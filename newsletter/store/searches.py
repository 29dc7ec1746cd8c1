"""People's own searches, which are feeds for them alone, and what was found for whom."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter import searches
from newsletter.models import Feed, Paper
from newsletter.store import feeds as feed_rows
from newsletter.store import papers as paper_rows
from newsletter.store.database import chunks, insert
from newsletter.store.tables import feeds, found_for, papers


class Found(NamedTuple):
    """What was found for one person: when, and by which query (of several the one that was added first)."""

    at: datetime
    query: str


async def write(connection: AsyncConnection, wanted: Mapping[int, Sequence[str]], now: datetime) -> None:
    """Make people's searches those that they want; what was known of one that stays is kept."""
    for part in chunks(wanted):
        rows = select(feeds.c.id, feeds.c.subscriber_id, feeds.c.location).where(feeds.c.subscriber_id.in_(part))
        kept = {(row.subscriber_id, row.location): row.id for row in await connection.execute(rows)}
        right = [(person, searches.address(query)) for person in part for query in wanted[person]]
        if gone := [number for place, number in kept.items() if place not in set(right)]:
            await connection.execute(delete(feeds).where(feeds.c.id.in_(gone)))
        new = [
            {"kind": "search", "location": location, "subscriber_id": person, "added_at": now}
            for person, location in dict.fromkeys(right)
            if (person, location) not in kept
        ]
        if new:
            await connection.execute(insert(connection, feeds).on_conflict_do_nothing(), new)


async def of(connection: AsyncConnection, subscriber_id: int) -> list[Feed]:
    """Return the searches of a person with how their last look went, the first that was added first."""
    rows = await connection.execute(select(feeds).where(feeds.c.subscriber_id == subscriber_id).order_by(feeds.c.id))
    return [feed_rows.read(row) for row in rows]


async def living(connection: AsyncConnection, feed_ids: Iterable[int]) -> list[int]:
    """Return which of these feeds are on record, and keep them there until the transaction ends."""
    wanted = select(feeds.c.id).where(feeds.c.id.in_(list(feed_ids))).order_by(feeds.c.id)
    return list((await connection.execute(wanted.with_for_update(read=True, key_share=True))).scalars())


async def note(connection: AsyncConnection, feed_ids: Sequence[int], paper_ids: Collection[int], now: datetime) -> None:
    """Note papers as found by searches, which are held by `living`; what was found before stays as it is."""
    rows = [{"feed_id": feed, "paper_id": paper, "at": now} for feed in feed_ids for paper in sorted(paper_ids)]
    for part in chunks(rows):
        await connection.execute(insert(connection, found_for).on_conflict_do_nothing(), part)


async def found(
    connection: AsyncConnection,
    subscriber_ids: Sequence[int],
    *,
    since: datetime,
    until: datetime,
    before: datetime | None = None,
) -> tuple[list[Paper], dict[int, dict[int, Found]]]:
    """Return the papers that only people's own searches brought, and what was found for each, everybody's or not.

    They came in within the span; `before` leaves out what was found at that moment or later.
    """
    theirs: dict[int, dict[int, Found]] = defaultdict(dict)
    alone: set[int] = set()
    for part in chunks(subscriber_ids):
        statement = (
            select(feeds.c.subscriber_id, feeds.c.location, found_for.c.paper_id, found_for.c.at, papers.c.shared)
            .join(feeds, feeds.c.id == found_for.c.feed_id)
            .join(papers, papers.c.id == found_for.c.paper_id)
            .where(
                feeds.c.subscriber_id.in_(part),
                papers.c.merged_into.is_(None),
                ~papers.c.hidden,
                papers.c.first_seen_at >= since,
                papers.c.first_seen_at < until,
            )
            .order_by(feeds.c.id)
        )
        if before is not None:
            statement = statement.where(found_for.c.at < before)
        for row in await connection.execute(statement):
            theirs[row.subscriber_id].setdefault(row.paper_id, Found(row.at, searches.query_at(row.location)))
            if not row.shared:
                alone.add(row.paper_id)
    known = await paper_rows.by_ids(connection, sorted(alone))
    return paper_rows.in_order(known.values()), dict(theirs)


async def carry(connection: AsyncConnection, kept: int, double: int) -> None:
    """Let what was found for people as a double be found for them as the paper that is kept."""
    theirs = select(found_for.c.feed_id).where(found_for.c.paper_id == double)
    # Who is erased at this moment takes theirs with them.
    await living(connection, (await connection.execute(theirs)).scalars())
    borne = select(found_for.c.feed_id, literal(kept), found_for.c.at).where(found_for.c.paper_id == double)
    carried = insert(connection, found_for).from_select(["feed_id", "paper_id", "at"], borne)
    await connection.execute(carried.on_conflict_do_nothing())
