"""The strict check of MJML: elements, attributes, values, places and closing tags, through all that is included.

mjml-python takes wrong elements and attributes without a word; npm's mjml has such a check, and this one agrees with
it. MJML reads a template before Jinja does, so that tags have to match with all branches standing there. It knows files
by the names of their templates.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import jinja2

from newsletter.rendering.checking import fetches, hypertext, markup, values
from newsletter.rendering.checking.elements import ELEMENTS, EVERYWHERE, HTML, NEEDED, STANDING_IN, VOID
from newsletter.rendering.checking.markup import MARK, Attribute, Broken, Comment, Jinja, Piece, Tag, Text

# What stands around an included part that nothing here includes.
ANYWHERE = "anywhere"
SHELL = "issue"

_TAG_IN_STYLE = re.compile(r"</?mj\w*(?:-\w+)?")
_REGION = re.compile(r"\s*(/?)([a-z][a-z0-9_-]*)\s*")
_ATTRIBUTES = {name for element in ELEMENTS.values() for name in element.attributes}
_OF_INCLUDE = {"path", "type", "css-inline"}

Tell = Callable[[str, int, str, str], None]


@dataclass
class Frame:
    """An open element, and what was seen in it so far."""

    name: str
    file: str
    line: int
    inside: set[str] = field(default_factory=set)
    words_told: bool = False


@dataclass
class Seen:
    """What a walk came past: files, and which region each line of them stood in."""

    files: set[str] = field(default_factory=set)
    regions: dict[str, dict[int, set[str]]] = field(default_factory=dict)


class Walk:
    """Reads one template with all that it includes.

    `read` gives the source of a template by its name, or None; `tell` takes a file, a line, a sentence and what was
    meant. A region is what stands between `<!-- name -->` and `<!-- /name -->`; outside of all it is SHELL.
    """

    def __init__(
        self,
        read: Callable[[str], str | None],
        names: frozenset[str],
        environment: jinja2.Environment,
        tell: Tell,
    ) -> None:
        self._read = read
        self._names = names
        self._environment = environment
        self._tell = tell
        self._open: list[Frame] = []
        self._around = self._region = SHELL
        self.seen = Seen()

    def whole(self, name: str) -> Seen:
        """Check a template that is a whole document."""
        self._open = [Frame("", name, 1)]
        # A notice is a document of its own, and is given its own words.
        self._around = self._region = Path(name).name.partition(".")[0]
        self._file(name, ())
        if "mjml" not in self._open[0].inside:
            self._tell(name, 1, "the whole has to stand in <mjml>", "<mjml>")
        return self.seen

    def part(self, name: str) -> Seen:
        """Check a template that nothing includes, wherever it may come to stand."""
        self._open = [Frame(ANYWHERE, name, 1)]
        self._file(name, ())
        return self.seen

    def _file(self, name: str, above: tuple[str, ...]) -> None:
        source = self._read(name)
        if source is None:
            return
        self.seen.files.add(name)
        regions = self.seen.regions.setdefault(name, {})
        ground = len(self._open)
        for piece in markup.pieces(source, self._environment):
            regions.setdefault(piece.line, set()).add(self._region)
            self._piece(piece, name, ground, (*above, name))
            if isinstance(piece, Broken) and piece.ends:
                break
        self._close_to(ground, name)

    def _piece(self, piece: Piece, file: str, ground: int, above: tuple[str, ...]) -> None:
        match piece:
            case Broken():
                self._tell(file, piece.line, piece.sentence, "")
            case Jinja():
                self._jinja(piece, file)
            case Comment():
                self._comment(piece, file)
            case Text():
                self._words(piece, file)
            case Tag(closes=True):
                self._closing(piece, file, ground)
            case Tag(name="mj-include"):
                self._include(piece, file, above)
            case Tag():
                self._opening(piece, file)

    def _comment(self, piece: Comment, file: str) -> None:
        for one in fetches.in_comment(piece.words):
            self._tell(file, piece.line + one.lines, one.sentence, "")
        if found := _REGION.fullmatch(piece.words):
            self._region = self._around if found[1] else found[2]

    def _jinja(self, piece: Jinja, file: str) -> None:
        if piece.within == ">":
            told = "Jinja stands among the attributes, where MJML cannot read it: put it into the quotes of a value"
        elif piece.within and piece.within in piece.source:
            other = "'" if piece.within == '"' else '"'
            told = (
                f"Jinja in {piece.within} has the same quotes, so that MJML ends the value there: write {other} in it"
            )
        elif "<" in piece.source and self._top.name != "mj-style":
            told = "Jinja has a <, which MJML takes for a tag: turn the comparison round, so that it has a >"
        else:
            return
        self._tell(file, piece.line, told, "")

    def _words(self, piece: Text, file: str) -> None:
        top = self._top
        for one in fetches.in_css(piece.words) if top.name.lower() in ("mj-style", "style") else ():
            self._tell(file, piece.line + one.lines, one.sentence, "")
        if top.name == "mj-style" and (found := _TAG_IN_STYLE.search(piece.words)):
            line = piece.line + piece.words.lstrip()[: found.start()].count("\n")
            self._tell(file, line, f"{found[0]}> stands in <mj-style>, which is not closed before it", "</mj-style>")
        element = ELEMENTS.get(top.name)
        words = piece.words.replace(MARK, " ").strip()
        if element is None or element.html or not words or top.words_told:
            return
        top.words_told = True
        self._tell(file, piece.line, f"words stand in <{top.name}>, outside of any <mj-text>", "<mj-text>")

    def _include(self, tag: Tag, file: str, above: tuple[str, ...]) -> None:
        if tag.closes:
            return
        given = {attribute.name: attribute for attribute in tag.attributes}
        for name in given.keys() - _OF_INCLUDE:
            self._tell(file, given[name].line, *_unknown(name, "mj-include", _OF_INCLUDE))
        if not tag.single:
            self._open.append(Frame("mj-include", file, tag.line))
        path = given["path"].value if "path" in given else None
        if not path:
            self._tell(file, tag.line, "<mj-include> names no `path`", "")
            return
        name = f"email/{path.removeprefix('./')}"
        if name in above:
            self._tell(file, tag.line, f"`{name}` includes itself", "")
        elif self._read(name) is None and name not in self._names:
            near = values.nearest(name, self._names)
            told = f"there is no template `{name}` to include"
            self._tell(file, tag.line, told, f"./{near.removeprefix('email/')}" if near else "")
        else:
            held = self._open.pop() if not tag.single else None
            self._file(name, above)
            if held is not None:
                self._open.append(held)

    def _opening(self, tag: Tag, file: str) -> None:
        top = self._top
        top.inside.add(tag.name)
        self._place(tag, file)
        for line, sentence, near in hypertext.wrong(tag):
            self._tell(file, line, sentence, near)
        self._fetched(tag, file)
        if tag.name in ELEMENTS or tag.name in STANDING_IN:
            self._attributes(tag, file)
        else:
            for attribute in tag.attributes:
                if attribute.value is not None and not attribute.quoted:
                    self._unquoted(attribute, tag, file)
        frame = Frame(tag.name, file, tag.line)
        if not tag.single and tag.name.lower() not in VOID:
            self._open.append(frame)
        else:
            self._ended(frame)

    def _fetched(self, tag: Tag, file: str) -> None:
        lines = {attribute.name: attribute.line for attribute in tag.attributes}
        for attribute, sentence in fetches.in_tag(tag.name, {one.name: one.value or "" for one in tag.attributes}):
            self._tell(file, lines.get(attribute, tag.line), sentence, "")

    def _place(self, tag: Tag, file: str) -> None:
        name, parent = tag.name, self._top.name
        within = ELEMENTS.get(parent)
        here = f"in <{parent}>" if parent else "outside of <mjml>"
        if name.startswith("mj") and name not in ELEMENTS and name not in STANDING_IN:
            near = values.nearest(name, [*ELEMENTS, *STANDING_IN])
            self._tell(file, tag.line, f"MJML knows no <{name}>", f"<{near}>" if near else "")
        elif name in ELEMENTS:
            if self._holds_html:
                self._tell(file, tag.line, f"<{name}> stands {here}, where MJML reads HTML", "")
            elif parent in ("mj-attributes", ANYWHERE, "mj-class"):
                return
            elif name not in within.children if within is not None else parent == "" and name != "mjml":
                self._tell(file, tag.line, f"<{name}> cannot stand {here}{_belongs(name)}", _home(name))
        elif name in STANDING_IN:
            if parent not in ("mj-attributes", ANYWHERE):
                self._tell(file, tag.line, f"<{name}> cannot stand {here}", "<mj-attributes>")
        elif within is not None and not self._holds_html:
            self._tell(file, tag.line, f"<{name}> stands {here}, which takes no HTML", "<mj-text>")
        elif "-" not in name and ":" not in name and name.lower() not in HTML:
            near = values.nearest(name.lower(), HTML)
            self._tell(file, tag.line, f"HTML knows no <{name}>", f"<{near}>" if near else "")

    def _attributes(self, tag: Tag, file: str) -> None:
        element = ELEMENTS.get(tag.name)
        anything = tag.name in STANDING_IN
        known = {**({} if element is None else element.attributes), **EVERYWHERE}
        given: set[str] = set()
        for attribute in tag.attributes:
            name, value = attribute.name, attribute.value
            if name in given:
                self._tell(file, attribute.line, f"<{tag.name}> has `{name}` twice", "")
            given.add(name)
            if anything and (name in _ATTRIBUTES or name == "name"):
                continue
            if name not in known:
                self._tell(file, attribute.line, *_unknown(name, tag.name, _ATTRIBUTES if anything else known))
            elif value is None:
                # MJML takes `inline` of a style so.
                if (tag.name, name) != ("mj-style", "inline"):
                    self._tell(file, attribute.line, f"`{name}` of <{tag.name}> has no value", "")
            elif not attribute.quoted:
                self._unquoted(attribute, tag, file)
            elif (tag.name, name) == ("mj-body", "css-class"):
                told = "`css-class` of <mj-body> comes to nothing: MJML drops it, so style `body` in <mj-style>"
                self._tell(file, attribute.line, told, "")
            elif MARK not in value and not values.right(known[name], value):
                told = f"`{name}` of <{tag.name}> is {value!r}; {values.wanted(known[name])}"
                self._tell(file, attribute.line, told, values.meant(known[name], value))

    def _unquoted(self, attribute: Attribute, tag: Tag, file: str) -> None:
        value = attribute.value or ""
        meant = f'{attribute.name}="{value}"' if MARK not in value else ""
        self._tell(file, attribute.line, f"the value of `{attribute.name}` of <{tag.name}> stands in no quotes", meant)

    def _closing(self, tag: Tag, file: str, ground: int) -> None:
        name = tag.name
        for at in range(len(self._open) - 1, ground - 1, -1):
            if self._open[at].name == name:
                self._close_to(at + 1, file)
                self._ended(self._open.pop())
                return
        near = values.nearest(name, [frame.name for frame in self._open[ground:]])
        self._tell(file, tag.line, f"</{name}> closes nothing that is open here", f"</{near}>" if near else "")
        if near and near == self._top.name:
            self._ended(self._open.pop())

    def _close_to(self, ground: int, file: str) -> None:
        """Tell of what was opened above a place and never closed."""
        for frame in reversed(self._open[ground:]):
            self._tell(file, frame.line, f"<{frame.name}> is never closed", f"</{frame.name}>")
        del self._open[ground:]

    def _ended(self, frame: Frame) -> None:
        """Look at what an element turned out to have in it."""
        needed = NEEDED.get(frame.name, ())
        if needed and frame.inside.isdisjoint(needed) and not any(map(self._near_miss, frame.inside)):
            one = values.listed([f"<{name}>" for name in needed])
            self._tell(frame.file, frame.line, f"<{frame.name}> has no {one} in it", f"<{needed[0]}>")

    def _near_miss(self, name: str) -> bool:
        """Return whether an element is one that MJML does not know, which is told of already."""
        return name.startswith("mj-") and name not in ELEMENTS and name not in STANDING_IN

    @property
    def _top(self) -> Frame:
        """The innermost open element; what is included stands in the place of its <mj-include>."""
        return next(frame for frame in reversed(self._open) if frame.name != "mj-include")

    @property
    def _holds_html(self) -> bool:
        """Whether HTML is read here: in an element that holds it, or within HTML."""
        return any(
            element.html if (element := ELEMENTS.get(frame.name)) else frame.name not in ("", ANYWHERE, *STANDING_IN)
            for frame in self._open
            if frame.name != "mj-attributes" and not self._near_miss(frame.name)
        )


def _unknown(name: str, element: str, known: "dict[str, str] | set[str]") -> tuple[str, str]:
    return f"<{element}> takes no `{name}`", values.nearest(name, set(known))


def _belongs(name: str) -> str:
    homes = [f"<{parent}>" for parent, within in ELEMENTS.items() if name in within.children]
    return f", only in {values.listed(homes)}" if homes else ""


def _home(name: str) -> str:
    return next((f"<{parent}>" for parent, within in ELEMENTS.items() if name in within.children), "")
