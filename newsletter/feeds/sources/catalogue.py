"""Ready sources for common fields, and how they are found; reads no file by itself."""

import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Field:
    """A field of research.

    `name` is what is typed behind `@`, `title` what people read, `words` are further names of it, and `sources` what is
    added: categories of arXiv (`cs.CL+cs.IR`) and addresses.
    """

    name: str
    title: str
    words: tuple[str, ...]
    sources: tuple[str, ...]

    @classmethod
    def of(cls, fields: dict[str, object]) -> Self:
        """Return a field of its table."""
        words, sources = fields.get("words", []), fields["sources"]
        return cls(str(fields["name"]), str(fields["title"]), _texts(words), _texts(sources))

    def has(self, words: Iterable[str]) -> bool:
        """Tell whether each of the words begins a word of the field, its sources included."""
        own = _folded(" ".join((self.name, self.title, *self.words, *self.sources)))
        return all(any(part.startswith(word) for part in own) for each in words for word in _folded(each))


def load(data: bytes) -> tuple[Field, ...]:
    """Return the fields of a catalogue."""
    return tuple(map(Field.of, tomllib.loads(data.decode("utf-8"))["field"]))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _folded(text: str) -> list[str]:
    text = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character if character.isalnum() else " " for character in text).split()
