"""Which day of a source a moment is, when that day is settled, and on which days nothing is to be expected; pure.

The hub counts in UTC. arXiv announces at 20:00 US Eastern, Sunday to Thursday, and dates what it announces by the next
day: Monday to Friday (https://info.arxiv.org/help/availability.html).
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from newsletter.models import FeedKind

EASTERN = ZoneInfo("America/New_York")
_ANNOUNCED = time(20)
_UNTIL_MIDNIGHT = timedelta(hours=4)
_TAKEN_IN = time(14)
# The feeds are made at midnight there (https://info.arxiv.org/help/rss.html); what is late has until then to come.
_IN_THE_FEED = time(6)
_DAY = timedelta(days=1)
_MONDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 3, 5, 6

# Evenings without announcement, as arXiv published them on the page above. When that of 2025 was read, the
# holidays of its December were not scheduled; of 2027 none are known so far.
PUBLISHED = frozenset(
    date.fromisoformat(f"{year}-{day}")
    for year, days in {
        2024: "01-15 05-22 06-19 07-04 09-02 11-28 12-25 12-26 12-31",
        2025: "01-01 01-20 06-19 07-06 09-01 11-27",
        2026: "01-01 01-19 06-19 07-03 09-07 11-26 12-25 12-29 12-31",
    }.items()
    for day in days.split()
)
# Years of which the evenings at the end of December are published; they differ from year to year.
_ENDS_KNOWN = (2024, 2026)
_END_OF_YEAR = (24, 25, 26, 31)


def day_of(kind: FeedKind, moment: datetime) -> date:
    """Return the day of a source that an aware moment lies in."""
    if kind != "arxiv":
        return moment.astimezone(UTC).date()
    # On the clock of the wall: in nights in which it is changed, from 20:00 to midnight are four hours all the same.
    return (moment.astimezone(EASTERN).replace(tzinfo=None) + _UNTIL_MIDNIGHT).date()


def begins(kind: FeedKind, day: date) -> datetime:
    """Return when a day of a source begins, in UTC."""
    if kind != "arxiv":
        return datetime.combine(day, time(), UTC)
    return datetime.combine(day - _DAY, _ANNOUNCED, EASTERN).astimezone(UTC)


def settled(kind: FeedKind, day: date) -> datetime:
    """Return from when on what a source has of a day can be judged, in UTC."""
    if kind == "arxiv":
        return datetime.combine(day, _IN_THE_FEED, EASTERN).astimezone(UTC)
    return begins(kind, day + _DAY)


def expected(day: date) -> datetime:
    """Return when arXiv makes the document of what it announces for a day, in UTC."""
    return datetime.combine(day, time(), EASTERN).astimezone(UTC)


def announced(
    after: date, before: date, *, skip_days: Collection[int] = (), holidays: Collection[date] = ()
) -> list[date]:
    """Return the days between two for which arXiv announces papers, the oldest first."""
    days = (after + ahead * _DAY for ahead in range(1, (before - after).days))
    return [day for day in days if not closed("arxiv", day, skip_days=skip_days, holidays=holidays)]


def taken_in_until(day: date) -> datetime:
    """Return until when papers were handed in that arXiv announces for a day, in UTC: 14:00 of the working day before.

    What was held for a look by a person, and what its authors put off, was handed in earlier.
    """
    last = day - _DAY
    while last.weekday() in (_SATURDAY, _SUNDAY):
        last -= _DAY
    return datetime.combine(last, _TAKEN_IN, EASTERN).astimezone(UTC)


def closed(kind: FeedKind, day: date, *, skip_days: Collection[int] = (), holidays: Collection[date] = ()) -> str:
    """Return why nothing is to be expected of a source on a day, in words, or nothing where it has no excuse.

    `skip_days` are those of the feed (0 is Monday), `holidays` those that the operator added; like those of arXiv they
    name the evening, and what that would have announced is missing on the day after it.
    """
    evening = day - _DAY
    if day in holidays or (kind == "arxiv" and evening in holidays):
        return "a holiday of feeds.holidays"
    # No day of a weekend is among the real days of the hub, and arXiv announces nothing on Fridays and Saturdays.
    if day.weekday() in (_SATURDAY, _SUNDAY) and kind in ("hub", "arxiv"):
        return "a weekend"
    if day.weekday() in skip_days:
        return "a day that the feed says it skips"
    if kind == "hub":
        return _slow_at_hub(day)
    return _without_announcement(evening) if kind == "arxiv" else ""


def _slow_at_hub(day: date) -> str:
    """Return what people celebrate who fill the hub's lists, or nothing.

    It publishes none. The lists of 19 June and 3 July 2026 were as long as ever; where one is short, that is no fault.
    """
    for name, found in us_holidays(day.year).items():
        if day == found:
            return name
    return "the end of the year" if day.month == 12 and day.day in _END_OF_YEAR else ""


def _without_announcement(evening: date) -> str:
    if name := _holiday(evening):
        return name
    # What came in until Friday afternoon is announced on Sunday: after a Friday without work that may be put off,
    # as it was on 6 July 2025.
    if evening.weekday() == _SUNDAY and (name := _holiday(evening - 2 * _DAY)):
        return name
    return ""


def _holiday(day: date) -> str:
    """Return what is celebrated at arXiv on a day: what was published, and what was in every list so far.

    Of the federal holidays it never took Washington's Birthday, Memorial Day, Columbus Day and Veterans Day.
    """
    for name, found in us_holidays(day.year).items():
        if day == found:
            return name
    # A New Year's Day on a Saturday is kept in the year before.
    if day == _observed(date(day.year + 1, 1, 1)):
        return "New Year's Day"
    if day in PUBLISHED:
        return "a holiday of arXiv"
    if day.month == 12 and day.day >= 24 and day.year not in _ENDS_KNOWN:
        return "the end of the year, of which arXiv announces some evenings"
    return ""


def us_holidays(year: int) -> dict[str, date]:
    """Return the holidays of the United States that arXiv keeps, by name, on the days on which they are observed."""
    return {
        "New Year's Day": _observed(date(year, 1, 1)),
        "Martin Luther King Jr. Day": _nth(year, 1, _MONDAY, 3),
        "Juneteenth": _observed(date(year, 6, 19)),
        "Independence Day": _observed(date(year, 7, 4)),
        "Labor Day": _nth(year, 9, _MONDAY, 1),
        "Thanksgiving": _nth(year, 11, _THURSDAY, 4),
        "Christmas": _observed(date(year, 12, 25)),
    }


def _observed(day: date) -> date:
    # 5 U.S.C. 6103: on Saturdays the day before, on Sundays the day after.
    return day - _DAY if day.weekday() == _SATURDAY else day + _DAY if day.weekday() == _SUNDAY else day


def _nth(year: int, month: int, weekday: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))
