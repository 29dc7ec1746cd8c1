"""The readers' pages, behind the links of their mail; `newsletter run` or any ASGI server serves `application`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def application() -> "ASGIApp":
    """Return the pages for an ASGI server: `uvicorn --factory newsletter.web:application`."""
    # Whoever has them served by another process needs none of it.
    from newsletter.web.site import application

    return application()
