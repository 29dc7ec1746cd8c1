"""What stands on the command line, read and checked: days, cadences, time zones, languages, topics, files."""

import difflib
import re
import sys
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from newsletter import bounds, resources
from newsletter.errors import NewsletterError, UsageError

CADENCES = ("daily", "weekdays", *(f"weekly:{day}" for day in bounds.WEEKDAYS))
# As in newsletter.models, which would bring pydantic into every --help; a test holds them together.
STATES = (
    "queued",
    "sending",
    "sent",
    "deferred",
    "failed",
    "suppressed",
    "unknown",
    "caught",
    "bounced",
    "complained",
)
CONSENTS = ("unconfirmed", "confirmed", "unsubscribed")
NOTICES = ("welcome", "confirmation", "goodbye", "link", "known", "answer", "nothing")

# BCP 47 (RFC 5646) as far as it names a language, a script and a region.
_LANGUAGE = re.compile(r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8}){0,3}$")


class Day(click.ParamType[date]):
    """A date such as 2026-11-21."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read a date."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date; write it as 2026-11-21.", param, ctx)


class CadenceName(click.ParamType[str]):
    """`daily`, `weekdays`, or `weekly:` and a day."""

    name = "cadence"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read a cadence."""
        cadence = str(value).strip().lower()
        if cadence not in CADENCES:
            self.fail(f"{value!r} is no cadence; there are daily, weekdays and weekly:mon to weekly:sun.", param, ctx)
        return cadence

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the cadences that begin so."""
        return [CompletionItem(cadence) for cadence in CADENCES if cadence.startswith(incomplete)]


class Zone(click.ParamType[str]):
    """A time zone such as Europe/Berlin."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the name of a time zone, in any case."""
        known = _zones()
        zone = known.get(str(value).strip().lower())
        if zone is None:
            near = _near_zones(str(value), known)
            self.fail(
                f"{value!r} is no time zone; "
                + (f"did you mean {' or '.join(near)}?" if near else "names look like Europe/Berlin."),
                param,
                ctx,
            )
        return zone

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the time zones that begin so."""
        return [CompletionItem(zone) for zone in sorted(_zones().values()) if zone.startswith(incomplete)]


class Language(click.ParamType[str]):
    """A language such as en or pt-BR."""

    name = "language"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the tag of a language."""
        if not _LANGUAGE.match(str(value)):
            self.fail(f"{value!r} is no language; tags look like en or pt-BR.", param, ctx)
        return str(value)


class TopicName(click.ParamType[str]):
    """A topic as it is written; what it means is the pipeline's."""

    name = "topic"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the slugs of the catalogue that begin so."""
        catalogue = tomllib.loads((resources.seeds() / "topics.toml").read_text("utf-8"))
        return [
            CompletionItem(topic["slug"], help=topic["name"])
            for topic in catalogue["topic"]
            if topic["slug"].startswith(incomplete)
        ]


DAY = Day()
CADENCE = CadenceName()
ZONE = Zone()
LANGUAGE = Language()
TOPIC = TopicName()
HOUR = click.IntRange(*bounds.HOURS)
PAPERS = click.IntRange(*bounds.PAPERS)
MINUTES = click.IntRange(*bounds.MINUTES)
BAR = click.Choice(bounds.BARS, case_sensitive=False)
LOOK = click.Choice(bounds.LOOKS, case_sensitive=False)
STATE = click.Choice(STATES)
CONSENT = click.Choice(CONSENTS)
NOTICE = click.Choice(NOTICES)
FILE = click.Path(dir_okay=False, path_type=Path)
PLACE = click.Path(path_type=Path)


def words(values: tuple[str, ...], what: str) -> tuple[str, ...]:
    """Return words or names without doubles and stray space; raises UsageError for one that is empty or too long."""
    cleaned = dict.fromkeys(" ".join(value.split()) for value in values)
    if "" in cleaned:
        raise UsageError(f"{what} is empty.")
    if too_long := [value for value in cleaned if len(value) > 200]:
        raise UsageError(f"{what} {too_long[0][:30]}… is longer than 200 characters.")
    return tuple(cleaned)


def read(source: Path, what: str, *, most: int) -> str:
    """Return the text of a file, or of the standard input for `-`; raises UsageError with what is wrong with it."""
    try:
        if str(source) == "-":
            data = sys.stdin.buffer.read(most + 1)
        else:
            with source.open("rb") as file:
                data = file.read(most + 1)
    except OSError as error:
        raise UsageError(f"{what} {source} cannot be read: {error.strerror or error}.") from error
    if len(data) > most:
        raise UsageError(f"{what} is larger than {most:,} bytes.", next_step="Make it smaller, or give it in parts.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{what} is not UTF-8 text (byte {error.start + 1}).", next_step="Save it again with the encoding UTF-8."
        ) from error


def write(target: Path, content: bytes) -> None:
    """Write a file; raises NewsletterError with the reason where that fails."""
    try:
        target.write_bytes(content)
    except OSError as error:
        raise NewsletterError(f"{target} cannot be written: {error.strerror or error}.") from error


def _zones() -> dict[str, str]:
    from zoneinfo import available_timezones

    return {zone.lower(): zone for zone in available_timezones()}


def _near_zones(value: str, known: dict[str, str]) -> list[str]:
    """Return the zones of a city that was named alone, or else those spelled nearly so."""
    city = value.strip().lower().replace(" ", "_")
    named = sorted(zone for name, zone in known.items() if name.rpartition("/")[2] == city and "/" in name)
    return named or [known[name] for name in difflib.get_close_matches(city, known, n=2)]
