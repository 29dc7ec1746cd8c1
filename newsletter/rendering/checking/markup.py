"""Markup with Jinja in it, as a row of tags, texts and comments with their lines; knows no element and no rule."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

import jinja2

# Stands where Jinja stood; Unicode says that no text has it (The Unicode Standard, section 23.7).
MARK = "\ufdd0"

_SPACE = re.compile(r"\s*")
_NAME = re.compile(rf"[A-Za-z][^\s<>/\"'={MARK}]*")
_ATTRIBUTE = re.compile(rf"[^\s<>/\"'={MARK}]+")
_VALUE = re.compile(r"\"[^\"]*\"|'[^']*'|[^\s\"'<>]+")
_TEXT = re.compile(r"[^<]+")
_VERBATIM = ("mj-style", "style", "script")


class Jinja(NamedTuple):
    """A piece of Jinja: `within` is the quote of the attribute it stands in, `>` in a tag beside its attributes."""

    source: str
    line: int
    within: str


class Attribute(NamedTuple):
    """An attribute; `value` is None if it has none, and has a MARK for each piece of Jinja."""

    name: str
    value: str | None
    line: int
    quoted: bool


class Tag(NamedTuple):
    """A tag that opens an element, closes one, or does both (`<br />`)."""

    name: str
    line: int
    attributes: tuple[Attribute, ...] = ()
    closes: bool = False
    single: bool = False


class Text(NamedTuple):
    """Words between tags."""

    words: str
    line: int


class Comment(NamedTuple):
    """A comment, without its `<!--` and `-->`."""

    words: str
    line: int


class Broken(NamedTuple):
    """What is no markup, as a sentence; all that follows in the file is left out after it if `ends`."""

    sentence: str
    line: int
    ends: bool = False


Piece = Tag | Text | Comment | Broken | Jinja


def pieces(source: str, environment: jinja2.Environment) -> Iterator[Piece]:
    """Yield the pieces of a source that Jinja can read, in order."""
    return _Reading(source, environment).pieces()


class _Reading:
    def __init__(self, source: str, environment: jinja2.Environment) -> None:
        self.text = ""
        self._starts: list[int] = []
        self._lines: list[int] = []
        self._jinja: dict[int, tuple[str, int]] = {}
        self._take_in(source, environment)

    def pieces(self) -> Iterator[Piece]:
        at, verbatim = 0, ""
        while at < len(self.text):
            if verbatim:
                found = re.compile(rf"</{re.escape(verbatim)}\s*>", re.IGNORECASE).search(self.text, at)
                end = found.start() if found else len(self.text)
                verbatim = ""
                yield from self._told(at, end, "")
                if end > at:
                    yield Text(self.text[at:end], self._line(at))
                at = end
            elif self.text.startswith("<!--", at):
                end = self.text.find("-->", at + 4)
                if end < 0:
                    yield Broken("a comment is never closed with -->", self._line(at), ends=True)
                    return
                yield Comment(self.text[at + 4 : end], self._line(at))
                at = end + 3
            elif self.text.startswith(("<!", "<?"), at):
                end = self.text.find(">", at)
                at = len(self.text) if end < 0 else end + 1
            elif self.text.startswith("</", at):
                end = self.text.find(">", at)
                if end < 0:
                    yield Broken("a tag is never ended with >", self._line(at), ends=True)
                    return
                yield Tag(self.text[at + 2 : end].strip(), self._line(at), closes=True)
                at = end + 1
            elif self.text[at] == "<":
                tag, end, within = self._tag(at)
                yield from within
                yield tag
                at = end
                if isinstance(tag, Tag) and not tag.single and tag.name.lower() in _VERBATIM:
                    verbatim = tag.name
            else:
                found = _TEXT.match(self.text, at)
                end = found.end() if found else len(self.text)
                yield from self._told(at, end, "")
                # Where words stand is of use only from the first letter on.
                words = self.text[at:end]
                yield Text(words, self._line(at + len(words) - len(words.lstrip())))
                at = end

    def _tag(self, start: int) -> tuple[Tag | Broken, int, list[Piece]]:
        """Return the tag that opens at a place, where it ends, and what else is to be told of it."""
        named = _NAME.match(self.text, start + 1)
        line = self._line(start)
        if named is None:
            return Broken("a lone < stands in the text; write &lt;", line), start + 1, []
        within: list[Piece] = []
        attributes: list[Attribute] = []
        at = named.end()
        while at < len(self.text):
            at = _end(_SPACE, self.text, at)
            if self.text.startswith("/>", at):
                return Tag(named[0], line, tuple(attributes), single=True), at + 2, within
            if self.text.startswith(">", at):
                return Tag(named[0], line, tuple(attributes)), at + 1, within
            if self.text.startswith("<", at):
                break
            if self.text.startswith(MARK, at):
                within += self._told(at, at + 1, ">")
                at += 1
            elif key := _ATTRIBUTE.match(self.text, at):
                attribute, at, jinja = self._attribute(key)
                attributes.append(attribute)
                within += jinja
            elif at < len(self.text):
                within.append(
                    Broken(f"<{named[0]}> has a {self.text[at]} that belongs to no attribute", self._line(at))
                )
                at += 1
        return Broken(f"the tag <{named[0]}> is never ended with >", line), at, within

    def _attribute(self, key: "re.Match[str]") -> tuple[Attribute, int, list[Piece]]:
        line = self._line(key.start())
        at = _end(_SPACE, self.text, key.end())
        if not self.text.startswith("=", at):
            return Attribute(key[0], None, line, quoted=False), key.end(), []
        at = _end(_SPACE, self.text, at + 1)
        value = _VALUE.match(self.text, at)
        if value is None and self.text[at : at + 1] in ("'", '"'):
            told = Broken(f"the value of `{key[0]}` has no closing quote", line, ends=True)
            return Attribute(key[0], "", line, quoted=True), len(self.text), [told]
        if value is None:
            return Attribute(key[0], "", line, quoted=False), at, []
        quote = value[0][0] if value[0][0] in "\"'" else ""
        jinja: list[Piece] = list(self._told(value.start(), value.end(), quote or ">"))
        written = value[0][1:-1] if quote else value[0]
        return Attribute(key[0], written, line, quoted=bool(quote)), value.end(), jinja

    def _told(self, start: int, end: int, within: str) -> Iterator[Jinja]:
        at = self.text.find(MARK, start, end)
        while at >= 0:
            source, line = self._jinja[at]
            yield Jinja(source, line, within)
            at = self.text.find(MARK, at + 1, end)

    def _line(self, at: int) -> int:
        number = bisect_right(self._starts, at) - 1
        return self._lines[number] + self.text.count("\n", self._starts[number], at)

    def _take_in(self, source: str, environment: jinja2.Environment) -> None:
        """Put a mark where Jinja stands, and remember which line each part of the rest came from."""
        parts: list[str] = []
        length = 0
        inside: list[str] | None = None
        begun = 0
        # A copy without trimming: MJML sees what Jinja would take away.
        plain = environment.overlay(trim_blocks=False, lstrip_blocks=False)
        for line, kind, value in plain.lex(source):
            if kind == "data":
                self._starts.append(length)
                self._lines.append(line)
                parts.append(value.replace(MARK, " "))
                length += len(value)
            elif kind in ("variable_begin", "block_begin", "comment_begin"):
                inside, begun = [value], line
            elif kind in ("variable_end", "block_end", "comment_end") and inside is not None:
                self._starts.append(length)
                self._lines.append(begun)
                self._jinja[length] = ("".join([*inside, value]), begun)
                parts.append(MARK)
                length += 1
                inside = None
            elif inside is not None:
                inside.append(value)
        self.text = "".join(parts)
        if not self._starts:
            self._starts, self._lines = [0], [1]


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
