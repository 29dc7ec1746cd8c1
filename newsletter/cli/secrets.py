"""`newsletter secrets`: what signs the links of mails."""

from typing import TYPE_CHECKING

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Group

if TYPE_CHECKING:
    from datetime import datetime

    from newsletter.app import App


@click.group("secrets", cls=Group)
def secrets() -> None:
    """Sign links with a new secret."""


@secrets.command("rotate", example="newsletter secrets rotate\nnewsletter secrets rotate --days 0")
@click.option(
    "--days", type=click.IntRange(0, 3650), help="For so long links of before are read; by default as web.grace_days."
)
@pass_face
def rotate(face: Face, *, days: int | None) -> None:
    """Sign links with a new secret from now on.

    Links of before are read for a while, so that mails that people have still work: to unsubscribe too. If the secret
    leaked, `--days 0` ends that at once. A run that is under way follows within a minute. The key of suppressions stays
    as it is for ever.
    """
    from newsletter.pipeline import secrets as kept

    async def act(app: "App") -> "tuple[datetime, int]":
        wanted = app.settings.web.grace_days if days is None else days
        return await kept.rotate(app.database, app.clock, wanted)

    until, older = face.run(act)
    told = f"those of before are read until {until:%Y-%m-%d %H:%M} UTC" if older else "none of before is read any more"
    face.out.record({"until": until.isoformat(), "older": older}, f"Links are signed with a new secret; {told}.")
