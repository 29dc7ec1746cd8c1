"""What stands in the lists of a form: rhythms, hours and languages, in words of the reader's language."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from babel import Locale
from babel.dates import get_day_names
from markupsafe import Markup, escape

from newsletter.bounds import HOURS, WEEKDAYS
from newsletter.rendering.language import Language, available


class Choice(NamedTuple):
    """A value of a form, and what people read."""

    value: str
    words: str


def names_of(names: Sequence[str], chosen: str) -> Markup:
    """Return long lists of names as HTML has them, one chosen: a loop of a template would take a third of a page."""
    plain = f"<option>{escape(chosen)}</option>"
    # What is put together here was made safe there.
    return Markup(_plain(tuple(names)).replace(plain, f"<option selected>{escape(chosen)}</option>", 1))  # noqa: S704


@lru_cache(maxsize=100)
def _plain(names: tuple[str, ...]) -> str:
    return "".join(f"<option>{escape(name)}</option>" for name in names)


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
