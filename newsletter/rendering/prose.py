"""Readable text out of what feeds and people wrote: cleaned, cut at a sentence or a word, wrapped; knows no markup."""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator

from newsletter.rendering.graphemes import boundary, joined

# Controls, lone surrogates and the marks that turn the direction of everything after them (UAX #9 section 2).
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_SPACE = re.compile(r"\s+")
_OTHER_SPACE = re.compile("[\x0b\x0c\x1c-\x1f\x85\u2028\u2029]")

_SENTENCE_END = re.compile(
    r"""[.!?…]["'”’»)\]]*
        (?=\s+["'“‘«(\[]*(?:[A-Z0-9\u00c0-\u00de\u0370-\U0010ffff]|https?://))   # an end, then a new start
      | [。！？]["'”’»)\]」』]*
      | [.!?…]["'”’»)\]]*$""",
    re.VERBOSE,
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|a\.k\.a|w\.r\.t|cf|vs|viz|al|etc|resp|approx|incl|wrt|ca|Fig|Figs|Eq|Eqs|Sec|Secs|Tab|Ch|Ref|Refs"
    r"|Vol|No|Nos|Alg|Thm|Dr|Mr|Mrs|Ms|Prof|St|Jr|Inc|Ltd|z\.B|d\.h|u\.a|bzw|ggf|usw)|\b[A-Z])\.$"
)

# Signs that begin and that end no line where words have no spaces between them (W3C, JLREQ section 3.1.7 and 3.1.8).
_NEVER_FIRST = frozenset(
    "、。，．・：；？！ー…々ゝゞヽヾ」』）】〉》〕］｝”’ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ"
)
_NEVER_LAST = frozenset("「『（【〈《〔［｛“‘")
_HANGING = 6

# A sentence of these words and an address says where something is, and nothing else.
_WHERE = re.compile(
    r"a|all|also|and|are|at|be|can|for|from|here|in|is|its|more|now|of|on|our|please|see|soon|the|their|these|this|to|via"
    r"|visit|we|will|accessed|accessible|available|coming|found|freely|fully|further|hosted|located|made|make|online"
    r"|open-sourced?|provided|public|publicly|released|source|trained|training|data|github|information|materials|paper"
    r"|repo|repository|(?:benchmark|checkpoint|code|dataset|demo|detail|implementation|method|model|resource|result)s?"
    r"|(?:script|video|weight|work)s?|project|page|homepage|site|website|webpage"
)
_BETWEEN_WORDS = re.compile(r"[\s{}()\[\]<>]+")
_LAST_BRACKETS = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]([.!?]?)$")
_SCHEME = re.compile(r"^(?:https?://)?(?:www\.)?", re.IGNORECASE)


def clean(text: str) -> str:
    """Return the text as one line without control characters and without doubled spaces."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    return _SPACE.sub(" ", _UNWANTED.sub("", text)).strip()


def clean_lines(text: str) -> str:
    """Return the text without control characters, its lines kept."""
    return _OTHER_SPACE.sub(" ", _UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def cut(text: str, limit: int) -> str:
    """Return the text, or as many whole words of it as fit into `limit` characters together with an ellipsis."""
    if len(text) <= limit:
        return text
    end = boundary(text, limit - 1)
    head = text[:end]
    if not text[end].isspace():
        words, space, _ = head.rpartition(" ")
        # A script without spaces, or one long word, is cut where it is.
        head = words if space and len(words) >= limit // 2 else head
    return head.rstrip(" ,;:.–—-(") + "…"


def excerpt(text: str, characters: int) -> str:
    """Return the opening of a text, cut at the sentence's end that is nearest to `characters`, else at a word."""
    if len(text) <= characters * 5 // 4:
        return text
    nearest = None
    for end in _sentence_ends(text):
        if nearest is not None and abs(end - characters) >= abs(nearest - characters):
            break
        nearest = end
    if nearest is None or not characters // 2 <= nearest <= characters * 3 // 2:
        return cut(text, characters)
    return text[:nearest]


def unrepeated(text: str, addresses: Collection[str]) -> str:
    """Return the text without what at its end tells of nothing but these addresses, which stand elsewhere.

    What goes is a whole sentence ("Code is available at https://...") or brackets that end the text, never words
    within a sentence.
    """
    known = {_bare(address) for address in addresses}
    if not any(address in text.casefold() for address in known):
        return text
    ends = [0, *_sentence_ends(text)]
    if text[ends[-1] :].strip():
        ends.append(len(text))
    while len(ends) > 1 and _only_tells_where(text[ends[-2] : ends[-1]], known):
        ends.pop()
    text = text[: ends[-1]]
    brackets = _LAST_BRACKETS.search(text)
    if brackets and _only_tells_where(brackets[1], known):
        return text[: brackets.start()] + brackets[2]
    return text


def direction(text: str) -> str:
    """Return `rtl` if the first letter with a direction runs from right to left, else `ltr` (UAX #9, rule P2)."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind == "L":
            return "ltr"
        if kind in ("R", "AL"):
            return "rtl"
    return "ltr"


def wrap(text: str, columns: int = 72, *, first: int = 0, indent: int = 0) -> str:
    """Return the text folded to lines of at most `columns`.

    `first` columns of the first line are taken by what stands before it; later lines begin with `indent` spaces.
    Addresses are never broken; words of scripts that use no spaces are.
    """
    taken: Callable[[str], int] = len if text.isascii() else width
    lines: list[str] = []
    line, used = "", first
    for word in _pieces(text, columns - max(first, indent), taken):
        wide = taken(word)
        gap = 0 if not line or word.startswith("\0") else 1
        word = word.removeprefix("\0")
        if line and used + gap + wide > columns:
            lines.append(line)
            line, used, gap = "", indent, 0
        line += " " * gap + word
        used += gap + wide
    return ("\n" + " " * indent).join([*lines, line])


def width(text: str) -> int:
    """Return how many columns of a terminal the text takes (UAX #11: wide characters take two)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )


def _only_tells_where(words: str, known: Collection[str]) -> bool:
    bare = [_bare(word) for word in _BETWEEN_WORDS.split(words)]
    return any(word in known for word in bare) and all(
        not word or word in known or _WHERE.fullmatch(word) for word in bare
    )


def _bare(address: str) -> str:
    """Return what is equal for all ways to write an address, and a word without the signs around it."""
    return _SCHEME.sub("", address.strip("\"'“”‘’.,;:!/#&").casefold()).removesuffix(".git")


def _sentence_ends(text: str) -> Iterator[int]:
    for match in _SENTENCE_END.finditer(text):
        if not _ABBREVIATION.search(text, max(0, match.start() - 12), match.start() + 1):
            yield match.end()


def _pieces(text: str, columns: int, taken: Callable[[str], int]) -> Iterator[str]:
    """Yield the words; of one that is too long, the pieces, all but the first after a NUL: no space before it.

    `taken` tells how many columns a text takes.
    """
    for word in text.split():
        if taken(word) <= columns or "://" in word or word.startswith("mailto:"):
            yield word
            continue
        piece, mark = "", ""
        for character in word:
            piece += character
            if len(piece) > 1 and taken(piece) > columns and not joined(piece, len(piece) - 1):
                end = _breakable(piece)
                yield mark + piece[:end]
                piece, mark = piece[end:], "\0"
        yield mark + piece


def _breakable(piece: str) -> int:
    """Return where a line may end in a piece that is too long by its last letter."""
    for end in range(len(piece) - 1, max(len(piece) - _HANGING, 0), -1):
        if piece[end] not in _NEVER_FIRST and piece[end - 1] not in _NEVER_LAST and not joined(piece, end):
            return end
    return len(piece) - 1
