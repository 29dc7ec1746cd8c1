"""Rendering: an issue to a subject, HTML and plain text; knows no database, no feed and no mail server."""

from newsletter.rendering.links import Feedback, Links
from newsletter.rendering.look import Brand, Logo, brand_of
from newsletter.rendering.reasons import reason_sentence
from newsletter.rendering.renderer import Rendered, Renderer

__all__ = ["Brand", "Feedback", "Links", "Logo", "Rendered", "Renderer", "brand_of", "reason_sentence"]
