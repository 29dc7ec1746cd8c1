"""The page on which readers say something of a paper of a mail: more, less, saved, seen, or not by this author."""

from typing import cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from newsletter.models import Verdict
from newsletter.pipeline.library import MEDIA_TYPES, Form, cited
from newsletter.pipeline.muting import may_mute
from newsletter.pipeline.readers import Shown
from newsletter.web import files
from newsletter.web.desk import Desk
from newsletter.web.forms import UnreadError, fields

VERDICTS = ("more", "less", "saved", "seen")


async def answer(request: Request) -> Response:
    """Show the paper with the button that was chosen in the mail, or keep what is said; GET never acts."""
    desk: Desk = request.app.state.desk
    token, mark, verdict = (request.path_params[name] for name in ("token", "mark", "verdict"))
    if verdict not in VERDICTS:
        raise HTTPException(404)
    if request.method != "POST":
        return _page(desk, request, await desk.readers.shown(token, mark), "ask", verdict)
    asked = await fields(request)
    act, before = asked.get("act"), asked.get("before")
    if act in VERDICTS:
        shown = await desk.readers.say(token, mark, cast("Verdict", act))
        return _page(desk, request, shown, "said", act)
    if act == "undo":
        shown = await desk.readers.say(token, mark, cast("Verdict", before) if before in VERDICTS else None)
        return _page(desk, request, shown, "back", verdict)
    for stage in ("mute", "hear"):
        if name := asked.get(stage):
            shown = await desk.readers.mute(token, mark, name, muted=stage == "mute")
            return _page(desk, request, shown, stage, verdict, name)
    raise UnreadError(400)


async def file(request: Request) -> Response:
    """Return the paper as a file of BibTeX or RIS."""
    desk: Desk = request.app.state.desk
    token, mark, form = (request.path_params[name] for name in ("token", "mark", "form"))
    if form not in MEDIA_TYPES:
        raise HTTPException(404)
    shown = await desk.readers.shown(token, mark)
    return files.download(cited(shown.paper, cast("Form", form)), f"paper.{form}", MEDIA_TYPES[form], desk.headers)


def _page(desk: Desk, request: Request, shown: Shown, stage: str, verdict: str, name: str = "") -> Response:
    muted = shown.person.muted_authors
    token, mark = request.path_params["token"], request.path_params["mark"]
    paper = desk.path(f"/f/{token}/{mark}/paper")
    return desk.page(
        request,
        "feedback",
        shown.person,
        stage=stage,
        verdict=verdict,
        said=shown.said,
        before=shown.before or "",
        paper=shown.paper,
        names=[(one, one in muted) for one in may_mute(shown.paper)],
        author=name,
        files={form: f"{paper}.{form}" for form in MEDIA_TYPES},
    )
