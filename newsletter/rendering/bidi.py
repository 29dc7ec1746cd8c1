"""Names and titles that run the other way within a line, kept from changing places with what stands beside them."""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Self

from markupsafe import Markup, escape

from newsletter.rendering.prose import direction

_LEFT_TO_RIGHT, _RIGHT_TO_LEFT = frozenset({"L"}), frozenset({"R", "AL", "AN"})


class Isolated(str):
    """A line that in HTML has each part of the other direction in an element of its own; elsewhere it is a `str`."""

    __slots__ = ("_html",)
    _html: Markup

    def __new__(cls, text: str, html: Markup) -> Self:
        """Return a text with what it is in HTML."""
        made = super().__new__(cls, text)
        made._html = html
        return made

    def __html__(self) -> str:
        """Return what it is in HTML, as markupsafe and Jinja ask."""
        return self._html


def listed(parts: Iterable[str], runs: str, between: str = ", ") -> Isolated:
    """Return the parts with a comma or something else between them.

    `runs` is the direction of the line that they stand in, `ltr` or `rtl`.
    """
    known = list(parts)
    return Isolated(between.join(known), escape(between).join(_apart(part, runs) for part in known))


def alone(text: str, runs: str) -> Isolated:
    """Return a text that keeps its own direction in a line that runs in another."""
    return Isolated(text, _apart(text, runs))


def said(sentence: str, values: Mapping[str, str], runs: str) -> Isolated:
    """Return a sentence with its values where it has `%(name)s`; `runs` is the direction of the line."""
    apart = {name: _apart(value, runs) for name, value in values.items()}
    return Isolated(sentence % values, Markup(escape(sentence) % apart))  # noqa: S704


def _apart(text: str, runs: str) -> Markup:
    if isinstance(text, Isolated):
        return Markup(text.__html__())  # noqa: S704
    others = _LEFT_TO_RIGHT if runs == "rtl" else _RIGHT_TO_LEFT
    if (text.isascii() and runs == "ltr") or others.isdisjoint(map(unicodedata.bidirectional, text)):
        return escape(text)
    # An element with a direction is isolated in every browser; bdi is unknown to some mail programs.
    return Markup('<span dir="{}">{}</span>').format(direction(text), text)
