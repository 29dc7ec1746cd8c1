"""Vectors of papers on record, as the bytes that a model of embeddings gave; what they mean is not known here."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store.database import chunks, insert
from newsletter.store.tables import feedback, papers, vectors


class Kept(NamedTuple):
    """The vector of a paper: by which model, of which text (its digest), and its numbers, float16 little-endian."""

    paper_id: int
    model: str
    digest: str
    dimensions: int
    numbers: bytes


async def keep(connection: AsyncConnection, made: Sequence[Kept]) -> None:
    """Write vectors, in the place of those that the papers had; a paper that is gone meanwhile is passed over."""
    for part in chunks(made):
        there = select(papers.c.id).where(papers.c.id.in_([one.paper_id for one in part]))
        # A merge or an erasure may not take the paper away before its vector is written.
        living = set((await connection.execute(there.with_for_update(read=True, key_share=True))).scalars())
        rows = [one._asdict() for one in part if one.paper_id in living]
        if rows:
            statement = insert(connection, vectors)
            new = {name: statement.excluded[name] for name in ("model", "digest", "dimensions", "numbers")}
            await connection.execute(
                statement.on_conflict_do_update(index_elements=["paper_id"], set_=new),
                rows,
            )


async def read(connection: AsyncConnection, paper_ids: Iterable[int], model: str, dimensions: int) -> list[Kept]:
    """Return the vectors of papers that are of this model and of so many dimensions."""
    found: list[Kept] = []
    for part in chunks(dict.fromkeys(paper_ids)):
        statement = select(vectors).where(
            vectors.c.paper_id.in_(part), vectors.c.model == model, vectors.c.dimensions == dimensions
        )
        found += [Kept(*row) for row in await connection.execute(statement)]
    return found


async def judged(connection: AsyncConnection) -> set[int]:
    """Return the papers that somebody judged, which their profile is made of however old they are."""
    return set((await connection.execute(select(feedback.c.paper_id).distinct())).scalars())
