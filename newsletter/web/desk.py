"""What the answers to readers share: acts, templates, language, and the headers that keep a page to its reader."""

from typing import Any, Self
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from newsletter.app import App
from newsletter.models import Subscriber
from newsletter.pipeline.readers import FEEDBACK_DAYS, Readers


class Desk:
    """Answers readers; one for the whole site."""

    def __init__(self, app: App, readers: Readers) -> None:
        self.readers = readers
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
        if app.settings.web.base_url.lower().startswith("https:"):
            # RFC 6797 section 6.1; what stands below the host is its operator's to decide.
            self.headers["Strict-Transport-Security"] = "max-age=31536000"

    @classmethod
    async def of(cls, app: App) -> Self:
        """Return the desk of an open newsletter; raises RenderingError for a wrong template."""
        return cls(app, await app.readers())

    def page(self, request: Request, page: str, person: Subscriber, status: int = 200, **values: Any) -> Response:
        """Return a page for a reader; `paper` among the values is shown as the mail shows it."""
        language = self._pages.language(person.language)
        if "paper" in values:
            values["paper"] = self._pages.paper(values["paper"], language)
        html = self._pages.page(page, language, email=person.email, action=self.path(request.url.path), **values)
        return HTMLResponse(html, status, {**self.headers, "Content-Language": language.code})

    def fault(self, request: Request, kind: str, status: int, *, close: bool = False) -> Response:
        """Return the page of a fault, in a language that the browser names; `close` leaves a body unread."""
        language = self._pages.language(accepted=request.headers.get("accept-language", ""))
        html = self._pages.page("fault", language, kind=kind, days=FEEDBACK_DAYS)
        headers = {**self.headers, "Content-Language": language.code} | ({"Connection": "close"} if close else {})
        return HTMLResponse(html, status, headers)

    def said(self, text: str, status: int = 200, **headers: str) -> Response:
        """Return an answer for a program; `headers` have _ for the hyphen."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return PlainTextResponse(f"{text}\n", status, headers={**self.headers, **more})

    def path(self, path: str) -> str:
        """Return where readers find a path of the site."""
        return f"{self._prefix}{path}"
