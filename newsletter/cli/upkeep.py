"""`newsletter init`, `migrate`, `backup`, `restore`: the settings file and the database, set up and looked after."""

import re
from pathlib import Path

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Command
from newsletter.cli.values import FILE, write
from newsletter.errors import SettingsError

# What a newcomer sets first; the rest is in config.example.toml.
FIRST_SECTIONS = ("newsletter", "database", "smtp")
_SETTING = re.compile(r"^(# )?(?P<key>[a-z_]+) =")


@click.command("init", cls=Command, example="newsletter init\nnewsletter --config /etc/newsletter.toml init")
@pass_face
def init(face: Face) -> None:
    """Write config.toml and set up the database.

    The file is commented and small, to be looked through. A settings file that is there stays as it is, and so does
    all that is on record: safe to repeat.
    """
    from newsletter import config

    file = config.find(face.config) or config.DEFAULT_FILE
    new = not file.exists()
    if new:
        if not file.absolute().parent.is_dir():
            raise SettingsError(
                f"The folder {file.absolute().parent} is not there.", next_step="Make it, or name another file."
            )
        write(file, starter().encode())
    _migrate(face)
    face.out.record(
        {"config": str(file), "written": new},
        f"{file} is written; look it through." if new else f"{file} was there and stays as it is.",
    )
    face.out.say("The database is ready. Next:")
    for command in ("feeds ingest FILE...", "subscribers add ADDRESS --topic reasoning", "send"):
        face.out.say(f"  {face.program} {command}", whole=True)
    if not face.settings.smtp.host:
        face.out.say("Until smtp.host is set, mail goes to the folder of smtp.outbox and nobody is mailed.")


@click.command("migrate", cls=Command, example="newsletter migrate")
@pass_face
def migrate(face: Face) -> None:
    """Bring the database to the version of this program; safe to repeat."""
    before, after = _migrate(face)
    if before == after:
        sentence = f"The database is of version {after} already."
    else:
        sentence = f"The database is now of version {after}" + (f" (it was {before})." if before else ".")
    face.out.record({"before": before, "after": after}, sentence)


@click.command("backup", cls=Command, example='newsletter backup "newsletter-$(date +%F).tar.gz"')
@click.argument("file", type=FILE)
@pass_face
def backup(face: Face, file: Path) -> None:
    """Write everything on record to a file.

    Others may go on working meanwhile. The file holds everybody's address and the keys of this newsletter: keep it
    where nobody else reads it.
    """
    from newsletter.pipeline import upkeep

    # An older database is refused by all commands but this one and `migrate`, which it is the safety net for.
    rows = face.run(lambda app: upkeep.backup(app.database, file), checked=False)
    face.out.record({"file": str(file), "rows": rows}, f"{file} holds {_counted(rows)}; keep it safe.")


@click.command("restore", cls=Command, example="newsletter restore newsletter-2026-11-21.tar.gz")
@click.argument("file", type=FILE)
@pass_face
def restore(face: Face, file: Path) -> None:
    """Fill an empty database from a backup, all or nothing."""
    from newsletter.pipeline import upkeep

    rows = face.run(lambda app: upkeep.restore(app.database, app.clock, file), checked=False)
    face.out.record({"file": str(file), "rows": rows}, f"{_counted(rows)} are back from {file}.")


def starter() -> str:
    """Return a settings file for a newcomer: what is set first, with its meaning and its default."""
    from newsletter import config

    lines = [
        "# The settings of this newsletter. Where a line begins with # and no space it is a default: take the # away",
        "# and change it. There are more settings; docs/configuration.md and config.example.toml have them all.",
    ]
    for block in config.example().split("\n\n"):
        if any(f"[{section}]" in block.splitlines() for section in FIRST_SECTIONS):
            lines += ["", *(_SETTING.sub(r"#\g<key> =", line) for line in block.splitlines())]
    return "\n".join(lines) + "\n"


def _migrate(face: Face) -> tuple[str | None, str]:
    from newsletter.pipeline import upkeep

    return face.run(lambda app: upkeep.migrate(app.database, app.clock), checked=False)


def _counted(rows: dict[str, int]) -> str:
    total = sum(rows.values())
    parts = ", ".join(f"{rows[name]:,} {name}" for name in ("subscribers", "papers", "deliveries") if name in rows)
    return f"{total:,} rows ({parts})"
