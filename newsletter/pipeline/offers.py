"""What people may choose among on a page: rhythms, hours, time zones, languages, topics; in their own words."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from newsletter.cadences import timezones
from newsletter.models import Subscriber, Topic
from newsletter.rendering.choosing import cadences, hours, languages
from newsletter.rendering.language import Language
from newsletter.rendering.notice import rhythm as rhythm_sentence

__all__ = ["broad", "cadences", "hours", "languages", "names", "offered", "rhythm", "searched", "zones"]

_CONTINENTS = (
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
)  # fmt: skip


class Offered(NamedTuple):
    """A topic of the catalogue: its slug and its name."""

    slug: str
    name: str


@lru_cache(maxsize=1)
def zones() -> Mapping[str, Sequence[str]]:
    """Return the time zones of places by continent, and UTC."""
    named = sorted(timezones())
    found = {continent: [name for name in named if name.startswith(f"{continent}/")] for continent in _CONTINENTS}
    return {"UTC": ["UTC"], **{continent: names for continent, names in found.items() if names}}


def rhythm(person: Subscriber, language: Language) -> str:
    """Return when somebody's mail comes, as a sentence."""
    return rhythm_sentence(person.cadence, person.hour, person.timezone, language)


def broad(catalogue: Mapping[str, Any], most: int) -> list[Offered]:
    """Return the first topics of the catalogue that lie under no other."""
    return [Offered(entry.slug, entry.name) for entry in catalogue.values() if not entry.parent][:most]


def searched(catalogue: Mapping[str, Any], words: str, most: int) -> list[Offered]:
    """Return the topics of the catalogue in which all of the words begin a word; those with them in the name first."""
    wanted = _words(words)
    if not wanted:
        return []

    def fits(*texts: str) -> bool:
        there = [word for text in texts for word in _words(text)]
        return all(any(word.startswith(one) for word in there) for one in wanted)

    named = [entry for entry in catalogue.values() if fits(entry.name, entry.slug)]
    others = [
        entry
        for entry in catalogue.values()
        if entry not in named and fits(entry.name, entry.slug, *entry.words, *entry.phrases)
    ]
    return [Offered(entry.slug, entry.name) for entry in [*named, *others]][:most]


def names(catalogue: Mapping[str, Any], topics: Sequence[Topic]) -> list[str]:
    """Return topics as people read them."""
    return [catalogue[topic.name].name if topic.name in catalogue else topic.name for topic in topics]


def offered(catalogue: Mapping[str, Any], slugs: Sequence[str]) -> list[Offered]:
    """Return the topics of these slugs that there are."""
    return [Offered(slug, catalogue[slug].name) for slug in dict.fromkeys(slugs) if slug in catalogue]


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text.casefold()).split()
