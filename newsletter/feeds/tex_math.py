"""Formulae whose ends are known (`$...$`, `\\(...\\)`), and scripts anywhere, as Unicode."""

import re

from newsletter.feeds.tex_groups import groups, named, script
from newsletter.feeds.tex_symbols import FONTS, FUNCTIONS, INFIX, MARKS, SYMBOLS

_NAMES = "|".join(sorted(FONTS | MARKS.keys(), key=len, reverse=True))
_ARGUMENT = re.compile(
    rf"\\([dt]?frac|sqrt|mathbb|pmod|{_NAMES})(?: ([A-Za-z0-9])|([0-9])(?![0-9])| ?(\\[A-Za-z]+)(?! ?\{{))"
)
_NEGATED = re.compile(r"\\not ?(=|\\in(?![A-Za-z]))")
_FRACTION_DIGITS = re.compile(r"\\?(?<![A-Za-z])[dt]?frac ?(\d)(\d)(?!\d)")
_SECOND = re.compile(r"(\\[dt]?frac ?\{[^{}]{0,60}\}) ?([A-Za-z0-9]|\\[A-Za-z]+)")
_SPACING = re.compile(r"\\\\(?:\[[^\]]{0,9}\])?|\\[,;:> \n]|[~&]")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_SINGLE_SCRIPT = re.compile(r"([\^_]) ?((?<=\^)\d+|[0-9A-Za-z*′⊤⊥⋆∗∘°†‡+α-ωΑ-Ωℓ∞]|-(?!\w))")
_LOST_SCRIPT = re.compile(r"\^ ?(top|star|ast|prime|circ|dagger)(?![A-Za-z])")
_PRIMES = re.compile(r"(?<=[A-Za-z0-9)\]}])'{1,3}(?![A-Za-z])")
_TIGHT = re.compile(r"(?<=[⌈⌊⟨(\[∂∇]) +| +(?=[⌉⌋⟩)\],])")
_INFIX_SIGNS = "".join(sign for sign in INFIX.values() if len(sign) == 1 and sign not in "⋆∗:∘|•")
_INFIX = re.compile(rf"(?<!\^) ?([{''.join(dict.fromkeys(_INFIX_SIGNS))}]) ?")
_OPENING = "\\([{⟨⌈⌊|‖,/^_=<>+-"

# Alone behind a letter, digit or bracket; a word such as `a^text` is none.
_SUPERSCRIPT = re.compile(
    r"(?<=[\w)\]}|'′⟩])\^(?:([-−]?\d{1,12}|(?:top|star|ast|prime|circ|dagger)(?![A-Za-z])|[A-Za-z](?!\w)|[⊤⋆∗∘†*]))"
)
_SUBSCRIPT_DIGIT = re.compile(r"(?<![\w.])([A-Za-zα-ωΑ-Ωℓ]|[CNS]O|log)_(\d)(?![\d_]|\.\d|[a-z])")
_SUBSCRIPT_LETTER = re.compile(r"(?<![\w.])([A-Za-z0-9α-ωΑ-Ωℓ])_([a-z])(?![\w(]|\.\w)")


def formula(raw: str) -> str:
    """Return a formula without its delimiters as Unicode in one line."""
    text = _FRACTION_DIGITS.sub(r"\\frac{\1}{\2}", raw)
    text = _NEGATED.sub(lambda found: "≠" if found[1] == "=" else "∉", text)
    text = _ARGUMENT.sub(lambda found: f"\\{found[1]}{{{found[2] or found[3] or found[4]}}}", text)
    text = _SECOND.sub(r"\1{\2}", text)
    text = _SPACING.sub(" ", text.replace("\\!", ""))
    text = _PRIMES.sub(lambda found: "′″‴"[len(found[0]) - 1], text)
    text = _LOST_SCRIPT.sub(lambda found: script(found[1], "^"), _COMMAND.sub(_command, text))
    text = _SINGLE_SCRIPT.sub(lambda found: script(found[2], found[1]), _INFIX.sub(_apart, text))
    text = groups(text, formula=True)
    if "\\" not in raw:
        text = named(text)
    return " ".join(_TIGHT.sub("", text).split())


def scripts(text: str) -> str:
    """Return prose with single scripts as Unicode has them: `r^2`, `W^star`, `x_i`; `Q4_0` and `x_y` stay."""
    if "^" in text:
        text = _SUPERSCRIPT.sub(lambda found: script(found[1], "^"), text)
    if "_" in text:
        text = _SUBSCRIPT_DIGIT.sub(lambda found: found[1] + script(found[2], "_"), text)
        text = _SUBSCRIPT_LETTER.sub(lambda found: found[1] + script(found[2], "_"), text)
    return text


def _command(found: re.Match[str]) -> str:
    name, text = found[1], found.string
    before, after = text[: found.start()][-1:], text[found.end() : found.end() + 1]
    if name in FUNCTIONS:
        left = " " if before and (before.isalnum() or before in ")]}") else ""
        right = " " if after.isalnum() or after == "\\" else ""
        return f"{left}{SYMBOLS.get(name, name)}{right}"
    if name in SYMBOLS:
        return " | " if name == "mid" else SYMBOLS[name]
    # With its group it is shown there; a macro of the authors most often is a name.
    return found[0] if text[found.end() : found.end() + 2].lstrip()[:1] in ("{", "[") else name


def _apart(found: re.Match[str]) -> str:
    """Return a sign with spaces if it joins two terms, and tight if it opens one or ends the formula."""
    text, sign = found.string, found[1]
    before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
    return sign if not before or before in _OPENING or not after or after in ")]},.;:^_" else f" {sign} "
