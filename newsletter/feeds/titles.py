"""When two titles are near-equal, and how near-equal ones begin; knows no papers.

Near-equal are spellings of one title (British, American, hyphens, articles), a title with and without its subtitle or
its system's name, and one that was cut. What is left out may not be what tells two works apart: a number, a part, a
reply.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from newsletter.feeds import marks
from newsletter.feeds.identity import folded

# What two titles must share before one may be the other without its subtitle.
FEWEST_WORDS = 3
FEWEST_LETTERS = 15
# A title that ends in dots was cut; one that ends in the midst of a word too, if a source may have had a limit.
FEWEST_OF_CUT = 30
FEWEST_OF_BROKEN = 50

_PARTS = re.compile(r":(?!\d|//)|(?<=\s)[-\u2010-\u2015|~]+(?=\s)|[\u2014\u2015]|(?<=[\w)][?!])\s")
_WORD = re.compile(r"[^\W_]+")
_CUT = re.compile(r"(?:\.\.\.|\u2026)\s*$")
_ARTICLES = frozenset(("a", "an", "the"))
_SPELLINGS = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        (r"iz(?=(?:e[ds]?|ers?|ing|ations?|able)$)", "is"),
        (r"yz(?=(?:e[ds]?|ers?|ing)$)", "ys"),
        (r"(?<=behavi|neighb)our|^(col|fav|flav|hon|hum|lab|rum|tum|vap|harb|endeav|od|arm|vig)our", r"\1or"),
        (r"^(cent|fib|lit|theat|calib|spect|(?:kilo|milli|centi|nano|micro)?met)re(?=[sd]?$)", r"\1er"),
        (
            r"^((?:re|un|mis|pre)?(?:mode|labe)|trave|cance|signa|channe|tunne|leve|equa)ll(?=(?:ed|ers?|ings?)$)",
            r"\1l",
        ),
        (r"(?<=..og)ue(?=s?$)", ""),
        (r"(?<=^def|^off|^lic)enc(?=es?$)", "ens"),
        (r"(?<=^gr)e(?=y)|(?<=^program)me(?=s?$)|(?<=^judg)e(?=ments?$)|(?<=^ag)e(?=ing$)|(?<=^toward)s$", ""),
        (r"^gray", "gry"),
        (r"^artefact", "artifact"),
        (r"(?<=h|n|k|l)ae(?=m|o)|(?<=p)ae(?=d)|^oe(?=s|d)|(?<=f)oe(?=t)", "e"),
        (r"sulph", "sulf"),
        (r"^versus$", "vs"),
    )
)
# Words by which a title says that it is not the work of the rest of it.
_TELLING = frozenset(
    """
    part parts volume vol chapter episode section paper reply replies response comment comments commentary rebuttal re
    correction corrections corrigendum erratum errata addendum retraction retracted supplement supplementary appendix
    supplemental revisited continued sequel followup update updated survey review overview tutorial proceedings workshop
    challenge poster demo demonstration abstract editorial introduction preface perspective viewpoint discussion
    interview thesis dissertation lecture lectures notes theory theoretical experiment experiments application
    applications first second third fourth fifth one two three four five six seven eight nine ten year years day days
    release version edition
    """.split()  # noqa: SIM905 - a hundred quotes more would hide the words
)
_ROMAN = re.compile(r"(?:x{0,3})(?:ix|iv|v?i{0,3})")
_GENERIC = frozenset(
    """
    editorial introduction preface foreword erratum errata corrigendum correction news obituary bookreview bookreviews
    tableofcontents frontmatter backmatter contents announcement announcements inthisissue authorcorrection
    publishercorrection retraction retractionnote untitled abstract abstracts index issueinformation editorialboard
    coverimage masthead correspondence comment reply letters lettertotheeditor guesteditorial
    """.split()  # noqa: SIM905
)


class Title(NamedTuple):
    """A title as it is compared: the words of each of its parts, without articles at their starts."""

    parts: tuple[tuple[str, ...], ...]
    cut: bool

    @property
    def letters(self) -> str:
        """All of it without the ends of words, which sources set as they like (`fine-tuning`, `finetuning`)."""
        return _joined(self.parts)


@lru_cache(maxsize=4096)
def read(title: str) -> Title:
    """Return a title as it is compared."""
    text = folded(title).replace("&", " and ")
    parts = [_words(part) for part in _PARTS.split(text)]
    return Title(tuple(filter(None, parts)), bool(_CUT.search(title)))


def near(one: str, other: str) -> bool:
    """Tell whether two titles may be of one work, if their authors are the same."""
    first, second = read(one), read(other)
    if not marks.alike(one, other):
        return False
    if first.letters == second.letters:
        return True
    return _is_of(first, second) or _is_of(second, first)


def generic(key: str) -> bool:
    """Tell whether a normalised title is one that many works bear, as `Editorial`."""
    return key in _GENERIC


def starts(title: str) -> frozenset[str]:
    """Return how a title and its subtitle begin; near-equal titles have one of these in common."""
    parts = read(title).parts
    return frozenset(_joined(parts[place:])[:FEWEST_LETTERS] for place in range(min(len(parts), 2)))


def alike(one: str, other: str) -> bool:
    """Tell whether two titles have a third of their words in common, as a work's titles of different years do."""
    words, others = ({word for part in read(title).parts for word in part if len(word) > 3} for title in (one, other))
    return 3 * len(words & others) >= min(len(words), len(others), 9)


def _is_of(short: Title, whole: Title) -> bool:
    """Tell whether one title is the other without its subtitle, without what stands before it, or cut."""
    letters = short.letters
    for place in range(1, len(whole.parts)):
        head, tail = whole.parts[:place], whole.parts[place:]
        if letters == _joined(head):
            return _enough(head) and _harmless(word for part in tail for word in part)
        if letters == _joined(tail):
            return _enough(tail) and _harmless(word for part in head for word in part)
    if not whole.letters.startswith(letters):
        return False
    left, within = _beyond(whole, len(letters))
    if short.cut and len(letters) >= FEWEST_OF_CUT:
        return _harmless(left)
    # One letter less is another word (`model`, `models`).
    return len(letters) >= FEWEST_OF_BROKEN and within > 1 and _harmless(left)


def _beyond(title: Title, letters: int) -> tuple[list[str], int]:
    """Return the words of a title that end beyond so many letters, and by how many letters the first one is cut."""
    left: list[str] = []
    within, end = 0, 0
    for word in (word for part in title.parts for word in part):
        start, end = end, end + len(word)
        if end > letters:
            if start < letters:
                within = end - letters
            left.append(word)
    return left, within


def _enough(parts: tuple[tuple[str, ...], ...]) -> bool:
    return sum(map(len, parts)) >= FEWEST_WORDS and len(_joined(parts)) >= FEWEST_LETTERS


def _harmless(words: Iterable[str]) -> bool:
    """Tell whether words that one title has and the other has not say nothing of another work."""
    return not any(word in _TELLING or any(map(str.isdigit, word)) or _ROMAN.fullmatch(word) for word in words)


def _words(part: str) -> tuple[str, ...]:
    words = _WORD.findall(part)
    while words and words[0] in _ARTICLES and len(words) > 1:
        del words[0]
    return tuple(map(_spelling, words))


@lru_cache(maxsize=16384)
def _spelling(word: str) -> str:
    if len(word) > 3:
        for pattern, new in _SPELLINGS:
            word = pattern.sub(new, word)
    return word


def _joined(parts: tuple[tuple[str, ...], ...]) -> str:
    return "".join(word for part in parts for word in part)
