"""The page with all that a reader received, files of it, and their own feed."""

import re
from itertools import groupby
from typing import Any, cast
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from newsletter.models import Subscriber, Verdict
from newsletter.pipeline.library import MEDIA_TYPES, Form, Got, Shelf, Spot, Wanted
from newsletter.pipeline.muting import may_mute
from newsletter.pipeline.outgoing import MEDIA_TYPES as FEED_TYPES
from newsletter.pipeline.outgoing import FeedForm
from newsletter.web import files
from newsletter.web.desk import Desk
from newsletter.web.forms import UnreadError, fields

VERDICTS = ("more", "less", "saved", "seen")

_NUMBER = re.compile(r"[0-9]{1,18}")
_SPOT = re.compile(r"([0-9]{1,18})-([0-9]{1,9})")
_LONGEST = 200
_MOST_WORDS = 10


async def answer(request: Request) -> Response:
    """Show what was received, or keep what is said of one of it; GET never acts."""
    desk: Desk = request.app.state.desk
    token, wanted, after = request.path_params["token"], _wanted(request), _after(request)
    spoken, stage = None, ""
    if request.method == "POST":
        spoken, stage = await _act(desk, token, await fields(request))
    shelf = await desk.library.shelf(token, wanted, after)
    return _page(desk, request, shelf, wanted, spoken, stage)


async def file(request: Request) -> Response:
    """Return what is wanted as a file of BibTeX or RIS."""
    desk: Desk = request.app.state.desk
    form = request.path_params["form"]
    if form not in MEDIA_TYPES:
        raise HTTPException(404)
    content = await desk.library.file(request.path_params["token"], _wanted(request), cast("Form", form))
    return files.download(content, f"papers.{form}", MEDIA_TYPES[form], desk.headers)


async def feed(request: Request) -> Response:
    """Return the own feed of a reader as Atom or JSON Feed."""
    desk: Desk = request.app.state.desk
    form = request.path_params["form"]
    if form not in FEED_TYPES:
        raise HTTPException(404)
    wanted = cast("FeedForm", form)
    shelf = await desk.library.newest(request.path_params["token"])
    headers = {**desk.headers, "Cache-Control": "private, no-cache"}
    # A program asks all day, and gets something new once.
    tag = desk.outgoing.tag(shelf, wanted)
    return files.feed(request, tag, lambda: desk.outgoing.own(shelf, wanted), FEED_TYPES[wanted], headers)


async def _act(desk: Desk, token: str, asked: dict[str, str]) -> tuple[Got, str]:
    act = asked.get("act", "")
    if _NUMBER.fullmatch(asked.get("paper", "")) is None:
        raise UnreadError(400)
    number = int(asked["paper"])
    if act in VERDICTS or act == "undo":
        verdict = cast("Verdict", act) if act in VERDICTS else None
        return await desk.library.say(token, number, verdict), act
    for stage in ("mute", "hear"):
        if name := asked.get(stage):
            return await desk.library.mute(token, number, name, muted=stage == "mute"), stage
    raise UnreadError(400)


def _wanted(request: Request) -> Wanted:
    asked = request.query_params
    words = "".join(letter if letter.isprintable() else " " for letter in asked.get("q", "")[:_LONGEST]).split()
    said = asked.get("said", "")
    return Wanted(
        tuple(words[:_MOST_WORDS]),
        cast("Verdict", said) if said in VERDICTS else None,
        _number(asked.get("issue")),
        _number(asked.get("paper")),
    )


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if _NUMBER.fullmatch(text) is None:
        raise HTTPException(404)
    return int(text)


def _after(request: Request) -> Spot | None:
    found = _SPOT.fullmatch(request.query_params.get("after", ""))
    return None if found is None else Spot(int(found[1]), int(found[2]))


def _page(desk: Desk, request: Request, shelf: Shelf, wanted: Wanted, spoken: Got | None, stage: str) -> Response:
    person, language = shelf.person, desk.language_of(shelf.person)
    here = desk.path(f"/papers/{request.path_params['token']}")
    asked = {"q": " ".join(wanted.words), "said": wanted.said or "", "issue": wanted.issue_id, "paper": wanted.paper_id}
    kept = {name: value for name, value in asked.items() if value not in ("", None)}
    now = dict(kept) | ({"after": request.query_params["after"]} if _after(request) else {})
    rows = [_row(desk, one, person, language) for one in shelf.papers]
    shown = {(row["issue"], row["position"]) for row in rows}
    return desk.page(
        request,
        "papers",
        person,
        here=here,
        acting=_address(here, now),
        asked=asked,
        days=[(key, list(group)) for key, group in groupby(rows, key=lambda row: (row["issue"], row["day"]))],
        spoken=None if spoken is None else _row(desk, spoken, person, language),
        aside=spoken is not None and (spoken.issue_id, spoken.position) not in shown,
        stage=stage,
        older="" if shelf.next is None else _address(here, {**kept, "after": "{}-{}".format(*shelf.next)}),
        newest=_address(here, kept) if "after" in now else "",
        files={form: _address(f"{here}/papers.{form}", kept) for form in MEDIA_TYPES},
        settings=desk.path(f"/settings/{request.path_params['token']}"),
        mails=desk.path(f"/mail/{request.path_params['token']}"),
        feeds={form: desk.path(f"/feed/{shelf.feed}/{form}") for form in FEED_TYPES} if shelf.feed else {},
        lost=desk.path("/lost"),
    )


def _row(desk: Desk, got: Got, person: Subscriber, language: Any) -> dict[str, Any]:
    return {
        "paper": desk.listed(language, got.paper),
        "id": got.paper.id,
        "issue": got.issue_id,
        "day": got.day,
        "position": got.position,
        "said": got.said,
        "reason": desk.reason(got.reason, language),
        "names": [(name, name in person.muted_authors) for name in may_mute(got.paper)],
    }


def _address(path: str, asked: dict[str, Any]) -> str:
    return f"{path}?{urlencode(asked)}" if asked else path
