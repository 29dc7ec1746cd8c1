"""The strict check of all templates, of the mail and of the readers' pages: each fault with its file and line."""

from newsletter.rendering.checking.folders import KINDS, Checked, Fault, check

__all__ = ["KINDS", "Checked", "Fault", "check"]
