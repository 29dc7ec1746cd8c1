"""How a name in Cyrillic letters is spelled in Latin ones, by any of the usual tables; knows nothing of papers."""

import re
from collections.abc import Iterator
from itertools import combinations, islice, product

# A passport, a journal and its author follow different tables: ICAO Doc 9303, ISO 9, BGN/PCGN, habit. First what is
# most usual; without accents, as names are compared.
_TABLE = {
    "а": ("a",),
    "б": ("b",),
    "в": ("v", "w"),
    "г": ("g", "h"),
    "д": ("d",),
    "дж": ("dzh", "j", "dj"),
    "е": ("e",),
    "ё": ("e", "yo", "o", "io", "jo"),
    "ж": ("zh", "z", "j"),
    "з": ("z",),
    "и": ("i", "y"),
    "ий": ("y", "iy", "ii", "ij", "yi", "yy", "i"),
    "ия": ("ia", "iya", "iia"),
    "й": ("y", "i", "j"),
    "к": ("k",),
    "кс": ("ks", "x"),
    "л": ("l",),
    "м": ("m",),
    "н": ("n",),
    "о": ("o",),
    "п": ("p",),
    "р": ("r",),
    "с": ("s",),
    "т": ("t",),
    "у": ("u",),
    "ф": ("f",),
    "х": ("kh", "h", "x", "ch"),
    "ц": ("ts", "c", "tz", "z"),
    "ч": ("ch", "c", "tch"),
    "ш": ("sh", "s", "sch"),
    "щ": ("shch", "sch", "sc", "sht"),
    "ъ": ("", "a"),
    "ы": ("y", "i"),
    "ый": ("y", "yi", "yy", "yj"),
    "ь": ("",),
    "ье": ("ye", "ie", "e", "yo", "io"),
    "ьё": ("yo", "ye", "ie", "e", "io"),
    "ьо": ("yo", "io", "o"),
    "э": ("e",),
    "ю": ("yu", "iu", "ju", "u"),
    "я": ("ya", "ia", "ja"),
    # Ukrainian and Belarusian.
    "ґ": ("g",),
    "є": ("ie", "ye", "e", "je"),
    "і": ("i",),
    "ї": ("i", "yi", "ji"),
    "ў": ("u", "w"),
    # Serbian and Macedonian.
    "ђ": ("dj", "đ", "d"),
    "ј": ("j", "y"),
    "љ": ("lj",),
    "њ": ("nj",),
    "ћ": ("c",),
    "џ": ("dz", "dzh", "j"),
    "ѓ": ("gj", "g"),
    "ќ": ("kj", "k"),
    "ѕ": ("dz",),
    # Kazakh.
    "ә": ("a",),
    "ғ": ("g", "gh"),
    "қ": ("k", "q"),
    "ң": ("n", "ng"),
    "ө": ("o",),
    "ұ": ("u",),
    "ү": ("u",),
    "һ": ("h",),
}
# What begins a syllable has a sound more.
_OPEN = "^е"
_TABLE[_OPEN] = ("e", "ye", "ie", "je")
# Tables that are far from the usual spelling in many letters at once: that of libraries, and that of passports.
_TABLES = (
    {"ж": "z", "ий": "ij", "й": "j", "х": "h", "ц": "c", "ч": "c", "ш": "s", "щ": "sc", "ю": "ju", "я": "ja"},
    {"ий": "ii", "й": "i", "ю": "iu", "я": "ia", "ъ": "ie"},
)
_UNIT = re.compile(r"[иы]й$|ия$|дж|кс|ь[её]|ьо|.")
_AFTER = frozenset("аеёиоуыэюяіїєъь")
_CYRILLIC = re.compile("[\u0400-\u052f]")

# So many spellings of a name are tried, those nearest to the most usual ones first.
MOST = 32
_MOST_CHANGES = 3


def spellings(name: str) -> tuple[str, ...]:
    """Return the usual spellings of a word in small Cyrillic letters; none if it is not all in letters known here."""
    if not _CYRILLIC.search(name):
        return ()
    units = list(_units(name))
    if not all(unit in _TABLE for unit in units):
        return ()
    return tuple(islice(dict.fromkeys(_spelled(units)), MOST))


def _units(name: str) -> Iterator[str]:
    before = ""
    for unit in _UNIT.findall(name):
        yield _OPEN if unit == "е" and (not before or before in _AFTER) else unit
        before = unit[-1]


def _spelled(units: list[str]) -> Iterator[str]:
    """Go through the spellings by how many letters are not in the most usual one; a letter is the same throughout."""
    usual = {unit: _TABLE[unit][0] for unit in units}
    for table in ({}, *_TABLES):
        yield "".join(table.get(unit, usual[unit]) for unit in units)
    varied = [unit for unit in usual if len(_TABLE[unit]) > 1]
    for changes in range(1, 1 + min(_MOST_CHANGES, len(varied))):
        for changed in combinations(varied, changes):
            for chosen in product(*(_TABLE[unit][1:] for unit in changed)):
                letters = usual | dict(zip(changed, chosen, strict=True))
                yield "".join(letters[unit] for unit in units)
