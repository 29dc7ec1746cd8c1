"""Commands and groups of our kind: each with an example, and with the options of the whole program anywhere."""

import difflib
from pathlib import Path
from typing import Any

import click

from newsletter.cli.face import Face

ANYWHERE = "--config, --json, --quiet and --debug may stand here too."


def _note(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    face = context.find_object(Face)
    if face is not None and value and parameter.name:
        setattr(face, parameter.name, value)


def global_options(*, hidden: bool) -> list[click.Parameter]:
    """Return the options of the whole program; they note what is given and hand nothing to the command."""
    shared: dict[str, Any] = {"expose_value": False, "callback": _note, "hidden": hidden}
    return [
        click.Option(
            ["--config"],
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="F",
            help="The settings file; else NEWSLETTER_CONFIG, else ./config.toml.",
            **shared,
        ),
        click.Option(["--json"], is_flag=True, help="Print JSON, one object a line.", **shared),
        click.Option(["--quiet"], is_flag=True, help="Print only what went wrong.", **shared),
        click.Option(["--debug"], is_flag=True, is_eager=True, help="Log all, and show tracebacks.", **shared),
    ]


class Command(click.Command):
    """A command with an example of its use; more than one stand on lines of their own."""

    def __init__(self, *args: Any, example: str, **rest: Any) -> None:
        super().__init__(*args, **rest)
        self.example = example
        self._anywhere = global_options(hidden=True)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own parameters and the options of the whole program."""
        return [*super().get_params(ctx), *self._anywhere]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example."""
        lines = self.example.splitlines()
        with formatter.section("Examples" if len(lines) > 1 else "Example"):
            for line in lines:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")
        formatter.write_paragraph()
        formatter.write_text(ANYWHERE)


class Group(click.Group):
    """A group of such commands, which knows what was nearly typed."""

    command_class = Command

    def __init__(self, *args: Any, **rest: Any) -> None:
        super().__init__(*args, **rest)
        self._anywhere = global_options(hidden=True)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the group's own parameters and the options of the whole program."""
        return [*super().get_params(ctx), *self._anywhere]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands in the order of their module."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is named; refuse another name with the nearest ones."""
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and self.get_command(ctx, name) is None:
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=3)
            ctx.fail(f"There is no command {name!r}." + (f" Did you mean {' or '.join(near)}?" if near else ""))
        return super().resolve_command(ctx, args)
