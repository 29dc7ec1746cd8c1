"""arXiv's announcements (https://info.arxiv.org/help/rss.html): what each category brings at an announcement."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from urllib.parse import unquote, urlsplit

from newsletter import searches
from newsletter.feeds import calendars
from newsletter.feeds.sources.asking import Request, query_of, with_query
from newsletter.models import Feed, ParsedFeed

# https://arxiv.org/category_taxonomy
_ARCHIVES = (
    "astro-ph|cond-mat|cs|econ|eess|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math|math-ph|nlin|nucl-ex|nucl-th|physics|q-bio|"
    "q-fin|quant-ph|stat"
)
_CATEGORY = re.compile(
    rf"(?P<archive>{_ARCHIVES})(?:\.(?P<subject>[a-z]{{2}}|[a-z]{{2,5}}-[a-z]{{2,6}}))?", re.IGNORECASE
)
# Written small; the others are two capitals.
_SMALL = frozenset({"physics", "cond-mat"})
ANNOUNCEMENTS = "https://rss.arxiv.org/atom/"
MOST_CATEGORIES = 50
# Of archives without classes the name is that of a category.
_WHOLE = frozenset(("gr-qc", "hep-ex", "hep-lat", "hep-ph", "hep-th", "math-ph", "nucl-ex", "nucl-th", "quant-ph"))
# A search for what was missed: its pages, and how much longer a paper may have been held at arXiv.
SIZE = 200
MOST_PAGES = 40
HELD = timedelta(days=8)


class Arxiv:
    """One document with all that was announced last in its categories."""

    def first(self, feed: Feed, now: datetime) -> list[Request]:
        """Return the one address, with its validators."""
        return [Request(feed.location, conditional=True)]

    def following(self, request: Request, parsed: ParsedFeed) -> Request | None:
        """Return the next page of a search for what was missed; an announcement stands in one document."""
        start = request.page * SIZE + parsed.entries
        ends = not parsed.entries or parsed.total is None or start >= parsed.total
        if not request.missed or ends or request.page + 1 >= MOST_PAGES:
            return None
        page = request.page + 1
        fields = query_of(request.url) | {"start": str(page * SIZE)}
        return replace(request, url=with_query(request.url, fields), page=page)


def missed(feed: Feed, days: Sequence[date]) -> list[Request]:
    """Return what is asked for the papers of announcements that were not read, of days with none of them between.

    A search finds them by when they were handed in (https://info.arxiv.org/help/api/user-manual.html, section 5.1);
    what was listed in a category long after that is not found.
    """
    place = urlsplit(feed.location)
    names = categories(unquote(place.path.rpartition("/")[2]))
    if not names or not days:
        return []
    before = days[0] - timedelta(days=1)
    while calendars.closed("arxiv", before):
        before -= timedelta(days=1)
    # What was announced before the feed was there is of the past.
    since = calendars.taken_in_until(before)
    since = min(since, max(since - HELD, feed.added_at))
    span = f"submittedDate:[{since:%Y%m%d%H%M} TO {calendars.taken_in_until(days[-1]):%Y%m%d%H%M}]"
    fields = {
        "search_query": f"({' OR '.join(map(_searched, names))}) AND {span}",
        "sortBy": "submittedDate",
        "sortOrder": "ascending",
        "start": "0",
        "max_results": str(SIZE),
    }
    # A mirror has its searches beside its announcements.
    own = place.hostname in ("rss.arxiv.org", "arxiv.org", "export.arxiv.org")
    address = searches.QUERY if own else place._replace(path="/api/query").geturl()
    return [Request(with_query(address, fields), missed=tuple(days))]


def _searched(name: str) -> str:
    return f"cat:{name}" if "." in name or name in _WHOLE else f"cat:{name}.*"


def categories(text: str) -> tuple[str, ...]:
    """Return the categories of a text such as `cs.CL+stat.ML` in arXiv's spelling, or none where it is no such text."""
    names = re.split(r"[+, ]+", text.strip())
    found = [_CATEGORY.fullmatch(name) for name in names]
    if len(names) > MOST_CATEGORIES or not all(found):
        return ()
    return tuple(dict.fromkeys(_spelled(one["archive"].lower(), one["subject"]) for one in found if one))


def address(names: tuple[str, ...]) -> str:
    """Return the address of the announcements of categories, of several in one request."""
    return f"{ANNOUNCEMENTS}{'+'.join(names)}"


def _spelled(archive: str, subject: str | None) -> str:
    if not subject:
        return archive
    return f"{archive}.{subject.lower() if archive in _SMALL or '-' in subject else subject.upper()}"
