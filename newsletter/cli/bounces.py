"""`newsletter bounces`: what came back, and what followed from it."""

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
    from newsletter.pipeline.intake import Box, Followed, Kept

KINDS = ("hard", "soft", "complaint")

# What each kind of mail is called where mails are counted, one and several.
COUNTED = {
    "hard": ("hard bounce", "hard bounces"),
    "soft": ("soft bounce", "soft bounces"),
    "complaint": ("complaint", "complaints"),
    "unsubscribe": ("who asked to leave", "who asked to leave"),
    "look": ("to look at", "to look at"),
    "other": ("other", "others"),
}

_NAMES = {
    "hard": "a hard bounce",
    "soft": "a soft bounce",
    "complaint": "a complaint",
    "unsubscribe": "a wish to leave",
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
    """Take in reports, complaints, and mail that asks to unsubscribe.

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
        _tell(face, face.run(lambda app: _read(app, paths, maildir, imap)))


@bounces.command("list", example="newsletter bounces list --kind complaint\nnewsletter bounces list --email ada@x.org")
@click.option("--kind", type=click.Choice(KINDS), help="Only those of this kind.")
@click.option("--email", metavar="EMAIL", help="Only those of this person.")
@pass_face
def list_(face: Face, kind: Any, email: str | None) -> None:
    """List the reports that came back, oldest first."""
    from newsletter.pipeline import intake

    async def act(app: "App") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        async for one in intake.kept(app.database, kind=kind, email=email):
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
        return await _all(app, [piped(sys.stdin.buffer, recipient)])

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
    _tell(face, found, left="It is not kept: there is nowhere to leave it.")


async def _read(app: "App", paths: tuple[Path, ...], maildir: Path | None, imap: bool) -> "list[Followed]":
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
    return await _all(app, boxes)


async def _all(app: "App", boxes: "list[Box]") -> "list[Followed]":
    taker = await app.intake()
    return [followed for box in boxes async for followed in taker.read(box)]


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


def _tell(
    face: Face, found: "list[Followed]", *, left: str = "What is no report on mail of ours is left where it is."
) -> None:
    told = [_followed(one) for one in found]
    if face.json:
        for one in told:
            face.out.line(one)
        return
    placed = [one for one in told if one["taken"]]
    face.out.table(
        (
            Column("kind", "kind"),
            Column("whom", "email", whole=True),
            Column("status", "status"),
            Column("known by", "by", spare=True),
            Column("what followed", "followed"),
        ),
        placed,
    )
    for one in told:
        if one["followed"] and not one["taken"]:
            about = f" of {one['email']}" if one["email"] else ""
            face.out.warn(f"{one['mail']}: {_NAMES[one['kind']]}{about}: {one['followed']}.")
    counts = Counter("look" if one.kind != "other" and not one.taken else one.kind for one in found)
    parts = [f"{counts[kind]:,} {words[counts[kind] > 1]}" for kind, words in COUNTED.items() if counts[kind]]
    if not found:
        face.out.say("No mail is there that was not seen before.")
        return
    face.out.say(f"{'1 mail' if len(found) == 1 else f'{len(found):,} mails'} read: {', '.join(parts)}.")
    if counts["look"] or counts["other"]:
        face.out.say(left)


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
