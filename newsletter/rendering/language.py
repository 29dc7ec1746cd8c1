"""The reader's language: its words out of a gettext catalogue, its dates, numbers and direction from Babel."""

import io
import re
from datetime import date, time
from functools import lru_cache
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time, get_day_names
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations

from newsletter.rendering.pseudo import PSEUDO, Pseudo

CATALOGUES = Path(__file__).parent / "locales"
SOURCE = "en"
DOMAIN = "newsletter"

_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*")


class Language:
    """Words, dates and numbers for readers of one language.

    `code` is a BCP 47 tag, `catalogue` names where the words are from, `direction` is `ltr` or `rtl`, `start` and `end`
    are the sides where lines do.
    """

    def __init__(self, locale: Locale, translations: Translations | Pseudo, *, code: str = "") -> None:
        self.locale = locale
        self.translations = translations
        self.code = code or str(locale).replace("_", "-")
        self.catalogue = code or locale.language
        self.direction = "rtl" if locale.character_order == "right-to-left" else "ltr"
        self.start = "right" if self.direction == "rtl" else "left"
        self.end = "left" if self.direction == "rtl" else "right"
        self.gettext = translations.ugettext
        self.ngettext = translations.ungettext

    def long_date(self, day: date) -> str:
        """Return the day with its weekday."""
        return _long_date(day, self.locale)

    def short_date(self, day: date) -> str:
        """Return the day with a short month."""
        return _short_date(day, self.locale)

    def weekday(self, number: int) -> str:
        """Return the name of a day of the week, from 0, Monday."""
        return str(get_day_names("wide", locale=self.locale)[number])

    def hour(self, hour: int) -> str:
        """Return the full hour of a day."""
        return _hour(hour, self.locale)

    def name_of(self, code: str) -> str:
        """Return what a language is called by those who speak it."""
        return resolve(code).locale.display_name or code

    def number(self, value: int) -> str:
        """Return the number with the groups of digits of the language."""
        return _number(value, self.locale)


# Babel reads its patterns anew each time, which for a list of papers or hours is most of what a page takes.
@lru_cache(maxsize=1024)
def _long_date(day: date, locale: Locale) -> str:
    return format_date(day, "full", locale=locale)


@lru_cache(maxsize=1024)
def _short_date(day: date, locale: Locale) -> str:
    return format_skeleton("yMMMd", day, locale=locale)


@lru_cache(maxsize=1024)
def _hour(hour: int, locale: Locale) -> str:
    return format_time(time(hour), "short", locale=locale)


@lru_cache(maxsize=1024)
def _number(value: int, locale: Locale) -> str:
    return format_decimal(value, locale=locale)


@lru_cache(maxsize=1)
def available() -> tuple[str, ...]:
    """Return the languages that there is a catalogue of."""
    return tuple(sorted(folder.name for folder in CATALOGUES.iterdir() if _file(folder.name).is_file()))


@lru_cache(maxsize=256)
def resolve(code: str) -> Language:
    """Return the language of a tag such as `de`, `de-AT` or `de_AT`; English if there is no catalogue of it.

    The made-up languages `en-XA` and `ar-XB` are for looking at layouts.
    """
    tag = code.replace("_", "-") if _TAG.fullmatch(code) else SOURCE
    if tag in PSEUDO:
        return Language(Locale.parse(tag.partition("-")[0]), PSEUDO[tag], code=tag)
    name = tag.partition("-")[0].lower()
    if name not in available():
        tag = name = SOURCE
    return _language(str(_locale(tag, name)), name)


def forget() -> None:
    """Let the catalogues be read anew, since somebody changed one."""
    for kept in (available, resolve, _language, _translations):
        kept.cache_clear()


@lru_cache(maxsize=256)
def _language(locale: str, name: str) -> Language:
    return Language(Locale.parse(locale), _translations(name))


@lru_cache(maxsize=64)
def _translations(name: str) -> Translations:
    with _file(name).open("rb") as file:
        catalogue = read_po(file, locale=name, domain=DOMAIN)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled, domain=DOMAIN)


def _locale(tag: str, name: str) -> Locale:
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale.parse(name)


def _file(name: str) -> Path:
    return CATALOGUES / name / "LC_MESSAGES" / f"{DOMAIN}.po"
