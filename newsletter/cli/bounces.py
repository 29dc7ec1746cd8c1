"""`newsletter bounces`: what came back, and what followed from it."""

import contextlib
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.face import Face, StoppedError, pass_face
from newsletter.cli.groups import Group
from newsletter.cli.output import Column
from newsletter.errors import NewsletterError, UsageError

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.pipeline.counting import Followed
    from newsletter.pipeline.record import Kept

KINDS = ("hard", "soft", "complaint")

# How many rows wait until they are printed as one table.
ROWS = 500

# What each kind of mail is called where mails are counted, one and several.
COUNTED = {
    "hard": ("hard bounce", "hard bounces"),
    "soft": ("soft bounce", "soft bounces"),
    "complaint": ("complaint", "complaints"),
    "unsubscribe": ("who asked to leave", "who asked to leave"),
    "wish": ("wish of a reader", "wishes of readers"),
    "look": ("to look at", "to look at"),
    "other": ("other", "others"),
}

_NAMES = {
    "hard": "a hard bounce",
    "soft": "a soft bounce",
    "complaint": "a complaint",
    "unsubscribe": "a wish to leave",
    "wish": "a wish",
    "other": "a mail",
}


class LaterError(NewsletterError):
    """The mail could not be taken in now, and whoever handed it over is to keep it and come again."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h


@click.group("bounces", cls=Group)
def bounces() -> None:
    """Take in mail that came back, and look at it."""


@bounces.command(
    "ingest",
    example="newsletter bounces ingest\nnewsletter bounces ingest --maildir /var/mail/bounces\n"
    "newsletter bounces ingest report.eml old.mbox\nnewsletter bounces ingest --pipe < report.eml",
)
@click.argument("paths", metavar="[PATH]...", type=click.Path(exists=True, path_type=Path), nargs=-1)
@click.option("--maildir", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Read this Maildir.")
@click.option("--imap", is_flag=True, help="Read the mailbox of the settings.")
@click.option("--pipe", is_flag=True, help="Read one mail on the standard input, as a mail server hands it over.")
@click.option("--recipient", envvar="ORIGINAL_RECIPIENT", default="", help="With --pipe: the address that it came to.")
@click.option("--lmtp", is_flag=True, help="Listen for a mail server on this machine, until stopped.")
@pass_face
def ingest(
    face: Face, paths: tuple[Path, ...], maildir: Path | None, imap: bool, pipe: bool, recipient: str, lmtp: bool
) -> None:
    """Take in reports, complaints, and mail by which readers unsubscribe, pause, or say more or less of a paper.

    A PATH is a Maildir, an mbox, a file with one mail, or a folder of such files. Without anything named, the Maildir
    and the mailbox of the settings are read. What has done its work is marked as seen; all else stays as it is. Safe to
    repeat: a report counts once.

    With --pipe it leaves with 0 once the mail is on record, and with 75 if the mail server should keep it for now.
    """
    if pipe:
        _one(face, recipient)
    elif lmtp:
        face.run(_listen, level="warning" if face.quiet else "info")
    else:
        telling = Telling(face)
        try:
            face.run(lambda app: _read(app, telling, paths, maildir, imap))
        finally:
            # What was marked as seen is told, whatever happened after it.
            telling.rows()
        telling.end("What is no report on mail of ours is left where it is.")


@bounces.command("list", example="newsletter bounces list --kind complaint\nnewsletter bounces list --email ada@x.org")
@click.option("--kind", type=click.Choice(KINDS), help="Only those of this kind.")
@click.option("--email", metavar="EMAIL", help="Only those of this person.")
@pass_face
def list_(face: Face, kind: Any, email: str | None) -> None:
    """List the reports that came back, oldest first."""
    from newsletter.pipeline import record

    async def act(app: "App") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        async for one in record.list_reports(app.database, kind=kind, email=email):
            if face.json:
                face.out.line(_kept(one))
            else:
                found.append(_kept(one))
        return found

    found = face.run(act)
    if not face.json:
        face.out.table(
            (
                Column("at", "at"),
                Column("to", "email", whole=True),
                Column("kind", "kind"),
                Column("status", "status"),
                Column("delivery", "delivery", right=True),
                Column("the report said", "reason", long=True),
            ),
            found,
            empty="No report is like that." if kind or email else "Nothing came back so far.",
        )


def _one(face: Face, recipient: str) -> None:
    """Take in the mail on the standard input; whatever goes wrong, the mail server is to keep it."""
    from newsletter.app import piped

    async def act(app: "App") -> "list[Followed]":
        taker = await app.intake()
        return [followed async for followed in taker.read(piped(sys.stdin.buffer, recipient))]

    try:
        found = face.run(act)
    except StoppedError as error:
        raise LaterError("Stopped before the mail was taken in.") from error
    except NewsletterError as error:
        raise LaterError(error.message, next_step=error.next_step) from error
    except Exception as error:
        raise LaterError(f"Something went wrong that should not: {type(error).__name__}: {error}") from error
    if any(one.fault for one in found):
        raise LaterError("The mail could not be read, which is a fault of this program.")
    telling = Telling(face)
    for one in found:
        telling.add(one)
    telling.rows()
    telling.end("It is not kept: there is nowhere to leave it.")


async def _read(app: "App", telling: "Telling", paths: tuple[Path, ...], maildir: Path | None, imap: bool) -> None:
    from newsletter.app import box_at

    boxes = [box_at(path) for path in (*paths, *([maildir] if maildir else []))]
    if imap:
        if not app.settings.bounces.imap_host:
            raise UsageError("No mailbox is set.", next_step="Set imap_host and what follows it in [bounces].")
        boxes += app.boxes(maildir=False)
    elif not boxes:
        boxes = app.boxes()
        if not boxes:
            raise UsageError(
                "Nothing says where the mail is.",
                next_step="Name a PATH, or set maildir or imap_host in [bounces] of the settings.",
            )
    taker = await app.intake()
    for box in boxes:
        async with contextlib.aclosing(taker.read(box)) as read:
            async for one in read:
                telling.add(one)


async def _listen(app: "App") -> None:
    import asyncio

    if not app.settings.bounces.lmtp_port:
        raise UsageError(
            "No port is set on which a mail server could hand over mail.",
            next_step="Set lmtp_port in [bounces] of the settings, such as 8024, and the same port in the mail server.",
        )
    taker = await app.intake()
    async with app.listening(taker) as port:
        click.echo(f"Listening for LMTP on 127.0.0.1, port {port}, until stopped.", err=True)
        await asyncio.Event().wait()


class Telling:
    """Tells what followed from each mail, in tables of at most ROWS, and counts; keeps no more than one table."""

    def __init__(self, face: Face) -> None:
        self._face = face
        self._counts: Counter[str] = Counter()
        self._rows: list[dict[str, Any]] = []

    def add(self, one: "Followed") -> None:
        """Tell of a mail that was read, or keep that for the next table."""
        self._counts["look" if one.kind != "other" and not one.taken else one.kind] += 1
        if self._face.json:
            self._face.out.line(_followed(one))
        elif one.taken:
            self._rows.append(_followed(one))
            if len(self._rows) == ROWS:
                self.rows()
        elif one.what:
            told = _followed(one)
            about = f" of {told['email']}" if told["email"] else ""
            self._face.out.warn(f"{told['mail']}: {_NAMES[one.kind]}{about}: {told['followed']}.")

    def rows(self) -> None:
        """Print the table so far."""
        found, self._rows = self._rows, []
        _table(self._face, found)

    def end(self, left: str) -> None:
        """Tell how many mails were read; `left` is said where some were not taken."""
        counts, number = self._counts, self._counts.total()
        if not number:
            self._face.out.say("No mail is there that was not seen before.")
            return
        parts = [f"{counts[kind]:,} {words[counts[kind] > 1]}" for kind, words in COUNTED.items() if counts[kind]]
        self._face.out.say(f"{'1 mail' if number == 1 else f'{number:,} mails'} read: {', '.join(parts)}.")
        if counts["look"] or counts["other"]:
            self._face.out.say(left)


def _table(face: Face, found: list[dict[str, Any]]) -> None:
    face.out.table(
        (
            Column("kind", "kind"),
            Column("whom", "email", whole=True),
            Column("status", "status"),
            Column("known by", "by", spare=True),
            Column("what followed", "followed"),
        ),
        found,
    )


def _followed(one: "Followed") -> dict[str, Any]:
    return {
        "mail": one.name,
        "kind": one.kind,
        "email": one.email,
        "delivery": one.delivery_id,
        "status": one.status,
        "reason": one.reason,
        "by": one.by,
        "followed": one.what,
        "taken": one.taken,
    }


def _kept(one: "Kept") -> dict[str, Any]:
    return {
        "at": one.at,
        "email": one.address,
        "kind": one.kind,
        "status": one.status,
        "delivery": one.delivery_id,
        "state": str(one.state),
        "reason": one.reason,
    }
