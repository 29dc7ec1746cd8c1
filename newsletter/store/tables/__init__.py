"""The tables; what must never happen is refused here, by keys and checks, and not by the code above."""

from newsletter.store.tables.base import metadata
from newsletter.store.tables.installation import keys, sessions
from newsletter.store.tables.papers import apart, former_titles, papers, resolutions, signs, summaries, vectors
from newsletter.store.tables.people import feedback, preferences, subscribers, subscriptions, suppressions
from newsletter.store.tables.sending import (
    attempts,
    bounces,
    deliveries,
    editions,
    issues,
    pace,
    picks,
    pieces,
    press_pieces,
    presses,
    received,
    revisions,
)
from newsletter.store.tables.signups import signups, tries, wordings
from newsletter.store.tables.sources import arrivals, feeds, found_for, imported_days, responses, servers, updates

__all__ = [
    "apart",
    "arrivals",
    "attempts",
    "bounces",
    "deliveries",
    "editions",
    "feedback",
    "feeds",
    "former_titles",
    "found_for",
    "imported_days",
    "issues",
    "keys",
    "metadata",
    "pace",
    "papers",
    "picks",
    "pieces",
    "preferences",
    "press_pieces",
    "presses",
    "received",
    "resolutions",
    "responses",
    "revisions",
    "servers",
    "sessions",
    "signs",
    "signups",
    "subscribers",
    "subscriptions",
    "summaries",
    "suppressions",
    "tries",
    "updates",
    "vectors",
    "wordings",
]
