"""The mail of today for some topics, in a frame of the page to subscribe."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from newsletter.pipeline.turns import BusyError
from newsletter.tokens import TokenError
from newsletter.web.desk import Desk
from newsletter.web.frames import MAIL, framed


async def answer(request: Request) -> Response:
    """Show the mail; nothing changes."""
    desk: Desk = request.app.state.desk
    try:
        html = await desk.examples.html(request.path_params["token"])
    except BusyError:
        return framed(desk.fault(request, "busy", 503))
    except TokenError:
        return framed(desk.fault(request, "broken", 404))
    if not html:
        return framed(desk.open_page(request, "fault", kind="empty", days=0))
    return framed(HTMLResponse(html, headers=desk.headers), MAIL)
