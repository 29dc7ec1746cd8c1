"""The mail of today for some topics, in a frame of the page to subscribe."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from newsletter.pipeline.examples import BusyError
from newsletter.tokens import TokenError
from newsletter.web.desk import Desk

# Mail has its style in it and fetches nothing; nothing in it runs, is sent or leads away.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'; sandbox"
)


async def answer(request: Request) -> Response:
    """Show the mail; nothing changes."""
    desk: Desk = request.app.state.desk
    try:
        html = await desk.examples.html(request.path_params["token"])
    except BusyError:
        return _framed(desk.fault(request, "busy", 503))
    except TokenError:
        return _framed(desk.fault(request, "broken", 404))
    if not html:
        return _framed(desk.open_page(request, "fault", kind="empty", days=0))
    return _framed(HTMLResponse(html, headers=desk.headers), _POLICY)


def _framed(answer: Response, policy: str = "") -> Response:
    given = policy or answer.headers["Content-Security-Policy"].replace(
        "frame-ancestors 'none'", "frame-ancestors 'self'"
    )
    answer.headers["Content-Security-Policy"] = given
    return answer
