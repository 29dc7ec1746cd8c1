"""What readers share in a mail, in a form that can be kept and read again; knows no mail and no record."""

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from newsletter.rendering.slots import Pieces


class Part(Protocol):
    """What a mail is made of, rendered: `key` says which part it is, `words` have what is read of it beside its pieces.

    Two of one key are the same part, though one may be older than the other.
    """

    @property
    def key(self) -> str:
        """Which part it is: its kind, and what tells it from others of that kind."""
        ...

    @property
    def pieces(self) -> tuple[Pieces, ...]:
        """How it stands in the mail."""
        ...

    @property
    def words(self) -> Mapping[str, str]:
        """What else a mail takes from it."""
        ...


class Kept(NamedTuple):
    """A part that was read again."""

    pieces: tuple[Pieces, ...]
    words: Mapping[str, str]


def written(part: Part) -> bytes:
    """Return a part as it is kept; the same part gives the same bytes."""
    pieces = [[[text.decode() for text in one.parts], list(one.slots)] for one in part.pieces]
    return json.dumps([pieces, dict(part.words)], ensure_ascii=False, separators=(",", ":")).encode()


def read(content: bytes, encoded: Callable[[bytes], bytes]) -> Kept:
    """Return a part that was `written`; `encoded` gives its texts the type of what is encoded already."""
    pieces, words = json.loads(content)
    return Kept(
        tuple(Pieces(tuple(encoded(text.encode()) for text in parts), tuple(slots)) for parts, slots in pieces), words
    )
