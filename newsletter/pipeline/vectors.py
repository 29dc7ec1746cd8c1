"""Vectors of papers by the operator's model: made once for each paper and text, kept, and read; knows no readers."""

import asyncio
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from newsletter.errors import ModelError
from newsletter.models import Paper
from newsletter.store import papers as paper_rows
from newsletter.store import vectors as vector_rows
from newsletter.store.database import Database, chunks
from newsletter.store.vectors import Kept

if TYPE_CHECKING:
    from newsletter.ranking.vectors import Vectors

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


class Placed(Protocol):
    """What knows where a model puts papers."""

    def unplaced(self, papers: Sequence[Paper]) -> list[Paper]:
        """Return the papers of which, as they read now, it was never told; none where it goes by no model."""
        ...

    def place(self, vectors: "Vectors") -> None:
        """Take the vectors of more papers."""
        ...


class Placing:
    """Tells where the operator's model puts papers; a model that cannot be used is logged, and costs nobody mail."""

    def __init__(self, database: Database, folder: Path | None, *, kept: bool = True, strict: bool = False) -> None:
        """Take the folder of the model, None for no model; with `kept`, what it makes is kept in the database.

        The folder is read once, so that vectors of two models never meet if it changes meanwhile. With `strict`, a
        model that cannot be used raises its ModelError.
        """
        self._database = database
        self._folder = folder
        self._kept = kept
        self._strict = strict
        self._model: Model | None = None

    async def of_archive(self, archive: Sequence[Paper]) -> "Vectors | None":
        """Return the vectors of the archive, newest first, and of all papers that somebody judged."""
        if self._folder is None:
            return None
        async with self._database.connect() as connection:
            judged = await vector_rows.judged(connection)
            older = await paper_rows.by_ids(connection, judged - {paper.id for paper in archive})
        return await self._of([*archive, *older.values()])

    async def complete(self, ranker: Placed, papers: Sequence[Paper]) -> None:
        """Tell a ranker of the papers of which it was never told, or whose text changed, so that all count alike."""
        if self._folder is None or not (missing := ranker.unplaced(papers)):
            return
        if (found := await self._of(missing)) is not None:
            ranker.place(found)

    async def _of(self, papers: Sequence[Paper]) -> "Vectors | None":
        from newsletter.ranking.embedding import Embedding

        if self._folder is None:
            return None
        try:
            if self._model is None:
                read = await asyncio.to_thread(Embedding, self._folder)
                self._model = read
            return await vectors(self._database, self._model, papers, kept=self._kept)
        except ModelError as error:
            if self._strict:
                raise
            log.warning("ranking without embeddings", problem=error.message, next_step=error.next_step)
            return None


async def vectors(database: Database, model: Model, papers: Sequence[Paper], *, kept: bool = True) -> "Vectors":
    """Return the vectors of papers; missing ones are made, of the first first, and with `kept` are put on record.

    A vector counts if this very model made it, in as many dimensions, of the text that the paper has now. Those that
    one run leaves to the next are zeros.
    """
    # A process that only delivers does without numpy.
    import numpy as np

    from newsletter.ranking.vectors import Vectors, text_key

    wanted = {paper.id: text(paper) for paper in papers if paper.id is not None}
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
        if kept:
            async with database.begin() as connection:
                await vector_rows.keep(connection, made)
        found.update((one.paper_id, one.numbers) for one in made)
    if missing:
        log.info("vectors made", papers=len(missing[:MOST]), left=len(missing[MOST:]))
    rows = np.frombuffer(b"".join(found.values()) + bytes(2 * dimensions), "<f2").reshape(len(found) + 1, dimensions)
    places: dict[object, int] = {number: row for row, number in enumerate(found)}
    texts: dict[object, int] = {paper.id: text_key(paper) for paper in papers if paper.id is not None}
    return Vectors(places | dict.fromkeys(missing[MOST:], len(found)), rows, texts)


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
