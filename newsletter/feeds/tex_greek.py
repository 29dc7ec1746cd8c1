"""Names of Greek letters that stand for the letter, and those that are words: `g(gamma, v)` and gamma rays."""

import re

from newsletter.feeds.tex_symbols import GREEK

_LOWER = "|".join(sorted((name for name in GREEK if name[0].islower()), key=len, reverse=True))
_ANY = "|".join(sorted(GREEK, key=len, reverse=True))
_RAISED = "⁰¹²³⁴-⁹⁻"
_SMALL = "αβγδεζηθκλμνξπρστφχψω"

_GLUED_IN = re.compile(rf"(?<!\w)({_LOWER})in (?=[(\[{{])")
_GREEK_IN = re.compile(rf"([{_SMALL}]) in (?=[(\[{{ℝℤℕ])|((?<!\w)[b-hj-zB-HJ-Z]) in (?=[{{ℝℤℕ])")

# What stands behind a name that ends there: no word that it would make one notion with, as in `delta tuning`.
_ENDS = (
    r"(?=$|[,;:)\]}]|\.(?!\w)| in [(\[{ℝℤℕ]| (?:and|or|is|are|for|to|with|such|that|of|at|on|as|by|we|denotes?|"
    r"smaller|larger|[b-hj-zB-HJ-Z]|[<>=≤≥∈|+/(-])(?![\w'’-]))"
)
# `The delta of three points` is a difference, in a text that has δ too.
_NO_NOTION = r"(?:(?<!\b[Tt]he )(?<!\b[Aa] )|(?!\w+ (?:of|for|to|on|at|by)\b))"
_QUANTITY = (
    "parameter|threshold|error|constant|probability|coefficient|exponent|variance|tolerance|least|most|both|Let|let|any|"
    "every|some|fixed"
)
_PLACES = (
    # Beside signs of formulae.
    rf"(?:(?<=\d-)|(?<=\d [-–−+*/] )|(?<=[A-Za-z0-9]\()|(?<=\(\w,))({_LOWER})(?=[),;.\]}}^_=+*/|–-]|\s|$)",
    rf"(?<=[(\[{{=+*^|<>≤≥])({_LOWER})(?=[)\]}}=+*^_|<>≤≥(])",
    rf"(?<=[=<>≤≥] )({_LOWER})(?![\w-])",
    rf"(?<!\w)({_LOWER})(?= ?[=<>≤≥∈^]|[{_RAISED}]|\*(?!\w))",
    rf"(?<=[\w)][+*/])({_LOWER})(?![\w-])",
    rf"(?<![\w-])({_LOWER})(?= in [(\[{{]-?[\d.]+ ?,)",
    rf"(?<=[{_SMALL}], )({_LOWER})(?=[),])",
    # As a script, and with one.
    rf"(?<=_)({_ANY})(?![A-Za-z])",
    rf"(?<![\w-])({_ANY})(?=_[A-Za-z0-9αβγδεθλμπστφψω](?![A-Za-z]))",
    r"(?<!\w)(Theta|Omega|Gamma|Lambda|Phi|Psi|Sigma)(?=\u0303?\()",
    # Between single letters.
    rf"(?<![\w-])({_ANY})(?= and [b-hj-z](?![\w'’-])|,? [A-Z] [A-Z] [/+=])",
    rf"(?<=[{_SMALL}] )({_ANY})(?= [Α-Ωα-ω]|_| [A-Z][a-z]+_)",
    rf"(?<![\w-])({_LOWER})(?= [Α-Ωα-ω][₀-₉ᵢⱼₖₙ])",
    # In prose that speaks of a quantity.
    rf"(?<!\w)(?:(?<=\b[A-Za-z]{{3}} )|(?<=[a-z] ))(?<![Tt]he )({_LOWER})(?= (?:is|denotes) (?:the|an?) )",
    rf"^({_LOWER})(?= (?:is|denotes) (?:the|an?) )",
    # In names.
    r"(?:(?<!\w)|(?<=[A-Za-z]-))(?!sigma-delta|pi-day)(pi|mu|epsilon|varepsilon|lambda|sigma|tau)(?=-\w)",
    r"(?<=[A-Z]-)(mu)(?![\w-])",
    r"(?<=[a-z][A-Z][a-z]-)(pi)(?![\w-])",
    r"(?<=[A-Z]-)(pi)(?=_\d)",
)
_PLACE = re.compile("|".join(_PLACES))
_OF_QUANTITY = re.compile(rf"(?<!\w)((?:{_QUANTITY}) )({_LOWER}){_ENDS}")
_EPSILON = re.compile(
    r"(?<![\w-])(?:var)?epsilon(?![\w-])|(?<=[\w)\]}][-+=*/])(?:var)?epsilon(?!\w)|(?<= [-+])epsilon(?!\w)"
)
_PHI_AND_THE = re.compile(r"(?<![\w-])Phi(?= and the [a-z])")
_CLASSES = re.compile(r"(?<![\w-])(?:Phi|Psi)(?=[,.;)]| and (?!\d|[A-Z][a-z]))")


def letters(text: str, words: set[str]) -> str:
    """Return the text with each name of a Greek letter that is used as a symbol as the letter.

    `words` are those of the text. A name that a text uses as a symbol in one place is a symbol wherever it stands
    alone.
    """
    if any(word[-2:] == "in" and word[:-2] in GREEK for word in words):
        text = _GLUED_IN.sub(lambda found: f"{GREEK[found[1]]} ∈ ", text)
    names = words & GREEK.keys()
    if names:
        text = _as_letters(text, names)
    return _GREEK_IN.sub(r"\1\2 ∈ ", text) if " in " in text and not (text.isascii() and "{" not in text) else text


def _as_letters(text: str, names: set[str]) -> str:
    symbols: set[str] = set()

    def letter(found: re.Match[str]) -> str:
        if not _PLACE.match(found.string, found.start()):
            return found[0]
        symbols.add(found[0])
        return GREEK[found[0]]

    def behind_quantity(found: re.Match[str]) -> str:
        symbols.add(found[2])
        return found[1] + GREEK[found[2]]

    def always(found: re.Match[str]) -> str:
        symbols.add(found[0])
        return GREEK[found[0]]

    alone = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(sorted(names, key=len, reverse=True))})(?![A-Za-z])")
    if "epsilon" in text:
        text = _EPSILON.sub("ε", text)
    text = alone.sub(letter, alone.sub(letter, text))
    text = _OF_QUANTITY.sub(behind_quantity, text)
    if not names.isdisjoint(("Phi", "Psi")) and (symbols & {"Phi", "Psi"} or "Psi." in text or "Psi," in text):
        text = _CLASSES.sub(always, text)
    if "Phi" in names:
        text = _PHI_AND_THE.sub(always, text)
    again = [name for name in symbols if len(name) > 2]
    if again:
        text = re.sub(rf"(?<![\w-]){_NO_NOTION}({'|'.join(sorted(again))}){_ENDS}", lambda found: GREEK[found[1]], text)
    return text
