"""One question to a server, and what a kind of source has to know: what to ask first, and whether to go on."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from newsletter.models import Feed, ParsedFeed


@dataclass(frozen=True, slots=True)
class Request:
    """An address to ask for.

    `day` is the day that its papers count for, where a source is asked day by day; `conditional` says that the feed's
    validators go with it (RFC 9110 section 13.1), which holds for one address of a feed alone. `page` counts from 0;
    a source that tells the newest first need not be asked for what is older than `since`, which was seen before.
    `missed` are days of announcements that were not read, whose papers it is to find.
    """

    url: str
    day: date | None = None
    conditional: bool = False
    page: int = 0
    since: date | None = None
    missed: tuple[date, ...] = ()


class Source(Protocol):
    """A kind of source."""

    def first(self, feed: Feed, now: datetime) -> list[Request]:
        """Return what is asked at a poll, in order, each of it apart from the others."""

    def following(self, request: Request, parsed: ParsedFeed) -> Request | None:
        """Return what is asked after an answer to go on where it ended, or None where nothing is left."""


def query_of(url: str) -> dict[str, str]:
    """Return the fields of an address's query; of those with one name the first counts."""
    fields: dict[str, str] = {}
    for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        fields.setdefault(name, value)
    return fields


def with_query(url: str, fields: dict[str, str]) -> str:
    """Return an address with this query in the place of its own."""
    # arXiv's queries have colons and brackets, which may stand in a query as they are (RFC 3986 section 3.4).
    return urlunsplit(urlsplit(url)._replace(query=urlencode(fields, safe=":/()"), fragment=""))


def reaches_back(parsed: ParsedFeed, since: date | None) -> bool:
    """Tell whether a document that has the newest first reaches what was seen before, as far as it has days."""
    days = [paper.published_on for paper in parsed.papers if paper.published_on]
    return since is None or not days or min(days) < since
