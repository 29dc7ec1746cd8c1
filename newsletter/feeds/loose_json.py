"""JSON as servers send it: whole, damaged or cut, with any value of any type; knows no layout."""

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from newsletter.feeds import entries, python_text
from newsletter.feeds.text import Report, clean, clip

_OPENS = re.compile(r"\s*(?:\[\s*[\[{\"'\]]|\{\s*[\"'}])")
_NEXT_ENTRY = re.compile(r"\}\s{0,80},\s{0,80}(?=\{\s{0,80}\")")
# What mending a damaged list may cost, in its own length and in tries.
_MOST_REREAD = 4
_MOST_TRIES = 2_000
_LONGEST_WORDS = 300

_PYTHON = "This is Python text in place of JSON; write it with json.dump and not with print."
_PYTHON_READ = "This is Python text in place of JSON; it could be read, but write it with json.dump and not with print."


class Fields:
    """An object of JSON, read key by key; a value of the wrong type is reported and taken as absent."""

    def __init__(self, value: Any, where: str, report: Report) -> None:
        self._value: dict[str, Any] = value if isinstance(value, dict) else {}
        self.where = where
        self._report = report

    def text(self, *keys: str) -> str:
        """Return the text under the first key that has one, or nothing."""
        for key in keys:
            value = self._of_type(key, str, "text")
            if value and value.strip():
                return str(value)
        return ""

    def count(self, key: str) -> int:
        """Return a number of something, or 0."""
        value = self._value.get(key)
        if value is None:
            return 0
        # A truth value counts as an int in Python, and a number may be NaN or infinite.
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if is_number and 0 <= value <= entries.HIGHEST_COUNT:
            return int(value)
        self._report.add(self.where, f"{key} is no number of anything, so it was read as 0.")
        return 0

    def list(self, key: str) -> list[Any]:
        """Return a list, or an empty one."""
        return self._of_type(key, list, "a list") or []

    def object(self, key: str) -> "Fields | None":
        """Return an object, or None."""
        value = self._of_type(key, dict, "an object")
        return None if value is None else Fields(value, self.where, self._report)

    def _of_type(self, key: str, kind: type, what: str) -> Any:
        value = self._value.get(key)
        if value is None or isinstance(value, kind):
            return value
        self._report.add(self.where, f"{key} is not {what}, so it was passed over.")
        return None


def looks_like_json(text: str) -> bool:
    """Tell whether a text begins as a list or an object of JSON, or of Python."""
    return _OPENS.match(text[:1000]) is not None


def whole(text: str, report: Report) -> tuple[Any, bool]:
    """Return the value of a text, and whether it could be read; what is wrong with it is reported.

    What Python printed is read too, where that is certain; else the value is None, and nothing is to be mended in it.
    """
    try:
        return decoder().decode(text), True
    except (ValueError, RecursionError) as error:
        is_python = python_text.opens(text)
        is_mixed = isinstance(error, json.JSONDecodeError) and python_text.stands_at(text, error.pos)
        value = python_text.read(text) if is_python or is_mixed else None
        if is_python or value is not None:
            report.add("the file", _PYTHON if value is None else _PYTHON_READ)
            return value, True
        report.add(_place(error), f"The JSON is damaged ({_what(error)}); the entries that can be read were taken.")
        return None, False


def mended(
    text: str, start: int, report: Report, *, is_entry: Callable[[dict[str, Any]], bool], marks: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    """Yield the whole entries of a damaged list that begins at `start`; the cost stays in proportion to its length.

    `is_entry` tells an entry from the objects in it, such as authors, and so do `marks`, of which one stands in the
    head of each: what has none of them is of no interest where it cannot be read.
    """
    read = decoder()
    to_reread, tries = _MOST_REREAD * len(text), _MOST_TRIES
    at = text.find("{", start)
    while at >= 0:
        try:
            value, end = read.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            end = at + 1
            tries -= 1
            to_reread -= error.pos - at if isinstance(error, json.JSONDecodeError) else len(text) // 100
            if tries < 0 or to_reread < 0:
                report.add(f"character {at}", "The JSON is too damaged to go on; what follows was left out.")
                return
            head = text[at : at + 4000]
            if any(mark in head for mark in marks):
                report.add(f"character {at}", f"An entry cannot be read ({_what(error)}), so it was left out.")
        else:
            if isinstance(value, dict) and is_entry(value):
                yield value
        following = _NEXT_ENTRY.search(text, end - 1)
        at = following.end() if following else -1


def words_of(value: Any) -> str:
    """Return what an object says where it holds no papers, such as `{"error": "Too many requests"}`, or nothing."""
    for key in ("error", "message", "detail", "reason"):
        said = value.get(key) if isinstance(value, dict) else None
        if isinstance(said, dict):
            said = said.get("message")
        if isinstance(said, str) and (said := clean(said)):
            return clip(said, _LONGEST_WORDS)
    return ""


def decoder() -> json.JSONDecoder:
    """Return what reads JSON; raw line ends in a text, and numbers of any length, do no harm."""
    return json.JSONDecoder(strict=False, parse_int=_integer)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 19 else math.inf


def _place(error: Exception) -> str:
    return f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "the file"


def _what(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return error.msg if isinstance(error, json.JSONDecodeError) else "a value that cannot be"
