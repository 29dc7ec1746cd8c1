"""Papers, profiles and feedback to scores, picks and reasons; knows no database, no mail and no settings."""

from typing import TYPE_CHECKING

from newsletter.ranking.catalogue import Catalogue, CatalogueError
from newsletter.ranking.profile import Profile

if TYPE_CHECKING:
    from newsletter.ranking.ranker import Ranker

__all__ = ["Catalogue", "CatalogueError", "Profile", "Ranker"]


def __getattr__(name: str) -> object:
    # The ranker brings numpy and scipy with it; a process that only delivers must not pay for them.
    if name == "Ranker":
        from newsletter.ranking.ranker import Ranker

        return Ranker
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
