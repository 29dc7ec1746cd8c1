"""Issues as they are sent: those of a whole group in one text.

Each row that a driver hands over costs a turn of the interpreter's lock, and a value of its own in Python; ten rows an
issue would cost more than all the rest of a mail. So the database writes one text, which is taken apart here. JSON,
addresses and names have no control characters: those that ASCII has for it stand between them.
"""

import functools
import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Dialect, Text, any_, bindparam, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import NOTHING_BESIDE, Consent, Edition, Issue, Paper, Pick, Reason, Recipient
from newsletter.store import beside, editions, summaries
from newsletter.store import papers as paper_rows
from newsletter.store.database import chunks
from newsletter.store.ready import POSTGRESQL, SQLITE, Ready
from newsletter.store.tables import issues, picks, subscribers

# Between issues, between their fields, and between their picks.
_ISSUE, _FIELD, _PICK = "\x1d", "\x1f", "\x1e"


class Standing(NamedTuple):
    """Where a person stands now, which may be elsewhere than when their issue was composed."""

    state: Consent
    paused_until: date | None
    timezone: str
    email_key: str


class Loaded(NamedTuple):
    """An issue, and where its reader stands."""

    issue: Issue
    standing: Standing


def _loading(dialect: Dialect, together: str, day: ColumnElement[Any], these: ColumnElement[bool]) -> Ready:
    def joined(between: str, *values: Any) -> ColumnElement[str]:
        texts = [cast(value, Text) for value in values]
        return functools.reduce(lambda whole, text: whole.concat(literal_column(between)).concat(text), texts)

    def listed(value: Any, between: str) -> Any:
        return select(getattr(func, together)(value, literal_column(between)))

    ends = {place: f"{'char' if dialect is SQLITE else 'chr'}({ord(place)})" for place in (_ISSUE, _FIELD, _PICK)}
    chosen = listed(joined("' '", picks.c.position, picks.c.paper_id, picks.c.reason), ends[_PICK])
    line = joined(
        ends[_FIELD],
        issues.c.id,
        issues.c.edition_id,
        subscribers.c.id,
        subscribers.c.email,
        subscribers.c.language,
        subscribers.c.state,
        func.coalesce(day, literal_column("''")),
        subscribers.c.timezone,
        subscribers.c.email_key,
        subscribers.c.links,
        func.coalesce(subscribers.c.look, literal_column("''")),
        func.coalesce(issues.c.beside, literal_column("''")),
        func.coalesce(chosen.where(picks.c.issue_id == issues.c.id).scalar_subquery(), literal_column("''")),
    )
    whose = issues.join(subscribers, subscribers.c.id == issues.c.subscriber_id)
    return Ready(listed(line, ends[_ISSUE]).select_from(whose).where(these), dialect)


_LOADING = {
    "sqlite": _loading(
        SQLITE,
        "group_concat",
        subscribers.c.paused_until,
        issues.c.id.in_(select(func.json_each(bindparam("ids", type_=Text)).table_valued("value").c.value)),
    ),
    "postgresql": _loading(
        POSTGRESQL,
        "string_agg",
        # However the server writes dates by itself.
        func.to_char(subscribers.c.paused_until, literal_column("'YYYY-MM-DD'")),
        issues.c.id == any_(bindparam("ids", type_=ARRAY(BigInteger))),
    ),
}


class Known:
    """What a run keeps of what it loaded: papers by their ids, and reasons by their JSON; so much at most."""

    def __init__(self, *, papers: int = 1024, reasons: int = 4096) -> None:
        self.papers: dict[str, Paper] = {}
        self._most_papers = papers
        self._most_reasons = reasons
        self._reasons: dict[str, Reason] = {}

    async def learn(self, connection: AsyncConnection, ids: set[str]) -> None:
        """Load the papers of these ids that are not known."""
        if len(self.papers.keys() | ids) > self._most_papers:
            self.papers = {number: paper for number, paper in self.papers.items() if number in ids}
        if missing := ids - self.papers.keys():
            found = await paper_rows.by_ids(connection, map(int, missing))
            written = await summaries.texts(connection, found)
            self.papers.update(
                (str(number), summaries.with_text(paper, written.get(number, ""))) for number, paper in found.items()
            )

    def picks(self, chosen: Iterable[Sequence[str]]) -> tuple[Pick, ...]:
        """Return the picks of an issue in their order; each is position, paper and reason as they are kept."""
        papers, reasons, new = self.papers, self._reasons, tuple.__new__
        # What `Pick` itself does, without its call in Python: there are ten of them in a mail.
        found = [
            new(Pick, (int(position), papers[paper_id], reasons.get(written) or self._reason(written), None))
            for position, paper_id, written in chosen
        ]
        # No two have one position.
        found.sort()
        return tuple(found)

    def _reason(self, written: str) -> Reason:
        # People share most of them.
        if len(self._reasons) >= self._most_reasons:
            self._reasons.clear()
        said = json.loads(written)
        self._reasons[written] = reason = Reason(said["kind"], said["subject"], tuple(said["words"]))
        return reason


async def load(connection: AsyncConnection, ids: Iterable[int], known: Known | None = None) -> dict[int, Loaded]:
    """Return issues whole, by id, without the scores of their picks; what is `known` already is not loaded again."""
    known = Known() if known is None else known
    ready = _LOADING[connection.dialect.name]
    lines: list[tuple[list[str], list[list[str]]]] = []
    for part in chunks(dict.fromkeys(ids)):
        given = ready.given({"ids": part if connection.dialect.name == "postgresql" else json.dumps(part)})
        text = (await connection.exec_driver_sql(ready.text, given)).scalar()
        for line in text.split(_ISSUE) if text else ():
            *fields, chosen = line.split(_FIELD)
            lines.append((fields, [pick.split(" ", 2) for pick in chosen.split(_PICK)] if chosen else []))
    named = {pick[1] for _, chosen in lines for pick in chosen}
    # In most issues nothing is told beside the papers.
    if told := [fields[-1] for fields, _ in lines if fields[-1]]:
        named |= {str(number) for text in told for number in beside.papers_in(text)}
    await known.learn(connection, named)
    slots = await editions.by_ids(connection, {int(fields[1]) for fields, _ in lines})
    found = {int(fields[0]): _loaded(fields, slots, known, known.picks(chosen)) for fields, chosen in lines}
    if notices := [int(fields[0]) for fields, chosen in lines if not chosen]:
        written = select(issues.c.id, issues.c.said).where(issues.c.id.in_(notices), issues.c.said.is_not(None))
        for number, said in await connection.execute(written):
            one = found[number]
            found[number] = one._replace(issue=one.issue._replace(said=json.loads(said)))
    return found


async def scored(connection: AsyncConnection, issue: Issue) -> Issue:
    """Return an issue with the scores that its papers were chosen by."""
    found = await connection.execute(select(picks.c.position, picks.c.score).where(picks.c.issue_id == issue.id))
    scores = {position: score for position, score in found}
    return issue._replace(picks=tuple(pick._replace(score=scores[pick.position]) for pick in issue.picks))


async def summed_up(connection: AsyncConnection, issue: Issue) -> Issue:
    """Return an issue that was not loaded from here, with the summaries that a machine wrote."""
    written = await summaries.texts(connection, [pick.paper.id for pick in issue.picks if pick.paper.id is not None])
    with_texts = [
        pick._replace(paper=summaries.with_text(pick.paper, written.get(pick.paper.id or 0, "")))
        for pick in issue.picks
    ]
    return issue._replace(picks=tuple(with_texts))


def _loaded(fields: Sequence[str], slots: dict[int, Edition], known: Known, chosen: tuple[Pick, ...]) -> Loaded:
    number, edition, person, email, language, state, paused_until, timezone, email_key, links, look, told = fields
    until = date.fromisoformat(paused_until) if paused_until else None
    extra = beside.read(told, known.papers) if told else NOTHING_BESIDE
    reader = Recipient(int(person), email, language, int(links), look)
    issue = Issue(int(number), slots[int(edition)], reader, chosen, extra)
    return Loaded(issue, Standing(Consent(state), until, timezone, email_key))
