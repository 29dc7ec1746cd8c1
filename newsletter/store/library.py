"""What one person received, as they look through it themselves; nothing is changed here."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, false, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import DeliveryState, Paper, Reason, Verdict
from newsletter.store import papers as paper_rows
from newsletter.store.tables import deliveries, editions, feedback, issues, papers, picks, received

# Of a mail in any other state nothing has reached its reader, so far or for good.
_REACHED = tuple(
    state
    for state in DeliveryState
    if state
    not in (
        DeliveryState.QUEUED,
        DeliveryState.DEFERRED,
        DeliveryState.SENDING,
        DeliveryState.FAILED,
        DeliveryState.SUPPRESSED,
    )
)


class Wanted(NamedTuple):
    """What of their papers somebody wants to see: all that is given has to fit.

    A paper fits `words` if each is in its title, its abstract or the name of one of its authors, or names the paper:
    `named` has of such words the arXiv id, without its version, or the DOI, in small letters.
    """

    words: tuple[str, ...] = ()
    said: Verdict | None = None
    issue_id: int | None = None
    paper_id: int | None = None
    named: Mapping[str, str] = MappingProxyType({})


class Spot(NamedTuple):
    """A place in a mail; what comes behind it is asked for next."""

    issue_id: int
    position: int


class Got(NamedTuple):
    """A paper that somebody received, as the work is known now: when, where it stood, why, and what they say of it."""

    issue_id: int
    day: date
    at: datetime
    position: int
    paper: Paper
    reason: Reason
    said: Verdict | None


async def got(
    connection: AsyncConnection,
    subscriber_id: int,
    wanted: Wanted | None = None,
    *,
    after: Spot | None = None,
    limit: int,
    since: datetime | None = None,
) -> list[Got]:
    """Return what a person received, the newest mail first and its papers in order, from behind a place on.

    `since` leaves out mails that went out before.
    """
    works = papers.alias("works")
    statement = _received(subscriber_id, works).order_by(issues.c.id.desc(), picks.c.position).limit(limit)
    if after is not None:
        later = and_(issues.c.id == after.issue_id, picks.c.position > after.position)
        statement = statement.where(or_(issues.c.id < after.issue_id, later))
    if since is not None:
        statement = statement.where(deliveries.c.at >= since)
    for clause in _fitting(connection, works, wanted or Wanted()):
        statement = statement.where(clause)
    rows = (await connection.execute(statement)).all()
    known = await paper_rows.by_ids(connection, [row.paper_id for row in rows])
    return [
        Got(
            row.issue_id,
            row.date,
            row.at,
            row.position,
            known[row.paper_id],
            Reason(row.reason["kind"], row.reason["subject"], tuple(row.reason["words"])),
            row.verdict,
        )
        for row in rows
    ]


def _received(subscriber_id: int, works: Any) -> Select[Any]:
    """Select the papers of mails that reached a person, as `works`, with what they say of them."""
    # No join: SQLite would begin with all that they ever received, and sort it, where a page needs the newest mails.
    had = (
        select(literal(1))
        .where(
            received.c.issue_id == issues.c.id,
            received.c.subscriber_id == issues.c.subscriber_id,
            received.c.paper_id == picks.c.paper_id,
        )
        .correlate(issues, picks)
        .exists()
    )
    spoken = and_(feedback.c.subscriber_id == issues.c.subscriber_id, feedback.c.paper_id == works.c.id)
    return (
        select(
            issues.c.id.label("issue_id"),
            editions.c.date,
            deliveries.c.at,
            picks.c.position,
            works.c.id.label("paper_id"),
            picks.c.reason,
            feedback.c.verdict,
        )
        .select_from(issues)
        .join(editions, editions.c.id == issues.c.edition_id)
        .join(deliveries, deliveries.c.issue_id == issues.c.id)
        .join(picks, picks.c.issue_id == issues.c.id)
        .join(papers, papers.c.id == picks.c.paper_id)
        .join(works, works.c.id == func.coalesce(papers.c.merged_into, papers.c.id))
        .outerjoin(feedback, spoken)
        .where(issues.c.subscriber_id == subscriber_id, deliveries.c.state.in_(_REACHED), had)
    )


def _fitting(connection: AsyncConnection, works: Any, wanted: Wanted) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        or_(_has(connection, works, word), _is(works, wanted.named.get(word))) for word in wanted.words
    ]
    if wanted.said is not None:
        found.append(feedback.c.verdict == wanted.said)
    if wanted.issue_id is not None:
        found.append(issues.c.id == wanted.issue_id)
    if wanted.paper_id is not None:
        found.append(works.c.id == wanted.paper_id)
    return found


def _has(connection: AsyncConnection, works: Any, word: str) -> ColumnElement[bool]:
    """Tell of works whether a word is in the title, the abstract or an author's name, in capitals or not."""
    each = func.json_each if connection.dialect.name == "sqlite" else func.jsonb_array_elements_text
    names = each(works.c.authors).table_valued("value")
    by = select(literal(1)).select_from(names).where(_within(names.c.value, word)).exists()
    return or_(_within(works.c.title, word), by, _within(works.c.abstract, word))


def _is(works: Any, name: str | None) -> ColumnElement[bool]:
    """Tell of works whether they have an arXiv id or a DOI."""
    if name is None:
        return false()
    # The function that stands in for SQLite's own takes no null.
    return or_(func.coalesce(works.c.arxiv_id, "") == name, func.lower(func.coalesce(works.c.doi, "")) == name)


def _within(text: Any, word: str) -> ColumnElement[bool]:
    return func.lower(text).contains(word.lower(), autoescape=True)
