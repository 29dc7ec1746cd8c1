"""A progress bar on a terminal, with a line below it that says what the work waits for."""

import contextlib
from collections.abc import Iterable, Iterator

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.text import Text

from newsletter.cli.output import Progress, printable


class _Bar(Bar):
    note = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        """Return the bar, and the line below it if there is something to say."""
        yield from super().get_renderables()
        if self.note:
            yield Text(self.note)


class _Shown(Progress):
    seen = True

    def __init__(self, bar: _Bar, task: TaskID, total: int | None) -> None:
        self._bar = bar
        self._task = task
        self._total = total

    def __call__(self, done: int, of: int | None = None) -> None:
        self._bar.update(self._task, completed=done, total=self._total if of is None else of)

    def note(self, words: str) -> None:
        self._bar.note = printable(words)


@contextlib.contextmanager
def shown_bar(what: str, total: int | None) -> Iterator[Progress]:
    """Show a bar until the work has ended."""
    parts = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with _Bar(*parts, console=Console(stderr=True), transient=True) as bar:
        yield _Shown(bar, bar.add_task(what, total=total), total)
