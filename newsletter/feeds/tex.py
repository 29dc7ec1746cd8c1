"""TeX and its remains in titles and abstracts to readable text; knows nothing of papers.

Sources differ: arXiv gives TeX as the authors wrote it, the hub's pages lose dollars and backslashes (`R^n times d`,
`deltain (0,1)`). What is not surely TeX stays as it is.
"""

import html
import re
import unicodedata

from newsletter.feeds.tex_groups import groups
from newsletter.feeds.tex_math import formula, scripts
from newsletter.feeds.tex_remains import before_groups, remains
from newsletter.feeds.tex_symbols import ACCENTS, FONT_SWITCHES, FUNCTIONS, LETTERS, SYMBOLS

_ACCENT = re.compile(
    r"(?P<open>\{)?\\(?:(?P<mark>['`^\"~=.])\s?(?:\{\s?(?P<a>\\[ij]|[A-Za-z])\s?\}|(?P<b>\\[ij](?![A-Za-z])|[A-Za-z]))"
    r"|(?P<letter>[cvHkrudb])(?:\{\s?(?P<c>\\[ij]|[A-Za-z])\s?\}| (?P<d>[A-Za-z])))(?(open)\})"
)
_LETTER_NAMES = "|".join(LETTERS)
_SPECIAL_LETTER = re.compile(rf"\{{\\({_LETTER_NAMES})\}}|\\({_LETTER_NAMES})(?![A-Za-z])(?:\{{\}}| (?=[a-z]))?")

# Escaped characters step aside, as characters that no text may hold, until everything else is done.
_ASIDE = {"$": "\ufdd0", "{": "\ufdd1", "}": "\ufdd2", "%": "%", "&": "&", "#": "#", "_": "\ufdd3"}
_CARET_ASIDE = "\ufdd4"
_BACK = str.maketrans({aside: character for character, aside in (*_ASIDE.items(), ("^", _CARET_ASIDE))})
_NONCHARACTERS = re.compile("[\ufdd0-\ufdef]")

# With the variables of a template: `https://a.example/users/{id}/posts`.
_URL = r"https?://(?:[^\s{}\\]|\{[^\s{}\\]{0,60}\}){1,2000}"
_URL_COMMAND = re.compile(rf"\\?\b(?:url|href|magenta|blue|red|cyan)\{{({_URL})\}}(?:\{{([^{{}}]{{0,200}})\}})?")
_HERE = re.compile(r"(?i)(?:this|our|the|project|click)? ?(?:here|link|url|code|page|website|site|repository|github)s?")
_URL_TWICE = re.compile(rf"({_URL})(\}})?\{{([^{{}}]{{0,2000}})\}}(?P<ends>(?=[.,;:!?)\]}}'\"”’]*(?:\s|$)))?")
_NO_VARIABLE = re.compile(r"(?i:here|github|website)|[A-Z]\w{0,60}[a-z][\w-]*|.*\s.*")
_BEHIND_WORD = re.compile(r"[\w-]{3,}")
_URL_DOTS = re.compile(rf"({_URL}?)\.(?=\.(?:\s|$))")
# Addresses, paths of files and what stands in single backticks are no TeX.
_VERBATIM = re.compile(
    rf"({_URL}|(?<![\w.+-])[\w.+-]{{1,64}}@[\w-]{{1,64}}\.[\w.-]{{1,64}}|\b[A-Za-z]:\\[^\s]{{1,200}}|"
    rf"(?<!\S)\\\\\w{{1,60}}\\\w\S{{0,200}}|(?<![`\w])`[^`'\n]{{1,80}}`(?!`))"
)

# A metric, as pass@k is: no power.
_METRIC = re.compile(r"(?<![A-Za-z])((?i:pass)\}?)\\?\^(?:\{\})?(?:\{(k|\d{1,4})\}|(k|\d{1,4})(?!\w))")

_MATH = re.compile(r"\$\$?(?![\s$])([^$]{1,600}?)(?<!\s)\$\$?")
_DISPLAYED = re.compile(r"\$\$([^$]{1,600}?)\$\$")
# A sign alone between dollars: `$<$5 ms`, `$>$10x`.
_SIGN = re.compile(r"\$\s?([<>~]|\\(?:lt|gt))\s?\$")
_LESS_OR_GREATER = re.compile(r"\\([lg])t(?![A-Za-z]) ?")
_OPERATOR = re.compile(r"\\operatorname\* ?(?=\{)")
# What a heading shows, and what stands for it in the outline of a PDF.
_TWO_WAYS = re.compile(
    r"\\texorpdfstring ?\{((?:[^{}]|\{[^{}]{0,200}\}){0,300})\} ?\{(?:[^{}]|\{[^{}]{0,200}\}){0,300}\}"
)
_TOUCHING = re.compile(r"(?<=\})\$\$(?=\\)")
_VERBATIM_COMMAND = re.compile(r"\\verb([|!+])([^|!+\s]{1,80})\1")
_BRACKET_MATH = re.compile(r"\\\((.{1,600}?)\\\)|\\\[(.{1,600}?)\\\]")
_PROSE = re.compile(r"[a-z]{2,}[,.;:]?\s+[a-z]{3,}\s+[a-z]{2,}")
_SURELY_MATH = re.compile(r"\\[A-Za-z]|[\^_]\{|[\^_]\w|\^\*")
_CITATION = re.compile(
    r"[ ~]?\\(?:[cC]ite[a-z]{0,8}|[a-zA-Z]{0,2}ref|label|footnotemark)\*?(?:\[[^\]]{0,80}\])?\{[^{}]{0,300}\}"
)
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[a-z*]{1,20}\}(?:\[[^\]]{0,20}\])?")
_MATRIX = re.compile(r"\\begin\{([pbBvV]?)matrix\}([^$]{1,400}?)\\end\{\1matrix\}")
_MATRIX_ENDS = {"p": "()", "b": "[]", "B": ("\\{", "\\}"), "v": "||", "V": "‖‖", "": "()"}
_COLOUR_SWITCH = re.compile(r"\\color ?\{[A-Za-z]{1,20}\} ?")
_COMMAND = re.compile(r"\\([A-Za-z]+)(?:\{\})?")
_SPACING = re.compile(r"\\[,;:! ]|\\\\(?=\s)")
_SWITCH_ALONE = re.compile(rf"(?<!\{{)\\(?:{'|'.join(FONT_SWITCHES)}) ")

# Words in braces that are quoted, or not the only ones, are of a template: `Translate {text} into {language}`.
_IN_BRACES = r"(?<![\w\\^_}\])])\{(?=[a-z])([\w'’ -]{3,60})\}"
_VARIABLE = re.compile(rf"(?P<command>\\[A-Za-z]+ )?{_IN_BRACES}")
_QUOTED_VARIABLE = re.compile(rf"(?<![^\s(:])['‘\"“][^'’\"”{{}}]{{0,80}}{_IN_BRACES}")

_QUOTED = re.compile(r"(?:(?<!`)``(?!`)|(?<!\S)'')(?=\S)([^`\"]{1,600}?)(?:''|``|\")")
_SINGLE_QUOTED = re.compile(r"(?:^|(?<=[\s(]))`(?=[A-Za-z])([^`\n]{1,80}?)(?<=\w)'(?![\w'])")
_TIE = re.compile(r"(?<=[A-Za-z.,;:)\]])(?<!\d[KMBGTk])~(?=[\w(\[\\$“])|(?<=\d)~(?=[A-Za-z])")
_EM_DASH = re.compile(r"(?<=[\w)\]”.,])(?:( )--- |---| ---(?=\w)|--- )(?=[\w(“])")
_EN_DASH = re.compile(r"(?<=[\w)\]}”%])(?:( )--( )|--)(?=[\w(\[{“])")
_ENTITY = re.compile("&(?:amp|lt|gt|quot|apos|nbsp|#[1-9][0-9]{1,5}|#x[0-9A-Fa-f]{2,5});")

# What one pass shows can be the remains of something for the next; more than these no text was seen to need.
_MOST_PASSES = 6


def to_unicode(text: str) -> str:
    """Return the text with TeX, and the remains that sources leave of it, as readers expect to see them.

    Escapes, accents, quotes and dashes, formulae, links; text that only looks like TeX (`$42`, `~30%`, `A*`) is not
    touched. The result is a fixed point: what is shown once is shown so again.
    """
    for _ in range(_MOST_PASSES):
        shown = _pass(text)
        if shown == text:
            break
        text = shown
    return text


def _pass(text: str) -> str:
    if "http" in text and ("{" in text or "}" in text):
        text = _URL_COMMAND.sub(r"\1", _URL_TWICE.sub(_once, _URL_COMMAND.sub(_link, text)))
        text = _URL_DOTS.sub(r"\1", text)
    if "&" in text:
        text = _ENTITY.sub(_character, text)
    # Odd parts stay as they are.
    parts = _VERBATIM.split(text) if any(sign in text for sign in ("://", "@", "`", ":\\", "\\\\")) else [text]
    parts[::2] = [_TIE.sub(" ", shown) if "~" in (shown := remains(explicit(part))) else shown for part in parts[::2]]
    return "".join(parts)


def _character(found: re.Match[str]) -> str:
    character = html.unescape(found[0])
    return " " if character == "\xa0" else character if character.isprintable() else found[0]


def _link(found: re.Match[str]) -> str:
    """Return the address of a link, with its words if they tell more than that it is one."""
    address, words = found[1], (found[2] or "").strip()
    of_words = found[0].startswith("\\href{") and bool(words)
    if (
        found[0].startswith("\\")
        and (of_words or len(words.split()) > 1)
        and "://" not in words
        and (of_words or not _HERE.fullmatch(words))
    ):
        return f"{words} ({address})"
    return address


def _once(found: re.Match[str]) -> str:
    """Return an address without the words or the second address behind it; a template's variable stays."""
    address, words = found[1], found[3]
    if found[2] or "://" in words:
        return address
    if found["ends"] is None or "{" in address:
        return found[0]
    # `v{version}` and `page{n}` are of a template, `repository{code}` is not.
    behind_word = re.search(r"\w\w$", address) and _BEHIND_WORD.fullmatch(words)
    return address if behind_word or (address[-1] != "=" and _NO_VARIABLE.fullmatch(words)) else found[0]


def accents(text: str) -> str:
    r"""Return the text with accents and special letters of TeX (`Andr\'e`, `{\o}`) as letters."""
    if "\\" not in text:
        return text
    text = _ACCENT.sub(_accented, text)
    return _SPECIAL_LETTER.sub(lambda found: SYMBOLS[found[1] or found[2]], text)


def explicit(text: str) -> str:
    """Return the text with only the TeX converted that shows itself by a backslash, a dollar, a caret and the like."""
    if not text.isascii():
        text = _NONCHARACTERS.sub("", text)
    if "^" in text:
        text = _METRIC.sub(rf"\1{_CARET_ASIDE}\2\3", text)
    if "\\" in text:
        text = _OPERATOR.sub(r"\\operatorname", _TWO_WAYS.sub(r"\1", text))
        text = _LESS_OR_GREATER.sub(lambda found: "<" if found[1] == "l" else ">", text)
        text = _MATRIX.sub(_matrix, text)
        text = accents(_VERBATIM_COMMAND.sub(r"\2", text))
        for character, aside in _ASIDE.items():
            text = text.replace(f"\\{character}", aside)
        text = text.replace("\\|", "‖")
        text = _BRACKET_MATH.sub(
            _mathematics, _ENVIRONMENT.sub(" ", _COLOUR_SWITCH.sub(r"\\rm ", _CITATION.sub("", text)))
        )
    if "$" in text:
        text = _SIGN.sub(r"\1", _TOUCHING.sub("", text) if text.count("$$") == 1 else text)
        text = _MATH.sub(_between_dollars, _DISPLAYED.sub(_mathematics, text))
    if "{" in text:
        text = _template(text)
    if "\\" in text:
        text = _COMMAND.sub(_command, _SPACING.sub(" ", _SWITCH_ALONE.sub("", text)))
    text = before_groups(text)
    text = groups(scripts(text))
    if "``" in text or "''" in text:
        text = _QUOTED.sub(r"“\1”", text)
    if "`" in text:
        text = _SINGLE_QUOTED.sub(r"‘\1’", text)
    if "--" in text:
        text = _EN_DASH.sub(
            lambda found: f"{found[1] or ''}–{found[2] or ''}",
            _EM_DASH.sub(lambda found: " — " if found[1] else "—", text),
        )
    return text if text.isascii() else text.translate(_BACK)


def _matrix(found: re.Match[str]) -> str:
    """Return a matrix in one line, its rows between semicolons; `\\left` says that it is mathematics."""
    opening, closing = _MATRIX_ENDS[found[1]]
    rows = (" ".join(row.replace("&", " ").split()) for row in found[2].split("\\\\"))
    return f"\\left{opening}{'; '.join(filter(None, rows))}\\right{closing}"


def _template(text: str) -> str:
    """Return the text with the braces of a template's variables set aside."""
    variables = {
        found[2] for found in _VARIABLE.finditer(text) if not found["command"] and found[2].split()[0] not in SYMBOLS
    }
    if len(variables) < 2 and not _QUOTED_VARIABLE.search(text):
        return text
    return _VARIABLE.sub(
        lambda found: (
            found[0] if found["command"] or found[2] not in variables else f"{_ASIDE['{']}{found[2]}{_ASIDE['}']}"
        ),
        text,
    )


def _accented(found: re.Match[str]) -> str:
    letter = next(filter(None, (found["a"], found["b"], found["c"], found["d"])))
    return unicodedata.normalize("NFC", letter[-1] + ACCENTS[found["mark"] or found["letter"]])


def _mathematics(found: re.Match[str]) -> str:
    return formula(found[found.lastindex or 0])


def _between_dollars(found: re.Match[str]) -> str:
    """Return mathematics between dollars without them; money and prose between two prices stay as they are."""
    raw = found[1]
    sure = _SURELY_MATH.search(raw)
    if not sure and (_PROSE.search(raw) or not (any(sign in raw for sign in "=<>+(") or " " not in raw)):
        return found[0]
    # Money: `$5-$10`, `$5 = A$8`.
    if "\\" not in raw and (
        found.string[found.end() : found.end() + 1].isdigit() or (raw[0].isdigit() and _PROSE.search(raw))
    ):
        return found[0]
    return formula(raw)


def _command(found: re.Match[str]) -> str:
    """Return what a command outside of mathematics means; a macro of the authors most often is a name."""
    name, text = found[1], found.string
    before = text[max(found.start() - 2, 0) : found.start()]
    if (len(before) == 2 and before.isalpha()) or before.endswith(":"):
        return found[0]
    if name in FONT_SWITCHES and before.endswith("{"):
        return found[0]
    if name in FUNCTIONS or name in SYMBOLS:
        return SYMBOLS.get(name, name)
    if text[found.end() : found.end() + 1] in ("{", "["):
        return found[0]
    return found[0] if len(name) < 3 or before[-1:].isalnum() else name
