"""The page on which whoever lost their mail has a link sent to them; it tells nobody who is subscribed."""

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from newsletter.pipeline.lost import is_address
from newsletter.web.desk import Desk
from newsletter.web.forms import fields


async def answer(request: Request) -> Response:
    """Show the form, or have a link sent; GET never acts."""
    desk: Desk = request.app.state.desk
    if request.method != "POST":
        return _page(desk, request)
    asked = await fields(request)
    email = asked.get("email", "").strip()
    if not is_address(email):
        return _page(desk, request, 422, email=email, fault="address")
    if not desk.lost.in_time(asked.get("form", "")):
        return _page(desk, request, 422, email=email, fault="form")
    answered = _page(desk, request, stage="sent")
    if await desk.lost.may(desk.client(request), email):
        # After the answer, so that how long it takes tells nothing either.
        answered.background = BackgroundTask(desk.lost.send, email)
    return answered


def _page(
    desk: Desk, request: Request, status: int = 200, *, stage: str = "ask", email: str = "", fault: str = ""
) -> Response:
    return desk.page(request, "lost", None, status, stage=stage, typed=email, fault=fault, form=desk.lost.form())
