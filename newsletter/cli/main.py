"""The program `newsletter`: finds the command, loads its module, and turns what goes wrong into a sentence."""

import importlib
import shlex
import shutil
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import click

from newsletter import __version__
from newsletter.cli.face import Face, StoppedError
from newsletter.cli.groups import Group, global_options
from newsletter.errors import NewsletterError, SettingsError

STOPPED = "Stopped; nothing is lost, run it again to go on."


class Entry(NamedTuple):
    """Where a command is, and what the listing says of it, so that the listing loads none."""

    section: str
    module: str
    help: str


COMMANDS = {
    "demo": Entry("Start", "demo", "Show the whole job with sample papers; nobody is mailed."),
    "init": Entry("Start", "upkeep", "Write config.toml and set up the database."),
    "feeds": Entry("Papers", "feeds", "Take papers in."),
    "papers": Entry("Papers", "papers", "Look at papers, and keep some out of the mail."),
    "topics": Entry("Papers", "topics", "Look at the topics that can be asked for."),
    "subscribers": Entry("People", "subscribers", "Add, show, change and remove people."),
    "preview": Entry("Mail", "preview", "Show what a person would get, or got; it changes nothing."),
    "why": Entry("Mail", "why", "Tell why a person got a paper, or did not; it changes nothing."),
    "evaluate": Entry("Mail", "evaluate", "Replay the past: what would other settings have sent?"),
    "send": Entry("Mail", "send", "Choose papers and send the mail of a day; safe to repeat."),
    "run": Entry("Mail", "run", "Go on sending by itself, to each at their hour."),
    "editions": Entry("Mail", "editions", "Look at editions, and write the editor's note."),
    "deliveries": Entry("Mail", "deliveries", "Look at who got what, and send again."),
    "bounces": Entry("Mail", "bounces", "Take in mail that came back, and look at it."),
    "templates": Entry("Upkeep", "templates", "Change and check the templates of the mail."),
    "dkim": Entry("Upkeep", "dkim", "Make the keys that sign mail, and show their DNS records."),
    "secrets": Entry("Upkeep", "secrets", "Sign links with a new secret."),
    "status": Entry("Upkeep", "status", "Show how things stand."),
    "migrate": Entry("Upkeep", "upkeep", "Bring the database to the version of this program; safe to repeat."),
    "backup": Entry("Upkeep", "upkeep", "Write everything on record to a file."),
    "restore": Entry("Upkeep", "upkeep", "Fill an empty database from a backup, all or nothing."),
    "completion": Entry("Upkeep", "completion", "Print what makes a shell complete the commands."),
}


class Root(Group):
    """The group of all commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the module of a command and return the command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        found: click.Command = getattr(importlib.import_module(f"newsletter.cli.{entry.module}"), cmd_name)
        return found

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the options of the whole program, for all to see."""
        return click.Command.get_params(self, ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the listing by sections."""
        width = max(map(len, COMMANDS))
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            with formatter.section(section):
                formatter.write_dl(
                    [(f"{name:{width}}", entry.help) for name, entry in COMMANDS.items() if entry.section == section]
                )

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        """Run a command and leave with 0 when it is done, 1 when it failed, 2 when it was used wrongly."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        face = Face(called=_called() if args is None else "newsletter")
        try:
            code = super().main(args, prog_name or "newsletter", **{**extra, "standalone_mode": False, "obj": face})
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        except click.Abort as error:
            stopped = isinstance(error.__cause__, KeyboardInterrupt)
            click.echo(STOPPED if stopped else "Nothing was done.", err=True)
            code = 130 if stopped else 1
        except StoppedError:
            click.echo(STOPPED, err=True)
            code = 143
        except NewsletterError as error:
            code = _told(error, face)
        except Exception as error:
            code = _unexpected(error, face)
        sys.exit(code if isinstance(code, int) else 0)


def _told(error: NewsletterError, face: Face) -> int:
    if face.debug:
        traceback.print_exception(error)
    face.out.fail(error.message)
    for fault in error.faults if isinstance(error, SettingsError) else ():
        face.out.warn(f"  {fault}")
    if error.next_step:
        face.out.warn(error.next_step)
    return error.exit_code


def _unexpected(error: Exception, face: Face) -> int:
    if face.debug:
        traceback.print_exception(error)
    face.out.fail(f"Something went wrong that should not: {type(error).__name__}: {error}")
    if not face.debug:
        face.out.warn("The same command with --debug tells where; please report it with that.")
    return 1


def _called() -> str:
    """Return what is typed to call this program again from where one stands."""
    own = Path(sys.argv[0])
    if own.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m newsletter"
    found = shutil.which(own.name)
    return own.name if found and own.exists() and own.samefile(found) else shlex.quote(str(own))


@click.group(
    cls=Root,
    name="newsletter",
    params=global_options(hidden=False),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def newsletter() -> None:
    """A newsletter of research papers in which every mail is different.

    `newsletter demo` shows the whole job with nothing set up. `newsletter COMMAND --help` has the options of a
    command, and an example.
    """
