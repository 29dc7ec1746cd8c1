"""Names of people, and when two of them are taken for the same person; knows no papers."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from newsletter.ranking.text import PLAIN, UNSPACED, WORD

SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv"})
# What stands before a name, and after its comma. `MD` is not among them, since Md is a given name.
TITLES = frozenset({"dr", "prof", "professor"})
DEGREE = "phd"


@lru_cache(maxsize=100_000)
def author_key(name: str) -> str:
    """Return a person's name as it is compared: without case, accents, points, titles and `Jr.`, the family name last.

    A comma stands after the family name: `Müller, Zoë` and `Zoë Müller` are both `zoe muller`.
    """
    family, comma, given = name.partition(",")
    if "".join(WORD.findall(given)).casefold() == DEGREE and len(family.split()) > 1:
        name, comma = family, ""
    ordered = f"{given} {family}" if comma else name
    decomposed = unicodedata.normalize("NFKD", ordered)
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    parts = WORD.findall(plain.casefold().translate(PLAIN))
    while len(parts) > 2 and parts[0] in TITLES:
        parts = parts[1:]
    without = [part for part in parts if part not in SUFFIXES]
    return " ".join(without if len(without) > 1 else parts)


def family_name(key: str) -> str:
    """Return the last word of a name of `author_key`."""
    return key.rpartition(" ")[2]


def same_person(one: str, other: str) -> bool:
    """Tell whether two names of `author_key` may be one person's, as far as names can tell.

    The family names are equal, and so are the given names one after the other, as far as both have them; an initial is
    equal to a name that begins with it. So `J. Smith` is `John Smith` and `John A. Smith`, who is not `John B. Smith`
    nor `Jane Smith`. A name of one word is only itself. Papers often give initials only, so that a follow of `John
    Smith` that passed over `J. Smith` would miss them; it takes in papers of a Jane who signs as `J. Smith`, which is
    the least that it must.
    """
    *given, family = one.split() or [""]
    *others, name = other.split() or [""]
    if family != name or bool(given) != bool(others):
        return False
    return all(_agree(left, right) for left, right in zip(given, others, strict=False))


def any_same(key: str, keys: Iterable[str]) -> bool:
    """Tell whether a name may be that of one of several people."""
    return any(same_person(key, other) for other in keys)


def _agree(one: str, other: str) -> bool:
    if len(one) > len(other):
        one, other = other, one
    return one == other or (len(one) == 1 and other.startswith(one) and not UNSPACED.search(one))
