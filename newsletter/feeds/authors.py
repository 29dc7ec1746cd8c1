"""Whether two lists of authors are of the same people, however the sources write names; knows no papers."""

import re
import unicodedata
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


# https://www.unicode.org/charts/: Han, kana and hangul, in which names are written without a blank.
_EAST_ASIAN = re.compile("[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]{2,8}")
# Letters that many write as two where they lack them.
_AS_TWO = {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae"}


class Name(NamedTuple):
    """A name as it is compared.

    `keys` have the family's name and an initial, in the order that is written and in the other one; `families` are the
    spellings of the family's name, the one without accents first.
    """

    families: tuple[str, ...]
    keys: frozenset[str]


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
    keys = frozenset[str]().union(*(name.keys for name in many))
    return sum(not name.keys.isdisjoint(keys) for name in few)


def _one(one: Name, other: Name) -> bool:
    return not one.keys.isdisjoint(other.keys)


def _is_cut(one: Sequence[str], other: Sequence[str]) -> bool:
    return any(folded(names[-1]).strip(" .") in ("et al", "others", "and others") for names in (one, other))


@lru_cache(maxsize=8192)
def _name(author: str) -> Name | None:
    if not author or _GROUP.search(folded(author)):
        return None
    before, comma, after = author.partition(",")
    if (whole := _east_asian(before + after)) is not None:
        return whole
    words = _words(before)
    if comma and (given := [word for word in _words(after) if folded(word) not in _FALSE_ENDS]):
        # Family name first: `Lovelace, Ada`.
        return _of("".join(words[-1:]), given[0]) if words else None
    words = [word for word in words if folded(word) not in _FALSE_ENDS]
    if len(words) < 2:
        return None
    if _INITIALS.fullmatch(words[-1]) and not _INITIALS.fullmatch(words[0]):
        # PubMed's `Lovelace A`.
        return _of(words[-2], words[-1])
    return _of(words[-1], words[0])


def _east_asian(author: str) -> Name | None:
    """Return a name in characters, of which the family's comes first and has no end that is seen."""
    name = "".join(author.split())
    return Name((name,), frozenset((name,))) if _EAST_ASIAN.fullmatch(name) else None


def _of(family: str, given: str) -> Name:
    families, givens = _spellings(family), _spellings(given)
    initial = givens[0][:1]
    keys = {f"{one} {initial}" for one in families}
    # Some write the family's name first, without a comma; initials cannot be taken for one.
    if len(givens[0]) > 1:
        keys |= {f"{one} {families[0][:1]}" for one in givens}
    return Name(families, frozenset(keys))


def _spellings(name: str) -> tuple[str, ...]:
    """Return a name without accents, and as those write it who lack its letters: `muller` and `mueller`."""
    lower = unicodedata.normalize("NFC", name).lower()
    as_two = "".join(_AS_TWO.get(letter, letter) for letter in lower)
    return tuple(dict.fromkeys(re.sub(r"[^\w]", "", folded(one)) for one in (lower, as_two)))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.replace(".", " "))
