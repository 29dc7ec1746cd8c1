"""Prints for people, fitted to the terminal or plain for a pipe, or for programs as JSON lines; knows no domain."""

import contextlib
import json
import math
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from newsletter.cli.layout import Placed

# What would move the cursor, colour the terminal or turn the direction of the line; titles and servers' words may hold
# anything.
_UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")

STYLES = {
    "sent": "green",
    "confirmed": "green",
    "caught": "cyan",
    "deferred": "yellow",
    "unknown": "yellow",
    "suppressed": "yellow",
    "failed": "red",
    "bounced": "red",
    "complained": "red",
}


class Progress:
    """How far a long work is: called with the number done and of how many. This one shows nothing."""

    seen = False

    def __call__(self, done: int, of: int | None = None) -> None:
        """Tell how much is done."""

    def note(self, words: str) -> None:
        """Tell what the work waits for, or with nothing that it goes on."""


def printable(text: str) -> str:
    """Return a text that a terminal shows and does not obey."""
    return _UNPRINTABLE.sub(" ", text)


def shown(value: Any) -> str:
    """Return a value as people read it."""
    if value is None or value == () or value == []:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value))
    return str(value)


def lasting(span: timedelta) -> str:
    """Return a span of time as people read it: to the second, and from an hour on to the minute."""
    minutes, seconds = divmod(math.ceil(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = (f"{hours} h", f"{minutes} min") if hours else (f"{minutes} min", f"{seconds} s")
    return " ".join(part for part in parts if not part.startswith("0 ")) or "0 s"


class Column(NamedTuple):
    """A column of a table: its title, the field of the record, and how that is shown.

    Where the terminal is narrow, a `long` column is cut, a `spare` one is left out, and others are folded between
    words; a `whole` one is what people copy, such as an address, and stays in one piece.
    """

    title: str
    field: str
    show: Callable[[Any], str] = shown
    right: bool = False
    long: bool = False
    whole: bool = False
    spare: bool = False


class Output:
    """Prints records, sentences and progress.

    `program` is what is typed to call this program on these settings again; it stands in for `newsletter` in the
    sentences of ours. What others wrote, in tables, facts and `whole` lines, stays as it is: `hint` is for ours there.
    """

    def __init__(self, *, json: bool = False, quiet: bool = False, program: str = "newsletter") -> None:
        self.json = json
        self.quiet = quiet
        self.program = program

    def say(self, sentence: str = "", *, whole: bool = False) -> None:
        """Tell people something that a program would not read; `whole` lines are for copying, and stay as they are."""
        if not (self.json or self.quiet):
            click.echo(printable(sentence) if whole else _folded(printable(self.hint(sentence)), sys.stdout))

    def warn(self, sentence: str) -> None:
        """Tell what went wrong."""
        click.echo(_folded(printable(self.hint(sentence)), sys.stderr), err=True)

    def fail(self, sentence: str) -> None:
        """Tell why a command came to nothing."""
        told = _folded(f"Error: {printable(self.hint(sentence))}", sys.stderr)
        click.echo(told.replace("Error:", click.style("Error:", fg="red", bold=True), 1), err=True)

    def hint(self, sentence: str) -> str:
        """Return a sentence whose commands can be typed as they stand."""
        return sentence.replace("`newsletter ", f"`{self.program} ")

    def record(self, record: Mapping[str, Any], sentence: str = "") -> None:
        """Print the one result of a command: as an object for programs, as a sentence for people."""
        if self.json:
            self.line(record)
        elif sentence:
            self.say(sentence)

    def line(self, record: Mapping[str, Any]) -> None:
        """Print a record as one line of JSON."""
        ascii_only = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") != "utf8"
        click.echo(json.dumps(record, ensure_ascii=ascii_only, default=_as_json))

    def facts(self, facts: Mapping[str, Any]) -> None:
        """Tell what is known of one thing, a line a fact; what is not known is left out.

        What is several is told a line each, where it is given as a list.
        """
        told = {name: _each(value) for name, value in facts.items()}
        width = max((len(name) for name, values in told.items() if values), default=0)
        for name, values in told.items():
            for number, value in enumerate(values):
                if not (self.json or self.quiet):
                    _fact("" if number else name, width, printable(value))

    def table(
        self, columns: Sequence[Column], records: Iterable[Mapping[str, Any]], *, empty: str = "", lines: bool = False
    ) -> None:
        """Print records: as JSON lines, as a table that fits the terminal, or in a pipe as columns of full width.

        `empty` is said where there are none; `lines` rules a line between the rows of the terminal.
        """
        if self.json:
            for record in records:
                self.line(record)
            return
        rows = [[printable(column.show(record[column.field])) for column in columns] for record in records]
        if not rows:
            if empty:
                self.say(empty)
        else:
            _table(columns, [[column.title for column in columns], *rows], ruled=lines)

    @contextlib.contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Progress]:
        """Show how far a long work is, on a terminal only."""
        if self.json or self.quiet or total == 0 or not sys.stderr.isatty():
            yield Progress()
            return
        from newsletter.cli.bar import shown_bar

        with shown_bar(what, total) as bar:
            yield bar


def _as_json(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return str(value)


def _each(value: Any) -> list[str]:
    """Return a value as people read it, in a list that has nothing where nothing is known."""
    values = value if isinstance(value, list) else [value]
    return [text.replace("\n", " ") for text in map(shown, values) if text]


def _folded(prose: str, stream: IO[str], *, beside: int = 0) -> str:
    """Return prose with lines that fit the terminal beside what is there already; in a pipe as it is."""
    if not stream.isatty():
        return prose
    from newsletter.cli.layout import folded

    width = min(100, shutil.get_terminal_size().columns) - beside
    return "\n".join(part for line in prose.split("\n") for part in folded(line, width))


def _table(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, ruled: bool) -> None:
    """Print rows, of which the first has the titles."""
    from newsletter.cli import layout

    kinds = [layout.Kind(column.right, column.long, column.whole, column.spare) for column in columns]
    terminal = sys.stdout.isatty()
    # In a pipe nothing is cut.
    given = layout.widths(kinds, rows, shutil.get_terminal_size().columns if terminal else sys.maxsize)
    if not given:
        _blocks(*rows)
        return
    show = _styled() if terminal else _plain
    rule = "─" * (sum(given.values()) + layout.GAP * (len(given) - 1))
    for number, row in enumerate(rows):
        if terminal and (number == 1 or (ruled and number > 1)):
            show([layout.Placed(rule, 0)], None)
        for line in layout.lines(kinds, row, given):
            show(line, row if number else None)


def _fact(name: str, width: int, value: str) -> None:
    lines = _folded(value, sys.stdout, beside=width + 2).split("\n")
    click.echo(f"{name:{width}}  " + f"\n{'':{width}}  ".join(lines))


def _blocks(titles: Sequence[str], *rows: Sequence[str]) -> None:
    """Print rows for a terminal that is too narrow for a table: a line a cell, and an empty one between rows."""
    width = max(map(len, titles))
    for number, row in enumerate(rows):
        if number:
            click.echo()
        for title, cell in zip(titles, row, strict=True):
            if cell:
                _fact(title, width, cell)


def _plain(line: "Sequence[Placed]", _row: Sequence[str] | None) -> None:
    click.echo("".join(part.text for part in line))


def _styled() -> "Callable[[Sequence[Placed], Sequence[str] | None], None]":
    """Return what prints a line of a table on a terminal, with what a state means told by its colour."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)

    def show(line: "Sequence[Placed]", row: Sequence[str] | None) -> None:
        styles = ["bold" if row is None else STYLES.get(row[part.place], "") for part in line]
        text = Text.assemble(*((part.text, style) for part, style in zip(line, styles, strict=True)))
        console.print(text, soft_wrap=True)

    return show
