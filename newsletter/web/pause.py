"""The page on which readers take a break, and end it."""

from starlette.requests import Request
from starlette.responses import Response

from newsletter.models import FOREVER, Consent, Subscriber
from newsletter.web.desk import Desk
from newsletter.web.forms import UnreadError, fields, wants_best

# How many days; None: until they return.
LENGTHS = {"week": 7, "month": 30, "return": None}


async def answer(request: Request) -> Response:
    """Show the choices, or do what was chosen; GET never acts."""
    desk: Desk = request.app.state.desk
    token = request.path_params["token"]
    if request.method != "POST":
        return _page(desk, request, (await desk.readers.reader(token)).person)
    asked = await fields(request)
    if asked.get("act") == "resume":
        return _page(desk, request, await desk.readers.resume(token), resumed=True)
    if (length := asked.get("for")) in LENGTHS:
        return _page(
            desk, request, await desk.readers.pause(token, days=LENGTHS[length], best_missed=wants_best(asked))
        )
    raise UnreadError(400)


def _page(desk: Desk, request: Request, person: Subscriber, *, resumed: bool = False) -> Response:
    left = person.state is Consent.UNSUBSCRIBED
    until = desk.readers.paused_until(person)
    return desk.page(
        request,
        "pause",
        person,
        stage="gone" if left else "resumed" if resumed else "ask",
        paused=until is not None,
        best=person.best_missed,
        until=None if until in (None, FOREVER) else until,
        unsubscribe=desk.path(f"/unsubscribe/{request.path_params['token']}"),
    )
