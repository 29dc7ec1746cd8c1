"""The hub's Daily Papers: a list for each day, of which votes and comments change for some days.

`https://huggingface.co/api/daily_papers` takes `date` (YYYY-MM-DD), `week` (YYYY-Www, ISO 8601), `month` (YYYY-MM) or
`sort=trending`, with `limit` (at most 100) and `p`, the page from 0.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from newsletter.feeds.sources.asking import Request, query_of, with_query
from newsletter.models import Feed, ParsedFeed

PAPERS = "https://huggingface.co/api/daily_papers"
# What it gives at a time at most.
LIMIT = 100
# No day, week or month had so many.
MOST_PAGES = 20
# A source that slept is not asked for more days than these at a poll.
MOST_DAYS = 31
FOLLOWED = 3
# What stands in the place of a week or month for the one that it is now.
CURRENT = "current"


class Hub:
    """The days up to today, or the week, month or list that its address names."""

    def __init__(self, follow_days: int = FOLLOWED) -> None:
        """Take for how many days after a paper's own day it is asked for again."""
        self._follow = follow_days

    def first(self, feed: Feed, now: datetime) -> list[Request]:
        """Return a question for each day, newest first, those since the last success included; else the one list."""
        fields = query_of(feed.location)
        today = now.astimezone(UTC).date()
        if fields.get("week") == CURRENT:
            weeks = self._days(today, _week)
            return [_request(feed.location, fields | {"week": week}) for week in weeks]
        if fields.get("month") == CURRENT:
            months = self._days(today, lambda day: f"{day:%Y-%m}")
            return [_request(feed.location, fields | {"month": month}) for month in months]
        if fields.keys() & {"date", "week", "month", "sort"}:
            return [_request(feed.location, fields)]
        asleep = (today - feed.last_success_at.astimezone(UTC).date()).days if feed.last_success_at else 0
        back = min(max(self._follow, asleep), MOST_DAYS)
        days = [today - timedelta(days=ago) for ago in range(back + 1)]
        return [_request(feed.location, fields | {"date": day.isoformat()}, day) for day in days]

    def following(self, request: Request, parsed: ParsedFeed) -> Request | None:
        """Return the next page, until one is not full; the trending list has no end, and its first page is enough."""
        fields = query_of(request.url)
        if "sort" in fields or request.page + 1 >= MOST_PAGES or parsed.entries < _limit(fields):
            return None
        return _request(request.url, fields, request.day, request.page + 1)

    def _days(self, today: date, name: Callable[[date], str]) -> list[str]:
        """Return the spans of time that today and the followed days before it are in, newest first."""
        return list(dict.fromkeys(name(today - timedelta(days=ago)) for ago in range(self._follow + 1)))


def _week(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def _limit(fields: dict[str, str]) -> int:
    named = fields.get("limit", "")
    return int(named) if named.isascii() and named.isdigit() and 0 < int(named[:6]) <= LIMIT else LIMIT


def _request(url: str, fields: dict[str, str], day: date | None = None, page: int = 0) -> Request:
    asked = fields | {"limit": str(_limit(fields)), "p": str(page)}
    return Request(with_query(url, asked), day=day, page=page)
