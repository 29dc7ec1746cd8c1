"""What the answers to readers share: acts, templates, language, and the headers that keep a page to its reader."""

from datetime import timedelta
from typing import Any, Self
from urllib.parse import quote, unquote, urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from newsletter.app import App
from newsletter.errors import StoreError
from newsletter.models import Paper, Reason, Subscriber, Topic
from newsletter.pipeline import subscribers
from newsletter.pipeline.archive import Archive
from newsletter.pipeline.choices import languages
from newsletter.pipeline.foresight import NOBODY
from newsletter.pipeline.library import Library
from newsletter.pipeline.moving import shown
from newsletter.pipeline.outgoing import Outgoing
from newsletter.pipeline.own_data import OwnData
from newsletter.pipeline.readers import FEEDBACK_DAYS
from newsletter.pipeline.signups import Wording
from newsletter.pipeline.tries import network
from newsletter.web.copies import Copies
from newsletter.web.parts import Parts, parts

log = structlog.get_logger()

SECRETS_READ = timedelta(minutes=1)
# What a policy says on a page with pictures: those of this site alone.
PICTURES = "img-src 'self'"


class Desk:
    """Answers readers; one for the whole site."""

    def __init__(self, app: App, parts: Parts) -> None:
        self.readers, self.choices, self.lost, self.moving, self.foresight = parts[:5]
        self.signups, self.examples, self.web_versions, doors = parts[5:]
        self.settings = settings = app.settings
        self._app = app
        self._secrets_read_at = app.clock.now()
        self._proxy_told = False
        self.catalogue = app.catalogue
        self.languages = languages()
        self.library = Library(app.database, app.clock, doors)
        self.own = OwnData(app.database, app.clock, doors)
        self.copies: Copies[Response] = Copies(app.clock)
        self.archive = Archive(app.database, app.clock, settings.newsletter, settings.archive)
        # The path alone, so that a page works wherever it is reached: through a proxy, or on loopback.
        self._prefix = quote(unquote(urlsplit(app.settings.web.base_url).path).rstrip("/"))
        self._pages = app.pages(lambda file: self.path(f"/logo/{file}"))
        self.logo = self._pages.logo
        self.outgoing = Outgoing(self._pages, settings.newsletter, settings.web.base_url)
        self.headers = {
            "Content-Security-Policy": "default-src 'none'; "
            f"style-src '{self._pages.style_hash}'; "
            f"{PICTURES + '; ' if self.logo else ''}"
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            # An address of a page is a key to it.
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Robots-Tag": "noindex, nofollow",
        }
        # For a page that is nicer with a script of ours, which asks nobody but us.
        policy = self.headers["Content-Security-Policy"]
        self.scripted = {"Content-Security-Policy": f"{policy}; script-src 'self'; connect-src 'self'"}
        if app.settings.web.base_url.lower().startswith("https:"):
            # RFC 6797 section 6.1; what stands below the host is its operator's to decide.
            self.headers["Strict-Transport-Security"] = "max-age=31536000"

    @classmethod
    async def of(cls, app: App) -> Self:
        """Return the desk of an open newsletter; raises RenderingError for a wrong template."""
        return cls(app, await parts(app))

    def page(
        self, request: Request, page: str, person: Subscriber | None, status: int = 200, **values: Any
    ) -> Response:
        """Return a page for a reader, or for a stranger; `paper` among the values is shown as the mail shows it."""
        accepted = request.headers.get("accept-language", "")
        language = self._pages.language(person.language if person else "", accepted)
        if "paper" in values:
            values["paper"] = self._pages.paper(values["paper"], language)
        email = person.email if person else ""
        html = self._pages.page(page, language, email=email, action=self.here(request), **values)
        return HTMLResponse(html, status, {**self.headers, "Content-Language": language.code})

    def public(self, request: Request, page: str, **values: Any) -> Response:
        """Return a page for everybody, in a language that the browser names; it may be kept and found."""
        language = self.language(request)
        html = self._pages.page(page, language, **values)
        headers = {name: value for name, value in self.headers.items() if name != "X-Robots-Tag"}
        kept = {"Cache-Control": "public, max-age=300", "Vary": "Accept-Language", "Content-Language": language.code}
        return HTMLResponse(html, 200, headers | kept)

    def language_of(self, person: Subscriber) -> Any:
        """Return the language of a reader."""
        return self._pages.language(person.language)

    def entry_in(self, language: Any, paper: Paper) -> Any:
        """Return what a page in a language shows of a paper."""
        return self._pages.paper(paper, language)

    def listed(self, language: Any, paper: Paper) -> Any:
        """Return what a list in a language shows of a paper: all but its summary, which takes longest to make."""
        return self._pages.paper(paper, language, characters=0)

    def reason(self, reason: Reason, language: Any) -> str:
        """Return why a reader got a paper."""
        return self._pages.reason(reason, language)

    def open_page(
        self, request: Request, page: str, language: str = "", status: int = 200, *, also: str = "", **values: Any
    ) -> Response:
        """Return a page for whoever asks, in a language, else in one that the browser names.

        `also` is what its content security policy allows beside what all pages may.
        """
        found = self.language(request, language)
        html = self._pages.page(page, found, action=self.here(request), **values)
        policy = self.headers["Content-Security-Policy"]
        if also and also not in policy:
            policy = f"{policy}; {also}"
        headers = {**self.headers, "Content-Security-Policy": policy, "Content-Language": found.code}
        return HTMLResponse(html, status, headers)

    def language(self, request: Request, code: str = "") -> Any:
        """Return a language, else the first that a browser accepts, else that of the newsletter."""
        return self._pages.language(code, request.headers.get("accept-language", ""))

    def wording(self, language: Any) -> Wording:
        """Return what people are told, in a language, before they press the button that subscribes them."""
        return Wording(self._pages.words("consent", language))

    def client(self, request: Request) -> str:
        """Return the network address of who asks, as far as proxies of the operator's tell it."""
        address = request.client.host if request.client is not None else ""
        if hops := self.settings.web.proxies:
            # What others wrote before the last hops is anybody's word.
            named = [part.strip() for part in ",".join(request.headers.getlist("x-forwarded-for")).split(",")]
            if len(named) >= hops:
                return network(named[-hops]) or network(address)
        elif "x-forwarded-for" in request.headers and not self._proxy_told:
            self._proxy_told = True
            log.warning(
                "what is asked comes with X-Forwarded-For while web.proxies is 0, so that all people behind that proxy "
                "count as one network address: set web.proxies to the number of your proxies"
            )
        return network(address)

    def fault(self, request: Request, kind: str, status: int, *, close: bool = False) -> Response:
        """Return the page of a fault, in a language that the browser names; `close` leaves a body unread."""
        language = self.language(request)
        subscribe = self.path("/subscribe") if self.settings.signup.open else ""
        html = self._pages.page(
            "fault", language, kind=kind, days=FEEDBACK_DAYS, lost=self.path("/lost"), subscribe=subscribe
        )
        headers = {**self.headers, "Content-Language": language.code} | ({"Connection": "close"} if close else {})
        return HTMLResponse(html, status, headers)

    def crowded(self, request: Request) -> Response:
        """Return the page for one too many; their connection ends with it, so that there is room again."""
        answer = self.fault(request, "busy", 503, close=True)
        # RFC 9110 section 10.2.3, in seconds.
        answer.headers["Retry-After"] = "5"
        return answer

    async def prepare(self) -> None:
        """Have at hand what the first look at a next mail would wait for."""
        # Where topics lie among papers is found with the first one.
        topics = tuple(Topic(name=name) for name in list(self.catalogue)[:1])
        await self.foresight.prepare(subscribers.new(self.settings.newsletter, self._app.clock, NOBODY, topics=topics))

    async def follow(self) -> None:
        """Follow secrets that another process made new, at least once in SECRETS_READ."""
        now = self._app.clock.now()
        if abs(now - self._secrets_read_at) >= SECRETS_READ:
            self._secrets_read_at = now
            try:
                await self._app.signer()
            except StoreError:
                log.warning("secrets were not read")

    def entry(self, paper: Paper, person: Subscriber) -> Any:
        """Return what a list of a reader shows of a paper."""
        return self.listed(self._pages.language(person.language), paper)

    def masked(self, person: Subscriber) -> str:
        """Return an address as pages show it."""
        return shown(person)

    def script(self, name: str) -> Response:
        """Return a script of the pages."""
        return Response(self._pages.script(name), media_type="text/javascript", headers=self.headers)

    def said(self, text: str, status: int = 200, **headers: str) -> Response:
        """Return an answer for a program; `headers` have _ for the hyphen."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return PlainTextResponse(f"{text}\n", status, headers={**self.headers, **more})

    def leaving(self, person: Subscriber) -> str:
        """Return where a reader leaves."""
        return self.path(f"/unsubscribe/{self.choices.doors.leaving(person)}")

    def here(self, request: Request) -> str:
        """Return where readers find the page that they asked for; the host that they named has no part in it."""
        return self.path(quote(request.scope["path"]))

    def path(self, path: str) -> str:
        """Return where readers find a path of the site."""
        return f"{self._prefix}{path}"
