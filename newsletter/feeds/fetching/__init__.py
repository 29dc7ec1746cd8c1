"""Asks addresses of the web: guarded, politely and within limits; knows no parser and no database."""

from newsletter.feeds.fetching.answers import Answer, PausedError, SilentError, server_of, shown
from newsletter.feeds.fetching.fetcher import Fetcher
from newsletter.feeds.fetching.manners import Known, Manners, Memory
from newsletter.feeds.fetching.terms import Terms

__all__ = [
    "Answer",
    "Fetcher",
    "Known",
    "Manners",
    "Memory",
    "PausedError",
    "SilentError",
    "Terms",
    "server_of",
    "shown",
]
