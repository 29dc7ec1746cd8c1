"""The authors of an entry where a feed gives all of them as one text; guesses nothing that is not certain."""

import re
from collections.abc import Iterable, Iterator

_INITIALS = r"[^\W\d_]\.(?:[ -]?[^\W\d_]\.){0,4}"
# `Okafor, N., van der Berg, J.`: bioRxiv and medRxiv.
_INVERTED = re.compile(rf"\s*([^\W\d_][^,;.\d]{{0,60}}),\s*({_INITIALS})\s*(?:,|;|$)")
_AND = re.compile(r",?\s+(?:and|&)\s+|,\s*")
_LEAST_WORDS = 2


def apart(names: Iterable[str]) -> Iterator[str]:
    """Yield the names; a single one in which several plainly stand is taken apart.

    Taken apart are `Okafor, N., Lindqvist, A.`, `Okafor, Ngozi; Lindqvist, Anna` and `Ngozi Okafor, Anna Lindqvist, and
    Bo Li`. `Okafor, Ngozi` is one person.
    """
    found = [name for name in names if name.strip()]
    if len(found) != 1:
        yield from found
        return
    yield from _inverted(found[0]) or _listed(found[0]) or found


def _inverted(text: str) -> list[str]:
    """Return the names of a text that is nothing but surnames with initials behind them, the initials first."""
    names, at = [], 0
    while at < len(text.rstrip()):
        found = _INVERTED.match(text, at)
        if found is None:
            return []
        names.append(f"{found[2]} {found[1].strip()}")
        at = found.end()
    return names


def _listed(text: str) -> list[str]:
    if ";" in text:
        return [name.strip() for name in text.split(";") if name.strip()]
    names = [name.strip() for name in _AND.split(text) if name.strip()]
    whole = all(len(name.split()) >= _LEAST_WORDS for name in names)
    # Two names with a comma between may be one that is inverted: `de Castro, Paulo André`.
    certain = len(names) > 2 or (len(names) == 2 and re.search(r"\s(?:and|&)\s", text))
    return names if whole and certain else []
