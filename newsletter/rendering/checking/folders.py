"""Which templates there are, built in and in the operator's folder, and every check of each of them."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from jinja2 import nodes

from newsletter.errors import RenderingError
from newsletter.rendering.checking import names, trial
from newsletter.rendering.checking.mjml import Walk
from newsletter.rendering.checking.values import nearest
from newsletter.rendering.pages import Pages
from newsletter.rendering.renderer import Renderer
from newsletter.rendering.templates import ISSUE, ISSUE_TEXT, Templates, bare_environment, written_in

# What each of these has to print, or nobody could read it, or leave.
_SLOTS = {ISSUE: ("unsubscribe",), ISSUE_TEXT: ("papers", "unsubscribe")}

# Around the block of a paper.
_MARKS = ("<!-- paper -->", "<!-- /paper -->")

# What operators may put files of their own before.
KINDS = ("email", "text", "web")
_FOUND = re.compile(r"The template (?P<file>.+?)(?:, line (?P<line>\d+))? is wrong: (?P<what>.*)\.", re.DOTALL)
_NO_SUCH = re.compile(r"[Nn]o (filter|test) named '([^']+)'")


class Fault(NamedTuple):
    """What is wrong in a template: the file, the line, a sentence, and what was probably meant, or nothing."""

    file: Path
    line: int
    sentence: str
    meant: str


class Checked(NamedTuple):
    """What a check found: how many templates it read, how many of those are the operator's own, and the faults."""

    templates: int
    own: int
    faults: tuple[Fault, ...]


def check(
    renderer: Callable[[Path | None], Renderer],
    *,
    templates: Path,
    overrides: Path | None = None,
    pages: Callable[[Path | None], Pages] | None = None,
    given: Mapping[str, Mapping[str, Any]] | None = None,
) -> Checked:
    """Return every fault of the templates as they would be used.

    `templates` is the folder of the built-in ones, `overrides` the operator's. `renderer` makes what renders the mail
    with them, or with the built-in ones alone, and `pages` what renders the readers' pages. `given` are the names, each
    with a sample, that templates get from elsewhere, by the name of the template; for a page of which nobody says
    anything, the names that the built-in ones use are right. Raises RenderingError if the operator's folder is not
    there.
    """
    if overrides is not None and not overrides.is_dir():
        raise RenderingError(
            f"The folder {overrides} of your own templates is not there.",
            next_step="Make it, or name another with --templates.",
        )
    return _Check(renderer, pages, templates, overrides, given or {}).result()


@lru_cache(maxsize=256)
def _compile(source: str, name: str) -> None:
    """Raise jinja2.TemplateSyntaxError for a text that does not compile: only what does has no unknown filters."""
    bare_environment().compile(source, name, raw=True)


class _Check:
    def __init__(
        self,
        renderer: Callable[[Path | None], Renderer],
        pages: Callable[[Path | None], Pages] | None,
        built_in: Path,
        own: Path | None,
        given: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._renderer = renderer
        self._pages = pages
        self._folder = built_in
        # Pages for operators alone are no templates of theirs.
        self._built_in = {name: file for name, file in _templates(built_in).items() if _kind(name) in KINDS}
        self._own = _templates(own) if own is not None else {}
        self._all = self._built_in | self._own
        self._environment = bare_environment()
        self._faults: dict[Fault, None] = {}
        self._sources: dict[str, str | None] = {}
        self._trees: dict[str, nodes.Template] = {}
        self._reached: set[str] = set()
        self._regions: dict[str, dict[int, set[str]]] = {}
        self._given = {**self._given_by_us(), **given}
        self._own_folder = own

    def result(self) -> Checked:
        for name in self._all:
            if name.endswith(".j2"):
                self._read(name)
        self._walk()
        self._follow_jinja()
        for name in self._trees:
            self._names(name)
        self._slots()
        strays = self._strays()
        if not self._faults:
            self._really()
        faults = sorted(self._faults, key=lambda fault: (str(fault.file), fault.line))
        return Checked(len(self._all) - strays, len(self._own) - strays, tuple(faults))

    def _tell(self, name: str, line: int, sentence: str, meant: str) -> None:
        self._faults[Fault(self._all.get(name, self._folder / name), line, sentence, meant)] = None

    def _read(self, name: str) -> str | None:
        """Return the source of a template that Jinja can read, or None if there is none."""
        if name in self._sources or name not in self._all:
            return self._sources.get(name)
        self._sources[name] = None
        try:
            source = self._all[name].read_text(encoding="utf-8")
            tree = self._environment.parse(source, name)
            _compile(source, name)
        except UnicodeDecodeError:
            self._tell(name, 1, "it is not UTF-8", "")
        except OSError as error:
            self._tell(name, 1, f"it cannot be read: {error.strerror or error}", "")
        except jinja2.TemplateSyntaxError as error:
            self._tell(name, error.lineno, f"Jinja: {(error.message or '').rstrip('.')}", self._meant(error))
        else:
            self._sources[name], self._trees[name] = source, tree
        return self._sources[name]

    def _meant(self, error: jinja2.TemplateSyntaxError) -> str:
        message = error.message or ""
        if found := _NO_SUCH.search(message):
            known = self._environment.filters if found[1] == "filter" else self._environment.tests
            return nearest(found[2], set(known))
        if found := re.search(r"unknown tag '([^']+)'", message):
            tags = {"if", "elif", "else", "endif", "for", "endfor", "set", "endset", "trans", "pluralize", "endtrans"}
            return nearest(found[1], tags | {"include", "macro", "endmacro", "block", "endblock", "extends", "with"})
        return ""

    def _walk(self) -> None:
        """Check the MJML of whole documents, and then of parts that none of them includes."""
        mail = [name for name in self._all if name.endswith(".mjml.j2") and self._sources.get(name) is not None]
        wholes = [name for name in mail if name == ISSUE or "<mjml" in (self._sources[name] or "")]
        for name in (*wholes, *mail):
            if name in self._reached:
                continue
            walk = Walk(self._read, frozenset(self._all), self._environment, self._tell)
            seen = walk.whole(name) if name in wholes else walk.part(name)
            if name in self._built_in:
                self._reached |= seen.files
            for file, regions in seen.regions.items():
                for line, found in regions.items():
                    self._regions.setdefault(file, {}).setdefault(line, set()).update(
                        found if name in wholes else {_alone(name)}
                    )

    def _follow_jinja(self) -> None:
        """Find what Jinja includes from where, and what of that there is not."""
        for name, tree in self._trees.items():
            for target, line, may_miss in names.included(tree):
                self._reached.add(target)
                if target not in self._all and not may_miss:
                    self._tell(
                        name, line, f"there is no template `{target}` to include", nearest(target, set(self._all))
                    )

    def _names(self, name: str) -> None:
        tree = self._trees[name]
        beside = {
            made for other, tree in self._trees.items() if _kind(other) == _kind(name) for made in names.made(tree)
        }
        for line, sentence, meant in names.wrong(tree, lambda line: self._given_on(name, line), beside):
            self._tell(name, line, sentence, meant)

    def _given_on(self, name: str, line: int) -> Mapping[str, Any] | None:
        """Return what is given on a line of a template, with a sample of each; None where nobody knows."""
        if name in self._given:
            return self._given[name]
        if name.startswith("web/"):
            return self._given_to_pages_with(name)
        if name.startswith("text/"):
            return self._anything("text/")
        regions = self._regions.get(name, {})
        near = max((number for number in regions if number <= line), default=None)
        found = [self._given.get(f"email/{region}.html") for region in (regions[near] if near is not None else ())]
        known = [values for values in found if values is not None]
        if not known or len(known) < len(found):
            return self._anything("email/")
        return _in_all(known)

    def _given_to_pages_with(self, name: str) -> Mapping[str, Any] | None:
        """Return what is given to every page that takes a template in; of one that is in none, what pages use."""
        whole = [
            page
            for page in self._trees
            if _kind(page) == "web" and page not in self._reached and name in self._within(page)
        ]
        if whole and all(page in self._given for page in whole):
            return _in_all([self._given[page] for page in whole])
        return self._used_by_pages() if name in self._own else None

    def _anything(self, kind: str) -> Mapping[str, Any] | None:
        """Return all that is given to any template of a kind."""
        found = [values for name, values in self._given.items() if name.startswith(kind)]
        return {key: value for values in found for key, value in values.items()} if found else None

    def _used_by_pages(self) -> Mapping[str, Any]:
        found: set[str] = set()
        for name, file in self._built_in.items():
            if name.startswith("web/") and name.endswith(".j2"):
                found |= names.used(self._environment.parse(file.read_text(encoding="utf-8"), name))
        return dict.fromkeys(found)

    def _given_by_us(self) -> dict[str, Mapping[str, Any]]:
        """Return what each built-in template is given, as they tell who fill them."""
        try:
            of_pages = {} if self._pages is None else self._pages(None).given
            return {**self._renderer(None).templates.given, **of_pages}
        except RenderingError:
            # Then the built-in ones are wrong, and that is told.
            return {}

    def _slots(self) -> None:
        used = {name: names.used(tree) for name, tree in self._trees.items()}
        for whole, needed in _SLOTS.items():
            if whole not in self._trees:
                continue
            kind, within = _kind(whole), self._within(whole)
            for word in needed:
                if not any(word in found for name, found in used.items() if name in within):
                    lost = self._lost(word, kind) or whole
                    self._tell(lost, 1, f"nothing prints `{word}` any more; every mail has to", "{{ " + word + " }}")
        source = "".join(self._sources.get(name) or "" for name in self._reached if name.startswith("email/"))
        for mark in _MARKS:
            if self._sources.get(ISSUE) and source.count(mark) != 1:
                told = f"{mark} has to stand once around the block of a paper, and stands {_times(source.count(mark))}"
                self._tell(ISSUE, 1, told, f"<mj-raw>{mark}</mj-raw>")

    def _within(self, whole: str) -> set[str]:
        """Return the templates that a mail in HTML may be made of, or those that another one includes."""
        if whole == ISSUE:
            return {name for name in self._trees if _kind(name) == "email"}
        found: set[str] = set()
        left = [whole]
        while left:
            name = left.pop()
            if name in self._trees and name not in found:
                found.add(name)
                left += [target for target, _, _ in names.included(self._trees[name])]
        return found

    def _lost(self, word: str, kind: str) -> str:
        """Return the template of the operator's whose built-in one prints a word."""
        for name in self._own:
            if name in self._built_in and _kind(name) == kind:
                tree = self._environment.parse(self._built_in[name].read_text(encoding="utf-8"), name)
                if word in names.used(tree):
                    return name
        return ""

    def _strays(self) -> int:
        """Tell of files of the operator's that stand before no template, and return how many there are."""
        strays = [name for name in self._own if name not in self._built_in and name not in self._reached]
        for name in strays:
            near = self._nearest_built_in(name)
            self._tell(name, 1, "it stands before no template, and none includes it, so that it is never used", near)
        return len(strays)

    def _nearest_built_in(self, name: str) -> str:
        same = [one for one in self._built_in if _kind(one) == _kind(name)]
        by_last = {Path(one).name: one for one in same or self._built_in}
        return nearest(name, same) or by_last.get(nearest(Path(name).name, [*by_last]), "")

    def _really(self) -> None:
        """Make the mail and the pages with these templates, as the program would."""
        try:
            templates = self._renderer(self._own_folder).templates
            if self._pages is not None:
                self._pages(self._own_folder)
            self._try(templates)
        except RenderingError as error:
            found = _FOUND.fullmatch(error.message)
            if found is None:
                self._tell(ISSUE, 1, error.message.rstrip("."), "")
                return
            name = next((one for one, file in self._all.items() if found["file"] in (one, str(file.absolute()))), ISSUE)
            self._tell(name, int(found["line"] or 1), found["what"], "")

    def _try(self, templates: Templates) -> None:
        """Look at what the templates come to print."""
        for found in trial.run(templates):
            kind = _kind(found.template)
            beside = [name for name in (*self._own, *self._built_in) if _kind(name) == kind]
            lost = self._lost(found.lacks.partition(".")[0], kind) if found.lacks else ""
            for name in [lost] if lost else beside:
                lines = (self._sources.get(name) or "").split("\n")
                line = next((number for number, line in enumerate(lines, 1) if found.at in line), 0)
                if line or lost:
                    self._tell(name, line or 1, found.sentence, found.meant)
                    break
            else:
                # The built-in ones print no such thing.
                own = [name for name in beside if name in self._own]
                self._tell((own or [written_in(found.template)])[0], 1, found.sentence, found.meant)


def _templates(folder: Path) -> dict[str, Path]:
    """Return the templates of a folder by name: whatever stands in a folder of its kind, or ends in .j2."""
    found = {}
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        hidden = any(part.startswith(".") for part in name.split("/")) or name.endswith(("~", ".bak", ".orig"))
        if file.is_file() and not hidden and (name.endswith(".j2") or (name.split("/")[0] in KINDS and "/" in name)):
            found[name] = file
    return found


def _kind(name: str) -> str:
    return name.partition("/")[0]


def _in_all(given: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return what is given on every way here."""
    return {key: value for key, value in given[0].items() if all(key in other for other in given)}


def _alone(name: str) -> str:
    """Return the region of a part that is no part of the whole: it has the name of its file."""
    return Path(name).name.partition(".")[0]


def _times(count: int) -> str:
    return {0: "nowhere", 1: "once", 2: "twice"}.get(count, f"{count} times")
