"""The list of subscribers as CSV, in and out, with a word on every line that was refused."""

import contextlib
import csv
import difflib
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from pydantic import ValidationError

from newsletter.bounds import BARS, HOURS, LOOKS, MINUTES, PAPERS
from newsletter.clock import Clock
from newsletter.config import Newsletter
from newsletter.delivery import addresses
from newsletter.errors import UsageError
from newsletter.models import Consent, Subscriber, Subscription, Topic
from newsletter.pipeline.subscribers import BY_OPERATOR, everyone, new
from newsletter.store import searches, subscribers, suppressions
from newsletter.store.database import Database

COLUMNS = ("email", "topics", "cadence", "hour", "timezone", "language")
# Wishes that few people have; several stand with ; between.
MORE_COLUMNS = (
    "muted_words",
    "authors",
    "muted_authors",
    "searches",
    "paused_until",
    "papers",
    "minutes",
    "bar",
    "look",
    "best_missed",
)
KNOWN = (*COLUMNS, *MORE_COLUMNS, "state")
BLOCK = 1_000

# A spreadsheet takes a cell that begins so for a formula; an apostrophe before it makes it text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Refused(NamedTuple):
    """A line of a file that was not taken in, and why."""

    line: int
    email: str
    why: str


class ImportReport(NamedTuple):
    """What an import did: people added, people who were on record, lines that were refused, topics that were named."""

    added: int
    known: int
    refused: tuple[Refused, ...]
    topics: frozenset[str]


async def import_csv(
    database: Database,
    clock: Clock,
    defaults: Newsletter,
    content: str,
    *,
    source: str,
    progress: Callable[[int], None] = lambda _: None,
) -> ImportReport:
    """Take in people from CSV with a header; a bad line costs the others nothing.

    Only the column `email` must be there. Topics stand with `;` between, each a slug or free words with a weight after
    the last colon. Safe to repeat: people on record are passed over as they are. Columns of other things are passed
    over; for one that is nearly spelled like ours UsageError is raised, before anyone is taken in.
    """
    evidence = Subscription(state=Consent.CONFIRMED, how=BY_OPERATOR, source=source, at=clock.now())
    added = known = 0
    refused: list[Refused] = []
    seen: set[str] = set()
    topics: set[str] = set()
    block: list[tuple[int, Subscriber, str]] = []

    async def write() -> None:
        nonlocal added, known
        written, passed_over, barred = await _write(database, block, evidence)
        added, known = added + written, known + passed_over
        refused.extend(barred)
        block.clear()

    for line, row in _rows(content):
        if isinstance(row, str):
            refused.append(Refused(line, "", row))
            continue
        try:
            person = _person(defaults, clock, row)
        except UsageError as error:
            refused.append(Refused(line, row.get("email", ""), error.message))
            continue
        email_key = addresses.key(person.email)
        if email_key in seen:
            refused.append(Refused(line, person.email, "The address stands in the file twice."))
            continue
        seen.add(email_key)
        topics.update(topic.name for topic in person.topics)
        block.append((line, person, email_key))
        if len(block) == BLOCK:
            await write()
            progress(line)
    await write()
    return ImportReport(added, known, tuple(sorted(refused)), frozenset(topics))


async def export_csv(database: Database) -> str:
    """Return everyone as CSV that a spreadsheet shows as text, and that `import_csv` takes back."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *MORE_COLUMNS, "state"])
    for person in await everyone(database):
        cells = (
            person.email,
            written_topics(person.topics),
            person.cadence,
            person.hour,
            person.timezone,
            person.language,
            ";".join(person.muted_words),
            ";".join(person.authors),
            ";".join(person.muted_authors),
            ";".join(person.searches),
            person.paused_until or "",
            person.papers or "",
            person.minutes or "",
            person.bar,
            person.look or "",
            "yes" if person.best_missed else "no",
            person.state,
        )
        writer.writerow([_safe(str(cell)) for cell in cells])
    return out.getvalue()


def read_topic(text: str) -> Topic:
    """Read `NAME` or `NAME:WEIGHT`; the weight stands after the last colon."""
    name, colon, weight = text.rpartition(":")
    if colon:
        try:
            return _topic(name, float(weight))
        except ValueError:
            pass  # a colon within the words
    return _topic(text, 1.0)


def written_topics(topics: Sequence[Topic]) -> str:
    """Return topics as `read_topic` reads them, with `;` between."""
    return ";".join(
        # As many digits as it takes to be the same number again.
        topic.name if topic.weight == 1 and ":" not in topic.name else f"{topic.name}:{topic.weight!r}"
        for topic in topics
    )


def _topic(name: str, weight: float) -> Topic:
    name = " ".join(name.split())
    if not name:
        raise UsageError("A topic has no name.", next_step="Write it as NAME or NAME:WEIGHT.")
    if ";" in name:
        raise UsageError(f"The topic {name} has a semicolon, which stands between topics.")
    if not -1 <= weight <= 1:
        raise UsageError(f"The weight {weight:g} of {name} is not between -1 and 1.")
    return Topic(name=name, weight=weight)


def _rows(content: str) -> Iterator[tuple[int, dict[str, str] | str]]:
    """Return the number of the line where each row begins, and its cells by column or what is wrong with it."""
    # Not strict, a quote that is never closed would make one cell of the rest of the file, without a word.
    reader = csv.reader(io.StringIO(content.removeprefix("\ufeff"), newline=""), strict=True)
    header: list[str] = []
    with contextlib.suppress(csv.Error):
        header = [name.strip().lower() for name in next(reader, [])]
    if "email" not in header:
        raise UsageError("The file has no column `email`.", next_step=f"Its first line should be {','.join(COLUMNS)}.")
    for name in header:
        near = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.75)
        if near and name not in KNOWN:
            # Passed over like a column of something else, a slip would cost everybody's wish without a word.
            raise UsageError(
                f"The file has a column {name[:60]}, and {near[0]} is what is read.",
                next_step="Rename it, or take it out of the file.",
            )
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            # The reader goes on with the next line.
            yield line, _not_csv(str(error))
            continue
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield line, dict(zip(header, map(_plain, row), strict=False))


def _not_csv(fault: str) -> str:
    if "unexpected end" in fault:
        return "A quote that opens here is never closed, so nothing from here on was taken in."
    return f"The line is no CSV: {fault}."


def _person(defaults: Newsletter, clock: Clock, row: dict[str, str]) -> Subscriber:
    if (state := row.get("state", "").lower()) not in ("", Consent.CONFIRMED):
        raise UsageError(f"Their state is {state[:30]}, and only who is confirmed is taken in.")
    hour = row.get("hour", "")
    if hour and not (len(hour) <= 2 and hour.isascii() and hour.isdigit() and int(hour) <= HOURS[1]):
        raise UsageError(f"The hour {hour[:30]} is not a number from {HOURS[0]} to {HOURS[1]}.")
    topics = {topic.name: topic for topic in map(read_topic, filter(str.strip, row.get("topics", "").split(";")))}
    try:
        return new(
            defaults,
            clock,
            row.get("email", ""),
            topics=tuple(topics.values()),
            cadence=row.get("cadence", "").lower() or None,
            hour=int(hour) if hour else None,
            timezone=row.get("timezone") or None,
            language=row.get("language") or None,
            muted_words=_several(row, "muted_words"),
            authors=_several(row, "authors"),
            muted_authors=_several(row, "muted_authors"),
            searches=_several(row, "searches"),
            paused_until=_day(row.get("paused_until", "")),
            papers=_count(row, "papers", *PAPERS),
            minutes=_count(row, "minutes", *MINUTES),
            bar=_one_of(row, "bar", *BARS),
            look=_one_of(row, "look", *LOOKS),
            best_missed={"no": False, "yes": True}.get(_one_of(row, "best_missed", "yes", "no") or ""),
        )
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise UsageError(f"{fault['loc'][0]}: {fault['input']} is not allowed.") from error


def _several(row: dict[str, str], column: str) -> tuple[str, ...] | None:
    return tuple(filter(str.strip, row.get(column, "").split(";"))) or None


def _count(row: dict[str, str], column: str, least: int, most: int) -> int | None:
    cell = row.get(column, "")
    if not cell:
        return None
    if not (len(cell) <= 3 and cell.isascii() and cell.isdigit() and least <= int(cell) <= most):
        raise UsageError(f"The number of {column} {cell[:30]} is not one from {least} to {most}.")
    return int(cell)


def _one_of(row: dict[str, str], column: str, *words: str) -> str | None:
    cell = row.get(column, "")
    if cell and cell.lower() not in words:
        raise UsageError(f"The {column} {cell[:30]} is none of {', '.join(words[:-1])} and {words[-1]}.")
    return cell.lower() or None


def _day(cell: str) -> date | None:
    try:
        return date.fromisoformat(cell) if cell else None
    except ValueError as error:
        raise UsageError(f"The day {cell[:30]} is no date like 2026-11-21.") from error


async def _write(
    database: Database, block: Sequence[tuple[int, Subscriber, str]], evidence: Subscription
) -> tuple[int, int, list[Refused]]:
    if not block:
        return 0, 0, []
    async with database.begin() as connection:
        barred = await suppressions.among(connection, [email_key for _, _, email_key in block])
        allowed = [(person, email_key) for _, person, email_key in block if email_key not in barred]
        added = await subscribers.add(connection, allowed, evidence)
        own = {email_key: person.searches for person, email_key in allowed if person.searches}
        await searches.write(
            connection, {added[email_key]: own[email_key] for email_key in own if email_key in added}, evidence.at
        )
    refused = [
        Refused(line, person.email, f"The address must not be mailed: {barred[email_key]}.")
        for line, person, email_key in block
        if email_key in barred
    ]
    return len(added), len(allowed) - len(added), refused


def _safe(cell: str) -> str:
    # An apostrophe that was there before one is doubled, so that one can be taken off again.
    return f"'{cell}" if cell.lstrip("'").startswith(_FORMULA) else cell


def _plain(cell: str) -> str:
    cell = cell.strip()
    return cell[1:] if cell[:1] == "'" and cell.lstrip("'").startswith(_FORMULA) else cell
