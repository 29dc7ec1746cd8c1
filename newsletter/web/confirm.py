"""The page that the mail to confirm leads to: it shows what will come, and a button that says yes."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from newsletter.pipeline import offers
from newsletter.pipeline.notices import PassedError
from newsletter.pipeline.signups import Newcomer
from newsletter.web.desk import Desk
from newsletter.web.forms import UnreadError, fields


async def answer(request: Request) -> Response:
    """Show the button, or subscribe them; GET never acts."""
    desk: Desk = request.app.state.desk
    token = request.path_params["token"]
    try:
        newcomer = await desk.signups.newcomer(token)
        if request.method != "POST":
            return _page(desk, request, newcomer)
        if (await fields(request)).get("act") != "confirm":
            raise UnreadError(400)
        wording = desk.wording(desk.language(request, newcomer.person.language))
        return _page(desk, request, await desk.signups.confirm(token, client=desk.client(request), wording=wording))
    except PassedError:
        return desk.open_page(request, "confirm", status=410, **_values(desk, "passed"))


def _page(desk: Desk, request: Request, newcomer: Newcomer) -> Response:
    person = newcomer.person
    language = desk.language(request, person.language)
    values = _values(desk, "done" if newcomer.confirmed else "ask") | {
        "topics": offers.names(desk.catalogue, [topic for topic in person.topics if topic.weight > 0]),
        "rhythm": offers.rhythm(person, language),
    }
    return desk.page(request, "confirm", person, **values)


def _values(desk: Desk, stage: str) -> dict[str, Any]:
    signup = desk.settings.signup
    return {
        "stage": stage,
        "topics": (),
        "rhythm": "",
        "at_once": signup.first_issue,
        "subscribe": desk.path("/subscribe") if signup.open else "",
    }
