"""What all commands share: the options of the whole program, the settings, and a way to run what is async."""

import contextlib
import shlex
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

import newsletter
from newsletter.cli.output import Output

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.config import Settings

Result = TypeVar("Result")


class StoppedError(Exception):
    """The process was asked to end, and came to a safe end."""


@dataclass
class Face:
    """The options that hold for every command, wherever on the line they stand; `called` is how the program was."""

    called: str = "newsletter"
    config: Path | None = None
    json: bool = False
    quiet: bool = False
    debug: bool = False

    @cached_property
    def out(self) -> Output:
        """What prints."""
        return Output(json=self.json, quiet=self.quiet, program=self.program)

    @property
    def program(self) -> str:
        """What is typed to call the program again with these settings."""
        return self.called if self.config is None else f"{self.called} --config {shlex.quote(str(self.config))}"

    def again(self, *words: str) -> list[str]:
        """Return what starts this program once more, with these settings and other words."""
        # What lies in the current folder counts only if this process runs from there.
        isolated = [] if Path(newsletter.__file__).parents[1] == Path.cwd() else ["-P"]
        config = [] if self.config is None else ["--config", str(self.config)]
        said = [f"--{name}" for name in ("quiet", "debug") if getattr(self, name)]
        return [sys.executable, *isolated, "-m", "newsletter", *config, *said, *words]

    @cached_property
    def settings(self) -> "Settings":
        """The settings in use; raises SettingsError with every fault."""
        from newsletter import config

        return config.load(config.find(self.config))

    def run(
        self,
        act: "Callable[[App], Awaitable[Result]]",
        *,
        settings: "Settings | None" = None,
        checked: bool = True,
        near: bool = False,
        level: str = "warning",
    ) -> Result:
        """Open the newsletter, do something with it, and close it.

        `settings` stand in for those in use. `checked` is left out by commands that mend the database; `near` is
        for those that ask it for little at a time. `level` is what is logged where the settings name none.
        """
        import asyncio

        from newsletter.app import open_app, run
        from newsletter.cli import logs

        used = settings or self.settings
        named = used.log.level if "level" in used.log.model_fields_set else level
        logs.configure("debug" if self.debug else named, used.log.format)

        async def whole() -> Result:
            _end_on_sigterm()
            async with open_app(used, checked=checked, near=near) as app:
                return await act(app)

        try:
            return run(whole())
        except asyncio.CancelledError as error:
            raise StoppedError from error


pass_face = click.make_pass_decorator(Face)


def _end_on_sigterm() -> None:
    """Let a service manager's stop be as gentle as Ctrl-C: what was claimed is given back, connections are closed."""
    import asyncio
    import signal

    task = asyncio.current_task()
    if task is not None:
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
