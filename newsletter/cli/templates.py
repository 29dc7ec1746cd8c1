"""`newsletter templates`: what an operator changes in the looks of the mail, checked before it is used."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Group

Command = TypeVar("Command", bound=Callable[..., object])

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.pipeline.templates import Checked, Fault


@click.group("templates", cls=Group)
def templates() -> None:
    """Change and check the templates of the mail."""


def _folder_option(help_: str) -> Callable[[Command], Command]:
    return click.option("--templates", "folder", type=click.Path(path_type=Path), metavar="DIR", help=help_)


@templates.command("list", example="newsletter templates list")
@_folder_option("The folder of your own templates; by default rendering.templates.")
@pass_face
def list_templates(face: Face, folder: Path | None) -> None:
    """List all templates, and which of them you have changed."""
    from newsletter.cli.output import Column
    from newsletter.pipeline.templates import known

    found = known(face.settings, folder)
    records = [{"name": one.name, "own": None if one.own is None else _shown(one.own)} for one in found]
    face.out.table((Column("Template", "name", whole=True), Column("Your own", "own")), records)


@templates.command("copy", example="newsletter templates copy email/footer.mjml.j2")
@click.argument("name")
@_folder_option("The folder of your own templates; by default rendering.templates, else templates beside the settings.")
@pass_face
def copy(face: Face, name: str, folder: Path | None) -> None:
    """Copy a built-in template to your own folder, to change it there.

    NAME is as `newsletter templates list` has it. A file that is there already is left as it is.
    """
    from newsletter.pipeline import templates as pipeline

    made = _shown(pipeline.copy(face.settings, name, folder))
    face.out.record({"name": name, "own": made}, f"{made} is yours to change.")
    if face.settings.rendering.templates is None:
        top = made.removesuffix(f"/{name}")
        face.out.say(f"It is used once the settings have templates = {json.dumps(top)} in [rendering].")


@templates.command("check", example="newsletter templates check\nnewsletter templates check --templates my-templates")
@_folder_option("The folder of your own templates; by default rendering.templates.")
@pass_face
def check(face: Face, folder: Path | None) -> None:
    """Check all templates strictly, the built-in ones and your own.

    Told are unknown elements and attributes of MJML, wrong values, elements in a wrong place, tags that are never
    closed, mistakes in Jinja, names that a template is not given, files that stand before no template, and what every
    mail has to print and does not. Each fault has its file, its line and, where there is one, what was probably meant.
    The command leaves with 1 if there is a fault.
    """

    async def checked(app: "App") -> "Checked":
        return app.check_templates(folder)

    found = face.run(checked, checked=False)
    if face.json:
        for fault in found.faults:
            face.out.line({**fault._asdict(), "file": _shown(fault.file)})
    elif found.faults:
        for fault in found.faults:
            click.echo(_line(fault))
        count = len(found.faults)
        face.out.warn(f"The templates have {count} faults." if count > 1 else "The templates have one fault.")
    else:
        own = f", {found.own} of them your own" if found.own else ""
        face.out.say(f"{found.templates} templates are right{own}.")
    if found.faults:
        click.get_current_context().exit(1)


def _line(fault: "Fault") -> str:
    from newsletter.cli.output import printable
    from newsletter.pipeline.templates import sentence

    return printable(sentence(fault, Path.cwd()))


def _shown(file: Path) -> str:
    """Return a path as one names it from where one stands."""
    from newsletter.pipeline.templates import shown

    return shown(file, Path.cwd())
