"""`newsletter run`: the scheduler on one machine."""

from typing import TYPE_CHECKING

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Command

if TYPE_CHECKING:
    from newsletter.app import App


@click.command("run", cls=Command, example="newsletter run")
@click.option("--pages-on", type=int, hidden=True, help="Only serve the pages, on this socket, until the input ends.")
@pass_face
def run(face: Face, pages_on: int | None) -> None:
    """Go on sending by itself, to each at their hour.

    It looks at the feeds too, and serves the readers' pages, from a second process, if web.base_url is set. It works
    until it is stopped (Ctrl-C, or SIGTERM from a service manager), and makes up for a stop at its next start. What it
    does is logged on stderr. Two of them at once send nothing twice.
    """
    from newsletter.schedule import local
    from newsletter.web.apart import serve_for, serving_apart

    level = "warning" if face.quiet else "info"
    if pages_on is not None:
        face.run(lambda app: serve_for(app, pages_on), near=True, level=level)
        return

    async def act(app: "App") -> None:
        async with serving_apart(app, face.again("run", "--pages-on")):
            await local.run(app)

    if not face.settings.smtp.host:
        face.out.say("smtp.host is not set: mail goes to the built-in catcher, and nobody is mailed.")
    face.run(act, level=level)
