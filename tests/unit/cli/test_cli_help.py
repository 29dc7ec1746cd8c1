"""Help comes at once, is there for every command with an example, and is the same in the listing and in the docs."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner
from outside import ROOT, load

from newsletter.cli.groups import Command
from newsletter.cli.main import COMMANDS, newsletter

HEAVY = (
    "sqlalchemy",
    "alembic",
    "pydantic",
    "numpy",
    "scipy",
    "sklearn",
    "rich",
    "jinja2",
    "mjml",
    "aiosmtplib",
    "asyncio",
    "newsletter.app",
    "newsletter.pipeline",
)


def walk(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Go through the commands below a group, each with its path."""
    if not isinstance(command, click.Group):
        yield context.command_path, command
        return
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from walk(found, click.Context(found, info_name=name, parent=context))


ALL = list(walk(newsletter, click.Context(newsletter, info_name="newsletter")))


def imported(*words: str) -> set[str]:
    """Return the modules that a call brings in."""
    code = (
        "import sys\n"
        "from newsletter.__main__ import main\n"
        f"sys.argv = ['newsletter', *{words!r}]\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("words", [("--help",), ("subscribers", "--help"), ("send", "--help"), ("completion", "bash")])
def test_help_brings_in_nothing_heavy(words: tuple[str, ...]) -> None:
    assert imported(*words) & set(HEAVY) == set()


def test_the_listing_loads_no_command() -> None:
    loaded = {module for module in imported("--help") if module.startswith("newsletter.cli.")}
    assert loaded == {f"newsletter.cli.{name}" for name in ("main", "face", "groups", "output")}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_listing_says_what_the_command_says(name: str) -> None:
    command = newsletter.get_command(click.Context(newsletter), name)
    assert command is not None
    assert command.name == name
    assert command.help is not None
    assert COMMANDS[name].help == command.help.partition("\n\n")[0]


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_every_command_explains_itself(path: str, command: click.Command) -> None:
    assert isinstance(command, Command)
    assert command.help
    assert all(line.startswith(("newsletter", "echo", "eval")) for line in command.example.splitlines())
    assert path in command.example.replace("newsletter --config /etc/newsletter.toml", "newsletter")
    for option in command.params:
        assert not isinstance(option, click.Option) or option.help, option.name


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_help_shows_the_example_as_it_is_typed(path: str, command: click.Command) -> None:
    shown = CliRunner().invoke(newsletter, [*path.split()[1:], "--help"])
    assert shown.exit_code == 0
    assert isinstance(command, Command)
    assert [line for line in command.example.splitlines() if f"  {line}\n" not in shown.output] == []


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(newsletter, ["--version"]).output.startswith("newsletter 0.")


def test_generated_files_are_what_is_committed() -> None:
    generate = load(ROOT / "docs" / "generate.py")
    stale = [file.name for file, content in generate.generated().items() if file.read_text("utf-8") != content]
    assert stale == [], "make docs writes them again"


def test_the_docs_have_every_command_and_option() -> None:
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    for path, command in ALL:
        section = page.partition(f"### {path}\n")[2].partition("\n### ")[0]
        for option in command.params:
            # What one process of the program says to another is for nobody else.
            told = not isinstance(option, click.Option) or option.hidden or option.opts[0] in section
            assert told, (path, option.name)
