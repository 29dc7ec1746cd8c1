"""Whose the answer of a feed is: one search of several people is asked once, and is for each of them; asks nobody."""

from collections import defaultdict
from collections.abc import Sequence

from newsletter.models import Feed
from newsletter.pipeline.taking import Owners

# Of a feed that is no longer on record.
NOBODY = Owners(everybody=False)


def together(claimed: Sequence[Feed]) -> list[list[Feed]]:
    """Return the feeds by their location, the one that is asked first in each: what it saw last is the furthest back.

    One that was never asked would be asked for the newest alone.
    """
    places: dict[str, list[Feed]] = defaultdict(list)
    for feed in claimed:
        places[feed.location].append(feed)
    return [sorted(same, key=_furthest_back) for same in places.values()]


def owners(same: Sequence[Feed]) -> Owners:
    """Return whose the feeds of one location are."""
    theirs = tuple(feed.id for feed in same if feed.subscriber_id is not None)
    return Owners(everybody=len(theirs) < len(same), searches=theirs)


def owners_of(feeds: Sequence[Feed]) -> dict[int, Owners]:
    """Return for each feed, by its id, whose its answer is."""
    return {feed.id: owners(same) for same in together(feeds) for feed in same}


def _furthest_back(feed: Feed) -> tuple[bool, float, int]:
    seen = feed.last_success_at
    return seen is None, seen.timestamp() if seen else 0.0, feed.id
