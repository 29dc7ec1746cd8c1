"""What a feed says of itself beside its entries: when it need not be asked, and where it goes on."""

import contextlib
import re
from dataclasses import dataclass
from datetime import timedelta
from xml.parsers import expat

from newsletter.feeds import links
from newsletter.feeds.text import clean

_BASE = "http://www.w3.org/XML/1998/namespace base"
_ATOM = "http://www.w3.org/2005/Atom"
# http://web.resource.org/rss/1.0/modules/syndication/
_SYNDICATION = "http://purl.org/rss/1.0/modules/syndication/"
_PERIODS = {"hourly": 1, "daily": 24, "weekly": 7 * 24, "monthly": 30 * 24, "yearly": 365 * 24}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LONGEST_TTL = timedelta(days=365)
_WHOLE_NUMBER = re.compile(r"\d{1,7}$", re.ASCII)
_ENTRIES = frozenset({"entry", "item"})
# The root, the channel, a link.
_OF_CHANNEL = 3
# The root, the channel, a list such as skipDays, what stands in it.
_DEEPEST = 4
_LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the entries.

    `ttl` is how long the feed may be kept, the longer of RSS's own and of what its rhythm says; days count from Monday
    as 0, hours are GMT. `link` is the channel's of RSS, as it stands there. `total` and `start` are OpenSearch's: how
    many results there are, and the first of them here.
    """

    ttl: timedelta | None = None
    skip_days: frozenset[int] = frozenset()
    skip_hours: frozenset[int] = frozenset()
    next_page: str | None = None
    link: str = ""
    total: int | None = None
    start: int = 0


def read(text: str, address: str = "") -> Frame:
    """Return the frame of an Atom or RSS document; of one that is not well-formed, what stands before its fault.

    `address` is where the document is from.
    """
    reader = _Reader(address)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.begin
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.hear
    with contextlib.suppress(expat.ExpatError):
        parser.Parse(text, True)
    return reader.frame()


class _Reader:
    """Keeps the texts of the frame's elements, by namespace and name."""

    def __init__(self, address: str) -> None:
        self._base = address
        self._link = ""
        self._depth = 0
        # The depth of the entry that is being read, or 0 outside of entries.
        self._entry = 0
        self._text = ""
        self._found: dict[str, list[str]] = {}
        self._next: str | None = None

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._text = ""
        if self._entry:
            return
        if self._local(name) in _ENTRIES:
            self._entry = self._depth
        elif name == f"{_ATOM} link" and attributes.get("rel", "").lower() == "next":
            # RFC 5005 section 3
            base = links.absolute(self._base, attributes.get(_BASE)) or self._base
            self._next = self._next or links.absolute(base, attributes.get("href"))
        elif _BASE in attributes and self._depth < _OF_CHANNEL:
            # RFC 4287 section 2
            self._base = links.absolute(self._base, attributes[_BASE]) or self._base

    def end(self, name: str) -> None:
        if not self._entry and self._depth <= _DEEPEST and (text := clean(self._text)):
            self._found.setdefault(self._key(name), []).append(text)
            if self._depth == _OF_CHANNEL and name.lower() == "link":
                self._link = self._link or text
        if self._depth == self._entry:
            self._entry = 0
        self._depth -= 1
        self._text = ""

    def hear(self, text: str) -> None:
        if not self._entry and len(self._text) < _LONGEST_TEXT:
            self._text += text[:_LONGEST_TEXT]

    def frame(self) -> Frame:
        totals, starts = self._numbers("totalResults"), self._numbers("startIndex")
        return Frame(
            ttl=max(filter(None, (self._ttl(), self._rhythm())), default=None),
            skip_days=frozenset(_DAYS.index(day.lower()) for day in self._found.get("day", ()) if day.lower() in _DAYS),
            # RSS 0.91 counts the hours from 1 to 24.
            skip_hours=frozenset(hour % 24 for hour in self._numbers("hour") if hour <= 24),
            next_page=self._next,
            link=self._link,
            total=totals[0] if totals else None,
            start=starts[0] if starts else 0,
        )

    def _ttl(self) -> timedelta | None:
        minutes = [number for number in self._numbers("ttl") if number]
        return min(timedelta(minutes=minutes[0]), _LONGEST_TTL) if minutes else None

    def _rhythm(self) -> timedelta | None:
        periods = self._found.get(f"{_SYNDICATION} updatePeriod", [])
        times = [number for number in self._numbers(f"{_SYNDICATION} updateFrequency") if number]
        if not periods and not times:
            return None
        hours = _PERIODS.get(periods[0].lower()) if periods else _PERIODS["daily"]
        return timedelta(hours=hours) / (times[0] if times else 1) if hours else None

    def _numbers(self, key: str) -> list[int]:
        return [int(text) for text in self._found.get(key, ()) if _WHOLE_NUMBER.match(text)]

    def _key(self, name: str) -> str:
        """Return the name under which an element is kept; only that of the rhythm is bound to its namespace."""
        return name if name.startswith(_SYNDICATION) else self._local(name)

    @staticmethod
    def _local(name: str) -> str:
        return name.rpartition(" ")[2]
