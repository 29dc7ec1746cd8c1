"""What the answers to readers share: acts, templates, language, and the headers that keep a page to its reader."""

from datetime import timedelta
from typing import Any, Self
from urllib.parse import urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from newsletter.app import App
from newsletter.errors import StoreError
from newsletter.models import Paper, Subscriber
from newsletter.pipeline.choices import languages
from newsletter.pipeline.moving import shown
from newsletter.pipeline.readers import FEEDBACK_DAYS
from newsletter.web.parts import Parts, parts

log = structlog.get_logger()

SECRETS_READ = timedelta(minutes=1)


class Desk:
    """Answers readers; one for the whole site."""

    def __init__(self, app: App, parts: Parts) -> None:
        self.readers, self.choices, self.lost, self.moving, self.foresight = parts
        self._app = app
        self._secrets_read_at = app.clock.now()
        self.catalogue = app.catalogue
        self.languages = languages()
        self._pages = app.pages()
        # The path alone, so that a page works wherever it is reached: through a proxy, or on loopback.
        self._prefix = urlsplit(app.settings.web.base_url).path.rstrip("/")
        self.headers = {
            "Content-Security-Policy": "default-src 'none'; "
            f"style-src '{self._pages.style_hash}'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            # An address of a page is a key to it.
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Robots-Tag": "noindex, nofollow",
        }
        policy = self.headers["Content-Security-Policy"]
        # For a page that is nicer with a script of ours, which asks nobody but us.
        self.scripted = {"Content-Security-Policy": f"{policy}; script-src 'self'; connect-src 'self'"}

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
        html = self._pages.page(page, language, email=email, action=self.path(request.url.path), **values)
        return HTMLResponse(html, status, {**self.headers, "Content-Language": language.code})

    def fault(self, request: Request, kind: str, status: int, *, close: bool = False) -> Response:
        """Return the page of a fault, in a language that the browser names; `close` leaves a body unread."""
        language = self._pages.language(accepted=request.headers.get("accept-language", ""))
        html = self._pages.page("fault", language, kind=kind, days=FEEDBACK_DAYS, lost=self.path("/lost"))
        headers = {**self.headers, "Content-Language": language.code} | ({"Connection": "close"} if close else {})
        return HTMLResponse(html, status, headers)

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
        """Return what a page of a reader shows of a paper."""
        return self._pages.paper(paper, self._pages.language(person.language))

    def masked(self, person: Subscriber) -> str:
        """Return an address as pages show it."""
        return shown(person)

    def script(self, name: str) -> Response:
        """Return a script of the pages."""
        return Response(self._pages.script(name), media_type="text/javascript", headers=self.headers)

    def said(self, text: str) -> Response:
        """Return an answer for a program."""
        return PlainTextResponse(f"{text}\n", headers=self.headers)

    def leaving(self, person: Subscriber) -> str:
        """Return where a reader leaves."""
        return self.path(f"/unsubscribe/{self.choices.doors.leaving(person)}")

    def path(self, path: str) -> str:
        """Return where readers find a path of the site."""
        return f"{self._prefix}{path}"
