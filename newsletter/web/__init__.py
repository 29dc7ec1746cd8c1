"""The readers' pages, behind the links of their mail; `newsletter run` or any ASGI server serves `application`."""

from newsletter.web.site import application

__all__ = ["application"]
