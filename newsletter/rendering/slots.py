"""Places in a rendered text that are filled per person: the text is rendered once around them and split there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from newsletter.errors import RenderingError

# `prose.clean` takes control characters out of all that is rendered, so no paper can hold such a mark.
_MARK = re.compile("\x02(.*?)\x03", re.DOTALL)


def slot(name: str) -> Markup:
    """Return what a template prints where the value of that name comes to stand."""
    return Markup(f"\x02{name}\x03")  # noqa: S704


@dataclass(frozen=True, slots=True)
class Pieces:
    """A text split at its slots: `texts[0]`, the value of `slots[0]`, `texts[1]`, and so on to the last text."""

    texts: tuple[str, ...]
    slots: tuple[str, ...]

    def filled(self, values: Mapping[str, str]) -> list[str]:
        """Return texts and values in turn; a text of ours is the same object each time."""
        parts = [""] * (2 * len(self.texts) - 1)
        parts[0::2] = self.texts
        parts[1::2] = [values[name] for name in self.slots]
        return parts


def split(text: str, known: frozenset[str], template: str) -> Pieces:
    """Return the pieces of what `template` gave; raises RenderingError if a slot was changed on its way."""
    parts = _MARK.split(text)
    names = tuple(parts[1::2])
    for name in names:
        if name not in known:
            raise RenderingError(
                f"{template} changes a value that every reader has their own of ({name!r}).",
                next_step="Print such a value as it is, without a filter.",
            )
    return Pieces(tuple(parts[0::2]), names)
