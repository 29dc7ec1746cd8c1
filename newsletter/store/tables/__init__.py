"""The tables; what must never happen is refused here, by keys and checks, and not by the code above."""

from newsletter.store.tables.base import metadata
from newsletter.store.tables.installation import keys
from newsletter.store.tables.papers import former_titles, papers, resolutions, summaries, vectors
from newsletter.store.tables.people import feedback, preferences, subscribers, subscriptions, suppressions
from newsletter.store.tables.sending import (
    attempts,
    bounces,
    deliveries,
    editions,
    issues,
    pace,
    picks,
    received,
    revisions,
)
from newsletter.store.tables.sources import feeds, imported_days

__all__ = [
    "attempts",
    "bounces",
    "deliveries",
    "editions",
    "feedback",
    "feeds",
    "former_titles",
    "imported_days",
    "issues",
    "keys",
    "metadata",
    "pace",
    "papers",
    "picks",
    "preferences",
    "received",
    "resolutions",
    "revisions",
    "subscribers",
    "subscriptions",
    "summaries",
    "suppressions",
    "vectors",
]
