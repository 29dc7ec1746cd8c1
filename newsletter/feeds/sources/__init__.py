"""What each kind of source is asked, and where its answer goes on; does no I/O and reads no entries."""

from newsletter.feeds.sources.alternates import Alternate
from newsletter.feeds.sources.arxiv import Arxiv
from newsletter.feeds.sources.asking import Request, Source
from newsletter.feeds.sources.hub import FOLLOWED, Hub
from newsletter.feeds.sources.recognising import Recognised, is_address, recognise
from newsletter.feeds.sources.search import Search
from newsletter.feeds.sources.web import Web

__all__ = ["Alternate", "Recognised", "Request", "Source", "is_address", "of_kind", "recognise"]

_SOURCES: dict[str, Source] = {"web": Web(), "arxiv": Arxiv(), "search": Search()}


def of_kind(kind: str, *, follow_days: int = FOLLOWED) -> Source:
    """Return how a kind of source is asked; the hub is asked again for papers of the last `follow_days`."""
    return Hub(follow_days) if kind == "hub" else _SOURCES[kind]
