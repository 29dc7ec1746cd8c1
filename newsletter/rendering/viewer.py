"""The operator's pages for looking at mail: templates with one style and one script, both named by hash."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import jinja2

from newsletter.rendering.look import Brand
from newsletter.rendering.templates import safe

FOLDER = "preview"


class Viewer:
    """Renders pages in the colours of a brand.

    `folder` is that of the built-in templates: an operator's own never stand before these.
    """

    def __init__(self, folder: Path, brand: Brand) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder / FOLDER),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        style, script = ((folder / FOLDER / name).read_text(encoding="utf-8") for name in ("style.css", "script.js"))
        style = brand.css + style
        self._environment.globals.update(style=safe(style), script=safe(script))
        # Of the very text between the tags (CSP level 3, section 2.3.1).
        self.style_hash, self.script_hash = _hash(style), _hash(script)

    def page(self, template: str, /, **values: Any) -> str:
        """Return a page."""
        hashes = {"style_hash": self.style_hash, "script_hash": self.script_hash}
        return self._environment.get_template(f"{template}.html.j2").render(hashes | values)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
