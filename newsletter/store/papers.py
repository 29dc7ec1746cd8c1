"""Papers on record."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Row,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.errors import ConflictError
from newsletter.models import Link, Paper
from newsletter.store.database import chunks, insert
from newsletter.store.questions import Question, among
from newsletter.store.tables import apart, former_titles, issues, papers, picks, received, revisions, signs
from newsletter.store.tables.papers import lacks_signs
from newsletter.store.types import UtcDateTime

LIVING = papers.c.merged_into.is_(None)

_WEEK = timedelta(days=7)


class Known(NamedTuple):
    """A paper on record, the normalised title under which it stands, and what other accounts of it bore.

    `former` has the normalised titles of others, with how they were written (empty: not kept), and `signs` what finds
    accounts that have neither its id nor its title; `apart` are papers that an editor took apart from it.
    """

    paper: Paper
    title_key: str
    former: Mapping[str, str] = MappingProxyType({})
    signs: frozenset[int] = frozenset()
    apart: frozenset[int] = frozenset()


async def find(
    connection: AsyncConnection, arxiv_ids: Iterable[str], title_keys: Iterable[str], sought: Iterable[int] = ()
) -> list[Known]:
    """Return the living papers with one of the ids, of the normalised titles, now or before, or of the signs.

    The oldest come first.
    """
    found: dict[int, Row[Any]] = {}
    for part in chunks(dict.fromkeys(arxiv_ids)):
        found.update(await _living(connection, papers.c.arxiv_id.in_(part)))
    for part in chunks(dict.fromkeys(title_keys)):
        before = select(former_titles.c.paper_id).where(former_titles.c.title_key.in_(part))
        found.update(await _living(connection, papers.c.title_key.in_(part)))
        found.update(await _living(connection, papers.c.id.in_(before)))
    for numbers in chunks(dict.fromkeys(sought)):
        signed = select(signs.c.paper_id).where(signs.c.sign.in_(numbers))
        found.update(await _living(connection, papers.c.id.in_(signed)))
    return await _known(connection, found)


async def known(connection: AsyncConnection, paper_id: int) -> Known | None:
    """Return a living paper with all that its accounts bore."""
    found = await _known(connection, await _living(connection, papers.c.id == paper_id))
    return found[0] if found else None


async def unsigned(connection: AsyncConnection, limit: int) -> list[Known]:
    """Return living papers of which no signs are on record: those that were taken in before there were signs."""
    rows = await connection.execute(select(papers).where(LIVING, lacks_signs).order_by(papers.c.id).limit(limit))
    return await _known(connection, {row.id: row for row in rows})


async def add(connection: AsyncConnection, new: Sequence[Known], now: datetime, *, shared: bool = True) -> list[int]:
    """Take papers in and return their ids in the same order; those that are not `shared` are not everybody's."""
    ids: list[int] = []
    for part in chunks(new, 500):
        rows = [
            {**_row(known), "first_seen_at": known.paper.first_seen_at or now, "taken_at": now, "shared": shared}
            for known in part
        ]
        numbers = await _inserted(connection, rows)
        await _note(connection, list(zip(numbers, part, strict=True)))
        ids += numbers
    return ids


async def _inserted(connection: AsyncConnection, rows: list[dict[str, Any]]) -> list[int]:
    """Insert papers and return their ids in the same order."""
    keys = [row["title_key"] for row in rows]
    # SQLite can only give ids in an order by a statement a row; titles tell rows apart, where each has one of its own.
    tells = len(set(keys)) == len(keys)
    statement = insert(connection, papers).returning(papers.c.id, papers.c.title_key, sort_by_parameter_order=not tells)
    added = (await connection.execute(statement, rows)).all()
    if not tells:
        return [row.id for row in added]
    ids = {row.title_key: row.id for row in added}
    return [ids[key] for key in keys]


async def change(connection: AsyncConnection, changed: Sequence[Known]) -> None:
    """Write papers anew that are on record already."""
    for part in chunks(changed, 500):
        await _note(connection, [(known.paper.id or 0, known) for known in part])
        rows = [{**_row(known), "paper_id": known.paper.id} for known in part]
        values: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "paper_id"}
        await connection.execute(update(papers).where(papers.c.id == bindparam("paper_id")).values(values), rows)


async def note(connection: AsyncConnection, known: Sequence[Known]) -> None:
    """Write down further titles and signs of papers on record, and nothing else of them."""
    for part in chunks(known, 500):
        await _note(connection, [(one.paper.id or 0, one) for one in part])
        ids = [one.paper.id for one in part]
        await connection.execute(update(papers).where(papers.c.id.in_(ids), ~papers.c.signed).values(signed=True))


async def revise(connection: AsyncConnection, ids: Iterable[int], now: datetime) -> None:
    """Note that a higher version of these papers came."""
    for part in chunks(ids):
        await connection.execute(update(papers).where(papers.c.id.in_(part)).values(revised_at=now))


async def share(connection: AsyncConnection, ids: Iterable[int], now: datetime) -> None:
    """Make papers everybody's, for whom they came in at this moment; those that are so already stay as they are."""
    for part in chunks(ids):
        alone = update(papers).where(papers.c.id.in_(part), ~papers.c.shared)
        later = case((papers.c.first_seen_at > now, papers.c.first_seen_at), else_=literal(now, UtcDateTime))
        await connection.execute(alone.values(shared=True, first_seen_at=later))


async def candidates(connection: AsyncConnection, *, since: datetime, until: datetime) -> list[Paper]:
    """Return everybody's papers first taken in within the span that may be chosen, `in_order`."""
    statement = select(papers).where(
        LIVING, papers.c.shared, ~papers.c.hidden, papers.c.first_seen_at >= since, papers.c.first_seen_at < until
    )
    return in_order(_paper(row) for row in await connection.execute(statement))


async def best_of_weeks(connection: AsyncConnection, *, since: datetime, until: datetime, limit: int) -> list[Paper]:
    """Return of each week of a span everybody's `limit` papers with the most votes that may be chosen, `in_order`.

    Weeks are counted back from the end of the span; of equals, the one with more stars, then by its title.
    """
    found: list[Paper] = []
    while until > since:
        begin = max(since, until - _WEEK)
        statement = select(papers).where(
            LIVING, papers.c.shared, ~papers.c.hidden, papers.c.first_seen_at >= begin, papers.c.first_seen_at < until
        )
        best = statement.order_by(papers.c.votes.desc(), papers.c.stars.desc(), papers.c.title_key).limit(limit)
        found += [_paper(row) for row in await connection.execute(best)]
        until = begin
    return in_order(found)


async def archive(connection: AsyncConnection, limit: int, *, before: datetime | None = None) -> list[Paper]:
    """Return the newest `limit` of everybody's living papers, or of those taken in `before` a moment, `in_order`."""
    statement = (
        select(papers).where(LIVING, papers.c.shared).order_by(papers.c.first_seen_at.desc(), papers.c.title_key)
    )
    if before is not None:
        statement = statement.where(papers.c.first_seen_at < before)
    return in_order(_paper(row) for row in await connection.execute(statement.limit(limit)))


def in_order(found: Iterable[Paper]) -> list[Paper]:
    """Return papers in an order of their own, whenever each came in and whatever its id: by arXiv id, then by title.

    What is learned of them, and which of two that score alike comes first, hangs on their order.
    """
    return sorted(found, key=lambda one: (one.arxiv_id or "", one.title, one.doi or "", one.url or "", one.abstract))


async def newest_id(connection: AsyncConnection) -> int:
    """Return the highest id of a paper, or 0."""
    return (await connection.execute(select(func.max(papers.c.id)))).scalar_one() or 0


async def count_after(connection: AsyncConnection, paper_id: int) -> int:
    """Return how many of everybody's living papers have a higher id: what came in since."""
    came = select(func.count()).select_from(papers).where(LIVING, papers.c.shared, papers.c.id > paper_id)
    return (await connection.execute(came)).scalar_one()


async def by_ids(connection: AsyncConnection, ids: Iterable[int]) -> dict[int, Paper]:
    """Return papers by their ids, merged ones too, as they stand."""
    wanted = list(dict.fromkeys(ids))
    return {paper.id: paper for paper in await _THESE.all(connection, ids=wanted)} if wanted else {}


async def one_work(connection: AsyncConnection, paper_id: int) -> tuple[int, ...]:
    """Return the ids under which a work is on record, the living one first; nothing if there is none of that id."""
    return tuple(row.id for row in await _ONE_WORK.all(connection, paper=paper_id))


_ASKED = papers.c.id == bindparam("paper", type_=BigInteger)
_LIVING_ID = select(func.coalesce(papers.c.merged_into, papers.c.id)).where(_ASKED).scalar_subquery()
_SAME = select(papers.c.id).where(or_(papers.c.id == _LIVING_ID, papers.c.merged_into == _LIVING_ID))
# About 4 KB each.
_THESE = Question(
    lambda dialect: select(papers).where(among(papers.c.id, "ids", dialect)), lambda row: _paper(row), most=2000
)
_ONE_WORK = Question(lambda _: _SAME.order_by(papers.c.merged_into.is_not(None), papers.c.id))


async def count(connection: AsyncConnection) -> int:
    """Return how many living papers there are."""
    return (await connection.execute(select(func.count()).select_from(papers).where(LIVING))).scalar_one()


async def mark(connection: AsyncConnection, paper_id: int, **marks: bool) -> None:
    """Set `hidden` or `pinned` of a paper."""
    await connection.execute(update(papers).where(papers.c.id == paper_id).values(**marks))


async def received_by(
    connection: AsyncConnection, subscriber_ids: Sequence[int], *, since: datetime, before: datetime | None = None
) -> Mapping[int, set[int]]:
    """Return what each subscriber has received of the papers first taken in since a moment, with their doubles.

    `before` leaves out what was chosen for them at that moment or later.
    """
    found: dict[int, set[int]] = {number: set() for number in subscriber_ids}
    # A list of candidates may be older than a merge, and still hold the double.
    for same in (papers.c.id, papers.c.merged_into):
        for part in chunks(found):
            statement = (
                select(received.c.subscriber_id, papers.c.id)
                .join(papers, same == received.c.paper_id)
                .where(received.c.subscriber_id.in_(part), papers.c.first_seen_at >= since)
            )
            if before is not None:
                earlier = issues.c.composed_at < before
                statement = statement.join(issues, issues.c.id == received.c.issue_id).where(earlier)
            for subscriber_id, paper_id in await connection.execute(statement):
                found[subscriber_id].add(paper_id)
    return found


async def take(connection: AsyncConnection, issue_ids: Sequence[int]) -> None:
    """Note the picks of issues as received; raises ConflictError if one went to the person in another issue."""
    for part in chunks(issue_ids):
        columns = ["subscriber_id", "paper_id", "issue_id"]
        await connection.execute(insert(connection, received).from_select(columns, _picked(part)))


async def give_back(connection: AsyncConnection, issue_ids: Sequence[int]) -> None:
    """Free the papers of issues that did not reach the person, to be chosen again, and the revisions, to be told."""
    for part in chunks(issue_ids):
        # A merge that is under way copies what is deleted here; see `merging`.
        held = select(papers.c.id).where(papers.c.id.in_(select(picks.c.paper_id).where(picks.c.issue_id.in_(part))))
        await connection.execute(held.order_by(papers.c.id).with_for_update(read=True, key_share=True))
        await connection.execute(delete(received).where(received.c.issue_id.in_(part)))
        await connection.execute(delete(revisions).where(revisions.c.issue_id.in_(part)))
        # Another issue may have brought them the double of such a paper.
        double = papers.alias()
        had = (
            select(received.c.subscriber_id, double.c.merged_into, received.c.issue_id)
            .join(double, double.c.id == received.c.paper_id)
            .join(issues, issues.c.subscriber_id == received.c.subscriber_id)
            .join(picks, picks.c.issue_id == issues.c.id)
            .join(papers, papers.c.id == picks.c.paper_id)
            .where(issues.c.id.in_(part), double.c.merged_into == func.coalesce(papers.c.merged_into, papers.c.id))
        )
        again = insert(connection, received).from_select(["subscriber_id", "paper_id", "issue_id"], had)
        await connection.execute(again.on_conflict_do_nothing())


async def take_again(connection: AsyncConnection, issue_id: int, subscriber_id: int) -> bool:
    """Note the picks of an issue as received once more; False if one went to them in another issue meanwhile."""
    picked = _picked([issue_id])
    elsewhere = select(func.count()).where(
        received.c.subscriber_id == subscriber_id,
        received.c.issue_id != issue_id,
        received.c.paper_id.in_(select(picked.subquery().c.paper_id)),
    )
    if (await connection.execute(elsewhere)).scalar_one():
        return False
    statement = insert(connection, received).from_select(["subscriber_id", "paper_id", "issue_id"], picked)
    await connection.execute(statement.on_conflict_do_nothing())
    # Another process may have been at it: what it wrote is to be seen now that our rows had to wait for it.
    if (await connection.execute(elsewhere)).scalar_one():
        raise ConflictError("A paper of this issue went out in another one just now.", next_step="Try again.")
    return True


def _picked(issue_ids: Sequence[int]) -> CompoundSelect[Any]:
    """Select what is received by the picks of issues: the papers, and those that they turned out to be."""
    rows = (
        select(issues.c.subscriber_id, papers.c.id.label("paper_id"), picks.c.issue_id)
        .join(picks, picks.c.issue_id == issues.c.id)
        .join(papers, papers.c.id == picks.c.paper_id)
        .where(picks.c.issue_id.in_(issue_ids))
    )
    merged = rows.with_only_columns(issues.c.subscriber_id, papers.c.merged_into, picks.c.issue_id)
    return rows.union(merged.where(papers.c.merged_into.is_not(None)))


async def _living(connection: AsyncConnection, wanted: ColumnElement[bool]) -> dict[int, Row[Any]]:
    return {row.id: row for row in await connection.execute(select(papers).where(LIVING, wanted))}


async def _known(connection: AsyncConnection, found: Mapping[int, Row[Any]]) -> list[Known]:
    former: dict[int, dict[str, str]] = defaultdict(dict)
    borne: dict[int, set[int]] = defaultdict(set)
    others: dict[int, set[int]] = defaultdict(set)
    for ids in chunks(sorted(found)):
        kept = select(former_titles).where(former_titles.c.paper_id.in_(ids)).order_by(former_titles.c.title_key)
        for row in await connection.execute(kept):
            former[row.paper_id][row.title_key] = row.title
        for sign, paper_id in await connection.execute(select(signs).where(signs.c.paper_id.in_(ids))):
            borne[paper_id].add(sign)
        for paper_id, other_id in await connection.execute(select(apart).where(apart.c.paper_id.in_(ids))):
            others[paper_id].add(other_id)
    return [
        Known(
            _paper(row),
            row.title_key,
            former.get(number, {}),
            frozenset(borne.get(number, ())),
            frozenset(others.get(number, ())),
        )
        for number, row in sorted(found.items())
    ]


async def _note(connection: AsyncConnection, known: Sequence[tuple[int, Known]]) -> None:
    former = [
        {"title_key": key, "paper_id": number, "title": title}
        for number, one in known
        for key, title in one.former.items()
        if key != one.title_key
    ]
    if former:
        await connection.execute(insert(connection, former_titles).on_conflict_do_nothing(), former)
    if borne := [{"sign": sign, "paper_id": number} for number, one in known for sign in sorted(one.signs)]:
        await connection.execute(insert(connection, signs).on_conflict_do_nothing(), borne)


def _row(known: Known) -> dict[str, Any]:
    paper = known.paper
    return {
        "arxiv_id": paper.arxiv_id,
        "doi": paper.doi,
        "version": paper.version,
        "title": paper.title,
        "title_key": known.title_key,
        "abstract": paper.abstract,
        "url": paper.url,
        "links": [[link.kind, link.url, link.said] for link in paper.links],
        "authors": list(paper.authors),
        "organization": paper.organization,
        "summary": paper.summary,
        "keywords": list(paper.keywords),
        "source": paper.source,
        "published_on": paper.published_on,
        "votes": paper.votes,
        "comments": paper.comments,
        "stars": paper.stars,
        "signed": True,
    }


def _paper(row: Row[Any]) -> Paper:
    return Paper(
        id=row.id,
        title=row.title,
        abstract=row.abstract,
        arxiv_id=row.arxiv_id,
        doi=row.doi,
        version=row.version,
        url=row.url,
        # Of those of two parts, which earlier versions kept, nobody knows who gave them, until a source does again.
        links=tuple(Link(kind=kind, url=url, said=said[0] if said else True) for kind, url, *said in row.links),
        authors=tuple(row.authors),
        organization=row.organization,
        summary=row.summary,
        keywords=tuple(row.keywords),
        source=row.source,
        published_on=row.published_on,
        votes=row.votes,
        comments=row.comments,
        stars=row.stars,
        first_seen_at=row.first_seen_at,
        taken_at=row.taken_at,
        hidden=row.hidden,
        pinned=row.pinned,
        shared=row.shared,
    )
