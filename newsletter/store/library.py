"""What one person received, as they look through it themselves; nothing is changed here."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, and_, bindparam, false, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import DeliveryState, Paper, Reason, Verdict
from newsletter.store import papers as paper_rows
from newsletter.store.moves import within
from newsletter.store.questions import Question
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


# In front of all mails.
_NEWEST = Spot(2**62, 0)


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
    after = after or _NEWEST
    given = {"number": subscriber_id, "issue": after.issue_id, "position": after.position, "most": limit}
    wanted = wanted or Wanted()
    if wanted == Wanted() and since is None:
        rows: Sequence[Any] = await _SHELF.all(connection, **given)
    else:
        works = papers.alias("works")
        clauses = [*_fitting(connection, works, wanted), *([] if since is None else [deliveries.c.at >= since])]
        rows = (await connection.execute(_received(works).where(*clauses), given)).all()
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


def _received(works: Any) -> Select[Any]:
    """Select papers of mails that reached a person, as `works`, with what they say of them.

    Its parameters are the `number` of the person, the `issue` and the `position` of the place behind which it begins,
    and how many there are at `most`.
    """
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
    issue = bindparam("issue", type_=BigInteger)
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
        .where(
            issues.c.subscriber_id == bindparam("number", type_=BigInteger),
            within(*_REACHED),
            had,
            # Written so that mails in front of the place are not looked at: who takes all along asks again and again.
            issues.c.id <= issue,
            or_(issues.c.id < issue, picks.c.position > bindparam("position", type_=Integer)),
        )
        .order_by(issues.c.id.desc(), picks.c.position)
        .limit(bindparam("most", type_=Integer))
    )


_SHELF = Question(lambda _: _received(papers.alias("works")))


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
