"""Check all templates, built in and the operator's own; it renders no mail of anybody and asks no database."""

from collections.abc import Callable
from pathlib import Path

from newsletter import resources
from newsletter.config import Settings
from newsletter.rendering import Renderer
from newsletter.rendering.checking import Checked, Fault, check

__all__ = ["Checked", "Fault", "check_all"]


def check_all(settings: Settings, folder: Path | None, renderer: Callable[[Settings], Renderer]) -> Checked:
    """Return every fault of the templates as the settings use them.

    `folder` stands in for the operator's folder of the settings; `renderer` makes what renders with other settings.
    Raises RenderingError if the folder is not there.
    """
    named = settings.rendering.templates
    own = folder if folder is not None else None if named is None else settings.path(named)

    def with_templates(overrides: Path | None) -> Renderer:
        rendering = settings.rendering.model_copy(update={"templates": overrides and overrides.absolute()})
        return renderer(settings.model_copy(update={"rendering": rendering}))

    return check(with_templates, templates=resources.templates(), overrides=own)
