"""`newsletter preview`: the mail of one person, looked at and not sent."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Command
from newsletter.cli.output import Column
from newsletter.cli.values import DAY, FILE, NOTICE, write
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.models import Notice
    from newsletter.pipeline.preview import Preview


@click.command(
    "preview",
    cls=Command,
    example="newsletter preview ada@example.org\nnewsletter preview ada@example.org --date 2026-11-20 --out mail.html",
)
@click.argument("email")
@click.option("--date", "day", type=DAY, help="The local day; by default today.")
@click.option("--kind", type=NOTICE, help="A notice in place of the issue.")
@click.option("--out", type=FILE, metavar="F.html", help="Write the HTML there, for a browser.")
@click.option("--text", is_flag=True, help="Print the text part.")
@click.option("--eml", type=FILE, metavar="F.eml", help="Write the whole message there, for a mail program.")
@pass_face
def preview(
    face: Face, email: str, day: date | None, kind: "Notice | None", out: Path | None, text: bool, eml: Path | None
) -> None:
    """Show what a person would get, or got; it changes nothing.

    The message has the headers and the bytes that `send` would send, but for Date, Message-ID and the signed links.
    """
    from newsletter.pipeline import preview as previews

    async def act(app: "App") -> "Preview":
        return await previews.preview(
            app.database, app.clock, await app.writer(), app.rehearsing, email, day=day, kind=kind
        )

    shown = face.run(act)
    if out is not None and not shown.written.rendered.html_parts:
        raise NewsletterError(
            "The mail is text alone, since rendering.look is plain.",
            next_step="See it with --text, or with --eml F.eml.",
        )
    for file, content in ((out, shown.written.rendered.html.encode()), (eml, shown.written.content)):
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
            "state": f"{delivery.state}, as it is on record"
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
