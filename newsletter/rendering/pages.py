"""The readers' pages: templates filled with words of their language; knows no server, no token and no form."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from newsletter import config
from newsletter.errors import RenderingError
from newsletter.models import Paper, Reason
from newsletter.rendering.choosing import names_of
from newsletter.rendering.codes import Codes
from newsletter.rendering.hosts import Hosts
from newsletter.rendering.language import Language, available, resolve
from newsletter.rendering.look import Brand, brand_of
from newsletter.rendering.page_samples import SAMPLES
from newsletter.rendering.paper import Entry, entry
from newsletter.rendering.prose import clean
from newsletter.rendering.reasons import reason_sentence
from newsletter.rendering.templates import safe

STYLE = "web/style.css"

_CODES = Codes()
# What is shown of so many papers is kept: thousands of readers look at the same ones, and it is nobody's own.
_KEPT = 2048
_MOST_LANGUAGES = 20


class Pages:
    """Renders pages.

    `folders` of templates are looked into in turn. `given` has a sample of what the template of each page gets, by its
    name. `brand` is by default that of settings that say nothing of it, and `logo_address` tells where browsers find
    the file of its logo. `search_url` has `{title}` where the title of a paper belongs that has no address, and `tidy`
    makes the TeX of titles readable. Raises RenderingError for a template that is missing or wrong.
    """

    def __init__(
        self,
        newsletter: config.Newsletter,
        folders: tuple[Path, ...],
        *,
        search_url: str,
        tidy: Callable[[str], str],
        brand: Brand | None = None,
        logo_address: Callable[[str], str] = str,
    ) -> None:
        self.given: dict[str, Mapping[str, Any]] = {}
        self._newsletter = newsletter
        brand = brand or brand_of(config.Brand())
        self.logo = brand.logo
        self._logo_address = logo_address(self.logo.file) if self.logo else ""
        self.search_url = search_url
        self._tidy = tidy
        self._hosts = Hosts()
        self._shown = lru_cache(maxsize=_KEPT)(self._entry)
        self._loader = jinja2.FileSystemLoader(folders)
        self._environments: dict[str, jinja2.Environment] = {}
        try:
            style, _, _ = self._loader.get_source(jinja2.Environment(autoescape=True), STYLE)
        except jinja2.TemplateNotFound as error:
            raise RenderingError(f"There is no {STYLE}.", next_step="Install the newsletter package again.") from error
        # Its own file of styles uses the operator's colours, and may say others.
        style = brand.css + style
        self._style = safe(style)
        # Of the very text between the tags (CSP level 3, section 2.3.1).
        self.style_hash = f"sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}"
        # So that a wrong template is told at the start, and not to a reader.
        for page, values in SAMPLES.items():
            self.page(page, resolve(newsletter.language), **values)

    def page(self, page: str, language: Language, *, email: str = "", **values: Any) -> str:
        """Return a page in a language for the reader with an address, which is shown masked."""
        newsletter = self._newsletter
        contact = newsletter.reply_to or newsletter.from_address
        shared = {
            "language": language,
            "name": newsletter.name,
            "postal_address": newsletter.postal_address,
            "contact": contact,
            "contact_link": f"mailto:{quote(contact, safe='@+')}",  # RFC 6068 section 2
            "style": self._style,
            "logo": self.logo,
            "logo_address": self._logo_address,
            "email": masked(email),
        }
        template = self._template(page, language)
        if _file(page) not in self.given:
            self.given[_file(page)] = {**template.globals, **shared, **values}
        try:
            return template.render(shared | values)
        except jinja2.TemplateError as error:
            raise _wrong(page, error) from error
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise _wrong(page, jinja2.TemplateRuntimeError(f"{type(error).__name__}: {error}")) from error

    def words(self, page: str, language: Language) -> str:
        """Return the words of a page without its tags."""
        # What is rendered here is made safe here.
        return " ".join(Markup(self.page(page, language)).striptags().split())  # noqa: S704

    def paper(self, paper: Paper, language: Language, *, characters: int = 80) -> Entry:
        """Return what a page shows of a paper; `characters` is about how long its summary is, with 0 there is none."""
        return self._shown(paper, language, characters)

    def _entry(self, paper: Paper, language: Language, characters: int) -> Entry:
        return entry(
            paper, language, search_url=self.search_url, characters=characters, tidy=self._tidy, hosts=self._hosts
        )

    def reason(self, reason: Reason, language: Language) -> str:
        """Return why a reader got a paper, as a sentence without a full stop."""
        return reason_sentence(reason, language.code)

    def script(self, name: str) -> str:
        """Return a script of the folder of the pages."""
        return self._loader.get_source(jinja2.Environment(autoescape=True), f"web/{name}")[0]

    def language(self, code: str = "", accepted: str = "") -> Language:
        """Return the language of a reader, else the first that a browser accepts, else that of the newsletter."""
        return resolve(code or _accepted(accepted) or self._newsletter.language)

    def _template(self, page: str, language: Language) -> jinja2.Template:
        environment = self._environments.get(language.catalogue)
        if environment is None:
            environment = jinja2.Environment(
                loader=self._loader, autoescape=True, undefined=jinja2.StrictUndefined, extensions=["jinja2.ext.i18n"],
                trim_blocks=True, lstrip_blocks=True, bytecode_cache=_CODES,
            )  # fmt: skip
            environment.policies["ext.i18n.trimmed"] = True
            environment.globals["names_of"] = names_of
            environment.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined]
            self._environments[language.catalogue] = environment
        try:
            return environment.get_template(_file(page))
        except jinja2.TemplateError as error:
            raise _wrong(page, error) from error


def pages_of(
    settings: config.Settings, templates: Path, *, tidy: Callable[[str], str], logo_address: Callable[[str], str]
) -> Pages:
    """Return what renders the pages of a newsletter: in its brand, and with its operator's templates first.

    `templates` has the built-in ones, and `logo_address` tells where browsers find the file of the logo. Raises
    RenderingError for a wrong template, or a logo that cannot be used.
    """
    own = settings.rendering.templates
    return Pages(
        settings.newsletter,
        (settings.path(own), templates) if own else (templates,),
        search_url=settings.feeds.search_url,
        tidy=tidy,
        brand=brand_of(settings.brand, settings.folder),
        logo_address=logo_address,
    )


def _file(page: str) -> str:
    return f"web/{page}.html.j2"


def masked(email: str) -> str:
    """Return an address of which a stranger learns the first letter and the domain."""
    local, _, domain = clean(email).rpartition("@")
    return f"{local[:1]}•••@{domain}" if domain else ""


def _accepted(header: str) -> str:
    """Return the best language of Accept-Language (RFC 9110 section 12.5.4) that there are words of."""
    found: list[tuple[float, str]] = []
    for part in header[:500].split(",")[:_MOST_LANGUAGES]:
        tag, _, weight = part.strip().partition(";q=")
        try:
            quality = float(weight or 1)
        except ValueError:
            continue
        if quality > 0 and tag.partition("-")[0].lower() in available():
            found.append((quality, tag))
    return max(found, key=lambda one: one[0])[1] if found else ""


def _wrong(page: str, error: jinja2.TemplateError) -> RenderingError:
    where = getattr(error, "filename", None) or getattr(error, "name", None) or _file(page)
    line = f", line {error.lineno}" if isinstance(error, jinja2.TemplateSyntaxError) else ""
    return RenderingError(f"The template {where}{line} is wrong: {error}.", next_step="Mend it there.")
