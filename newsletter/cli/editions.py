"""`newsletter editions`: what went out on which day, and the editor's note."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Group
from newsletter.cli.output import Column
from newsletter.cli.values import CADENCE, DAY, FILE, read
from newsletter.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.models import Edition
    from newsletter.pipeline.record import Summary

# A note stands in everybody's mail, which mail programs cut at about 100 KB.
LONGEST_NOTE = 20_000
# So the footer stands before that end: as HTML a table of short rows takes five times its size.
MOST_OF_MAIL = 70_000


@click.group("editions", cls=Group)
def editions() -> None:
    """Look at editions, and write the editor's note."""


@editions.command("list", example="newsletter editions list")
@click.option("--limit", type=click.IntRange(1), default=30, show_default=True, help="How many at most.")
@pass_face
def list_(face: Face, limit: int) -> None:
    """List the newest editions and how their mail stands."""
    from newsletter.pipeline import record

    found = face.run(lambda app: record.list_editions(app.database, limit=limit))
    face.out.table(
        (
            Column("edition", "date"),
            Column("cadence", "cadence"),
            Column("deliveries", "deliveries", _states),
            Column("nothing to send", "empty", lambda number: f"{number:,}" if number else "", right=True),
            Column("note", "note", _first_line, long=True),
        ),
        map(_record, found),
        empty="There is no edition so far. `newsletter send` makes the first.",
    )


@editions.command("show", example="newsletter editions show 2026-11-21")
@click.argument("day", metavar="DATE", type=DAY)
@pass_face
def show(face: Face, day: date) -> None:
    """Show the editions of a day with their note and how their mail stands."""
    from newsletter.pipeline import record

    found = face.run(lambda app: record.list_editions(app.database, day=day))
    if not found:
        raise NotFoundError(f"There is no edition of {day}.", next_step="`newsletter editions list` shows them.")
    for number, summary in enumerate(found):
        told = _record(summary)
        if face.json:
            face.out.line(told)
            continue
        if number:
            face.out.say()
        face.out.facts(
            {
                "edition": f"{day}, {told['cadence']}",
                "deliveries": _states(told["deliveries"]) or "none so far",
                "nothing to send": f"for {told['empty']:,} people" if told["empty"] else None,
                "note": "none" if not told["note"] else "as follows",
            }
        )
        if told["note"]:
            face.out.say()
            face.out.say(told["note"].rstrip(), whole=True)
    face.out.say()
    face.out.say(f"`newsletter deliveries list --date {day}` shows who got what.")


@editions.command(
    "note", example="newsletter editions note note.md\necho 'Happy *Friday*.' | newsletter editions note -"
)
@click.argument("file", type=FILE, metavar="FILE.md")
@click.option("--date", "day", type=DAY, help="The day of the editions; by default today.")
@click.option("--cadence", type=CADENCE, help="Only the edition of this cadence; by default all that fall on the day.")
@pass_face
def note(face: Face, file: Path, day: date | None, cadence: str | None) -> None:
    """Set the editor's note of a day, in Markdown; `-` reads it from the standard input, an empty one takes it back.

    It stands above the papers in all mail of that day that is yet to be sent.
    """
    markdown = read(file, "The note", most=LONGEST_NOTE).strip()
    _keep_within_a_mail(markdown)

    async def act(app: "App") -> "list[Edition]":
        return await _set(app, markdown, day, cadence)

    found = face.run(act)
    if refused := _refused(markdown):
        face.out.say(refused)
    for edition in found:
        face.out.record(
            {"date": edition.date, "cadence": edition.cadence, "note": edition.note},
            f"The {edition.cadence} edition of {edition.date} {'has the note' if markdown else 'has no note'} now.",
        )


def _keep_within_a_mail(markdown: str) -> None:
    from newsletter.pipeline import record

    size = record.octets_of_note(markdown)
    if size > MOST_OF_MAIL:
        raise UsageError(
            f"The note would take {size:,} bytes of every mail, of which programs cut what is beyond about 100,000.",
            next_step="Shorten it: long tables take several times the room of their words.",
        )


def _refused(markdown: str) -> str:
    from newsletter.pipeline import record

    return record.refused_in(markdown)


async def _set(app: "App", markdown: str, day: date | None, cadence: str | None) -> "list[Edition]":
    from newsletter.cadences import falls_on
    from newsletter.pipeline import record

    defaults = app.settings.newsletter
    day = day or app.clock.now().astimezone(ZoneInfo(defaults.timezone)).date()
    if cadence is not None and not falls_on(cadence, day):
        raise UsageError(f"The cadence {cadence} has no edition on {day}, a {day:%A}.")
    cadences = [cadence] if cadence else await record.cadences(app.database, day)
    if not cadences and falls_on(defaults.cadence, day):
        cadences = [defaults.cadence]
    if not cadences:
        raise UsageError(f"Nobody has a cadence with an edition on {day}.", next_step="Name one with --cadence.")
    return await record.set_note(app.database, app.clock, markdown, day, cadences)


def _record(summary: "Summary") -> dict[str, Any]:
    return {
        "date": summary.edition.date,
        "cadence": summary.edition.cadence,
        "note": summary.edition.note,
        "empty": summary.empty,
        "deliveries": dict(summary.states),
    }


def _states(states: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {state}" for state, number in sorted(states.items()))


def _first_line(note: str) -> str:
    return note.strip().partition("\n")[0]
