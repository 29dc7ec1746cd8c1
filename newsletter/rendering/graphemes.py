"""Where a text may be cut so that nothing that readers see as one letter falls apart (UAX #29, section 3.1.1)."""

import unicodedata

_JOINER = "\u200d"
_VIRAMA = 9  # the canonical combining class of the signs that join two consonants


def boundary(text: str, at: int) -> int:
    """Return the place nearest to `at`, at or before it, where no letter, emoji or flag is cut in two."""
    while 0 < at < len(text) and joined(text, at):
        at -= 1
    return at


def joined(text: str, at: int) -> bool:
    """Tell whether the characters before and behind a place belong together."""
    before, behind = text[at - 1], text[at]
    if before.isascii() and behind.isascii():
        return before == "\r" and behind == "\n"
    # GB9 and GB9a: marks, joiners, variation selectors, colours of skin and tags belong to what stands before them.
    if behind in "\u200c\u200d\u0e33\u0eb3\uff9e\uff9f" or unicodedata.category(behind) in ("Mn", "Me", "Mc"):
        return True
    if "\U0001f3fb" <= behind <= "\U0001f3ff" or "\U000e0020" <= behind <= "\U000e007f":
        return True
    # GB11, and GB9c, without a look at what is joined: one cut less does no harm.
    if before == _JOINER or unicodedata.combining(before) == _VIRAMA:
        return True
    if _is_flag_half(before) and _is_flag_half(behind):
        first = at
        while first > 0 and _is_flag_half(text[first - 1]):
            first -= 1
        return (at - first) % 2 == 1  # GB12 and GB13: two and two are a flag
    return (_is_jamo(behind) and (_is_jamo(before) or _is_syllable(before))) or (
        _leads(before) and _is_syllable(behind)
    )


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


# GB6 to GB8, a little wider: letters of Hangul that form a syllable.
def _is_jamo(character: str) -> bool:
    return "\u1100" <= character <= "\u11ff" or "\ua960" <= character <= "\ua97c" or "\ud7b0" <= character <= "\ud7fb"


def _leads(character: str) -> bool:
    return "\u1100" <= character <= "\u115f" or "\ua960" <= character <= "\ua97c"


def _is_syllable(character: str) -> bool:
    return "\uac00" <= character <= "\ud7a3"
