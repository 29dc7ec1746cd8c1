"""TeX that lost its backslashes and dollars: `n times d`, `sim0.6`, `Oleft(Nright)`; knows nothing of whole formulae.

Each rule wants a neighbourhood that plain English does not have.
"""

import re

from newsletter.feeds.tex_greek import letters
from newsletter.feeds.tex_symbols import DOUBLE_STRUCK, FUNCTIONS, GREEK, SYMBOLS

_LETTER = r"[A-Za-z0-9αβγδεζηθκλμνξπρστφχψωΔΘΛΣΦΨΩℓℝ]"
_RAISED = "⁰¹²³⁴-⁹⁺⁻ⁿᵏᵈᵐ"
_OPERAND = rf"(?:{_LETTER}[{_RAISED}₀-₉ᵢⱼₖ]*|\d{{2,6}})"

# Words of no language, which mean one thing.
_UNMISTAKABLE = [
    "leq",
    "geq",
    "neq",
    "leqslant",
    "geqslant",
    "lesssim",
    "gtrsim",
    "infty",
    "rightarrow",
    "leftarrow",
    "leftrightarrow",
    "Rightarrow",
    "Leftarrow",
    "longrightarrow",
    "mapsto",
    "cdot",
    "cdots",
    "ldots",
    "otimes",
    "oplus",
    "odot",
    "subseteq",
    "supseteq",
    "setminus",
    "notin",
    "propto",
    "simeq",
    "varepsilon",
    "varphi",
    "vartheta",
    "emptyset",
    "nabla",
    "forall",
    "langle",
    "rangle",
    "lceil",
    "rceil",
    "lfloor",
    "rfloor",
    "lVert",
    "rVert",
    "hbar",
    "preceq",
    "succeq",
    "bmod",
]
_UNMISTAKABLE_WORD = re.compile(rf"(?<![\w\\-])(?:{'|'.join(_UNMISTAKABLE)})(?![\w-]|\.\w)")
_WORDS = re.compile("[A-Za-z]{2,24}")

# Names that are glued to others: `nLvarepsilon`, `deltaln`, `mloglog`, `Phicirc`, `LLMotimesKG`.
_LONG_WORD = re.compile(r"(?<![A-Za-z_\\])[A-Za-z]{6,24}(?![A-Za-z])")
_SURE = [
    "epsilon",
    "otimes",
    "oplus",
    "infty",
    "lambda",
    "delta",
    "sigma",
    "theta",
    "gamma",
    "alpha",
    "omega",
    "loglog",
    "Phi",
    "Psi",
    "Gamma",
    "Sigma",
    "Omega",
]
_GLUED_NAMES = "|".join(
    sorted(
        (*GREEK, *["ln", "log", "in", "pm", "mp", "circ", "cdot", "otimes", "oplus", "infty", "leq", "geq", "times"]),
        key=len,
        reverse=True,
    )
)
_GLUED = re.compile(rf"([a-z]?[A-Z]?)((?:{_GLUED_NAMES})+)([a-rt-zA-Z]?)")
_PIECE = re.compile(_GLUED_NAMES)
_OPERATION = re.compile(r"([A-Z]{1,6})(otimes|oplus|odot)([A-Z]{1,6})")

_LEFT = re.compile(r"(?<![A-Za-z])([A-Z]|poly|log|exp)(?:left|[bB]igg?l?) ?([(\[|]) ?")
_LEFT_ALONE = re.compile(
    r"(?<![A-Za-z])left ?([(\[|])([^()\[\]|]{0,80}[\d^_{}=+/][^()\[\]|]{0,80}?) ?right ?(?=[)\]|])"
)
_RIGHT = re.compile(r"(?: |(?<=[\w})]))(?:right|[bB]igg?r?) ?(?=[)\]|])")

# In the order of use. What stands first is in all that a rule finds, and is soon looked for.
_RULES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("tilde", re.compile(r"\b(?:wide)?tilde[ {]?\{?O\}?(?=\()"), "Õ"),
    ("tilde", re.compile(r"\b(?:wide)?tilde[ {]?\{?(Theta|Omega)\}?(?=\()"), "\\1\u0303"),
    ("cal", re.compile(r"(?<!\w)(?:math)?cal ?([A-Z])(?!\w)"), r"\1"),
    *(("mathbb", re.compile(rf"(?<!\w)mathbb ?{of}(?![A-Za-z0-9])"), DOUBLE_STRUCK[of]) for of in "CENPQRZ"),
    ("math", re.compile(r"(?<!\w)math(?:bb|bf|rm|sf|frak|scr) ?([A-Z])(?!\w)"), r"\1"),
    ("sqrt ", re.compile(r"(?<![\w.\\])sqrt (?=(?:[b-hj-zA-HJ-Z]|\d{1,4})(?![A-Za-z0-9_'’]))"), "√"),
    ("sqrt ", re.compile(r"(?<=\([a-z])sqrt (?=[a-z](?![A-Za-z0-9_'’]))"), "√"),
    ("frac", re.compile(r"(?<!\w)frac(\d)(\d)(?=[A-Za-z])"), r"\1/\2 "),
    ("frac", re.compile(r"(?<!\w)frac(\d)(\d)(?![\w.])"), r"\1/\2"),
    ("times", re.compile(rf"(?<=[\d{_RAISED}])times(?![A-Za-z])"), "×"),
    ("times", re.compile(r"(?<=[⁰¹²³⁴-⁹])times(?=[a-z])"), "× "),
    ("times~", re.compile(r"(?<![\w-])times~(?=\d)"), "×"),
    (
        " times ",
        re.compile(rf"(?<![\w'’.])((?![aAI]\b){_OPERAND}) times (?=(?![aAI]\b){_OPERAND}(?![\w'’-]))"),
        r"\1 × ",
    ),
    (" times ", re.compile(rf"(?<=[{_RAISED}]) times (?=[\w({{])"), " × "),
    (" le ", re.compile(r"(?<= )le (?=\d)|(?<=\) )le (?=[\w(])"), "≤ "),
    (" ge ", re.compile(r"(?<= )ge (?=\d)"), "≥ "),
    ("(le ", re.compile(r"\(le (?=\d)"), "(≤ "),
    ("(ge ", re.compile(r"\(ge (?=\d)"), "(≥ "),
    ("leq", re.compile(r"(?<![\w-])leq(?=\d)"), "≤"),
    ("geq", re.compile(r"(?<![\w-])geq(?=\d)"), "≥"),
    ("leq", re.compile(rf"(?<![\w-])([A-Za-z])leq ?(?=\d|{_LETTER}(?!\w))"), r"\1≤"),
    ("geq", re.compile(rf"(?<![\w-])([A-Za-z])geq ?(?=\d|{_LETTER}(?!\w))"), r"\1≥"),
    ("neq", re.compile(rf"(?<![\w-])([A-Za-z])neq ?(?=\d|{_LETTER}(?!\w))"), r"\1≠"),
    (" gg ", re.compile(rf"(?<!\w)({_LETTER}) gg (?={_LETTER}(?!\w))"), r"\1 ≫ "),
    (" ll ", re.compile(rf"(?<!\w)({_LETTER}) ll (?={_LETTER}(?!\w))"), r"\1 ≪ "),
    ("approx", re.compile(r"(?<![\w-])approx ?(?=\d)"), "≈ "),
    ("approx", re.compile(r"(?<=\w\)) approx (?=[a-z]{1,2}\b)"), " ≈ "),
    (" sim ", re.compile(r"(?<=[\dKMB%]) sim (?=\d)(?!2[ -](?:real|sim)(?!\w))"), " ∼ "),
    ("sim", re.compile(r"(?<![\w-])(?<!\b[Aa] )(?<!\b[Tt]he )sim ?(?=\d)(?!\d[A-Za-z]|2[ -](?:real|sim)(?!\w))"), "∼"),
    (" pm ", re.compile(r"(?<=\d) pm (?=\d*\.\d)"), " ± "),
    ("pm ", re.compile(r"(?<=\{) ?pm (?=\d)"), "±"),
    (" mid ", re.compile(r"(?<=[A-Zxyz)]) mid (?=[A-Zxyz](?![a-z])|[Α-Ωα-ω]|[A-Z][a-z]+_)"), " | "),
    ("bullet ", re.compile(r"(?<![\w-])bullet (?=[A-Z][a-z]+ [a-z])"), "• "),
    ("infty", re.compile(r"(?<![A-Za-z])((?:[A-Za-zℓ]|ell)[_^])infty(?![A-Za-z_])"), r"\1∞"),
    ("ell_", re.compile(r"(?<![\w\\])ell(?=_)"), "ℓ"),
    ("ell^", re.compile(r"(?<![\w\\])ell(?=\^)"), "ℓ"),
    ("ell(", re.compile(r"(?<![\w\\])ell(?=\()"), "ℓ"),
    ("ln ", re.compile(r"(?<=[+*/=][a-z])ln (?=[a-z]\b)"), " ln "),
    ("ln", re.compile(r"(?<=[α-ωΑ-Ω⁰¹²³⁴-⁹ⁿ])ln(?![A-Za-z])"), " ln"),
    ("log", re.compile(r"(?<=[α-ωΑ-Ω⁰¹²³⁴-⁹ⁿ])log(?![A-Za-z])"), " log"),
    ("log", re.compile(r"(?<=[OÕ]\()([a-z][²³]?)log ?([a-z])(?=\))"), r"\1 log \2"),
    ("O( ", re.compile(r"(?<![A-Za-z])O\( (?=[\w])"), "O("),
    # A dollar before it would have opened a formula.
    ("\\", re.compile(r"(?<![^\s(])\\(?=\d[\d.,]*\s?(?:[kKMB]|million|billion|USD)\b)"), "$"),
    ("⌈", re.compile(r"⌈ | ⌉"), ""),
    ("⌊", re.compile(r"⌊ | ⌋"), ""),
)
_TRIMMED = {"⌈ ": "⌈", " ⌉": "⌉", "⌊ ": "⌊", " ⌋": "⌋"}


def before_groups(text: str) -> str:
    """Return the text with the names that a group, a script or a bracket belongs to set free."""
    if "left" in text or "ig" in text:
        opened = _LEFT_ALONE.sub(r"\1\2", _LEFT.sub(r"\1\2", text))
        if opened != text:
            text = _RIGHT.sub("", opened)
    if any(name in text for name in _SURE):
        text = _LONG_WORD.sub(_unglued, text)
    return text


def remains(text: str) -> str:
    """Return the text with what is left of formulae as signs, and all that is not surely such as it is."""
    words = set(_WORDS.findall(text))
    if not words.isdisjoint(_UNMISTAKABLE):
        text = _UNMISTAKABLE_WORD.sub(lambda found: SYMBOLS[found[0]], text)
    for needed, pattern, replacement in _RULES:
        if needed in text:
            text = pattern.sub(replacement or _trimmed, text)
    return letters(text, words)


def _trimmed(found: re.Match[str]) -> str:
    return _TRIMMED[found[0]]


def _unglued(found: re.Match[str]) -> str:
    """Return a word that consists of names and single letters as what they stand for."""
    word = found[0]
    if not any(name in word for name in _SURE):
        return word
    if operation := _OPERATION.fullmatch(word):
        return f"{operation[1]}{SYMBOLS[operation[2]]}{operation[3]}"
    glued = _GLUED.fullmatch(word)
    if glued is None:
        return word
    names = _PIECE.findall(glued[2])
    alone = len(names) == 1 and not (names[0].endswith("epsilon") and (glued[1] or glued[3]))
    if alone or names[-1] == "in":
        return word
    shown = glued[1]
    for name in names:
        if name in FUNCTIONS:
            shown = f"{shown} {name} "
        else:
            shown += SYMBOLS[name]
    return f"{shown}{glued[3]}".strip().replace("  ", " ")
