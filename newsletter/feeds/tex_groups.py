"""What stands in TeX's braces, in one walk over a text; knows tables of names, and nothing of dollars and prose.

Groups belong to what precedes them: a command with its backslash or without, `^` or `_`, a number or letter that lost
the `\\frac` before it (`1{2}`). Braces that belong to nothing stay, except in a formula.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from newsletter.feeds.tex_symbols import (
    DOUBLE_STRUCK,
    FONT_SWITCHES,
    FONTS,
    INFIX,
    MARKS,
    SUBSCRIPTS,
    SUPERSCRIPT_WORDS,
    SUPERSCRIPTS,
    SYMBOLS,
)

# Deeper braces are text, and so is what is longer: no formula is, and hostile text costs no more than its length.
DEEPEST = 12
LONGEST = 600

_BRACE = re.compile(r"[{}]")
_NAME_AT_END = re.compile(r"(\\)?([A-Za-z]{2,20})\*? ?$")
_ROOT_AT_END = re.compile(r"\\?sqrt ?\[ ?([^\[\]]{1,8}) ?\]$")
_SWITCH = re.compile(rf"\\?(?:{'|'.join(sorted(FONT_SWITCHES, key=len, reverse=True))})(?: |(?=\\))")
_COLOURS = frozenset(
    [
        "black",
        "red",
        "blue",
        "cyan",
        "magenta",
        "softred",
        "green",
        "orange",
        "purple",
        "gray",
        "teal",
        "violet",
        "brown",
    ]
)
_ONE_ARGUMENT_MORE = frozenset(["textcolor", "color", "colorbox"])
_PAIRS = (
    frozenset(
        ["frac", "dfrac", "tfrac", "cfrac", "nicefrac", "sfrac", "binom", "dbinom", "href", "underset", "overset"]
    )
    | _ONE_ARGUMENT_MORE
)
_RAISED_OR_LOWERED = {"textsuperscript": "^", "textsubscript": "_"}
_STRUCK = frozenset(["mathbb", "Bbb", "mathds", "mathbbm"])
_DROPPED = frozenset(
    [
        "cite",
        "citep",
        "citet",
        "citeauthor",
        "citeyear",
        "citealp",
        "citealt",
        "ref",
        "eqref",
        "cref",
        "Cref",
        "autoref",
        "label",
        "footnotemark",
        "vspace",
        "hspace",
        "phantom",
        "thanks",
        "begin",
        "end",
        "tag",
        "index",
        "vskip",
        "hskip",
    ]
)
_KNOWN = (
    FONTS
    | _PAIRS
    | _RAISED_OR_LOWERED.keys()
    | _STRUCK
    | _DROPPED
    | _COLOURS
    | MARKS.keys()
    | {"sqrt", "url", "footnote", "path", "pmod"}
)
# Without its backslash each of these is a word, so they count only before a short formula or not at all.
_ENGLISH = frozenset(
    [
        "text",
        "bar",
        "hat",
        "dot",
        "check",
        "cal",
        "bold",
        "index",
        "tag",
        "color",
        "begin",
        "end",
        "ref",
        "label",
        "path",
        "phantom",
        "small",
        "cite",
        "thanks",
    ]
)

_OPERAND_AT_END = re.compile(
    r"(?<![\w\\^_.{}\]])([0-9]{1,3}|[A-Za-z]{1,2}[⁰¹²³⁴-⁹ⁿᵏᵈᵐ]*|[A-Za-z]?[α-ωΑ-Ωℓ][⁰¹²³⁴-⁹ⁿᵏᵈᵐ]*)$"
)
_DENOMINATOR = re.compile(r"\d{1,4}|[a-z]{1,2}[⁰¹²³⁴-⁹ⁿᵏᵈᵐ]*|[^\sA-Za-z{},:;|]{0,3}[α-ωΑ-Ωℓ][^\s{},:;|]{0,20}")
_JOINT = re.compile(r"[-,.:=+]{1,2}|–")
_WORDS = re.compile(r"(?:[A-Z][\w'’-]*|[a-z][\w'’-]{2,})(?: [\w'’-]+){0,7}")
# What goes before words that lost their `\emph`; other words in braces are of a template.
_EMPHASISED = re.compile(r"(?i:(?<![\w-])(?:an?|the|this|these|such|our|its|their|of) )$")
_JOINED = re.compile(r" ?([∘×·⊗⊕∈→=]) ?")
_SIMPLE = re.compile(r"[∂∇]?\w+[*′]?|[√∛∜]\w")
_NAME = re.compile(r"(?<![A-Za-z\\])([A-Za-z]{2,12})(?![A-Za-z])")


class _First(NamedTuple):
    """The first of two arguments, which waits for the second."""

    name: str
    content: str


def groups(text: str, *, formula: bool = False) -> str:
    """Return the text with groups in braces shown as what they stand for; in a formula no brace is left."""
    if "{" not in text and "}" not in text:
        return text
    stack: list[list[str | _First]] = [[]]
    literal = at = 0
    for brace in _BRACE.finditer(text):
        stack[-1].append(text[at : brace.start()])
        at = brace.end()
        if brace[0] == "{":
            if len(stack) > DEEPEST:
                literal += 1
                stack[-1].append("{")
            else:
                stack.append([])
        elif literal:
            literal -= 1
            stack[-1].append("}")
        elif len(stack) == 1:
            stack[-1].append("" if formula else "}")
        else:
            content = stack.pop()
            _close(stack[-1], _joined(content), text[at : at + 2], formula)
    stack[-1].append(text[at:])
    return ("" if formula else "{").join(map(_joined, stack))


def script(content: str, sign: str) -> str:
    """Return what stands above (`sign` is `^`) or below, as Unicode has it, else after the sign."""
    content = _JOINED.sub(r"\1", " ".join(named(content).split()))
    if sign == "^":
        if content in SUPERSCRIPT_WORDS:
            return SUPERSCRIPT_WORDS[content]
        if re.fullmatch(r"[+\-−]?[0-9]{1,12}|[+\-−]|[+\-−]?[a-zT]", content):
            return "".join(SUPERSCRIPTS.get(character, f"^{character}") for character in content)
    else:
        compact = content.replace(" ", "")
        if re.fullmatch(r"\d{1,12}|[a-z]{1,2}|[a-z0-9]{1,2}[+\-−=][a-z0-9]", compact) and SUBSCRIPTS.keys() >= set(
            compact
        ):
            return "".join(SUBSCRIPTS[character] for character in compact)
    if not content:
        return ""
    single = (
        len(content) == 1
        or re.fullmatch(r"[A-Za-z]{3,}\*?" if sign == "^" else r"[\w.*]+", content)
        or (content[0] == "(" and content[-1] == ")" and "(" not in content[1:])
    )
    return f"{sign}{content}" if single else f"{sign}({content})"


def named(content: str) -> str:
    """Return the content of a formula with the names of letters and signs, which lost their backslashes, as such."""
    return _NAME.sub(
        lambda found: SYMBOLS.get(found[1], found[1]) if found[1] not in ("in", "to", "mid") else found[1], content
    )


def bracketed(term: str) -> str:
    """Return a term in brackets if it consists of several."""
    return term if _SIMPLE.fullmatch(term) else f"({term})"


def _joined(pieces: Iterable[str | _First]) -> str:
    return "".join(piece if isinstance(piece, str) else _paired(*piece, "") for piece in pieces)


def _close(outer: list[str | _First], content: str, after: str, formula: bool) -> None:
    """Put a group that ended behind the pieces before it, and take from these what it belongs to.

    The last piece is the text before the brace; `after` are the two characters behind the group.
    """
    head = str(outer.pop())
    if outer and isinstance(first := outer[-1], _First):
        outer.pop()
        if not head.strip():
            outer.append(_paired(*first, content))
            return
        outer.append(_paired(*first, ""))
    if len(content) > LONGEST:
        outer.extend((head, "{", content, "}"))
        return
    if not head and outer and isinstance(before := outer[-1], str) and len(before) < 40:
        outer.pop()
        head = before
    found = _NAME_AT_END.search(head[-24:])
    if found and found[2] in _PAIRS and after.lstrip()[:1] == "{":
        outer.extend((head[: len(head) - len(found[0])], _First(found[2], content)))
        return
    keep, shown = _shown(head, content, after[:1], formula)
    outer.extend((head[:keep], shown))


def _shown(head: str, content: str, after: str, formula: bool) -> tuple[int, str]:
    """Return how much of what precedes a group stays, and what stands in place of the rest and of the group."""
    if head.endswith(("^", "_")):
        if len(head) < 2 and not formula:
            return len(head), f"{{{content}}}"
        return len(head) - 1, script(content, head[-1])
    if root := _ROOT_AT_END.search(head[-24:]):
        return len(head) - len(root[0]), _root(content, root[1])
    if found := _NAME_AT_END.search(head[-24:]):
        shown = _commanded(found, head, content, after, formula)
        if shown is not None:
            return len(head) - len(found[0]), shown
    return len(head), _lone(head, content, after, formula)


def _commanded(found: re.Match[str], head: str, content: str, after: str, formula: bool) -> str | None:
    """Return what a command makes of its group; nothing if the word before the group is none."""
    name, bare = found[2], not found[1]
    if name not in _KNOWN:
        return None if bare else content or SYMBOLS.get(name, name)
    if bare and not formula and name in _ENGLISH and not _fits_bare(name, content, head):
        return None
    if name in _DROPPED:
        return None if bare else ""
    if name in _PAIRS:
        return _paired(name, content, "")
    if name == "sqrt":
        return _root(content, "")
    if name in MARKS:
        return _marked(content.strip(), MARKS[name])
    if name in _RAISED_OR_LOWERED:
        return script(content, _RAISED_OR_LOWERED[name])
    if name in _STRUCK:
        return "".join(DOUBLE_STRUCK.get(letter, letter) for letter in content.strip())
    if name == "pmod":
        return f"{' ' if head[: -len(found[0])][-1:].strip() else ''}(mod {named(content).strip()})"
    if name == "footnote":
        return f"{' ' if head[: -len(found[0])][-1:].strip() else ''}({content.strip()})"
    return _SWITCH.sub("", content, count=1)


def _fits_bare(name: str, content: str, head: str) -> bool:
    if re.search(r"[:;=<>(]", content):
        return False
    if content[:1] == " ":
        return False
    if head.endswith(" "):
        return False
    before = head.removesuffix(name)[-1:]
    return before not in (".", "#") and (name in ("text", "bold") or len(content) < 3)


def _paired(name: str, first: str, second: str) -> str:
    if name in _ONE_ARGUMENT_MORE:
        return second
    if name == "href":
        return first
    first, second = named(first).strip(), named(second).strip()
    if name in ("underset", "overset"):
        return second + script(first, "_" if name == "underset" else "^")
    if name in ("binom", "dbinom"):
        return f"({first} choose {second})"
    return f"{bracketed(first)}/{bracketed(second)}" if second else first


def _root(content: str, degree: str) -> str:
    content = named(content).strip()
    sign = {"": "√", "2": "√", "3": "∛", "4": "∜"}.get(degree)
    return f"{sign}{bracketed(content)}" if sign else f"{bracketed(content)}^(1/{degree})"


def _marked(content: str, mark: str) -> str:
    content = named(content)
    if not content or (len(content) > 1 and content[1:2].isalpha()):
        return content
    return unicodedata.normalize("NFC", content[0] + mark) + content[1:]


def _lone(head: str, content: str, after: str, formula: bool) -> str:
    """Return a group that no command precedes."""
    if switch := _SWITCH.match(content):
        return content[switch.end() :].strip()
    if formula:
        return content
    before = head[-1:]
    inner = content.strip()
    if not inner:
        return "" if before.isalpha() and after in ("=", "^", "_", ",", "~") and after else f"{{{content}}}"
    if before.isalnum() and _JOINT.fullmatch(inner):
        return inner
    if content[0] == "{" and content[-1] == "}":
        inner = content[1:-1].strip()
    shown = named(inner)
    if before and inner not in INFIX and _OPERAND_AT_END.search(head[-12:]) and _DENOMINATOR.fullmatch(shown):
        return f"/{shown}"
    if inner in SYMBOLS and inner not in ("in", "to") and len(inner) > 1:
        return SYMBOLS[inner]
    if not shown.isascii() and "(" in shown and not re.search(r"[\s,:;|{}±]", shown):
        return shown
    spaced = (not before or before in " (“‘") and (not after or after in " .,;:)?!”’'-–")
    if spaced and _WORDS.fullmatch(content) and "_" not in content:
        return content if content[0].isupper() or _EMPHASISED.search(head[-8:]) else f"{{{content}}}"
    # BibTeX keeps the case of letters so: `{B}lue {O}belisk`.
    if content.isalpha() and content.isupper() and (after.islower() or (before.isalnum() and len(content) < 3)):
        return content
    return f"{{{content}}}"
