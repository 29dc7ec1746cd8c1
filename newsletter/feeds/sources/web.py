"""Any address that holds a feed: asked once a poll, and on through its pages where some were missed."""

from datetime import datetime
from urllib.parse import urlsplit

from newsletter.feeds.sources.asking import Request, reaches_back
from newsletter.models import Feed, ParsedFeed

MOST_PAGES = 5


class Web:
    """RSS, Atom, JSON Feed, or a page that a server keeps."""

    def first(self, feed: Feed, now: datetime) -> list[Request]:
        """Return the one address, with its validators."""
        seen = feed.last_success_at
        return [Request(feed.location, conditional=True, since=seen.date() if seen else None)]

    def following(self, request: Request, parsed: ParsedFeed) -> Request | None:
        """Return the next page of a paged feed (RFC 5005 section 3) while all of a page is newer than the last success.

        A feed that was never read is not paged through, and a page on another host is not asked for.
        """
        page, address = request.page + 1, parsed.next_page
        if address is None or page >= MOST_PAGES or reaches_back(parsed, request.since):
            return None
        if urlsplit(address).netloc.lower() != urlsplit(request.url).netloc.lower() or address == request.url:
            return None
        return Request(address, page=page, since=request.since)
