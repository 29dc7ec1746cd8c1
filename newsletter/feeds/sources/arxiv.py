"""arXiv's announcements (https://info.arxiv.org/help/rss.html): what each category brings at an announcement."""

import re
from datetime import datetime

from newsletter.feeds.sources.asking import Request
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


class Arxiv:
    """One document with all that was announced last in its categories."""

    def first(self, feed: Feed, now: datetime) -> list[Request]:
        """Return the one address, with its validators."""
        return [Request(feed.location, conditional=True)]

    def following(self, request: Request, parsed: ParsedFeed) -> Request | None:
        """Return nothing: an announcement stands in one document."""
        return None


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
