"""The page that unsubscribes, and the one-click endpoint of RFC 8058, at one address."""

from starlette.requests import Request
from starlette.responses import Response

from newsletter.models import Consent
from newsletter.pipeline.readers import BY_ONE_CLICK, BY_PAGE, LONGEST_REASON, Reader
from newsletter.web.desk import Desk
from newsletter.web.forms import UnreadError, fields


async def answer(request: Request) -> Response:
    """Show the button, or do what was asked; GET never acts."""
    desk: Desk = request.app.state.desk
    token = request.path_params["token"]
    if request.method != "POST":
        reader = await desk.readers.reader(token)
        return _page(desk, request, reader, "ask" if reader.left is None else "left")
    asked = await fields(request)
    if _one_click(asked):
        # RFC 8058 section 3.2: at once, without a cookie, a login or a redirect.
        await desk.readers.leave(token, how=BY_ONE_CLICK)
        return desk.said("You are unsubscribed.")
    match asked.get("act"):
        case "leave":
            return _page(desk, request, await desk.readers.leave(token, how=BY_PAGE), "left")
        case "return":
            reader = await desk.readers.come_back(token)
            back = reader.person.state is Consent.CONFIRMED
            return _page(desk, request, reader, "back" if back else "ask" if reader.left is None else "left")
        case "reason":
            reader = await desk.readers.tell_why(token, asked.get("reason", ""))
            if reader.left is None:
                return _page(desk, request, reader, "ask")
            return _page(desk, request, reader, "left" if reader.may_tell else "thanks")
    raise UnreadError(400)


def _one_click(asked: dict[str, str]) -> bool:
    return any(
        name.strip().lower() == "list-unsubscribe" and value.strip().lower() == "one-click"
        for name, value in asked.items()
    )


def _page(desk: Desk, request: Request, reader: Reader, stage: str) -> Response:
    return desk.page(
        request,
        "unsubscribe",
        reader.person,
        stage=stage,
        may_return=reader.may_return,
        may_tell=reader.may_tell,
        longest=LONGEST_REASON,
        pause=desk.path(f"/pause/{request.path_params['token']}"),
    )
