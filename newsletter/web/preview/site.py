"""The addresses of the page: itself, a mail in its frames, addresses that begin so, and whether something changed."""

from datetime import date
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from newsletter.pipeline import gallery, samples
from newsletter.web.preview.bench import Asked, Bench, Fault

# A page asks again when it had no news for so many seconds, which proxies and browsers bear.
WAIT = 20.0

_SHARED = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# Mail has its style in it and fetches nothing; nothing in it runs or is sent.
_MAIL = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-same-origin"
)


def site(bench: Bench, viewer: Any, port: int) -> ASGIApp:
    """Return the page for the port of this machine that it is served on."""
    policy = (
        f"default-src 'none'; script-src '{viewer.script_hash}'; style-src '{viewer.style_hash}'; img-src data:; "
        "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )

    async def page(request: Request) -> Response:
        # Before all else, so that what changes meanwhile is news.
        stamp = bench.stamp
        asked = _asked(request)
        found = await bench.see(asked)
        fault, number, proof = (found, "", None) if isinstance(found, Fault) else (None, *found)
        if not asked.email and not asked.kind:
            asked = asked._replace(kind=next(iter(samples.kinds())))
        html = viewer.page(
            "page",
            stamp=stamp,
            asked=asked._replace(look=asked.look or bench.look),
            kinds=samples.kinds().values(),
            looks=gallery.looks(),
            languages=samples.LANGUAGES,
            people=await bench.people(""),
            fault=fault,
            number=number,
            proof=proof,
        )
        return HTMLResponse(html, headers={**_SHARED, "Content-Security-Policy": policy})

    async def mail(request: Request) -> Response:
        proof = bench.kept(request.path_params["number"])
        form = request.path_params["form"]
        headers = {**_SHARED, "Content-Security-Policy": _MAIL}
        if proof is None or form not in ("light", "dark", "eml"):
            return PlainTextResponse("This is gone; load the page again.\n", 404, headers)
        if form == "eml":
            return Response(proof.content, headers=headers, media_type="message/rfc822")
        return HTMLResponse(proof.screen(form), headers=headers)

    async def people(request: Request) -> Response:
        return JSONResponse(await bench.people(request.query_params.get("part", "")), headers=_SHARED)

    async def changes(request: Request) -> Response:
        return JSONResponse({"stamp": await bench.news(request.query_params.get("after", ""), WAIT)}, headers=_SHARED)

    routes = [
        Route("/", page),
        Route("/proof/{number}/{form}", mail),
        Route("/people", people),
        Route("/changes", changes),
    ]
    return _for_this_machine(Starlette(routes=routes), port)


def _asked(request: Request) -> Asked:
    given = request.query_params
    try:
        day = date.fromisoformat(given.get("date", ""))
    except ValueError:
        day = None
    language = given.get("language", "")
    return Asked(
        email=given.get("email", "").strip(),
        day=day,
        look=given.get("look", ""),
        language=language if language in samples.LANGUAGES else "",
        kind=given.get("kind", ""),
    )


def _for_this_machine(site: ASGIApp, port: int) -> ASGIApp:
    """Answer only who asks this machine by a name of its own, so that no page whose name leads here reads anything."""
    names = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
    if port == 80:
        names |= {"127.0.0.1", "localhost"}

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        hosts = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
        if scope["type"] == "http" and (len(hosts) != 1 or hosts[0] not in names):
            await PlainTextResponse("This is for the operator of this machine.\n", 421)(scope, receive, send)
            return
        await site(scope, receive, send)

    return call
