"""`newsletter operator`: the way into the page of figures."""

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Group
from newsletter.errors import UsageError

LEAST = 12


@click.group("operator", cls=Group)
def operator() -> None:
    """Set the password of the page of figures."""


@operator.command("password", example="newsletter operator password")
@pass_face
def password(face: Face) -> None:
    """Ask for a password and print what the settings need of it.

    The page is at /operator of web.base_url. The settings have a hash alone, of which nobody finds the password.
    """
    from newsletter import passwords

    given = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    if len(given) < LEAST:
        raise UsageError(
            f"The password has {len(given)} characters, and {LEAST} are the least.",
            next_step="Take a longer one: several words do well.",
        )
    kept = passwords.kept(given)
    face.out.record({"password_hash": kept}, f'[operator]\npassword_hash = "{kept}"')
