"""Papers that turned out to be one; which those are is not decided here."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import Paper
from newsletter.store import searches
from newsletter.store.database import insert
from newsletter.store.papers import Known, add
from newsletter.store.tables import (
    apart,
    feedback,
    former_titles,
    papers,
    received,
    revisions,
    signs,
    summaries,
    vectors,
)


async def merge(connection: AsyncConnection, kept: int, double: int, *, told_by_double: bool = False) -> None:
    """Make two papers one: who received either has received the one that is kept, and so with feedback.

    A paper is everybody's if either was, and found for those for whom either was. What machines made of its text (a
    summary, a vector) is that of the double where the kept one has none, or where it is the double that tells the text
    from now on.
    """
    # Whoever writes `received` for one of them holds its row (as a foreign key does): wait for them, or they for us.
    both = select(papers.c.id).where(papers.c.id.in_([kept, double])).order_by(papers.c.id)
    await connection.execute(both.with_for_update())
    had = select(received.c.subscriber_id, literal(kept), received.c.issue_id).where(received.c.paper_id == double)
    copied = insert(connection, received).from_select(["subscriber_id", "paper_id", "issue_id"], had)
    await connection.execute(copied.on_conflict_do_nothing())
    told = select(revisions.c.subscriber_id, literal(kept), revisions.c.version, revisions.c.issue_id)
    retold = insert(connection, revisions).from_select(
        ["subscriber_id", "paper_id", "version", "issue_id"], told.where(revisions.c.paper_id == double)
    )
    await connection.execute(retold.on_conflict_do_nothing())
    said = select(feedback.c.subscriber_id, literal(kept), feedback.c.verdict, feedback.c.at)
    spoken = insert(connection, feedback).from_select(
        ["subscriber_id", "paper_id", "verdict", "at"], said.where(feedback.c.paper_id == double)
    )
    latest = {"verdict": spoken.excluded.verdict, "at": spoken.excluded.at}
    await connection.execute(
        spoken.on_conflict_do_update(
            index_elements=["subscriber_id", "paper_id"], set_=latest, where=spoken.excluded.at > feedback.c.at
        )
    )
    await _keep_titles(
        connection, select(papers.c.title_key, literal(kept), papers.c.title).where(papers.c.id == double)
    )
    earlier = select(former_titles.c.title_key, literal(kept), former_titles.c.title)
    await _keep_titles(connection, earlier.where(former_titles.c.paper_id == double))
    borne = select(signs.c.sign, literal(kept)).where(signs.c.paper_id == double)
    await connection.execute(
        insert(connection, signs).from_select(["sign", "paper_id"], borne).on_conflict_do_nothing()
    )
    others = select(literal(kept), apart.c.other_id).where(apart.c.paper_id == double, apart.c.other_id != kept)
    back = select(apart.c.paper_id, literal(kept)).where(apart.c.other_id == double, apart.c.paper_id != kept)
    for rows in (others, back):
        pairs = insert(connection, apart).from_select(["paper_id", "other_id"], rows)
        await connection.execute(pairs.on_conflict_do_nothing())
    await _carry(connection, kept, double, told_by_double=told_by_double)
    await searches.carry(connection, kept, double)
    # For all others it came in when its first source that is everybody's brought it.
    everybodys = select(papers.c.first_seen_at).where(papers.c.id == double, papers.c.shared)
    opened = update(papers).where(papers.c.id == kept, ~papers.c.shared, everybodys.exists())
    await connection.execute(opened.values(shared=True, first_seen_at=everybodys.scalar_subquery()))
    hidden = select(papers.c.id).where(papers.c.id == double, papers.c.hidden)
    await connection.execute(update(papers).where(papers.c.id == kept, hidden.exists()).values(hidden=True))
    await connection.execute(
        update(papers).where(or_(papers.c.id == double, papers.c.merged_into == double)).values(merged_into=kept)
    )


async def split(
    connection: AsyncConnection, kept: Known, keys: Sequence[str], own: Iterable[int], now: datetime
) -> int:
    """Make a paper of its own of one title that a paper bore by mistake, for good, and return its id.

    `keys` are those under which that title stands. It is the double that bore the title, with what it was known by, or
    else one of which no more is known so far. `own` are the signs that stay with the other. Who received it has
    received it; for all others it is new at this moment.
    """
    number = kept.paper.id or 0
    doubles = select(papers).where(papers.c.merged_into == number, papers.c.title_key.in_(keys))
    double = (await connection.execute(doubles.order_by(papers.c.id).limit(1))).first()
    if double is None:
        new = Known(Paper(title=kept.former[keys[-1]] or keys[-1]), keys[-1])
        (found,) = await add(connection, [new], now, shared=kept.paper.shared)
    else:
        found = int(double.id)
        theirs = update(papers).where(papers.c.id == number, papers.c.arxiv_id == double.arxiv_id)
        await connection.execute(theirs.values(arxiv_id=None, version=None, url=None))
        alone = update(papers).where(papers.c.id == found)
        await connection.execute(alone.values(merged_into=None, first_seen_at=now))
    await connection.execute(
        delete(former_titles).where(former_titles.c.paper_id == number, former_titles.c.title_key.in_(keys))
    )
    await connection.execute(delete(signs).where(signs.c.paper_id == number, signs.c.sign.not_in(list(own))))
    pairs = [{"paper_id": number, "other_id": found}, {"paper_id": found, "other_id": number}]
    await connection.execute(insert(connection, apart).on_conflict_do_nothing(), pairs)
    return found


async def _carry(connection: AsyncConnection, kept: int, double: int, *, told_by_double: bool) -> None:
    made = ["model", "digest", "dimensions", "numbers"]
    found = select(literal(kept), *(vectors.c[name] for name in made)).where(vectors.c.paper_id == double)
    placed = insert(connection, vectors).from_select(["paper_id", *made], found)
    new = {name: placed.excluded[name] for name in made}
    await connection.execute(
        placed.on_conflict_do_update(index_elements=["paper_id"], set_=new, where=literal(told_by_double))
    )
    # What it cost stands with the double, and is counted once.
    made = ["model", "digest", "text", "fault", "made_at"]
    written = select(literal(kept), *(summaries.c[name] for name in made), literal(0), literal(0))
    told = insert(connection, summaries).from_select(
        ["paper_id", *made, "tokens", "attempts"], written.where(summaries.c.paper_id == double, summaries.c.text != "")
    )
    # The moment of the last question is that of its cost.
    new = {name: told.excluded[name] for name in made if name != "made_at"}
    better = or_(literal(told_by_double), summaries.c.text == "")
    await connection.execute(told.on_conflict_do_update(index_elements=["paper_id"], set_=new, where=better))


async def _keep_titles(connection: AsyncConnection, rows: Select[Any]) -> None:
    kept = insert(connection, former_titles).from_select(["title_key", "paper_id", "title"], rows)
    await connection.execute(kept.on_conflict_do_nothing())
