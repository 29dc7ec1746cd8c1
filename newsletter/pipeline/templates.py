"""List, copy and check templates, built in and the operator's own; it asks no database and renders nobody's mail."""

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from newsletter import resources
from newsletter.config import Settings
from newsletter.errors import NewsletterError, NotFoundError, UsageError
from newsletter.rendering import Renderer
from newsletter.rendering.checking import KINDS, Checked, Fault, check
from newsletter.rendering.pages import Pages

__all__ = ["Checked", "Fault", "Template", "check_all", "copy", "known", "sentence", "shown"]

FOLDER = "templates"


class Template(NamedTuple):
    """A template by its name; `own` is the operator's file of that name, if there is one."""

    name: str
    own: Path | None


def known(settings: Settings, folder: Path | None = None) -> list[Template]:
    """Return all built-in templates in order; `folder` stands in for the operator's folder of the settings."""
    own = _own_folder(settings, folder)
    found = []
    for name in _names():
        file = own / name if own is not None else None
        found.append(Template(name, file if file is not None and file.is_file() else None))
    return found


def copy(settings: Settings, name: str, folder: Path | None = None) -> Path:
    """Copy a built-in template to the operator's folder, which is made if need be, and return the copy.

    `folder` stands in for the folder of the settings; without either it is `templates` beside the settings file.
    Raises NotFoundError for another name, and UsageError where a file is there.
    """
    if name not in _names():
        near = difflib.get_close_matches(name, _names(), n=1)
        raise NotFoundError(
            f"There is no template {name}.",
            next_step=f"Is {near[0]} meant?" if near else "`newsletter templates list` has the names.",
        )
    target = (_own_folder(settings, folder) or settings.folder / FOLDER) / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write((resources.templates() / name).read_bytes())
    except FileExistsError as error:
        raise UsageError(f"{target} is there already, and is left as it is.") from error
    except OSError as error:
        raise NewsletterError(f"{target} cannot be written: {error.strerror or error}.") from error
    return target


def check_all(
    settings: Settings,
    folder: Path | None,
    renderer: Callable[[Settings], Renderer],
    pages: Callable[[Settings], Pages],
) -> Checked:
    """Return every fault of the templates as the settings use them.

    `folder` stands in for the operator's folder of the settings; `renderer` makes what renders the mail with other
    settings, and `pages` what renders the readers' pages. Raises RenderingError if the folder is not there.
    """
    own = _own_folder(settings, folder)

    def with_templates(overrides: Path | None) -> Settings:
        rendering = settings.rendering.model_copy(update={"templates": overrides and overrides.absolute()})
        return settings.model_copy(update={"rendering": rendering})

    return check(
        lambda overrides: renderer(with_templates(overrides)),
        pages=lambda overrides: pages(with_templates(overrides)),
        templates=resources.templates(),
        overrides=own,
    )


def sentence(fault: Fault, folder: Path) -> str:
    """Return a fault in one line, with its file as one names it in a folder."""
    meant = f" Is {fault.meant} meant?" if fault.meant else ""
    return f"{shown(fault.file, folder)}:{fault.line}: {fault.sentence[:1].upper()}{fault.sentence[1:]}.{meant}"


def shown(file: Path, folder: Path) -> str:
    """Return a path as one names it in a folder."""
    try:
        return str(file.absolute().relative_to(folder.absolute()))
    except ValueError:
        return str(file)


def _own_folder(settings: Settings, folder: Path | None) -> Path | None:
    named = settings.rendering.templates
    return folder if folder is not None else None if named is None else settings.path(named)


def _names() -> list[str]:
    templates = resources.templates()
    return sorted(
        file.relative_to(templates).as_posix()
        for kind in KINDS
        for file in (templates / kind).rglob("*")
        if file.is_file() and file.name[0] != "."
    )
