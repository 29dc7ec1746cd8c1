"""`newsletter preview`: the mail of one person, looked at and not sent."""

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Command
from newsletter.cli.output import Column
from newsletter.cli.values import DAY, FILE, NOTICE, PLACE, write
from newsletter.errors import NewsletterError, UsageError

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.config import Settings
    from newsletter.models import Notice
    from newsletter.pipeline.preview import Preview

GALLERY = Path("gallery")


@click.command(
    "preview",
    cls=Command,
    example="newsletter preview ada@example.org\n"
    "newsletter preview ada@example.org --date 2026-11-20 --out mail.html\n"
    "newsletter preview ada@example.org --anew --out mail.html\n"
    "newsletter preview --serve\n"
    "newsletter preview --all-kinds --out gallery",
)
@click.argument("email", required=False)
@click.option("--date", "day", type=DAY, help="The local day; by default today.")
@click.option("--kind", type=NOTICE, help="A notice in place of the issue.")
@click.option(
    "--anew", is_flag=True, help="Of a day that was sent, the same papers in the templates and settings of now."
)
@click.option(
    "--out", type=PLACE, metavar="F.html", help="Write the HTML there, for a browser; of --all-kinds the folder."
)
@click.option("--text", is_flag=True, help="Print the text part.")
@click.option("--eml", type=FILE, metavar="F.eml", help="Write the whole message there, for a mail program.")
@click.option("--serve", is_flag=True, help="Serve a page for this machine alone, which follows what you change.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port of --serve; by default any free one.")
@click.option("--all-kinds", is_flag=True, help="Write every kind of mail in every look, with sample papers.")
@pass_face
def preview(
    face: Face,
    email: str | None,
    day: date | None,
    kind: "Notice | None",
    anew: bool,
    out: Path | None,
    text: bool,
    eml: Path | None,
    serve: bool,
    port: int,
    all_kinds: bool,
) -> None:
    """Show what a person would get, or got; it changes nothing.

    Of a day that was sent it shows the very bytes that went out, whatever changed since, or says that it cannot. Else
    the message has the headers and the bytes that `send` would send, but for Date, Message-ID and the signed links.
    With --serve it is seen in a browser, beside others, while templates change; --all-kinds needs nobody on record.
    """
    if serve or all_kinds:
        _refuse(
            "--serve" if serve else "--all-kinds",
            kind=kind,
            anew=anew,
            text=text,
            eml=eml,
            out=serve and out,
            all_kinds=serve and all_kinds,
        )
        if serve:
            _serve(face, email or "", day, port)
        else:
            _write_all(face, out or GALLERY)
        return
    if email is None:
        raise UsageError("Whose mail is to be shown?", next_step="Name an ADDRESS, or use --serve or --all-kinds.")
    if out is not None and out.is_dir():
        raise UsageError(f"{out} is a folder.", next_step="Name a file, such as mail.html.")
    from newsletter.pipeline import preview as previews

    async def act(app: "App") -> "Preview":
        return await previews.preview(
            app.database, app.clock, await app.writer(), app.rehearsing, email, day=day, kind=kind, anew=anew
        )

    shown = face.run(act)
    _doubt(face, shown)
    if out is not None and not shown.written.rendered.html_parts:
        raise NewsletterError(
            "The mail is text alone, since rendering.look is plain.",
            next_step="See it with --text, or with --eml F.eml.",
        )
    for file, content in (
        (out, (previews.html_alone(shown.written.content) or shown.written.rendered.html).encode()),
        (eml, shown.written.content),
    ):
        if file is not None:
            write(file, content)
    if text:
        click.echo(shown.written.rendered.text.rstrip("\n"))
    else:
        _describe(face, shown)
    for file in filter(None, (out, eml)):
        face.out.say(f"{file} is written.")
    if not (out or eml or text):
        face.out.say()
        face.out.say("--out F.html writes it for a browser, --text prints its text.")


def _refuse(what: str, **beside: object) -> None:
    """Refuse options that mean nothing beside another."""
    given = [f"--{name.replace('_', '-')}" for name, value in beside.items() if value]
    if given:
        raise UsageError(f"{what} goes with no {given[0]}.", next_step="`newsletter preview --help` has examples.")


def _serve(face: Face, email: str, day: date | None, port: int) -> None:
    import asyncio
    from urllib.parse import urlencode

    from newsletter import config
    from newsletter.web.preview import serving

    def load() -> "Settings":
        return config.load(config.find(face.config))

    async def act(app: "App") -> None:
        file = config.find(face.config) or config.DEFAULT_FILE
        async with serving(app, load, file, port) as taken:
            asked = urlencode({name: value for name, value in (("email", email), ("date", day)) if value})
            url = f"http://127.0.0.1:{taken}/{'?' if asked else ''}{asked}"
            face.out.record({"url": url}, f"The preview is at {url}")
            face.out.say("It follows what you save; Ctrl-C ends it.")
            sys.stdout.flush()
            await asyncio.Event().wait()

    face.run(act)


def _write_all(face: Face, folder: Path) -> None:
    from newsletter.pipeline import samples
    from newsletter.pipeline.gallery import Sheet, gallery

    async def act(app: "App") -> dict[str, bytes]:
        files: dict[str, bytes] = {}
        sheets: list[Sheet] = []
        async for one in gallery(app.settings, lambda look: app.in_look(look).sample_writer(), samples.NOON):
            sheets.append(one)
            files |= one.files()
        page = app.viewer().page("gallery", name=app.settings.newsletter.name, sheets=sheets)
        return files | {"index.html": page.encode()}

    files = face.run(act, checked=False)
    for name, content in files.items():
        file = folder / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NewsletterError(f"{file.parent} cannot be made: {error.strerror or error}.") from error
        write(file, content)
    mails = sum(name.endswith(".eml") for name in files)
    face.out.record(
        {"index": str(folder / "index.html"), "mails": mails},
        f"{mails} mails are written; {folder / 'index.html'} shows them side by side.",
    )


def _doubt(face: Face, shown: "Preview") -> None:
    """Say where what went out cannot be shown, or not for certain, for whoever takes it for that."""
    if shown.doubt:
        face.out.warn(shown.doubt)


def _describe(face: Face, shown: "Preview") -> None:
    from newsletter.pipeline.letter import SHOWN, html_size
    from newsletter.pipeline.preview import reason

    size = html_size(shown.written.rendered)
    issue, delivery = shown.issue, shown.delivery
    picks = [
        {
            "position": pick.position,
            "id": pick.paper.id,
            "title": pick.paper.title,
            "url": pick.paper.url,
            "score": None if pick.score is None else round(pick.score, 4),
            "reason": reason(pick, issue.recipient.language),
        }
        for pick in issue.picks
    ]
    if face.json:
        face.out.line(
            {
                "email": delivery.address if delivery else issue.recipient.email,
                "edition": issue.edition.date,
                "kind": issue.notice or "issue",
                "subject": shown.written.rendered.subject,
                "state": delivery.state if delivery else None,
                "message_id": delivery.message_id if delivery else None,
                "obstacle": shown.obstacle,
                "as_sent": shown.as_sent,
                "doubt": shown.doubt,
                "html_bytes": size,
                "papers": picks,
            }
        )
        return
    face.out.facts(
        {
            "to": delivery.address if delivery else issue.recipient.email,
            "subject": shown.written.rendered.subject,
            "edition": issue.edition.date,
            "size": f"{size / 1024:.0f} KB of HTML" if size else "text alone",
            "state": f"{delivery.state}, {'as it went out' if shown.as_sent else 'as it is on record'}"
            if delivery
            else face.out.hint(
                "not on record" if issue.notice else "not on record: what `newsletter send` would choose"
            ),
        }
    )
    if size > SHOWN:
        face.out.warn(
            f"Gmail shows {SHOWN // 1024} KB and cuts the rest off, though papers were left out for it: shorten the "
            "note or your templates."
        )
    if shown.obstacle:
        face.out.warn(f"`newsletter send` would not mail it: {shown.obstacle}")
    if not picks:
        return
    face.out.say()
    face.out.table(
        (
            Column("", "position", right=True),
            Column("paper", "title", long=True),
            Column("why", "reason", long=True),
        ),
        picks,
    )
