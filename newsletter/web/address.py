"""The pages on which readers have their mail go to another address: they ask for it, and confirm it there."""

from starlette.requests import Request
from starlette.responses import Response

from newsletter.errors import UsageError
from newsletter.models import Subscriber
from newsletter.web.desk import Desk
from newsletter.web.forms import UnreadError, fields


async def ask(request: Request) -> Response:
    """Show the form, or send a mail to the new address; GET never acts."""
    desk: Desk = request.app.state.desk
    token = request.path_params["token"]
    if request.method != "POST":
        return _page(desk, request, await desk.moving.who(token), "ask")
    email = (await fields(request)).get("email", "").strip()
    person = await desk.moving.who(token)
    if fault := desk.signups.fault_of(email):
        return _page(desk, request, person, "ask", 422, typed=email, fault=fault)
    if not await desk.lost.may(desk.client(request), email) or not await desk.signups.may_mail(email):
        return _page(desk, request, person, "sent")
    try:
        person = await desk.moving.ask(token, email)
    except UsageError:
        return _page(desk, request, person, "ask", 422, typed=email, fault="same")
    return _page(desk, request, person, "sent")


async def confirm(request: Request) -> Response:
    """Show the button, or move them; GET never acts."""
    desk: Desk = request.app.state.desk
    token = request.path_params["token"]
    if request.method != "POST":
        found = await desk.moving.look(token)
    elif (await fields(request)).get("act") == "move":
        found = await desk.moving.move(token)
    else:
        raise UnreadError(400)
    # Whoever has the new address sees it, and the one of before as the mail showed it.
    shown, before = (found.person, found.there) if found.done else (found.there, found.person)
    return _page(desk, request, shown, "moved" if found.done else "confirm", before=desk.masked(before))


def _page(
    desk: Desk,
    request: Request,
    person: Subscriber,
    stage: str,
    status: int = 200,
    *,
    typed: str = "",
    fault: str = "",
    before: str = "",
) -> Response:
    return desk.page(request, "address", person, status, stage=stage, typed=typed, fault=fault, before=before)
