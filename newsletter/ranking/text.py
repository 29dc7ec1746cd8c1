"""Text to terms: words, word pairs and where they stand; knows nothing of papers, weights or people."""

import itertools
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

from newsletter.ranking.spellings import plain_spelling, scripts_apart, without_dots

# Longer texts are cut: no abstract is that long, and one broken entry must not cost the run.
LONGEST = 200_000

# An address in a text says where something is, and not what it is about.
ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>\"]+", re.IGNORECASE)
# Hyphens that are not seen, what joins letters or keeps them apart, and the stroke that widens Arabic words.
INVISIBLE = "\u00ad\u200c\u200d\u0640"
# Where Unicode keeps its accents, points and vowel signs, which belong to the letter before.
_MARKS = (*range(0x300, 0x1E00), *range(0x20D0, 0x2100), 0x3099, 0x309A, *range(0xA660, 0xABF0), *range(0xFE20, 0xFE30))
MARKS = "".join(letter for letter in map(chr, _MARKS) if unicodedata.category(letter).startswith("M")) + INVISIBLE
WORD = re.compile(rf"([^\W_]+(?:[{MARKS}]+[^\W_]*)*(?:\+\+|\#)?)(?:['’]s\b)?")
HYPHENS = frozenset("-\u2010\u2011")
# Letters that Unicode does not take apart into a letter and a mark.
PLAIN = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ŧ": "t"}
)

# Han, kana, Thai, Lao, Burmese and Khmer put no spaces between words; Hangul does.
UNSPACED = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"
)

STOP_WORDS = (
    "a about above after again all allow allows along also although always among an and another any are "
    "as at based be became because become been before being below between both but by can cannot could "
    "did do does doing done due during each either enable enables et al etc even every few finally first "
    "for from further furthermore get gets give given gives had has have having he hence her here his how "
    "however i if in indeed instead into is it its itself just later least less let like made mainly make "
    "makes making many may me might more moreover most much must my near need needs neither new no nor "
    "not now of off often on once one only onto or other others our out over own paper per perhaps please "
    "propose proposed proposes quite rather really same several shall she should show showed shown shows "
    "since so some still such than that the their them then there thereby therefore these they this those "
    "three through thus to together too toward towards two under until up upon us use used uses using "
    "various very via was we well were what when where whereas whether which while who whom whose why "
    "will with within without would yet you your "
)


class Token(NamedTuple):
    """A word as it is compared, and where it stands in the text."""

    word: str
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """Cut a text into words, folded and stripped of their plural; unspaced scripts into pairs of characters."""
    found: list[Token] = []
    for match in WORD.finditer(_without_addresses(text[:LONGEST])):
        word = match[1]
        if not word.isascii() and UNSPACED.search(word):
            found.extend(_pairs(word, match.start(1)))
        else:
            found.append(Token(fold(word), match.start(1), match.end(1)))
    return found


def words(text: str) -> list[str]:
    """Return only the words of `tokens`."""
    if UNSPACED.search(text):
        return [token.word for token in tokens(text)]
    return [fold(word) for word in WORD.findall(_without_addresses(text[:LONGEST]))]


def _without_addresses(text: str) -> str:
    # As long as before, so that words stand where they stood.
    return ADDRESS.sub(lambda found: " " * len(found[0]), text) if "://" in text or "www." in text else text


def terms(text: str) -> list[str]:
    """Return the words that carry meaning, and the pairs of such words that stand side by side."""
    return list(as_terms(words(text)))


def is_term(word: str) -> bool:
    """Tell whether a word that bears meaning is a term by itself, not only in a pair: a single letter is not."""
    return len(word) > 1 or not word.isascii()


def as_terms(sequence: Iterable[str]) -> Iterator[str]:
    """Yield the terms of words in their order."""
    before = ""
    for word in sequence:
        if word in STOP:
            before = ""
            continue
        if is_term(word):
            yield word
        if before:
            yield f"{before} {word}"
        before = word


@lru_cache(maxsize=200_000)
def fold(word: str) -> str:
    """Return a word without case, accents and plural; `LLMs` becomes `llm`."""
    if not word.isascii():
        decomposed = unicodedata.normalize("NFKD", word)
        word = "".join(letter for letter in decomposed if not unicodedata.combining(letter) and letter not in INVISIBLE)
    if len(word) > 2 and word[-1] == "s" and word[:-1].isupper():
        return word[:-1].casefold()
    folded = word.casefold()
    return singular(folded if folded.isascii() else folded.translate(PLAIN))


def singular(word: str) -> str:
    """Strip the English plural, and only that (the S-stemmer of Harman, JASIS 42(1), 1991, with three additions)."""
    if word == "news" or len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith(("lyses", "theses")):
        return word[:-2] + "is"
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1]


def _pairs(word: str, offset: int) -> Iterator[Token]:
    folded = unicodedata.normalize("NFKC", word).casefold()
    if len(folded) != len(word):
        folded = word
    if len(word) == 1:
        yield Token(folded, offset, offset + 1)
    for at in range(len(word) - 1):
        yield Token(folded[at : at + 2], offset + at, offset + at + 2)


def muted_phrase(text: str) -> str:
    """Return muted words as they are looked for: in the stream of a text's words, or bare in an unspaced script.

    Nothing but punctuation gives an empty string, which mutes nothing.
    """
    if UNSPACED.search(text):
        return _plain(text)
    return " ".join(words(text))


def muted_phrases(text: str) -> set[str]:
    """Return the phrases by which muted words are looked for: with a hyphen in them, they may be written as one too.

    The same goes for the words of a `word_stream`. So `fine-tuning`, `fine tuning` and `finetuning` are found by the
    first of them, and the first by each; but nobody knows of the last two that they are one. Words are found as other
    `spellings` have them too.
    """
    text = without_dots(text, any_case=True)
    joints = {at for places in _hyphened(text) for at in places[1:-1]}
    joined = "".join(letter for at, letter in enumerate(text) if at not in joints)
    return {muted_phrase(form) for form in (text, joined, plain_spelling(text), plain_spelling(joined))} - {""}


def _hyphened(text: str) -> Iterator[list[int]]:
    """Yield of each word with hyphens where it begins, where these stand, and where it ends."""
    if HYPHENS.isdisjoint(text):
        return
    places = [0]
    # Not by a pattern of its own, which would look for a hyphen from each letter of a long word anew.
    for match in WORD.finditer(text):
        end = places[-1]
        if match.start() == end + 1 and text[end] in HYPHENS and len(places) > 1:
            places.append(match.end())
            continue
        if len(places) > 2:
            yield places
        places = [match.start(), match.end()]
    if len(places) > 2:
        yield places


def _joined_word(text: str, places: Sequence[int]) -> str:
    starts = [places[0], *(at + 1 for at in places[1:-1])]
    return "".join(text[start:end] for start, end in zip(starts, places[1:], strict=True))


def mutes(phrase: str, stream: str, plain: str) -> bool:
    """Tell whether a phrase of `muted_phrase` stands in a text, given its `word_stream` and its `plain_stream`."""
    return phrase in plain if UNSPACED.search(phrase) else f" {phrase} " in stream


class Texts:
    """The texts of many papers one after the other, so that muted words are looked for in all of them at once."""

    def __init__(self, papers: Sequence[Iterable[str]]) -> None:
        """Take the texts of each paper."""
        self._papers = [tuple(texts) for texts in papers]

    def holding(self, phrase: str) -> list[int]:
        """Return in which papers a phrase of `muted_phrase` stands, as `mutes` says."""
        unspaced = bool(UNSPACED.search(phrase))
        text, starts = self._plain if unspaced else self._words
        wanted = phrase if unspaced else f" {phrase} "
        found: list[int] = []
        at = text.find(wanted)
        while at >= 0:
            paper = bisect_right(starts, at) - 1
            found.append(paper)
            at = text.find(wanted, starts[paper + 1])
        return found

    @cached_property
    def _words(self) -> tuple[str, list[int]]:
        return _joined(map(word_stream, self._papers))

    @cached_property
    def _plain(self) -> tuple[str, list[int]]:
        return _joined(map(plain_stream, self._papers))


def _joined(streams: Iterable[str]) -> tuple[str, list[int]]:
    """Return streams between line breaks, which no phrase holds, and where each starts; the end stands last."""
    lines = [f"{stream}\n" for stream in streams]
    return "".join(lines), [0, *itertools.accumulate(map(len, lines))]


def word_stream(texts: Iterable[str]) -> str:
    """Return the words of texts between blanks, with a bar between the texts that no phrase crosses.

    Those with a hyphen stand as several words in their place, and as one behind; texts with words of other spellings
    stand twice.
    """
    known = [scripts_apart(_without_addresses(text[:LONGEST])) for text in texts]
    known += [other for text in known if (other := plain_spelling(text)) != text]
    hyphened = {fold(_joined_word(text, places)) for text in known for places in _hyphened(text)}
    return " | ".join(["", *(" ".join(words(text)) for text in known), *sorted(hyphened), ""])


def plain_stream(texts: Iterable[str]) -> str:
    """Return texts as unspaced scripts are searched: without case and without blanks."""
    return "|".join(_plain(text[:LONGEST]) for text in texts)


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


# Words that bear no meaning of their own, in the form in which words are compared.
STOP = frozenset(map(fold, STOP_WORDS.split()))
