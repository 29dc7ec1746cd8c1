"""The templates: found in the operator's folder or the built-in one, compiled once, faults named by file and line."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from newsletter.errors import RenderingError
from newsletter.rendering.language import Language
from newsletter.rendering.prose import wrap

ISSUE = "email/issue.mjml.j2"
ISSUE_TEXT = "text/issue.txt.j2"
PAPER_TEXT = "text/paper.txt.j2"
SHELL = "email/issue.html"
PAPER = "email/paper.html"
NOTICES = ("welcome", "confirmation", "goodbye", "nothing")
BEGIN, END = "<!-- paper -->", "<!-- /paper -->"

_INCLUDE = re.compile(r"""<mj-include\s+path=["'](?:\./)?([^"']+)["']\s*(?:/>|>\s*</mj-include>)""")
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

    `folders` are looked into in turn. Raises RenderingError for a template that is missing or wrong.
    """

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._loader = jinja2.FileSystemLoader(folders)
        self._plain = _environment(self._loader)
        self._sources: dict[str, tuple[str, str]] = {}
        for name in (ISSUE_TEXT, PAPER_TEXT, *map(notice_text, NOTICES)):
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
        if html.count(BEGIN) != 1 or html.count(END) != 1 or html.index(BEGIN) > html.index(END):
            raise _wrong(ISSUE, f"the block of a paper stands once between {BEGIN} and {END}")
        before, _, rest = html.partition(BEGIN)
        paper, _, after = rest.partition(END)
        notices = {notice_html(kind): self._to_html(f"email/{kind}.mjml.j2") for kind in NOTICES}
        return {SHELL: before + "{{ papers }}" + after, PAPER: paper, **notices}

    def _to_html(self, name: str) -> str:
        from mjml import mjml2html

        source = self._expanded(name)
        try:
            html = mjml2html(source, fonts={})
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
            self._plain.parse(source, name, file)
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
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.filters["wrap"] = wrap
    return environment


def _wrong(where: str, what: str) -> RenderingError:
    return RenderingError(f"The template {where} is wrong: {what.rstrip('.')}.", next_step="Mend it there.")


def safe(html: str) -> Markup:
    """Return HTML that was made safe before, for a template to print as it is."""
    return Markup(html)  # noqa: S704
