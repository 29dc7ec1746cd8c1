"""The operator's page: figures behind a login, as plots and as tables; it shows, and changes nothing but who is in."""

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from newsletter.app import App
from newsletter.pipeline import figures
from newsletter.pipeline.entrance import HOURS, Entrance
from newsletter.pipeline.figures import Chart, Figures
from newsletter.pipeline.operator_mail import OperatorMail
from newsletter.tokens import Signer, TokenError
from newsletter.web.desk import PICTURES, Desk
from newsletter.web.forms import UnreadError, fields

if TYPE_CHECKING:
    from newsletter.config import Operator

SPANS = (30, 90, 365)
# So long figures are shown again: each look goes through all deliveries of the span.
FRESH = timedelta(seconds=60)
# The form has to come back within an hour.
_FORM_SECONDS = 3600
_FORM = "operator"


class Board:
    """What the operator's page needs; one for the whole site."""

    def __init__(self, app: App, signer: Signer, desk: Desk) -> None:
        self.settings: Operator = app.settings.operator
        self.mail = OperatorMail(app.database, app.clock, signer, desk.foresight, app.sample_writer)
        self.entrance = Entrance(app.database, app.clock, self.settings.password_hash)
        self.draws = app.draws
        self.secure = app.settings.web.base_url.startswith("https:")
        # A name that begins so is taken from no other path or host (RFC 6265bis section 4.1.3).
        self.cookie = "__Secure-operator" if self.secure else "operator"
        self._app = app
        self._signer = signer
        self._kept: dict[int, Figures] = {}
        self._look = asyncio.Lock()

    @classmethod
    async def of(cls, app: App, desk: Desk) -> Self:
        """Return the board of an open newsletter, at the desk of its pages."""
        return cls(app, await app.signer(), desk)

    async def figures(self, days: int) -> Figures:
        """Return the figures of the last days, as fresh as they need to be."""
        async with self._look:
            now = self._now()
            kept = self._kept.get(days)
            if kept is None or not timedelta() <= now - kept.at < FRESH:
                kept = self._kept[days] = await figures.gather(self._app.database.far(), now, days)
        return kept

    async def lets_in(self, request: Request) -> bool:
        """Tell whether who asks is the operator: by the word of a proxy, or by their session."""
        header = self.settings.proxy_header
        if header and request.client is not None and request.client.host in self.settings.proxies:
            return bool(request.headers.get(header, "").strip())
        return await self.entrance.holds(request.cookies.get(self.cookie, ""))

    def draw(self, chart: Chart) -> bytes:
        """Return a chart as SVG."""
        # What draws is loaded with the first chart, and in the thread that draws.
        return self._app.plotter()(chart.kind, chart.labels, list(chart.drawn.values()))

    def form(self) -> str:
        """Return what a form of this page carries, so that no other page can send it."""
        return self._signer.sign(_FORM, int(self._now().timestamp()))

    def own(self, request: Request, token: str) -> bool:
        """Tell whether a form is one of this page, and not too old."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        try:
            made = self._signer.read(_FORM, token)[0]
        except TokenError:
            return False
        return isinstance(made, int) and 0 <= self._now().timestamp() - made < _FORM_SECONDS

    def _now(self) -> datetime:
        return self._app.clock.now()


async def answer(request: Request) -> Response:
    """Show the figures or the way in, let somebody in or out."""
    desk, board = board_of(request)
    if not board.settings.open:
        return desk.fault(request, "nowhere", 404)
    if request.method == "POST":
        return await _act(request, desk, board)
    if not await board.lets_in(request):
        return door(desk, board, request)
    days = _days(request)
    found = await board.figures(days)
    return page_of(
        desk, board, request, "operator", also=PICTURES, found=found, days=days, spans=SPANS, draws=board.draws
    )


async def plot(request: Request) -> Response:
    """Draw one chart for whom it may concern."""
    desk, board = board_of(request)
    if not board.settings.open or not await board.lets_in(request):
        return desk.fault(request, "nowhere", 404)
    chart = (await board.figures(_days(request))).chart(request.path_params["name"])
    if chart is None:
        return desk.fault(request, "nowhere", 404)
    drawn = await asyncio.to_thread(board.draw, chart)
    policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return Response(drawn, headers={**desk.headers, "Content-Security-Policy": policy}, media_type="image/svg+xml")


async def _act(request: Request, desk: Desk, board: Board) -> Response:
    asked = await fields(request)
    act = asked.get("act")
    if act not in ("enter", "leave"):
        raise UnreadError(400)
    if not board.own(request, asked.get("form", "")):
        return door(desk, board, request, wrong="form", status=403)
    there = RedirectResponse(desk.path("/operator"), 303, desk.headers)
    if act == "leave":
        await board.entrance.end(request.cookies.get(board.cookie, ""))
        there.delete_cookie(board.cookie, desk.path("/operator"), secure=board.secure, httponly=True, samesite="strict")
        return there
    if not await board.entrance.may(desk.client(request)):
        return door(desk, board, request, wrong="often", status=429)
    secret = await board.entrance.begin(asked.get("password", ""))
    if secret is None:
        return door(desk, board, request, wrong="password", status=403)
    there.set_cookie(
        board.cookie,
        secret,
        max_age=HOURS * 3600,
        path=desk.path("/operator"),
        secure=board.secure,
        httponly=True,
        samesite="strict",
    )
    return there


def door(desk: Desk, board: Board, request: Request, *, wrong: str = "", status: int = 200) -> Response:
    """Return the page on which one logs in."""
    return page_of(desk, board, request, "entrance", status, wrong=wrong)


def page_of(
    desk: Desk, board: Board, request: Request, page: str, status: int = 200, *, also: str = "", **values: Any
) -> Response:
    """Return a page of the operator's; `also` is what its policy allows beside what all pages may."""
    shared = {"path": desk.path("/operator"), "form": board.form(), "by_password": bool(board.settings.password_hash)}
    return desk.open_page(request, page, "en", status, also=also, **shared, **values)


def _days(request: Request) -> int:
    asked = request.query_params.get("days", "")
    return int(asked) if asked in map(str, SPANS) else SPANS[0]


def board_of(request: Request) -> tuple[Desk, Board]:
    """Return what the operator's pages are made with."""
    return request.app.state.desk, request.app.state.board
