"""Any address that holds a feed: asked once a poll."""

from datetime import datetime

from newsletter.feeds.sources.asking import Request
from newsletter.models import Feed, ParsedFeed


class Web:
    """RSS, Atom, JSON Feed, or a page that a server keeps."""

    def first(self, feed: Feed, now: datetime) -> list[Request]:
        """Return the one address, with its validators."""
        return [Request(feed.location, conditional=True)]

    def following(self, request: Request, parsed: ParsedFeed) -> Request | None:
        """Return nothing: what a feed holds at a time stands in one document."""
        return None
