"""What an attribute of MJML may be, by its kind, and the nearest right value; knows no element and no template."""

import difflib
import re
from functools import lru_cache

from newsletter.rendering.checking.elements import COLOURS

_COLOUR = re.compile(
    r"#[0-9a-f]{3}(?:[0-9a-f]{3})?"
    r"|rgb\(\d{1,3},\s?\d{1,3},\s?\d{1,3}\)"
    r"|rgba\(\d{1,3},\s?\d{1,3},\s?\d{1,3},\s?\d?(?:\.\d{1,3})?\)",
    re.IGNORECASE,
)
_LENGTH = re.compile(r"(-?\d*\.?\d+)([a-z%]*)", re.IGNORECASE)


def right(kind: str, value: str) -> bool:
    """Return whether a value is one of its kind (see `elements.Element`)."""
    name, *allowed = kind.split()
    if name == "colour":
        return value in COLOURS or _COLOUR.fullmatch(value) is not None
    if name == "words":
        return value in allowed
    if name == "number":
        return value.isascii() and value.isdigit()
    if name in ("length", "lengths", "signed"):
        return _lengths(tuple(allowed), 4 if name == "lengths" else 1, name == "signed").fullmatch(value) is not None
    return True


def wanted(kind: str) -> str:
    """Return what a value of a kind is, in words."""
    name, *allowed = kind.split()
    if name == "colour":
        return "a colour is a name of CSS, or like #17416e"
    if name == "words":
        return f"it is {listed(allowed)}"
    if name == "number":
        return "it is a whole number"
    units = listed(
        ["a bare number" if unit == "times" else f"12{unit}" if unit != "auto" else unit for unit in allowed]
    )
    return f"a length is like {units}" + (", and there are one to four" if name == "lengths" else "")


def meant(kind: str, value: str) -> str:
    """Return the nearest right value, or nothing if none is near."""
    name, *allowed = kind.split()
    if name in ("colour", "words"):
        return nearest(value.lower(), COLOURS if name == "colour" else allowed)
    if name in ("length", "lengths", "signed") and "px" in allowed:
        mended = " ".join(_mended(part, allowed) for part in value.replace(",", " ").split())
        return mended if right(kind, mended) else ""
    return ""


def nearest(word: str, known: "frozenset[str] | set[str] | list[str] | tuple[str, ...]") -> str:
    """Return the known word that is nearest to one that is not known, or nothing if none is near."""
    # Two letters that changed places are half of a short word.
    found = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.5 if len(word) < 4 else 0.6)
    return found[0] if found else ""


def listed(words: "list[str] | tuple[str, ...]") -> str:
    """Return words as a list that ends in `or`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}" if words else ""


@lru_cache(maxsize=64)
def _lengths(units: tuple[str, ...], most: int, signed: bool) -> re.Pattern[str]:
    """Return what matches so many lengths, written as MJML takes them: a zero needs no unit."""
    named = "|".join("" if unit == "times" else re.escape(unit) for unit in units if unit != "auto")
    one = rf"(?:{'-?' if signed else ''}(?:\d+\.?\d*|\.\d+)(?:{named})|0{'|auto' if 'auto' in units else ''})"
    return re.compile(rf"{one}(?: {one}){{0,{most - 1}}}")


def _mended(part: str, units: list[str]) -> str:
    found = _LENGTH.fullmatch(part)
    if found is None:
        return part
    number, unit = found.groups()
    return part if unit in units else f"{number}{nearest(unit.lower(), units) or 'px'}"
