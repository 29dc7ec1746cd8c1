"""Where the templates and the seeds are: inside an installed wheel, or at the top of a checkout."""

from pathlib import Path

from newsletter.errors import NewsletterError

PACKAGE = Path(__file__).parent


def templates() -> Path:
    """Return the folder of the built-in templates."""
    return _folder("templates")


def seeds() -> Path:
    """Return the folder of the sample pages and of the catalogue of topics."""
    return _folder("seeds")


def _folder(name: str) -> Path:
    for folder in (PACKAGE / "_data" / name, PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise NewsletterError(
        f"The folder {name} of the program is missing.", next_step="Install the newsletter package again."
    )
