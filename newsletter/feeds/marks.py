"""The signs by which titles of the same letters are of two works (`K+`, `K-`; 1.5 and 15); knows no papers.

Each source writes dashes, blanks and TeX as it likes: whether a dash is a sign hangs on what stands beside it, and not
on which of the many dashes it is.
"""

import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b

from newsletter.feeds import tex
from newsletter.feeds.identity import folded
from newsletter.feeds.tex_symbols import GREEK

# Their marks are no letters, and tell them apart.
_LANGUAGES = re.compile(r"(?<!\w)[a-z](?:\+\+|#)")

_BARRED = re.compile("([^\\W\\d_])[\u0300-\u0303\u0306-\u036f]*[\u0304\u0305]")
# It stands for a bar: no font has it, and no rule of Unicode changes it.
_BAR = "\ue000"
_DASHES = re.compile("[\u2010-\u2015\u2212\ufe63\uff0d]")
_PRIMES = re.compile("[\u2019\u2032\u02b9\u02bc]")
_ARROWS = re.compile("<?[-=]+>|<-+|[\u2190-\u21ff\u27f0-\u27ff]")
_SPELLINGS = ((">=", "≥"), ("<=", "≤"), ("⩾", "≥"), ("⩽", "≤"), ("≧", "≥"), ("≦", "≤"), ("+/-", "±"))
# Some sources keep how exponents and indices are written.
_SCRIPTS = re.compile(r"(?<=[\^_])\(([^()]{0,40})\)|[\^_{}$\\]")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:[, ]\d{3})+(?![\d.,]*\d)")
_GREEK = "|".join(sorted((name.lower() for name in GREEK if name.isascii()), key=len, reverse=True))
_PLAIN = (*"+<>≤≥±∓≠∞¬∂∇∪∩.", _BAR)
_SIGN = re.compile(
    rf"""
    [+<>≤≥±∓≠∞¬∂∇∪∩{_BAR}]
    | (?<=\d)\.(?=\d)                                   # 1.5
    | (?<![^\s(\[<>≤≥±,:;+])-(?=\.?\d)                  # below nought
    | (?<=[^\s-])\ ?-(?=\s|$|[),;:.!?\]/+<>≤≥±])        # a charge, or a hyphen that joins nothing
    | (?<=[^\s'])'+(?![^\W\d_])                         # a prime, or the end of a quotation
    | (?<=\d)[^\w.+<>{_BAR}]+(?=\d)                     # 1-3 is not 13
    """,
    re.VERBOSE,
)
# What bears a charge or a prime: a particle, an element, a variable, with its number and its other signs.
_STEM = re.compile(rf"(?:(?:(?<![^\W\d_])(?:{_GREEK}|[^\W\d_]{{1,2}})|(?<=\d))\d*|\d|[+)])[{_BAR}]?\Z")
_SUSPENDED = re.compile(r"\s+(?:and|or|und|oder|bzw|et|ou|y|to|vs)\b")


@lru_cache(maxsize=8192)
def of(title: str) -> tuple[tuple[int, str], ...]:
    """Return the telling signs of a title in order, each with the number of letters and digits before it."""
    plain = folded(title)
    text = _SCRIPTS.sub(r"\1", _spelled(folded(_with_bars(tex.explicit(title)))))
    text = _THOUSANDS.sub(lambda found: re.sub(r"\D", "", found[0]), text)
    found = [(0, language) for language in _LANGUAGES.findall(plain)]
    count, counted = 0, 0
    for mark in _SIGN.finditer(text):
        count += sum(map(str.isalnum, text[counted : mark.start()]))
        counted = mark.start()
        if sign := _telling(mark, text):
            found.append((count, sign))
    return tuple(found)


def same(one: str, other: str) -> bool:
    """Tell whether two titles of the same letters have the same signs too."""
    return one == other or of(one) == of(other)


def told_apart(key: str, title: str) -> str:
    """Return the normalised title under which a title stands that has the same letters as another, but other signs."""
    if not (found := of(title)):
        return key
    # Behind what no normalised title holds.
    return f"{key}|{blake2b(repr(found).encode(), digest_size=8).hexdigest()}"


def of_letters(key: str) -> str:
    """Return the normalised title without what tells its signs."""
    return key.partition("|")[0]


def alike(one: str, other: str) -> bool:
    """Tell whether two titles have the same signs in the same order, wherever they stand."""
    return one == other or [sign for _, sign in of(one)] == [sign for _, sign in of(other)]


def _with_bars(text: str) -> str:
    """Return a text in which the bars of symbols stand behind them; in words they are accents (`Māori`)."""
    text = unicodedata.normalize("NFD", text)

    def barred(found: re.Match[str]) -> str:
        beside = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
        a_word = any(one.isalpha() or unicodedata.combining(one or " ") for one in beside)
        symbol = len(unicodedata.normalize("NFC", found[1] + found[0][-1])) > 1
        return found[1] + _BAR if symbol or not a_word else found[0]

    return _BARRED.sub(barred, text)


def _spelled(text: str) -> str:
    """Return a text in which each sign is written in one way."""
    text = _PRIMES.sub("'", _DASHES.sub("-", text))
    for written, sign in _SPELLINGS:
        text = text.replace(written, sign)
    return _ARROWS.sub(" ; ", text)


def _telling(mark: re.Match[str], text: str) -> str:
    """Return the sign that was found, or nothing where it is none."""
    sign = mark[0].strip()
    if sign[:1] not in ("-", "'"):
        return sign if sign in _PLAIN else " "
    before, behind = text[: mark.start()], text[mark.end() :]
    if sign == "-" and re.match(r"\.?\d", behind) and not before[-1:].isdigit():
        return "-"
    if before[-1:].isdigit() and behind[:1].isdigit():
        return " "
    if not _STEM.search(before):
        return ""
    if sign == "-" and (_SUSPENDED.match(behind) and not _is_particle(before)):
        return ""
    # Blanks before and after it: a dash between words, unless charges are written like that there.
    return "" if mark[0] != sign and "+" not in text else sign


def _is_particle(before: str) -> bool:
    return bool(re.search(rf"(?<![^\W\d_])(?:{_GREEK}|[^\W\d_])\d*\Z", before))
