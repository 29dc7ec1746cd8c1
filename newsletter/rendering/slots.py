"""Places in a rendered text that are filled per person: the text is rendered once around them and split there."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from newsletter.errors import RenderingError

# `prose.clean` takes control characters out of all that is rendered, so no paper can hold such a mark.
_MARK = re.compile("\x02(.*?)\x03", re.DOTALL)


def slot(name: str) -> Markup:
    """Return what a template prints where the value of that name comes to stand."""
    return Markup(f"\x02{name}\x03")  # noqa: S704


@dataclass(frozen=True, slots=True)
class Pieces:
    """A text split at its slots: `parts[0]`, the value of `slots[0]`, `parts[1]`, and so on to the last part.

    Parts are as they stand in a mail: what readers share is encoded once for all of them.
    """

    parts: tuple[bytes, ...]
    slots: tuple[str, ...]

    def filled(self, values: Mapping[str, bytes]) -> list[bytes]:
        """Return the parts with values between them."""
        filled = [b""] * (2 * len(self.slots) + 1)
        filled[::2] = self.parts
        filled[1::2] = [values[name] for name in self.slots]
        return filled

    def filled_from(self, values: Mapping[str, tuple[bytes, bytes]], side: Literal[0, 1]) -> list[bytes]:
        """Return the parts with one of two values of each name between them."""
        filled = [b""] * (2 * len(self.slots) + 1)
        filled[::2] = self.parts
        filled[1::2] = [values[name][side] for name in self.slots]
        return filled

    def parted(self, name: str) -> "tuple[Pieces, Pieces]":
        """Return what stands before the first slot of that name, and what stands behind it."""
        at = self.slots.index(name)
        return (
            Pieces(self.parts[: at + 1], self.slots[:at]),
            Pieces(self.parts[at + 1 :], self.slots[at + 1 :]),
        )


Fill = Callable[..., tuple[bytes, ...]]


def filler(pieces: Pieces, names: Sequence[str]) -> Fill:
    """Return a function that gives the parts with the values of `names` between them, which it takes in that order.

    It is written for these very slots, as `namedtuple` writes its own: nothing is done as often in making a mail, and
    that takes a third of the time of `filled`.
    """
    parts = {f"part{at}": part for at, part in enumerate(pieces.parts)}
    words = [word for at, name in enumerate((*pieces.slots, "")) for word in (f"part{at}", name)]
    shown = [word for word in words if word in names or parts.get(word)]
    made: Fill = eval(f"lambda {', '.join(names)}: ({''.join(f'{word}, ' for word in shown)})", parts)  # noqa: S307
    return made


def split(text: str, known: frozenset[str], template: str, encode: Callable[[str], bytes]) -> Pieces:
    """Return the pieces of what `template` gave; raises RenderingError if a slot was changed on its way."""
    pieces = _MARK.split(text)
    names = tuple(pieces[1::2])
    for name in names:
        if name not in known:
            raise RenderingError(
                f"{template} changes a value that every reader has their own of ({name!r}).",
                next_step="Print such a value as it is, without a filter.",
            )
    return Pieces(tuple(map(encode, pieces[0::2])), names)
