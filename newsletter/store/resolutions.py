"""What services said of papers that are known by title alone, and which of these papers are to be asked about."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store.database import chunks, insert
from newsletter.store.tables import papers, resolutions

# No source named an address of these, nor an id that gives one.
_NAMELESS = and_(
    papers.c.merged_into.is_(None),
    papers.c.url.is_(None),
    papers.c.arxiv_id.is_(None),
    papers.c.doi.is_(None),
)


class Asked(NamedTuple):
    """What a service said of a paper when it was asked last.

    Without `title` and `found` (an arXiv id, a DOI or an address) it knew none. `next_at` is None where it is not asked
    again; `asked` counts.
    """

    paper_id: int
    service: str
    asked: int
    asked_at: datetime
    next_at: datetime | None
    query: str
    title: str = ""
    found: str = ""


async def waiting(connection: AsyncConnection, services: Sequence[str], now: datetime, *, limit: int) -> list[int]:
    """Return the papers without an address that one of the services is to be asked about, the newest first."""
    statement = select(papers.c.id).where(_due(services, now)).limit(limit)
    return list((await connection.execute(statement.order_by(papers.c.first_seen_at.desc(), papers.c.id))).scalars())


async def count_waiting(connection: AsyncConnection, services: Sequence[str], now: datetime) -> int:
    """Return how many papers `waiting` has without a limit."""
    statement = select(func.count()).select_from(papers).where(_due(services, now))
    return (await connection.execute(statement)).scalar_one()


async def nameless(connection: AsyncConnection, paper_ids: Iterable[int]) -> set[int]:
    """Return those of the papers that count and have no address, DOI or arXiv id."""
    found: set[int] = set()
    for part in chunks(dict.fromkeys(paper_ids)):
        found.update((await connection.execute(select(papers.c.id).where(papers.c.id.in_(part), _NAMELESS))).scalars())
    return found


async def of(connection: AsyncConnection, paper_ids: Iterable[int]) -> list[Asked]:
    """Return what services said of papers, the latest first."""
    found: list[Asked] = []
    for part in chunks(dict.fromkeys(paper_ids)):
        rows = await connection.execute(select(resolutions).where(resolutions.c.paper_id.in_(part)))
        found += [Asked(*row) for row in rows]
    return sorted(found, key=lambda one: (one.asked_at, one.service), reverse=True)


async def keep(connection: AsyncConnection, said: Asked) -> None:
    """Write down what a service said, unless the paper is gone."""
    there = select(papers.c.id).where(papers.c.id == said.paper_id).with_for_update(read=True, key_share=True)
    if (await connection.execute(there)).first() is None:
        return
    statement = insert(connection, resolutions).values(**said._asdict())
    new: dict[str, Any] = {name: statement.excluded[name] for name in Asked._fields if name not in _KEY}
    await connection.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=new))


_KEY = ("paper_id", "service")


def _due(services: Sequence[str], now: datetime) -> ColumnElement[bool]:
    settled = (
        select(func.count())
        .where(
            resolutions.c.paper_id == papers.c.id,
            resolutions.c.service.in_(services),
            or_(resolutions.c.next_at.is_(None), resolutions.c.next_at > now),
        )
        .scalar_subquery()
    )
    return and_(_NAMELESS, ~papers.c.hidden, settled < len(services))
