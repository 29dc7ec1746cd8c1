"""Templates filled with what readers share, and split where each one's own comes to stand."""

from collections.abc import Callable, Mapping
from typing import Any

import jinja2

from newsletter.rendering.language import Language
from newsletter.rendering.slots import Pieces, split
from newsletter.rendering.templates import Templates, written_in


class Press:
    """Fills templates in any language.

    `encode` is what a piece of a body becomes in a mail; `everywhere` are values that every template can print.
    """

    def __init__(
        self, templates: Templates, encode: Callable[[str], bytes], everywhere: Mapping[str, Any] | None = None
    ) -> None:
        self._templates = templates
        self._encode = encode
        self._everywhere = everywhere or {}
        self._environments: dict[str, jinja2.Environment] = {}

    def pieces(self, template: str, language: Language, values: Mapping[str, Any], slots: frozenset[str]) -> Pieces:
        """Return what a template gives, split at its slots; raises RenderingError for a wrong template."""
        environment = self._environments.get(language.catalogue)
        if environment is None:
            environment = self._environments[language.catalogue] = self._templates.environment(language)
            environment.globals.update(self._everywhere)
        return split(self._templates.render(environment, template, values), slots, written_in(template), self._encode)
