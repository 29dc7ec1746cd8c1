"""Vectors of papers by the operator's model: made once for each paper and text, kept, and read; knows no readers."""

import asyncio
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Protocol

import numpy as np
import structlog

from newsletter.models import Paper
from newsletter.ranking.vectors import Vectors
from newsletter.store import papers as paper_rows
from newsletter.store import vectors as vector_rows
from newsletter.store.database import Database, chunks
from newsletter.store.vectors import Kept

log = structlog.get_logger()

# After so many papers what was made is written, so that a run that ends early loses little.
BATCH = 128
# One run makes no more, the newest first: a model that is new to a large record must not cost a night's mail.
MOST = 4_000


class Model(Protocol):
    """What turns texts into vectors."""

    @property
    def name(self) -> str:
        """What tells it from all other models."""
        ...

    @property
    def dimensions(self) -> int:
        """How many numbers its vectors have."""
        ...

    def encode(self, texts: Sequence[str]) -> Any:
        """Return vectors of length 1, float32 (texts, dimensions)."""
        ...


async def vectors(database: Database, model: Model, archive: Sequence[Paper]) -> Vectors:
    """Return the vectors of the archive, newest first, and of all papers that somebody judged; missing ones are made.

    A vector counts if this very model made it, in as many dimensions, of the text that the paper has now.
    """
    async with database.connect() as connection:
        judged = await vector_rows.judged(connection)
        older = await paper_rows.by_ids(connection, judged - {paper.id for paper in archive})
    wanted = {paper.id: text(paper) for paper in (*archive, *older.values()) if paper.id is not None}
    dimensions = await asyncio.to_thread(lambda: model.dimensions)
    async with database.connect() as connection:
        found = {
            one.paper_id: one.numbers
            for one in await vector_rows.read(connection, wanted, model.name, dimensions)
            if one.digest == _digest(wanted[one.paper_id])
        }
    missing = [number for number in wanted if number not in found]
    for part in chunks(missing[:MOST], BATCH):
        made = await asyncio.to_thread(_made, model, {number: wanted[number] for number in part})
        async with database.begin() as connection:
            await vector_rows.keep(connection, made)
        found.update((one.paper_id, one.numbers) for one in made)
    if missing:
        log.info("vectors made", papers=len(missing[:MOST]), left=max(0, len(missing) - MOST))
    rows = np.frombuffer(b"".join(found.values()), "<f2").reshape(len(found), dimensions)
    return Vectors({number: row for row, number in enumerate(found)}, rows)


def text(paper: Paper) -> str:
    """Return what a model reads of a paper."""
    return ". ".join(part for part in (paper.title, paper.abstract) if part)


def _made(model: Model, texts: dict[int, str]) -> list[Kept]:
    made = model.encode(list(texts.values())).astype("<f2")
    return [
        Kept(number, model.name, _digest(read), made.shape[1], row.tobytes())
        for (number, read), row in zip(texts.items(), made, strict=True)
    ]


def _digest(read: str) -> str:
    return blake2b(read.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
