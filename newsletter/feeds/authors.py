"""Whether two lists of authors are of the same people, however the sources write names; knows no papers."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from newsletter.feeds.identity import folded

# Who is no person says nothing of who wrote a work.
_GROUP = re.compile(
    r"\b(?:team|collaborations?|consortium|consortia|group|labs?|laboratory|initiative|network|committee|editors?|"
    r"university|institute|inc|ltd|research|et al|others|anonymous|unknown)\b|\d"
)
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019\-\u2010\u2011][^\W\d_]+)*")
_INITIALS = re.compile(r"[A-Z]{1,3}")
_FALSE_ENDS = frozenset(("jr", "sr", "ii", "iii", "iv", "phd", "md"))


class Name(NamedTuple):
    """A name as it is compared: the family's and an initial, in the order that is written and in the other one."""

    family: str
    key: str
    turned: str


def persons(authors: Sequence[str]) -> tuple[Name, ...]:
    """Return the people among authors; groups, and what is no name, are left out."""
    return tuple(name for author in authors if (name := _name(author)) is not None)


def same(one: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether two lists are surely of the same work: the first is the same, and nearly all of the shorter one."""
    first, second = persons(one), persons(other)
    if not first or not second or not _one(first[0], second[0]):
        return False
    few, many = sorted((first, second), key=len)
    # A list of two says little beside one of ten, unless it says that it was cut.
    if 2 * len(few) < len(many) and not _is_cut(one, other):
        return False
    return 5 * _common(few, many) >= 4 * len(few)


def strangers(one: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether two lists are surely of other people: both name some, and less than half of the shorter agree."""
    first, second = persons(one), persons(other)
    if not first or not second:
        return False
    few, many = sorted((first, second), key=len)
    return 2 * _common(few, many) < len(few)


def _common(few: Sequence[Name], many: Sequence[Name]) -> int:
    keys = {key for name in many for key in (name.key, name.turned)}
    return sum(name.key in keys or name.turned in keys for name in few)


def _one(one: Name, other: Name) -> bool:
    return bool({one.key, one.turned} & {other.key, other.turned})


def _is_cut(one: Sequence[str], other: Sequence[str]) -> bool:
    return any(folded(names[-1]).strip(" .") in ("et al", "others", "and others") for names in (one, other))


@lru_cache(maxsize=8192)
def _name(author: str) -> Name | None:
    if not author or _GROUP.search(folded(author)):
        return None
    before, comma, after = author.partition(",")
    words = _words(before)
    if comma and (given := [word for word in _words(after) if folded(word) not in _FALSE_ENDS]):
        # Family name first: `Lovelace, Ada`.
        return _of(folded("".join(words[-1:])), folded(given[0])) if words else None
    words = [word for word in words if folded(word) not in _FALSE_ENDS]
    if len(words) < 2:
        return None
    if _INITIALS.fullmatch(words[-1]) and not _INITIALS.fullmatch(words[0]):
        # PubMed's `Lovelace A`.
        return _of(folded(words[-2]), folded(words[-1]))
    return _of(folded(words[-1]), folded(words[0]))


def _of(family: str, given: str) -> Name:
    family, given = (re.sub(r"[^\w]", "", part) for part in (family, given))
    # Some write the family's name first, without a comma; initials cannot be taken for one.
    turned = f"{given} {family[:1]}" if len(given) > 1 else f"{family} {given[:1]}"
    return Name(family, f"{family} {given[:1]}", turned)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.replace(".", " "))
