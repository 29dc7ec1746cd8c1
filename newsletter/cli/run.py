"""`newsletter run`: the scheduler on one machine."""

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Command


@click.command("run", cls=Command, example="newsletter run")
@pass_face
def run(face: Face) -> None:
    """Go on sending by itself, to each at their hour.

    It looks at the feeds too. It works until it is stopped (Ctrl-C, or SIGTERM from a service manager), and makes up
    for a stop at its next start. What it does is logged on stderr. Two of them at once send nothing twice.
    """
    from newsletter.schedule import local

    if not face.settings.smtp.host:
        face.out.say("smtp.host is not set: mail goes to the built-in catcher, and nobody is mailed.")
    face.run(local.run, level="warning" if face.quiet else "info")
