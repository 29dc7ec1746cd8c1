"""The catalogue of topics: slugs, names, query words and phrases, and what lies under what; no papers, no numbers."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from newsletter.errors import NewsletterError
from newsletter.ranking.text import words

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]

# A child's words count for its parent with this weight, a grandchild's with its square.
CHILD = 0.5


class CatalogueError(NewsletterError):
    """The catalogue of topics has faults; the message names each."""


class Expression(NamedTuple):
    """Words that stand for a topic, in the form in which they are compared."""

    words: tuple[str, ...]
    weight: float


class Entry(BaseModel):
    """A topic of the catalogue; `parent` is a slug, or empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: Slug
    name: Text
    words: tuple[Text, ...] = ()
    phrases: tuple[Text, ...] = ()
    parent: str = ""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: tuple[Entry, ...] = Field(default=())


class Catalogue(Mapping[str, Entry]):
    """The topics by slug, in the order of the file."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        """Take the entries; raise CatalogueError with every fault at once."""
        given = tuple(entries)
        if faults := [*_doubles(given), *_parents(given)]:
            raise _refusal(faults)
        self._entries = {entry.slug: entry for entry in given}

    @classmethod
    def load(cls, text: str | bytes) -> Self:
        """Read a catalogue in TOML: one `[[topic]]` table each, with slug, name, words, phrases and parent.

        Raises CatalogueError with every fault at once.
        """
        try:
            document = tomllib.loads(text.decode("utf-8") if isinstance(text, bytes) else text)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise CatalogueError(f"The catalogue of topics is not TOML: {error}.", next_step="Mend it.") from error
        faults: list[str] = []
        try:
            entries = _Document.model_validate(document).topic
        except ValidationError as error:
            faults += [_sentence(fault) for fault in error.errors(include_url=False, include_input=False)]
            entries = _readable(document)
        faults += [*_doubles(entries), *_parents(entries)] if not faults else _doubles(entries)
        if faults:
            raise _refusal(faults)
        return cls(entries)

    def __getitem__(self, slug: str) -> Entry:
        return self._entries[slug]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, name: str) -> Entry | None:
        """Return the topic with that slug or name, or None; case, plural and hyphens do not matter."""
        return self._entries.get(name) or self._by_words.get(tuple(words(name)))

    def expressions(self, entry: Entry) -> tuple[Expression, ...]:
        """Return what stands for a topic, that of the topics under it included at a lower weight."""
        found: dict[tuple[str, ...], Expression] = {}
        for below, weight in self._under(entry, 1.0):
            for text in (below.name, *below.words, *below.phrases):
                key = tuple(words(text))
                if key and (key not in found or found[key].weight < weight):
                    found[key] = Expression(key, weight)
        return tuple(found.values())

    def _under(self, entry: Entry, weight: float) -> Iterator[tuple[Entry, float]]:
        yield entry, weight
        for child in self._children.get(entry.slug, ()):
            yield from self._under(child, weight * CHILD)

    @cached_property
    def _children(self) -> dict[str, list[Entry]]:
        children: dict[str, list[Entry]] = {}
        for entry in self._entries.values():
            if entry.parent:
                children.setdefault(entry.parent, []).append(entry)
        return children

    @cached_property
    def _by_words(self) -> dict[tuple[str, ...], Entry]:
        known = {tuple(words(entry.name)): entry for entry in reversed(self._entries.values())}
        known.update({tuple(words(entry.slug)): entry for entry in self._entries.values()})
        known.pop((), None)
        return known


def _doubles(entries: Iterable[Entry]) -> list[str]:
    counts = Counter(entry.slug for entry in entries)
    return [f"the slug {slug} is there {count} times" for slug, count in counts.items() if count > 1]


def _parents(entries: tuple[Entry, ...]) -> list[str]:
    parents = {entry.slug: entry.parent for entry in entries}
    faults = [
        f"{slug} has the parent {parent}, which is not there"
        for slug, parent in parents.items()
        if parent and parent not in parents
    ]
    in_a_cycle: set[str] = set()
    for slug in parents:
        path, at = [slug], parents[slug]
        while at and at in parents and at not in path:
            path.append(at)
            at = parents[at]
        if at == slug and slug not in in_a_cycle:
            in_a_cycle.update(path)
            faults.append(f"{' under '.join([*path, slug])} goes round in a circle")
    return faults


def _readable(document: dict[str, Any]) -> tuple[Entry, ...]:
    """Return the entries that can be read on their own, so that doubles among them are told with the other faults."""
    found = []
    tables = document.get("topic")
    for table in tables if isinstance(tables, list) else []:
        try:
            found.append(Entry.model_validate(table))
        except ValidationError:
            continue
    return tuple(found)


def _sentence(fault: Any) -> str:
    place = [part + 1 if isinstance(part, int) else part for part in fault["loc"]]
    return f"{' '.join(map(str, place))}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"


def _refusal(faults: list[str]) -> CatalogueError:
    count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
    return CatalogueError(
        f"The catalogue of topics has {count}: {'; '.join(faults)}.",
        next_step="Each [[topic]] needs a slug of its own, a name, and as parent the slug of another topic or nothing.",
    )
