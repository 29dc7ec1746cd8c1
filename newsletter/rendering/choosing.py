"""What stands in the lists of a form: rhythms, hours and languages, in words of the reader's language."""

from typing import NamedTuple

from babel import Locale
from babel.dates import get_day_names

from newsletter.bounds import HOURS, WEEKDAYS
from newsletter.rendering.language import Language, available


class Choice(NamedTuple):
    """A value of a form, and what people read."""

    value: str
    words: str


def cadences(language: Language) -> list[Choice]:
    """Return the rhythms."""
    gettext = language.gettext
    days = get_day_names("wide", context="stand-alone", locale=language.locale)
    return [
        Choice("daily", gettext("every day")),
        Choice("weekdays", gettext("from Monday to Friday")),
        *(Choice(f"weekly:{short}", days[number]) for number, short in enumerate(WEEKDAYS)),
    ]


def hours(language: Language) -> list[Choice]:
    """Return the hours of the day."""
    first, last = HOURS
    return [Choice(str(hour), language.hour(hour)) for hour in range(first, last + 1)]


def languages() -> list[Choice]:
    """Return the languages that there are words of, each in its own."""
    return [Choice(code, Locale.parse(code).get_display_name(code) or code) for code in available()]
