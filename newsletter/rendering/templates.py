"""The templates: found in the operator's folder or the built-in one, compiled once, faults named by file and line."""

import difflib
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from newsletter.errors import RenderingError
from newsletter.rendering.codes import Codes
from newsletter.rendering.language import Language
from newsletter.rendering.prose import wrap

ISSUE = "email/issue.mjml.j2"
ISSUE_TEXT = "text/issue.txt.j2"
PAPER_TEXT = "text/paper.txt.j2"
SECTION_TEXT = "text/section.txt.j2"
TOLD_TEXT = "text/told.txt.j2"
REVISED_TEXT = "text/revised.txt.j2"
TEXTS = (ISSUE_TEXT, PAPER_TEXT, SECTION_TEXT, TOLD_TEXT, REVISED_TEXT)
SHELL = "email/issue.html"
PAPER, SECTION, TOLD, REVISED, REST = PARTS = tuple(
    f"email/{name}.html" for name in ("paper", "section", "told", "revised", "rest")
)
NOTICES = ("welcome", "confirmation", "goodbye", "link", "known", "answer", "nothing")

_CODES = Codes()

_INCLUDE = re.compile(r"""<mj-include\s+path=["'](?:\./)?([^"']+)["']\s*(?:/>|>\s*</mj-include>)""")
_PAPER_BEGINS = re.compile(r"<mj-raw>\s*<!-- paper -->")
_UNDEFINED = re.compile(r"'([^']+)' is undefined|no attribute '([^']+)'")
_UNKNOWN_TAG = re.compile(r"<(mj-[a-z-]+)")
_POSITION = re.compile(r"at position (\d+)")

# MJML takes only fixed words for the side of a text, and gives the body neither language nor direction.
_BY_LANGUAGE = (
    (re.compile(r"<body\b"), '<body lang="{{ language.code }}" dir="{{ language.direction }}"'),
    (re.compile(r"\bdirection:ltr\b"), "direction:{{ language.direction }}"),
    (re.compile(r"\btext-align:left\b"), "text-align:{{ language.start }}"),
    (re.compile(r'\balign="left"'), 'align="{{ language.start }}"'),
)

MJML_TAGS = (
    "mj-attributes",
    "mj-body",
    "mj-button",
    "mj-column",
    "mj-divider",
    "mj-group",
    "mj-head",
    "mj-include",
    "mj-raw",
    "mj-section",
    "mj-spacer",
    "mj-style",
    "mj-table",
    "mj-text",
    "mj-title",
    "mj-wrapper",
)


class Templates:
    """The sources of all templates of a mail, and what MJML made of them.

    `folders` are looked into in turn. `given` has what each template was first filled with, by its name. Raises
    RenderingError for a template that is missing or wrong.
    """

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self.given: dict[str, Mapping[str, Any]] = {}
        self._loader = jinja2.FileSystemLoader(folders)
        self._plain = _environment(self._loader)
        self._sources: dict[str, tuple[str, str]] = {}
        for name in (*TEXTS, *map(notice_text, NOTICES)):
            self._source(name)
        self._compiled = self._compile()

    def environment(self, language: Language) -> jinja2.Environment:
        """Return what renders the templates with the words of a language."""
        loader = jinja2.ChoiceLoader([jinja2.DictLoader(self._compiled), self._loader])
        environment = _environment(loader)
        environment.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined]
        return environment

    def render(self, environment: jinja2.Environment, name: str, values: Mapping[str, Any]) -> str:
        """Return a template filled with values; raises RenderingError that names file and line where it can."""
        if name not in self.given:
            self.given[name] = {**environment.globals, **values}
        try:
            return environment.get_template(name).render(values)
        except jinja2.TemplateSyntaxError as error:
            raise self._syntax(error) from error
        except jinja2.UndefinedError as error:
            found = _UNDEFINED.search(str(error))
            word = next((group for group in found.groups() if group), "") if found else ""
            raise _wrong(self._line_of(rf"\b{re.escape(word)}\b", name), str(error)) from error
        except jinja2.TemplateError as error:
            raise _wrong(written_in(name), str(error)) from error
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise _wrong(written_in(name), f"{type(error).__name__}: {error}") from error

    def _compile(self) -> dict[str, str]:
        html = self._to_html(ISSUE)
        compiled = {notice_html(kind): self._to_html(f"email/{kind}.mjml.j2") for kind in NOTICES}
        for name in PARTS:
            begin, end = _begin(name), _end(name)
            if html.count(begin) != 1 or html.count(end) != 1 or html.index(begin) > html.index(end):
                raise _wrong(ISSUE, f"the {_name(name)} stands once between {begin} and {end}")
            before, _, rest = html.partition(begin)
            compiled[name], _, after = rest.partition(end)
            html = before + ("{{ papers }}" if name == PAPER else "") + after
        return {SHELL: html, **compiled}

    def _to_html(self, name: str) -> str:
        source = self._expanded(name)
        if name == ISSUE:
            source = _PAPER_BEGINS.sub(lambda found: self._absent(source) + found[0], source, count=1)
        try:
            html = _of_mjml(source)
        except ValueError as error:
            raise _wrong(self._at(source, str(error)), f"MJML: {error}") from error
        if unknown := _UNKNOWN_TAG.search(html):
            tag = unknown[1]
            near = difflib.get_close_matches(tag, MJML_TAGS, n=1)
            hint = f", or is <{near[0]}> meant" if near and near[0] != tag else " in this place"
            raise _wrong(self._line_of(f"<{tag}\\b", SHELL), f"MJML knows no <{tag}>{hint}")
        for pattern, replacement in _BY_LANGUAGE:
            html = pattern.sub(replacement, html)
        return html

    def _absent(self, source: str) -> str:
        """Return the parts that a template of the operator's own, made before there were any, does not take in."""
        parts = [name for name in PARTS if name != PAPER and _begin(name) not in source]
        return "".join(
            f"<mj-raw>{_begin(name)}</mj-raw>\n{self._expanded(written_in(name))}\n<mj-raw>{_end(name)}</mj-raw>\n"
            for name in parts
        )

    def _expanded(self, name: str, above: tuple[str, ...] = ()) -> str:
        """Return an MJML source with its parts in place: mjml-python drops attributes of what it includes itself."""
        if name in above:
            raise _wrong(name, "it includes itself")

        def part(match: re.Match[str]) -> str:
            return self._expanded(f"email/{match[1]}", (*above, name)).rstrip("\n")

        return _INCLUDE.sub(part, self._source(name))

    def _source(self, name: str) -> str:
        """Return the text of a template that Jinja can read."""
        if name in self._sources:
            return self._sources[name][0]
        try:
            source, file, _ = self._loader.get_source(self._plain, name)
            self._sources[name] = source, file
            _read_through(source, name, file)
        except jinja2.TemplateSyntaxError as error:
            raise self._syntax(error) from error
        except jinja2.TemplateNotFound as error:
            raise RenderingError(
                f"There is no template {name}.", next_step="Look at the name, or install the newsletter package again."
            ) from error
        except UnicodeDecodeError as error:
            raise _wrong(name, "it is not UTF-8") from error
        return source

    def _syntax(self, error: jinja2.TemplateSyntaxError) -> RenderingError:
        where = error.name or ISSUE
        if written_in(where) != where:
            return _wrong(written_in(where), error.message or "")
        file = self._sources[where][1] if where in self._sources else where
        return _wrong(f"{file}, line {error.lineno}", error.message or "")

    def _line_of(self, pattern: str, name: str) -> str:
        """Return the file and the first line that holds the pattern, among those that `name` was made of."""
        made_of = [name] if name in self._sources else [part for part in self._sources if part.startswith("email/")]
        for source, file in map(self._sources.__getitem__, made_of):
            for number, line in enumerate(source.split("\n"), 1):
                if re.search(pattern, line):
                    return f"{file}, line {number}"
        return written_in(name)

    def _at(self, source: str, message: str) -> str:
        """Return the file and line of a fault that MJML found in the source with all parts in place."""
        found = _POSITION.search(message)
        if not found:
            return self._sources[ISSUE][1]
        before = source.encode()[: int(found[1])]
        line = source.split("\n")[before.count(b"\n")].strip()
        return self._line_of(re.escape(line), SHELL)


def written_in(name: str) -> str:
    """Return the template that people know, for the name of what was made of it."""
    return ISSUE if name == SHELL else re.sub(r"\.html$", ".mjml.j2", name)


def notice_html(kind: str) -> str:
    """Return the name of what is made of the template of a notice."""
    return f"email/{kind}.html"


def notice_text(kind: str) -> str:
    """Return the name of the template of a notice in plain text."""
    return f"text/{kind}.txt.j2"


def _name(part: str) -> str:
    return part.removeprefix("email/").removesuffix(".html")


def _begin(part: str) -> str:
    return f"<!-- {_name(part)} -->"


def _end(part: str) -> str:
    return f"<!-- /{_name(part)} -->"


@lru_cache(maxsize=64)
def _of_mjml(source: str) -> str:
    from mjml import mjml2html

    html: str = mjml2html(source, fonts={})
    return html


@lru_cache(maxsize=256)
def _read_through(source: str, name: str, file: str) -> None:
    """Raise jinja2.TemplateSyntaxError for a text that Jinja cannot read."""
    bare_environment().parse(source, name, file)


def bare_environment() -> jinja2.Environment:
    """Return what reads templates as the mail does, and has none."""
    return _environment(jinja2.DictLoader({}))


def _environment(loader: jinja2.BaseLoader) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=loader,
        # By name, so that nothing but plain text can ever be rendered without escaping.
        autoescape=jinja2.select_autoescape((), ("txt.j2",), default_for_string=True, default=True),
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=_CODES,
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.filters["wrap"] = wrap
    return environment


def _wrong(where: str, what: str) -> RenderingError:
    return RenderingError(f"The template {where} is wrong: {what.rstrip('.')}.", next_step="Mend it there.")


def safe(html: str) -> Markup:
    """Return HTML that was made safe before, for a template to print as it is."""
    return Markup(html)  # noqa: S704
