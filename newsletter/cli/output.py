"""Prints for people, fitted to the terminal or plain for a pipe, or for programs as JSON lines; knows no domain."""

import contextlib
import json
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import click

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

# The space between two columns of a table, and the width below which no long column is cut while others can give way.
_GAP = 2
_SHORTEST = 16

Progress = Callable[..., None]


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


class Column(NamedTuple):
    """A column of a table: its title, the field of the record, and how that is shown.

    A `long` column is cut to fit into the terminal; of the others nothing is ever left out.
    """

    title: str
    field: str
    show: Callable[[Any], str] = shown
    right: bool = False
    long: bool = False


class Output:
    """Prints records, sentences and progress."""

    def __init__(self, *, json: bool = False, quiet: bool = False) -> None:
        self.json = json
        self.quiet = quiet

    def say(self, sentence: str = "") -> None:
        """Tell people something that a program would not read."""
        if not (self.json or self.quiet):
            click.echo(printable(sentence))

    def warn(self, sentence: str) -> None:
        """Tell what went wrong."""
        click.echo(printable(sentence), err=True)

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

    @property
    def width(self) -> int:
        """How wide a line of prose may be."""
        return min(100, shutil.get_terminal_size().columns)

    def wrapped(self, prose: str, *, indent: int = 0) -> str:
        """Return prose with lines that fit the terminal, the second and further ones indented; in a pipe as it is."""
        if not sys.stdout.isatty():
            return prose
        lines = textwrap.wrap(
            prose, self.width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
        )
        return "\n".join(lines)

    def facts(self, facts: Mapping[str, Any]) -> None:
        """Tell what is known of one thing, a line a fact; what is not known is left out."""
        told = {name: shown(value) for name, value in facts.items()}
        told = {name: value for name, value in told.items() if value}
        width = max(map(len, told), default=0)
        for name, value in told.items():
            self.say(self.wrapped(f"{name:{width}}  {value}", indent=width + 2))

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
        elif sys.stdout.isatty():
            _fitted(columns, rows, lines=lines)
        else:
            _plain(columns, rows)

    @contextlib.contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Progress]:
        """Show how far a long work is, on a terminal only; gives what to call with the number done and of how many."""
        if self.json or self.quiet or total == 0 or not sys.stderr.isatty():
            yield lambda _done, _of=None: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        parts = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Bar(*parts, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done, of=None: bar.update(task, completed=done, total=total if of is None else of)


def _as_json(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return str(value)


def _fitted(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, lines: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    gaps = (len(columns) - 1) * _GAP
    widths = fit(_natural(columns, rows), [column.long for column in columns], console.width - gaps)
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_lines=lines,
        header_style="bold",
    )
    for column, width in zip(columns, widths, strict=True):
        table.add_column(
            column.title,
            width=width,
            justify="right" if column.right else "left",
            no_wrap=column.long,
            overflow="ellipsis" if column.long else "fold",
        )
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    console.print(table)


def fit(widths: Sequence[int], long: Sequence[bool], available: int) -> list[int]:
    """Return widths of columns that fit: the widest of the `long` ones give way first, then the widest of all."""
    fitted = list(widths)
    while sum(fitted) > available:
        yielding = [place for place, width in enumerate(fitted) if long[place] and width > _SHORTEST]
        yielding = yielding or [place for place, width in enumerate(fitted) if width > 1]
        if not yielding:
            break
        fitted[max(yielding, key=fitted.__getitem__)] -= 1
    return fitted


def _natural(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    from rich.cells import cell_len

    cells = zip([column.title for column in columns], *rows, strict=True)
    return [max(cell_len(line) for cell in column for line in cell.split("\n")) for column in cells]


def _plain(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    from rich.cells import cell_len

    def padded(cell: str, width: int, *, right: bool) -> str:
        space = " " * (width - cell_len(cell))
        return space + cell if right else cell + space

    split = [[cell.split("\n") for cell in row] for row in [[column.title for column in columns], *rows]]
    widths = _natural(columns, rows)
    for row in split:
        for number in range(max(map(len, row))):
            cells = [
                padded(cell[number] if number < len(cell) else "", width, right=column.right)
                for cell, width, column in zip(row, widths, columns, strict=True)
            ]
            click.echo("  ".join(cells).rstrip())
