"""What a source told of papers that nobody had brought by then; whether they ever come is not known here."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import Paper
from newsletter.store.database import chunks, insert
from newsletter.store.tables import updates


async def keep(connection: AsyncConnection, told: Iterable[tuple[str, Paper]], now: datetime) -> None:
    """Keep accounts, each with its normalised title, in the place of those of the same arXiv ids; all have one."""
    rows = [
        {"arxiv_id": paper.arxiv_id, "title_key": key, "told": paper.model_dump_json(exclude_defaults=True), "at": now}
        for key, paper in told
    ]
    new = insert(connection, updates)
    values = {name: new.excluded[name] for name in ("title_key", "told", "at")}
    for part in chunks(rows, 500):
        await connection.execute(new.on_conflict_do_update(index_elements=["arxiv_id"], set_=values), part)


async def of(connection: AsyncConnection, arxiv_ids: Iterable[str], title_keys: Iterable[str]) -> list[Paper]:
    """Return what was told of papers with one of the ids, or of the normalised titles, by id."""
    found: dict[str, Paper] = {}
    for column, keys in ((updates.c.arxiv_id, arxiv_ids), (updates.c.title_key, title_keys)):
        for part in chunks(dict.fromkeys(keys)):
            for row in await connection.execute(select(updates).where(column.in_(part))):
                found[row.arxiv_id] = Paper.model_validate_json(row.told)
    return [found[number] for number in sorted(found)]


async def prune(connection: AsyncConnection, before: datetime) -> None:
    """Forget what was told before a moment."""
    await connection.execute(delete(updates).where(updates.c.at < before))
