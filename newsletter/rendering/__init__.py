"""Rendering: an issue to a subject, HTML and plain text; knows no database, no feed and no mail server."""

from newsletter.rendering.reasons import reason_sentence
from newsletter.rendering.renderer import Links, Rendered, Renderer

__all__ = ["Links", "Rendered", "Renderer", "reason_sentence"]
