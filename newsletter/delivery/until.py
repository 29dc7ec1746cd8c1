"""The day on which a pause ends, as people write it in English and German; it knows neither today nor the reader.

What is ambiguous, such as 12/1, is not understood.
"""

import re
from datetime import date, timedelta
from typing import NamedTuple

# No pause with an end is longer than ten years.
MOST_DAYS = 3_650

_WEEKDAYS = (
    "monday|mon|montag", "tuesday|tues|tue|dienstag", "wednesday|wed|mittwoch", "thursday|thurs|thur|thu|donnerstag",
    "friday|fri|freitag", "saturday|sat|samstag|sonnabend", "sunday|sun|sonntag",
)  # fmt: skip
_MONTHS = (
    "january|januar|jänner|jan", "february|februar|feb", "march|märz|maerz|mar|mär", "april|apr", "may|mai",
    "june|juni|jun", "july|juli|jul", "august|aug", "september|sept|sep", "october|oktober|oct|okt",
    "november|nov", "december|dezember|dec|dez",
)  # fmt: skip
_NUMBERS = {
    word: number
    for number, words in enumerate(
        (
            "a an one ein eine einen einem einer", "two zwei couple", "three drei", "four vier", "five fünf",
            "six sechs", "seven sieben", "eight acht", "nine neun", "ten zehn", "eleven elf", "twelve zwölf",
        ),
        1,
    )
    for word in words.split()
}  # fmt: skip
_UNITS = (("day|tag", 1), ("fortnight", 14), ("week|woche", 7), ("month|monat", 30), ("year|jahr", 365))

_WEEKDAY, _MONTH = "|".join(_WEEKDAYS), "|".join(_MONTHS)
_BEFORE = rf"(?:(?:{_WEEKDAY})\b\.?,?\s+)?(?:the\s+|den\s+|dem\s+)?"
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?!\d)")
_DAY_MONTH = re.compile(
    rf"{_BEFORE}(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?\s*(?:of\s+)?(?P<name>{_MONTH})\b(?:\.?,?\s+(?P<year>\d{{4}})(?!\d))?",
    re.IGNORECASE,
)
_MONTH_DAY = re.compile(
    rf"{_BEFORE}(?P<name>{_MONTH})\b\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?!\d)(?:,?\s+(?P<year>\d{{4}})(?!\d))?",
    re.IGNORECASE,
)
_DOTTED = re.compile(
    rf"{_BEFORE}(?P<day>\d{{1,2}})\.\s?(?P<month>\d{{1,2}})\.(?:\s?(?P<year>\d{{4}}|\d\d)(?!\d))?", re.IGNORECASE
)
_BY_WEEKDAY = re.compile(rf"(?:(?:next|coming|nächste[nr]?|kommende[nr]?)\s+)?(?P<weekday>{_WEEKDAY})\b", re.IGNORECASE)
_TOMORROW = re.compile(r"(?:tomorrow|morgen)\b", re.IGNORECASE)
_NEXT_WEEK = re.compile(r"(?:next\s+week|nächste[rn]?\s+woche)\b", re.IGNORECASE)
_LONG = re.compile(
    rf"(?:the\s+next\s+|die\s+nächsten\s+)?"
    rf"(?:a\s+(?=couple))?(?P<number>\d{{1,4}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
    rf"\s+(?:of\s+)?(?P<unit>{'|'.join(unit for unit, _ in _UNITS)})(?:s|e|en|n)?\b",
    re.IGNORECASE,
)


class When(NamedTuple):
    """The end of a pause as it was written: a date (a `year` of 0 is the next one), a day of the week, or a length.

    `weekday` counts from 0, Monday; `days` are from the day on which it was written.
    """

    year: int = 0
    month: int = 0
    day: int = 0
    weekday: int | None = None
    days: int | None = None


def day_at(text: str, at: int = 0) -> tuple[When, int] | None:
    """Return the day that stands at a place of a text, and where it ends."""
    for pattern in (_ISO, _DAY_MONTH, _MONTH_DAY, _DOTTED):
        if found := pattern.match(text, at):
            return _dated(found), found.end()
    if found := _TOMORROW.match(text, at):
        return When(days=1), found.end()
    if found := _NEXT_WEEK.match(text, at):
        return When(weekday=0), found.end()
    if found := _BY_WEEKDAY.match(text, at):
        return When(weekday=_place(found["weekday"], _WEEKDAYS)), found.end()
    return None


def length_at(text: str, at: int = 0) -> tuple[When, int] | None:
    """Return the length of time that stands at a place of a text, and where it ends."""
    found = _LONG.match(text, at)
    if found is None:
        return None
    written, unit = found["number"].lower(), found["unit"].lower()
    # Case is folded by patterns otherwise than here for a few letters.
    number = int(written) if written.isdecimal() else _NUMBERS.get(written, 1)
    return When(days=number * next((days for names, days in _UNITS if unit in names.split("|")), 1)), found.end()


def resolve(when: When, today: date) -> date | None:
    """Return the day, seen from the one on which it was written; None if there is none, or none within ten years.

    A date without a year, and a day of the week, is the next one after today; with a year it may be over.
    """
    if when.days is not None:
        return today + timedelta(days=when.days) if when.days <= MOST_DAYS else None
    if when.weekday is not None:
        return today + timedelta(days=(when.weekday - today.weekday() - 1) % 7 + 1)
    if when.year:
        found = _day(when.year, when)
        return found if found is not None and found <= today + timedelta(days=MOST_DAYS) else None
    # Of 29 February, eight years may be without.
    days = (_day(today.year + ahead, when) for ahead in range(9))
    return next((day for day in days if day is not None and day > today), None)


def _dated(found: re.Match[str]) -> When:
    groups = found.groupdict()
    name = groups.get("name")
    month = int(groups["month"]) if name is None else _place(name, _MONTHS) + 1
    year = groups["year"] or "0"
    return When(int(year) + (2000 if len(year) == 2 else 0), month, int(groups["day"]))


def _place(word: str, names: tuple[str, ...]) -> int:
    return next((place for place, one in enumerate(names) if word.lower() in one.split("|")), 0)


def _day(year: int, when: When) -> date | None:
    try:
        return date(year, when.month, when.day)
    except ValueError:
        return None
