"""What each kind of source is asked, and where its answer goes on; does no I/O and reads no entries."""

from newsletter.feeds.sources.asking import Request, Source
from newsletter.feeds.sources.web import Web

__all__ = ["Request", "Source", "of_kind"]

_SOURCES: dict[str, Source] = {"web": Web()}


def of_kind(kind: str) -> Source:
    """Return how a kind of source is asked."""
    return _SOURCES[kind]
