"""The site: which address leads to which page, what all answers have in common, and what a fault looks like."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from newsletter import config
from newsletter.app import App, open_app
from newsletter.errors import NewsletterError, StoreError
from newsletter.pipeline.archive import ClosedError
from newsletter.pipeline.doors import OldLinkError, RevokedError
from newsletter.pipeline.hooks import Hooks
from newsletter.pipeline.readers import GoneError, OldError, PlaceError
from newsletter.tokens import TokenError
from newsletter.web import (
    address,
    archive,
    coming,
    confirm,
    example,
    feedback,
    files,
    hooks,
    library,
    lost,
    mail,
    operator,
    operator_mail,
    own,
    pause,
    subscribe,
    unsubscribe,
)
from newsletter.web import settings as settings_page
from newsletter.web.ahead import ahead
from newsletter.web.desk import Desk
from newsletter.web.forms import UnreadError
from newsletter.web.operator import Board
from newsletter.web.origin import foreign

log = structlog.get_logger()

# What a server sets in the scope of a request if it has too many at once.
CROWDED = "newsletter.crowded"

# Which words a fault has, and its status (RFC 9110 section 15); the first that fits.
_FAULTS: tuple[tuple[type[Exception], str, int], ...] = (
    (RevokedError, "revoked", 410),
    (TokenError, "broken", 404),
    (OldLinkError, "late", 410),
    (OldError, "old", 410),
    (GoneError, "gone", 410),
    (PlaceError, "place", 404),
    (ClosedError, "nowhere", 404),
    (StoreError, "busy", 503),
)


def application() -> ASGIApp:
    """Return the pages for an ASGI server: `uvicorn --factory newsletter.web:application`.

    The settings are those of NEWSLETTER_CONFIG, and of the environment, as for all commands.
    """
    settings = config.load(config.find())

    @contextlib.asynccontextmanager
    async def opened(site: Starlette) -> AsyncIterator[None]:
        async with open_app(settings, near=True) as app:
            desk = await _furnish(site, app)
            async with ahead(desk.prepare):
                yield

    return _without_prefix(_site(settings, opened), settings)


async def pages(app: App) -> ASGIApp:
    """Return the pages of an open newsletter."""
    return (await furnished(app))[0]


async def furnished(app: App) -> tuple[ASGIApp, Desk]:
    """Return the pages of an open newsletter, and the desk at which they are answered."""
    site = _site(app.settings)
    desk = await _furnish(site, app)
    return _without_prefix(site, app.settings), desk


async def _furnish(site: Starlette, app: App) -> Desk:
    """Give the site what its answers come from."""
    site.state.desk = desk = await Desk.of(app)
    site.state.board = await Board.of(app, desk)
    site.state.hooks = Hooks(app.settings, app.clock, await app.intake())
    return desk


def _site(settings: config.Settings, lifespan: Any = None) -> Starlette:
    routes = [
        Route("/unsubscribe/{token}", unsubscribe.answer, methods=["GET", "POST"]),
        Route("/pause/{token}", pause.answer, methods=["GET", "POST"]),
        Route("/f/{token}/{mark}/paper.{form}", feedback.file),
        Route("/f/{token}/{mark}/{verdict}", feedback.answer, methods=["GET", "POST"]),
        Route("/operator", operator.answer, methods=["GET", "POST"]),
        Route("/operator/plots/{name}.svg", operator.plot),
        Route("/operator/mail", operator_mail.answer, methods=["GET", "POST"]),
        Route("/operator/mail/{shown}", operator_mail.mail),
        Route("/papers/{token}", library.answer, methods=["GET", "POST"]),
        Route("/papers/{token}/papers.{form}", library.file),
        Route("/feed/{token}/{form}", library.feed),
        Route("/mail/{token}/{issue}", mail.answer),
        Route("/data/{token}", own.answer, methods=["GET", "POST"]),
        Route("/data/{token}/data.json", own.file),
        Route("/archive", archive.days),
        Route("/archive/feed.{form}", archive.feed),
        Route("/archive/{day}", archive.day),
        Route("/settings/{token}", settings_page.answer, methods=["GET", "POST"]),
        Route("/settings.js", settings_page.script),
        Route("/next/{token}", coming.answer, methods=["GET", "POST"]),
        Route("/address/{token}", address.ask, methods=["GET", "POST"]),
        Route("/moved/{token}", address.confirm, methods=["GET", "POST"]),
        Route("/lost", lost.answer, methods=["GET", "POST"]),
        Route("/hooks/{relay}", hooks.answer, methods=["GET", "POST"]),
        Route("/robots.txt", _robots),
        Route("/confirm/{token}", confirm.answer, methods=["GET", "POST"]),
    ]
    if settings.brand.logo is not None:
        routes.append(Route("/logo/{file}", files.logo))
    if settings.signup.open:
        routes += [
            Route("/subscribe", subscribe.answer, methods=["GET", "POST"]),
            Route("/subscribe.js", subscribe.script),
            Route("/example/{token}", example.answer),
        ]
    site = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={
            NewsletterError: _fault,
            UnreadError: _unread,
            HTTPException: _elsewhere,
            Exception: _fault,
        },
    )
    # RFC 8058 section 3.1 wants no redirect.
    site.router.redirect_slashes = False
    return site


def _without_prefix(site: Starlette, settings: config.Settings) -> ASGIApp:
    """Let the pages be found with and without the path of web.base_url: some proxies take it away, some do not."""
    # The path of a scope is decoded.
    prefix = unquote(urlsplit(settings.web.base_url).path).rstrip("/")

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        if prefix and scope["type"] == "http" and scope["path"].startswith(f"{prefix}/"):
            within = {**scope, "path": scope["path"][len(prefix) :]}
            # What begins like the path may be a page, as /papers behind example.org/papers.
            if not _leads(site, scope) or _leads(site, within):
                scope = within
        if scope["type"] == "http":
            if scope.get(CROWDED):
                await site.state.desk.crowded(Request(scope))(scope, receive, send)
                return
            await site.state.desk.follow()
            request = Request(scope)
            if foreign(request, settings.web.base_url):
                await site.state.desk.fault(request, "foreign", 403, close=True)(scope, receive, send)
                return
        await site(scope, receive, send)

    return call


def _leads(site: Starlette, scope: Scope) -> bool:
    return any(route.matches(scope)[0] is not Match.NONE for route in site.routes)


async def _robots(request: Request) -> Response:
    desk = _desk(request)
    # RFC 9309 section 2.2.2: the longer rule counts.
    allowed = f"Allow: {desk.path('/archive')}\n" if desk.archive.open else ""
    return PlainTextResponse(f"User-agent: *\nDisallow: /\n{allowed}", headers=desk.headers)


async def _fault(request: Request, error: Exception) -> Response:
    for kind, words, status in _FAULTS:
        if isinstance(error, kind):
            return _desk(request).fault(request, words, status)
    # Never the address of the page: it holds a token.
    log.error("a page failed", fault=type(error).__name__)
    return _desk(request).fault(request, "fault", 500)


async def _unread(request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, UnreadError) else 400
    return _desk(request).fault(request, "unread", status, close=True)


async def _elsewhere(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    answer = _desk(request).fault(request, "nowhere" if status == 404 else "unread", status)
    # RFC 9110 section 15.5.6: what is allowed.
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


def _desk(request: Request) -> Desk:
    found: Desk = request.app.state.desk
    return found
