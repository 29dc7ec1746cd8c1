"""Whether two lists of authors are of the same people, however the sources write names; knows no papers."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from newsletter.feeds import romanised
from newsletter.feeds.identity import folded

# Who is no person says nothing of who wrote a work.
_GROUP = re.compile(
    r"\b(?:team|collaborations?|consortium|consortia|group|labs?|laboratory|initiative|network|committee|editors?|"
    r"university|institute|inc|ltd|research|et al|others|anonymous|unknown)\b|\d"
)
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019\-\u2010\u2011][^\W\d_]+)*")
# The father's name, which stands last where the family's is first: `Петров Иван Сергеевич`.
_PATRONYMIC = re.compile("(?<=..)(?:[оеє]вич|[оеиії]вна|ична)$|^(?:иль|кузьм|фом|лук)ич$|^ілліч$")
_FALSE_ENDS = frozenset(("jr", "sr", "ii", "iii", "iv", "phd", "md"))


# https://www.unicode.org/charts/: Han, kana and hangul, in which names are written without a blank.
_EAST_ASIAN = re.compile("[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]{2,8}")
_LATIN = "LATIN"
# Letters that many write as two where they lack them.
_AS_TWO = {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae"}


class Keys(NamedTuple):
    """The family's name with an initial: in the order that is written, and as if the family's name stood first."""

    straight: frozenset[str] = frozenset()
    turned: frozenset[str] = frozenset()


class Name(NamedTuple):
    """A name as it is compared.

    `families` are the spellings of the family's name, the one without accents first; `romanised` has the keys in Latin
    letters of a name in Cyrillic ones. `script` is whose letters it can be compared with.
    """

    families: tuple[str, ...]
    written: Keys
    script: str
    romanised: Keys = Keys()


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


def agree(one: Sequence[str], other: Sequence[str]) -> bool | None:
    """Tell whether two lists are of the same people, as far as half of the shorter one; None if they do not tell.

    They do not where one names nobody. Nor do as many people in letters that nobody here can read as the others'.
    """
    first, second = persons(one), persons(other)
    if not first or not second:
        return None
    few, many = sorted((first, second), key=len)
    common = _common(few, many)
    told = len(few) - _unread(few, many)
    if told == 0:
        return None if len(few) == len(many) or _is_cut(one, other) else False
    return 2 * common >= told


def _common(few: Sequence[Name], many: Sequence[Name]) -> int:
    written, romanised = _union(name.written for name in many), _union(name.romanised for name in many)
    return sum(
        _meet(name.written, written) or _meet(name.written, romanised) or _meet(name.romanised, written) for name in few
    )


def _union(keys: Iterable[Keys]) -> Keys:
    straight, turned = set[str](), set[str]()
    for one in keys:
        straight |= one.straight
        turned |= one.turned
    return Keys(frozenset(straight), frozenset(turned))


def _meet(one: Keys, other: Keys) -> bool:
    # Both turned would be one first name, and families that begin alike.
    return not (
        one.straight.isdisjoint(other.straight)
        and one.straight.isdisjoint(other.turned)
        and one.turned.isdisjoint(other.straight)
    )


def _unread(few: Sequence[Name], many: Sequence[Name]) -> int:
    """Return how many of the shorter list cannot be compared with those of the longer one who might be they."""
    scripts = {name.script for name in many}
    if scripts == {few[0].script} and len({name.script for name in few}) == 1:
        return 0
    alone = [name for name in few if not _common((name,), many)]
    others = [name for name in many if not _common((name,), few)]
    unread = sum(any(name.script != other.script for other in others) for name in alone)
    return min(unread, sum(any(name.script != other.script for name in alone) for other in others))


def _one(one: Name, other: Name) -> bool:
    return _common((one,), (other,)) > 0


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
    if not _is_initials(words[0]) and (behind := _initials_behind(words)):
        # PubMed's `Lovelace A`, and `Lovelace A. B.`
        return _of(words[-behind - 1], words[-behind])
    if len(words) > 2 and _is_patronymic(words[-1]) and not _is_patronymic(words[-2]):
        return _of(words[-3], words[-2])
    return _of(words[-1], words[0])


def _initials_behind(words: Sequence[str]) -> int:
    return next(place for place, word in enumerate(reversed(words)) if not _is_initials(word))


def _is_initials(word: str) -> bool:
    return len(word) <= 3 and word.isalpha() and word.isupper()


def _is_patronymic(word: str) -> bool:
    return _PATRONYMIC.search(word.lower()) is not None


def _east_asian(author: str) -> Name | None:
    """Return a name in characters, of which the family's comes first and has no end that is seen."""
    name = "".join(author.split())
    return Name((name,), Keys(frozenset((name,))), _script(name)) if _EAST_ASIAN.fullmatch(name) else None


def _of(family: str, given: str) -> Name:
    families, givens = _spellings(family), _spellings(given)
    keys = _keys(families, givens)
    latin, latins = romanised.spellings(_bare(family)), romanised.spellings(_bare(given))
    if latin and latins:
        return Name((*families, *latin), keys, _LATIN, _keys(latin, latins))
    return Name(families, keys, _script(family))


def _keys(families: Sequence[str], givens: Sequence[str]) -> Keys:
    # Some write the family's name first, without a comma; initials cannot be taken for one.
    turned = _each(givens, families) if len(givens[0]) > 1 else frozenset[str]()
    return Keys(_each(families, givens), turned)


def _each(names: Sequence[str], others: Sequence[str]) -> frozenset[str]:
    initials = {other[:1] for other in others}
    return frozenset(f"{name} {initial}" for name in names for initial in initials)


@lru_cache(maxsize=1024)
def _script(name: str) -> str:
    """Return whose letters a name begins with, as Unicode calls them: LATIN, CJK, HANGUL."""
    return unicodedata.name(name[:1], "").partition(" ")[0] if not name.isascii() else _LATIN


def _bare(name: str) -> str:
    return re.sub(r"[^\w]", "", unicodedata.normalize("NFC", name).lower())


def _spellings(name: str) -> tuple[str, ...]:
    """Return a name without accents, and as those write it who lack its letters: `muller` and `mueller`."""
    lower = unicodedata.normalize("NFC", name).lower()
    as_two = "".join(_AS_TWO.get(letter, letter) for letter in lower)
    return tuple(dict.fromkeys(re.sub(r"[^\w]", "", folded(one)) for one in (lower, as_two)))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.replace(".", " "))
