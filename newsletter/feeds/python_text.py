"""What Python prints of lists and objects, read in place of JSON where it is certain; nothing is ever run."""

import ast
import re
from typing import Any

# A day of the hub has 300 KB; the tree of what is read takes a hundred times its text.
LONGEST = 3_000_000
DEEPEST = 40

_OPENS = re.compile(r"\s*[\[{]\s*\{?\s*'")
_NAME = re.compile(r"(?:None|True|False)\b")
# Texts, numbers, the three names and brackets: no sign that could compute, call or join anything.
_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<open>[\[{(])|(?P<close>[\]})])|[,:]"
    r"|'[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'|\"[^\"\\\n]*+(?:\\.[^\"\\\n]*+)*+\""
    r"|-?\d{1,18}(?:\.\d{1,18})?(?:e[+-]?\d{1,3})?(?![\w.])|(?:None|True|False)(?!\w)"
)


def opens(text: str) -> bool:
    """Tell whether a text begins as a list or an object that Python printed, and not as JSON."""
    return _OPENS.match(text[:1000]) is not None


def stands_at(text: str, place: int) -> bool:
    """Tell whether one of Python's names, which JSON has not, stands at a place."""
    return _NAME.match(text, place) is not None


def read(text: str) -> Any | None:
    """Return the value of such a text, or None where it is damaged, or too long or too deep to be read safely."""
    if len(text) > LONGEST or not _is_plain(text):
        return None
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _is_plain(text: str) -> bool:
    at = depth = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            return False
        depth += (token.lastgroup == "open") - (token.lastgroup == "close")
        if depth > DEEPEST:
            return False
        at = token.end()
    return depth == 0
