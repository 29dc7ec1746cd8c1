"""The page on which readers say more or less of a paper of a mail."""

from typing import cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from newsletter.models import Verdict
from newsletter.pipeline.readers import Shown
from newsletter.web.desk import Desk
from newsletter.web.forms import UnreadError, fields

VERDICTS = ("more", "less")
KEPT = ("more", "less", "saved")


async def answer(request: Request) -> Response:
    """Show the paper with the button that was chosen in the mail, or keep what is said; GET never acts."""
    desk: Desk = request.app.state.desk
    token, position, verdict = (request.path_params[name] for name in ("token", "position", "verdict"))
    if verdict not in VERDICTS:
        raise HTTPException(404)
    if request.method != "POST":
        return _page(desk, request, await desk.readers.shown(token, position), "ask", verdict)
    asked = await fields(request)
    act, before = asked.get("act"), asked.get("before")
    if act in VERDICTS:
        shown = await desk.readers.say(token, position, cast("Verdict", act))
        return _page(desk, request, shown, "said", act)
    if act == "undo":
        shown = await desk.readers.say(token, position, cast("Verdict", before) if before in KEPT else None)
        return _page(desk, request, shown, "back", verdict)
    raise UnreadError(400)


def _page(desk: Desk, request: Request, shown: Shown, stage: str, verdict: str) -> Response:
    return desk.page(
        request,
        "feedback",
        shown.person,
        stage=stage,
        verdict=verdict,
        said=shown.said,
        before=shown.before or "",
        paper=shown.paper,
    )
