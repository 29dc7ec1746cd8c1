"""Writes what is generated: config.example.toml, docs/configuration.md and docs/cli.md; `make docs` runs it."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from newsletter import config
from newsletter.cli.groups import Command
from newsletter.cli.main import COMMANDS, newsletter

ROOT = Path(__file__).resolve().parents[1]

CLI = """\
# Commands

This page is made from the program by `make docs`; `newsletter COMMAND --help` says the same.

A command leaves with 0 when it is done, with 1 when it failed, and with 2 when it was used wrongly or the settings
have faults; after Ctrl-C with 130. What went wrong stands on stderr, as one sentence and the next step. On a terminal,
tables are made to fit: titles and the words of servers are cut, columns of less weight are left out, and an address is
never broken, so that it can be copied. In a pipe, and with `--json`, nothing is cut, left out, coloured or animated.

These options may stand before or after any command:
"""

CONFIGURATION = """\
# Settings

This page is made from the settings models by `make docs`. `newsletter init` writes a file to start from, and
`config.example.toml` has every setting with its default.

Settings are read from the TOML file that `--config` names, else the one that `NEWSLETTER_CONFIG` names, else
`./config.toml`. Without any file the defaults hold: SQLite in the folder you are in, and the built-in mail catcher,
which mails nobody.

A variable of the environment stands above the file: `NEWSLETTER_SMTP__HOST` is `host` of the table `[smtp]`. A list is
written as in JSON. A variable that begins with `NEWSLETTER_` and names no setting is a fault, since it is most often a
slip.

Passwords stand in files of their own, which the settings name. Relative paths are relative to the folder of the
settings file. All faults are told at once, each with its dotted path, and nothing is done before they are mended.

One-shot commands log warnings and worse, `newsletter run` also what it does, unless `log.level` is set.
"""


def generated() -> dict[Path, str]:
    """Return what each generated file has to hold."""
    return {
        ROOT / "config.example.toml": config.example(),
        ROOT / "docs" / "configuration.md": configuration(),
        ROOT / "docs" / "cli.md": commands(),
    }


def configuration() -> str:
    """Return the page of the settings, a table for each section."""
    parts = [CONFIGURATION]
    defaults = _defaults()
    for name, field in config.Settings.model_fields.items():
        section = field.default
        if not isinstance(section, config.Section):
            continue
        rows = ["| setting | default | meaning |", "|---|---|---|"]
        for key, inner in type(section).model_fields.items():
            rows.append(_row(f"`{key}`", defaults.get((name, key), ""), inner.description or ""))
        parts.append("\n".join([f"## [{name}]", "", str(type(section).__doc__), "", *rows, ""]))
    return "\n".join(parts)


def commands() -> str:
    """Return the page of the commands, by the sections of the program's own listing."""
    root = click.Context(newsletter, info_name="newsletter")
    parts = [CLI, *_options(newsletter, root)]
    for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
        parts.append(f"## {section}\n")
        for name, entry in COMMANDS.items():
            found = newsletter.get_command(root, name) if entry.section == section else None
            if found is not None:
                parts += _described(found, root, name)
    return "\n".join(parts)


def _described(command: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            if found is not None:
                yield from _described(found, context, inner)
        return
    usage = " ".join([context.command_path, *(piece for piece in command.collect_usage_pieces(context))])
    yield f"### {context.command_path}\n"
    yield f"    {usage}\n"
    yield f"{inspect.cleandoc(command.help or '')}\n"
    yield from _options(command, context)
    if isinstance(command, Command):
        yield "For example:\n"
        yield "".join(f"    {line}\n" for line in command.example.splitlines())


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    records = [option.get_help_record(context) for option in options]
    rows = [_row(f"`{names}`", meaning) for names, meaning in filter(None, records)]
    if rows:
        yield "\n".join(["| option | meaning |", "|---|---|", *rows, ""])


def _row(*cells: str) -> str:
    return " | ".join(["", *(cell.replace("|", "\\|") for cell in cells), ""]).strip()


def _defaults() -> dict[tuple[str, str], str]:
    """Return the defaults by section and key, as the example file writes them."""
    found: dict[tuple[str, str], str] = {}
    section = ""
    for line in config.example().splitlines():
        key, equals, value = line.partition(" = ")
        if line.startswith("["):
            section = line.strip("[]")
        elif equals and not line.startswith("#"):
            found[section, key] = f"`{value}`"
    return found


def main() -> None:
    """Write the generated files."""
    for file, content in generated().items():
        file.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
