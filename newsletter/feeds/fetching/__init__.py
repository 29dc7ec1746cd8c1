"""Asks addresses of the web: guarded, politely and within limits; knows no parser and no database."""

from newsletter.feeds.fetching.answers import Answer, PausedError, shown
from newsletter.feeds.fetching.fetcher import Fetcher
from newsletter.feeds.fetching.terms import Terms

__all__ = ["Answer", "Fetcher", "PausedError", "Terms", "shown"]
