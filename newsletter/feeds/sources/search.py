"""A search at arXiv (https://info.arxiv.org/help/api/user-manual.html): its results, the newest first, page by page."""

from datetime import date, datetime, timedelta

from newsletter import searches
from newsletter.feeds.sources.asking import Request, query_of, reaches_back, with_query
from newsletter.models import Feed, ParsedFeed

QUERY = searches.QUERY
# A page; the manual asks for slices, and for three seconds between them.
SIZE = 100
MOST_PAGES = 20
# A paper counts by the day on which it was handed in; over holidays it is announced up to a week later.
MARGIN = timedelta(days=8)


class Search:
    """What a query finds, as far back as was seen at the last success; at the first poll one page."""

    def first(self, feed: Feed, now: datetime) -> list[Request]:
        """Return the first page; a list of ids is asked for as it stands."""
        fields = query_of(feed.location)
        if "search_query" not in fields:
            return [Request(feed.location)]
        sorted_ = {"sortBy": "submittedDate", "sortOrder": "descending", "start": "0", "max_results": str(SIZE)}
        seen = feed.last_success_at
        return [Request(with_query(feed.location, fields | sorted_), since=_margin(seen) if seen else None)]

    def following(self, request: Request, parsed: ParsedFeed) -> Request | None:
        """Return the next page, until what was seen before is met, nothing is left, or there were enough pages."""
        page = request.page + 1
        is_last = parsed.total is not None and page * SIZE >= parsed.total
        if not parsed.entries or is_last or page >= MOST_PAGES or reaches_back(parsed, request.since):
            return None
        fields = query_of(request.url) | {"start": str(page * SIZE)}
        return Request(with_query(request.url, fields), page=page, since=request.since)


def address(query: str) -> str:
    """Return the address of a search, such as `cat:cs.CL AND abs:retrieval`."""
    return searches.address(query)


def _margin(seen: datetime) -> date:
    return seen.date() - MARGIN
