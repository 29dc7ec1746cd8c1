"""Other spellings of one word, for muted words: odd plurals, initials with dots, words beside unspaced scripts."""

import re

# As they end, and as one of them does; what is not named here is no plural of this kind ("suffices", "devices").
_ENDINGS = {
    **{f"{stem}ices": f"{stem}ix" for stem in ("matr", "append", "hel", "rad", "directr", "cerv")},
    **{f"{stem}ices": f"{stem}ex" for stem in ("ind", "vert", "vort", "cort", "cod", "simpl", "ap", "cauda")},
    **{f"{stem}ses": f"{stem}sis" for stem in ("ba", "cri", "empha", "diagno", "progno", "synop", "ellip", "metasta")},
    **{f"{stem}ses": f"{stem}sis" for stem in ("oa", "neuro", "psycho", "fibro", "gene", "neme", "pare", "cathar")},
    **{f"{one}es": one for one in ("bias", "gas", "lens", "bus", "alias", "atlas", "canvas", "iris", "pancreas")},
    **{f"{one}es": one for one in ("virus", "campus", "status", "corpus", "focus", "bonus", "census", "consensus")},
}
# Those that are no ending of longer words: "taxes" is none of "taxis".
_WHOLE = {"axes": "axis", "gases": "gas", "buses": "bus", "apices": "apex", "radices": "radix"}
_WHOLE |= {f"{one}es": one for one in ("echo", "hero", "mosquito", "potato", "tomato", "tornado", "veto", "volcano")}
# The stemmer takes "caches" for more than one "cach", and "movies" for more than one "movy".
_WHOLE |= {
    f"{one}s": one for one in ("avalanche", "cache", "calorie", "cookie", "headache", "movie", "niche", "selfie")
}
_BY_END = tuple({**_ENDINGS, **_WHOLE})
_LONGEST_END = max(map(len, _BY_END))
# Whole words that do not end in -es when there are many.
_IRREGULAR = {
    **{f"{stem}a": f"{stem}um" for stem in ("bacteri", "curricul", "moment", "spectr", "strat")},
    **{f"{stem}a": f"{stem}on" for stem in ("automat", "criteri", "phenomen", "polyhedr")},
    **{f"{stem}i": f"{stem}us" for stem in ("foc", "fung", "nucle", "radi", "stimul")},
    "children": "child",
    "corpora": "corpus",
    "formulae": "formula",
    "larvae": "larva",
    "mice": "mouse",
}

_MANY = re.compile(rf"\b(?:{'|'.join(_IRREGULAR)})\b", re.IGNORECASE | re.ASCII)
_PLURAL = re.compile(r"es\b", re.IGNORECASE)
# In papers in capitals alone: "e.g." stands in every second one.
_CAPITALS = re.compile(r"(?<![\w.])[A-Z](?:\.[A-Z])+(?!\w)\.?")
_INITIALS = re.compile(_CAPITALS.pattern, re.IGNORECASE)
_EAST = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003134f\u0e00-\u0eff"
_BESIDE = re.compile(rf"(?<=[A-Za-z0-9+#])(?=[{_EAST}])|(?<=[{_EAST}])(?=[A-Za-z0-9])")


def plain_spelling(text: str) -> str:
    """Return a text with one of what is many, and initials without dots."""
    return in_singular(without_dots(text))


def scripts_apart(text: str) -> str:
    """Return a text in which words in ASCII stand apart from Han, kana, Hangul and other signs beside them."""
    return text if text.isascii() else _BESIDE.sub(" ", text)


def without_dots(text: str, *, any_case: bool = False) -> str:
    """Return a text in which initials have no dots: `A.I.` becomes `AI`; with `any_case`, `a.i.` too."""
    pattern = _INITIALS if any_case else _CAPITALS
    return pattern.sub(lambda found: found[0].replace(".", ""), text) if "." in text else text


def in_singular(text: str) -> str:
    """Return a text in which plurals that English took over, or are its own odd ones, are in the singular."""
    small = text.lower()
    # Most texts have none of them, and to look for each is faster than a pattern for all.
    if any(one in small for one in _IRREGULAR):
        text = _MANY.sub(lambda found: _IRREGULAR[found[0].lower()], text)
    parts: list[str] = []
    begin = 0
    # Not by a pattern for the whole word, which would look for the end from each letter of a long word anew.
    for found in _PLURAL.finditer(text):
        end = found.end()
        tail = text[max(0, end - _LONGEST_END) : end].lower()
        if not tail.endswith(_BY_END):
            continue
        ending = max((one for one in _BY_END if tail.endswith(one)), key=len)
        start = end - len(ending)
        if start >= begin and not (ending in _WHOLE and text[:start][-1:].isalnum()):
            parts += text[begin:start], _WHOLE.get(ending) or _ENDINGS[ending]
            begin = end
    return "".join([*parts, text[begin:]]) if parts else text
