"""Mail on the operator's pages: the next one of a reader, or a sample, in frames in which nothing runs."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from newsletter.errors import NotFoundError, UsageError
from newsletter.pipeline import gallery, samples
from newsletter.pipeline.operator_mail import Wish
from newsletter.tokens import TokenError
from newsletter.web.desk import Desk
from newsletter.web.forms import fields
from newsletter.web.frames import MAIL, framed
from newsletter.web.operator import Board, board_of, door, page_of


async def answer(request: Request) -> Response:
    """Show the form, and the mail that it asks for; nothing is sent, and nothing is put on record."""
    desk, board = board_of(request)
    if not board.settings.open:
        return desk.fault(request, "nowhere", 404)
    if not await board.lets_in(request):
        return door(desk, board, request)
    if request.method != "POST":
        return await _page(desk, board, request, Wish(next(iter(samples.kinds()))))
    asked = await fields(request)
    if not board.own(request, asked.get("form", "")):
        return door(desk, board, request, wrong="form", status=403)
    kind, email, before = asked.get("kind", ""), asked.get("email", "").strip(), asked.get("of", "")
    look, language = asked.get("look", ""), asked.get("language", "")
    try:
        wish = await board.mail.wish(kind, email, before, look, language)
    except (NotFoundError, UsageError):
        return await _page(desk, board, request, None, fault="unknown" if email else "nobody", status=422)
    return await _page(desk, board, request, wish)


async def mail(request: Request) -> Response:
    """Show one mail, for a frame of that page."""
    desk, board = board_of(request)
    if not board.settings.open or not await board.lets_in(request):
        return desk.fault(request, "nowhere", 404)
    try:
        seen = await board.mail.see(request.path_params["shown"])
    except (TokenError, NotFoundError):
        return framed(desk.fault(request, "broken", 404))
    if seen is None:
        return framed(desk.fault(request, "busy", 503))
    return framed(HTMLResponse(seen.html, headers=desk.headers), MAIL)


async def _page(
    desk: Desk, board: Board, request: Request, wish: Wish | None, *, fault: str = "", status: int = 200
) -> Response:
    seen, token = None, ""
    if wish is not None:
        token = board.mail.token(wish)
        seen = await board.mail.see(token)
        if seen is None:
            fault, status = "busy", 503
    return page_of(
        desk,
        board,
        request,
        "operator_mail",
        status,
        also="frame-src 'self'",
        fault=fault,
        kinds=[(kind.name, kind.title) for kind in samples.kinds().values()],
        looks=gallery.looks(),
        languages=samples.LANGUAGES,
        asked={"kind": wish.kind, "look": wish.look, "language": wish.language} if wish else Wish()._asdict(),
        token=token,
        mail=seen,
    )
