"""The operator's page for looking at mail while templates change; on loopback alone, apart from the readers' pages."""

from newsletter.web.preview.serving import serving

__all__ = ["serving"]
