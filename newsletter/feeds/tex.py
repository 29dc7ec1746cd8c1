"""TeX and its remains in titles and abstracts to readable text; knows nothing of papers.

Sources differ: arXiv gives TeX as the authors wrote it, the hub's pages lose dollars and backslashes (`R^n times d`,
`deltain (0,1)`). What is not surely TeX stays as it is.
"""

import re
import unicodedata

from newsletter.feeds.tex_symbols import (
    ACCENTS,
    FONT_SWITCHES,
    GREEK,
    LETTERS,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    SYMBOLS,
)

_ACCENT = re.compile(
    r"(?P<open>\{)?\\(?:(?P<mark>['`^\"~=.])\s?(?:\{\s?(?P<a>\\[ij]|[A-Za-z])\s?\}|(?P<b>\\[ij](?![A-Za-z])|[A-Za-z]))"
    r"|(?P<letter>[cvHkrud])(?:\{\s?(?P<c>\\[ij]|[A-Za-z])\s?\}| (?P<d>[A-Za-z])))(?(open)\})"
)
_LETTER_NAMES = "|".join(LETTERS)
_SPECIAL_LETTER = re.compile(rf"\{{\\({_LETTER_NAMES})\}}|\\({_LETTER_NAMES})(?![A-Za-z])(?:\{{\}}| (?=[a-z]))?")

# Escaped characters step aside, as characters that no text may hold, until everything else is done.
_ASIDE = {"$": "\ufdd0", "{": "\ufdd1", "}": "\ufdd2", "%": "%", "&": "&", "#": "#", "_": "\ufdd3"}
_BACK = str.maketrans({aside: character for character, aside in _ASIDE.items()})

_URL = r"https?://[^\s{}\\]{1,2000}"
_URL_COMMAND = re.compile(rf"\\?\b(?:url|href|magenta|blue|red|cyan)\{{({_URL})\}}(?:\{{[^{{}}]{{0,200}}\}})?")
_URL_TWICE = re.compile(rf"({_URL})(?:\}})?\{{[^{{}}]{{0,2000}}\}}")
_ANY_URL = re.compile(rf"({_URL})")

_MATH = re.compile(r"\$\$?(?![\s$])([^$]{1,400}?)(?<!\s)\$\$?")
_BRACKET_MATH = re.compile(r"\\\((.{1,400}?)\\\)")
_PROSE = re.compile(r"[a-z]{2,}[,.;:]?\s+[a-z]{3,}\s+[a-z]{2,}")
_FONT_NAMES = (
    r"math(?:cal|bb|bf|rm|sf|it|tt|frak|scr)|boldsymbol|bm|operatorname|"
    r"text(?:bf|it|sc|tt|rm|sf|sl)?|emph|underline|mbox"
)
_FONT = re.compile(rf"\\?(?<![A-Za-z])(?:{_FONT_NAMES})\*?\s?\{{([^{{}}]{{0,500}})\}}")
_FONT_SWITCH = re.compile(rf"(?<!\{{)\\(?:{'|'.join(FONT_SWITCHES)}) ")
_FONT_GROUP = re.compile(r"\{\\?(?:bf|it|tt|em|sc|rm|cal) ([^{}]{0,500})\}")
_CITATION = re.compile(r"[ ~]?\\(?:cite[a-z]{0,6}|ref|label|footnotemark)\*?(?:\[[^\]]{0,80}\])?\{[^{}]{0,300}\}")
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]{1,60})\}\{([^{}]{1,60})\}")
_ROOT = re.compile(r"\\sqrt\{([^{}]{1,60})\}")
_COMMAND = re.compile(r"\\([A-Za-z]+)(?:\{\})?")
_SPACING = re.compile(r"\\[,;:! ]")
_SUPER = re.compile(
    r"(?<=[\w)\]}|'′])\^(?:\{ ?([^{}^]{1,24}?) ?\}|(\d+|top\b|star\b|ast\b|prime\b|[A-Za-z](?![A-Za-z]))|(\*))"
)
_SUB_BRACED = re.compile(r"(?<=[\w)\]}])_\{ ?([^{}_]{1,24}?) ?\}")
_SUB_DIGIT = re.compile(r"(?<![\w.])([A-Za-zα-ωΑ-Ωℓ])_(\d)(?!\w|\.\d)")
_EXPONENT = re.compile(r"[+\-−]?\d+|[nikdmptT]|[+\-]|top|star|ast|prime|circ|dagger|th")

_GREEK_NAMES = "|".join(sorted((name for name in GREEK if name[0].islower()), key=len, reverse=True))
_OPERAND = r"[A-Za-z0-9αβγδεζηθκλμνξπρστφχψωΔΘΛΣΦΨΩℓ]"
# In the order of use. Each wants a neighbourhood that plain English does not have; what stands first is in all that it
# finds, and is soon looked for.
_REMAINS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("tilde", re.compile(r"\b(?:wide)?tilde[ {]\{?(O|Theta|Omega)\}?(?=\()"), "\\1\u0303"),
    ("times", re.compile(r"(?<=\d)times\b"), "×"),
    ("times~", re.compile(r"(?<![\w-])times~(?=\d)"), "×"),
    (
        " times ",
        re.compile(rf"(?<![\w'’])((?![aAI]\b){_OPERAND}) times ((?![aAI]\b){_OPERAND})(?![\w'’-])(?=.)"),
        r"\1 × \2",
    ),
    (" times ", re.compile(r"(?<=[²³ⁿᵏᵈᵐ]) times (?=[\w({])"), " × "),
    ("leq", re.compile(r"(?<![\w-])(?:leq|leqslant)(?![\w-])"), "≤"),
    ("geq", re.compile(r"(?<![\w-])(?:geq|geqslant)(?![\w-])"), "≥"),
    ("neq", re.compile(r"(?<![\w-])neq(?![\w-])"), "≠"),
    ("le ", re.compile(r"(?<![\w-])le (?=\d)"), "≤ "),
    ("ge ", re.compile(r"(?<![\w-])ge (?=\d)"), "≥ "),
    (" gg ", re.compile(rf"(?<= {_OPERAND}) gg (?={_OPERAND}(?!\w))"), " ≫ "),
    (" ll ", re.compile(rf"(?<= {_OPERAND}) ll (?={_OPERAND}(?!\w))"), " ≪ "),
    (" sim ", re.compile(r"(?<=[\dKMB%]) sim (?=\d)"), " ∼ "),
    ("sim", re.compile(r"(?<![\w-])sim ?(?=\d)(?!\d[A-Za-z])"), "∼"),
    (" pm ", re.compile(r"(?<=\d) pm (?=\d*\.\d)"), " ± "),
    ("pm ", re.compile(r"(?<=\{) ?pm (?=\d)"), "±"),
    ("infty", re.compile(r"(?<![\w-])infty(?!\w)"), "∞"),
    ("rightarrow", re.compile(r"(?<![\w-])rightarrow(?!\w)"), "→"),
    ("cdot", re.compile(r"(?<![\w-])cdot(?!\w)"), "·"),
    ("ell", re.compile(r"(?<![\w\\])ell(?=_|\^)"), "ℓ"),
    ("{", re.compile(r"(?<![\w}^_.])(\d)\{(\d)\}"), r"\1/\2"),
)
_GLUED_IN = re.compile(rf"(?<!\w)({_GREEK_NAMES})in (?=[(\[{{])")
_CAPITAL_CALL = re.compile(r"(?<![\w])(Theta|Omega)(?=\u0303?\()")
_GREEK_TERM = re.compile(
    rf"(?:(?<=\d-)|(?<=\d [-–−+*/] )|(?<=[A-Za-z0-9]\())({_GREEK_NAMES})(?=[),\]}}^_=+*/|–-]|\s|$)"
    rf"|(?<=[(\[{{=+*^|<>≤≥])({_GREEK_NAMES})(?=[)\]}}=+*^_|<>≤≥])"
    rf"|(?<=[=<>≤≥] )({_GREEK_NAMES})(?![\w-])|(?<!\w)({_GREEK_NAMES})(?= ?[=<>≤≥∈^]|[⁰¹²³⁴-⁹⁻])"
)
_GREEK_COMPOUND = re.compile(r"(?:(?<!\w)|(?<=[A-Za-z]-))(pi|mu|epsilon|varepsilon|lambda|sigma|theta|tau)(?=-\w)")
_GREEK_IN = re.compile(r"(?<=[αβγδεζηθλμπρστφω]) in (?=[(\[{])")

_QUOTED = re.compile(r"(?:``|(?<!\S)'')(?=\S)([^`\"]{1,600}?)(?:''|``|\")")
_TIE = re.compile(r"(?<=[A-Za-z.,;:)\]])(?<!\d[KMBGTk])~(?=[\w(\[\\$“])|(?<=\d)~(?=[A-Za-z])")
_EM_DASH = re.compile(r"(?<=[\w)\]”.,]) ?--- ?(?=[\w(“])")
_EN_DASH = re.compile(r"(?<=[\w)\]}”%])(?:( )--( )|--)(?=[\w(\[{“])")


def to_unicode(text: str) -> str:
    """Return the text with TeX, and the remains that sources leave of it, as readers expect to see them.

    Escapes, accents, quotes and dashes, simple mathematics, links; text that only looks like TeX (`$42`, `~30%`,
    `A*`) is not touched.
    """
    if "http" in text and ("{" in text or "}" in text):
        text = _URL_TWICE.sub(r"\1", text)
        text = _URL_COMMAND.sub(r"\1", text)
        text = re.sub(rf"({_URL}?)\.(?=\.(?:\s|$))", r"\1", text)
    # Odd parts are addresses, which stay.
    parts = _ANY_URL.split(text)
    parts[::2] = [_bare_remains(explicit(part)) for part in parts[::2]]
    return "".join(parts)


def accents(text: str) -> str:
    r"""Return the text with accents and special letters of TeX (`Andr\'e`, `{\o}`) as letters."""
    if "\\" not in text:
        return text
    text = _ACCENT.sub(_accented, text)
    return _SPECIAL_LETTER.sub(lambda found: SYMBOLS[found[1] or found[2]], text)


def explicit(text: str) -> str:
    """Return the text with only the TeX converted that shows itself by a backslash, a dollar, a caret and the like."""
    if "\\" in text:
        text = accents(text)
        for character, aside in _ASIDE.items():
            text = text.replace(f"\\{character}", aside)
        text = _BRACKET_MATH.sub(_mathematics, _FONT_SWITCH.sub("", _CITATION.sub("", text)))
    if "$" in text:
        text = _MATH.sub(_mathematics, text)
    if "\\" in text:
        text = _COMMAND.sub(_command, _SPACING.sub(" ", _structures(text)))
    if "{" in text:
        text = _FONT_GROUP.sub(r"\1", _FONT.sub(r"\1", text))
    if "^" in text or "_{" in text:
        text = _scripts(text)
    if "``" in text or "''" in text:
        text = _QUOTED.sub(r"“\1”", text)
    if "--" in text:
        text = _EN_DASH.sub(lambda found: f"{found[1] or ''}–{found[2] or ''}", _EM_DASH.sub("—", text))
    return text.translate(_BACK)


def _bare_remains(text: str) -> str:
    for needed, pattern, replacement in _REMAINS:
        if needed in text:
            text = pattern.sub(replacement, text)
    text = _GLUED_IN.sub(lambda found: f"{GREEK[found[1]]} ∈ ", text)
    text = _CAPITAL_CALL.sub(lambda found: GREEK[found[1]], text)
    text = _GREEK_TERM.sub(lambda found: GREEK[next(filter(None, found.groups()))], text)
    text = _GREEK_COMPOUND.sub(lambda found: GREEK[found[1]], text)
    text = _GREEK_IN.sub(" ∈ ", text)
    return _TIE.sub(" ", text) if "~" in text else text


def _accented(found: re.Match[str]) -> str:
    letter = next(filter(None, (found["a"], found["b"], found["c"], found["d"])))
    return unicodedata.normalize("NFC", letter[-1] + ACCENTS[found["mark"] or found["letter"]])


def _mathematics(found: re.Match[str]) -> str:
    """Return mathematics between dollars without them; money and what cannot be shown in a line stay as they are."""
    raw = found[1]
    signs = any(sign in raw for sign in "\\^_{=<>")
    if _PROSE.search(raw) or not (signs or " " not in raw):
        return found[0]
    # Money: `$5-$10`, `$5 = A$8`.
    if "\\" not in raw and found.string[found.end() : found.end() + 1].isdigit():
        return found[0]
    shown = _COMMAND.sub(_known_command, _SPACING.sub("", _structures(raw)))
    shown = _scripts(_FONT_GROUP.sub(r"\1", _FONT.sub(r"\1", shown)))
    return found[0] if "\\" in shown else " ".join(shown.replace("{", "").replace("}", "").split())


def _structures(text: str) -> str:
    text = _FONT_GROUP.sub(r"\1", _FONT.sub(r"\1", text))
    text = _FRACTION.sub(lambda found: f"{_one(found[1])}/{_one(found[2])}", text)
    return _ROOT.sub(lambda found: f"√{_one(found[1])}", text)


def _one(term: str) -> str:
    """Return a term in brackets if it consists of several."""
    return term if re.fullmatch(r"\w+|\\\w+", term) else f"({term})"


def _known_command(found: re.Match[str]) -> str:
    return SYMBOLS.get(found[1], found[0])


def _command(found: re.Match[str]) -> str:
    """Return what a command outside of mathematics means; a macro of the authors most often is a name."""
    name = found[1]
    before = found.string[max(found.start() - 2, 0) : found.start()]
    if (len(before) == 2 and before.isalpha()) or before.endswith(":"):
        return found[0]
    return SYMBOLS.get(name, found[0] if len(name) < 3 or before[-1:].isalnum() else name)


def _scripts(text: str) -> str:
    text = _SUPER.sub(_superscript, text)
    text = _SUB_BRACED.sub(_subscript, text)
    return _SUB_DIGIT.sub(lambda found: found[1] + SUBSCRIPTS[found[2]], text)


def _superscript(found: re.Match[str]) -> str:
    raw = found[1] or found[2] or found[3]
    if raw in SUPERSCRIPTS:
        return SUPERSCRIPTS[raw]
    if _EXPONENT.fullmatch(raw):
        return "".join(SUPERSCRIPTS[character] for character in raw)
    if len(raw) == 1:
        return f"^{raw}" if raw != "*" else "*"
    return f"^{raw}" if raw in SYMBOLS else f"^({raw})"


def _subscript(found: re.Match[str]) -> str:
    raw = found[1]
    if raw.isascii() and raw.isdigit():
        return "".join(SUBSCRIPTS[digit] for digit in raw)
    return f"_{raw}" if re.fullmatch(r"[\w.]+", raw) else f"_({raw})"
