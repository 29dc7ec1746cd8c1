"""One question to a server, and what a kind of source has to know: what to ask first, and whether to go on."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from newsletter.models import Feed, ParsedFeed


@dataclass(frozen=True, slots=True)
class Request:
    """An address to ask for.

    `day` is the day that its papers count for, where a source is asked day by day; `conditional` says that the feed's
    validators go with it (RFC 9110 section 13.1), which holds for one address of a feed alone.
    """

    url: str
    day: date | None = None
    conditional: bool = False


class Source(Protocol):
    """A kind of source."""

    def first(self, feed: Feed, now: datetime) -> list[Request]:
        """Return what is asked at a poll, in order, each of it apart from the others."""

    def following(self, request: Request, parsed: ParsedFeed) -> Request | None:
        """Return what is asked after an answer to go on where it ended, or None where nothing is left."""
