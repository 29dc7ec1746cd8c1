"""Finds papers by what people know of them: words of a title, a DOI, an address."""

from collections.abc import Callable, Mapping

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import Paper
from newsletter.store.papers import LIVING, by_ids
from newsletter.store.tables import papers


async def search(
    connection: AsyncConnection,
    words: str = "",
    *,
    keys: Mapping[str, str] | None = None,
    fits: Callable[[str], bool] | None = None,
    limit: int = 50,
) -> list[Paper]:
    """Return the newest living papers whose title has all the words.

    A word of `keys` also counts where the key of the title has its key. A key knows no ends of words, so `fits`
    is asked of each title that was found.
    """
    statement = select(papers.c.id, papers.c.title).where(LIVING)
    for word in words.split():
        has = func.lower(papers.c.title).contains(word.lower(), autoescape=True)
        if key := (keys or {}).get(word):
            has = or_(has, papers.c.title_key.contains(key, autoescape=True))
        statement = statement.where(has)
    statement = statement.order_by(papers.c.first_seen_at.desc(), papers.c.id.desc())
    rows = await connection.execute(statement if fits else statement.limit(limit))
    found = [row.id for row in rows if fits is None or fits(row.title)][:limit]
    kept = await by_ids(connection, found)
    return [kept[number] for number in found]


async def titles(connection: AsyncConnection, limit: int) -> list[tuple[int, str]]:
    """Return the ids and titles of the newest `limit` living papers, newest first."""
    statement = select(papers.c.id, papers.c.title).where(LIVING)
    statement = statement.order_by(papers.c.first_seen_at.desc(), papers.c.id.desc()).limit(limit)
    return [(row.id, row.title) for row in await connection.execute(statement)]


async def named(connection: AsyncConnection, address: str) -> list[Paper]:
    """Return the living papers with a DOI or at an address; case does not count."""
    # The function that stands in for SQLite's own takes no null.
    same = or_(*(func.lower(func.coalesce(place, "")) == address.lower() for place in (papers.c.doi, papers.c.url)))
    found = list((await connection.execute(select(papers.c.id).where(LIVING, same).order_by(papers.c.id))).scalars())
    kept = await by_ids(connection, found)
    return [kept[number] for number in found]
