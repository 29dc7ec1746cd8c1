"""The public archive: days, what was popular on each, and a feed; 404 unless the settings open it."""

import contextlib
import hashlib
from datetime import date
from typing import cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from newsletter.pipeline.outgoing import MEDIA_TYPES, FeedForm
from newsletter.web import files
from newsletter.web.desk import Desk


async def days(request: Request) -> Response:
    """Show which days there are."""
    desk: Desk = request.app.state.desk
    before = _day(request.query_params.get("before", ""))

    async def make() -> Response:
        found, older = await desk.archive.days(before)
        here = desk.path("/archive")
        return desk.public(
            request,
            "archive",
            here=here,
            days=[(day, f"{here}/{day}") for day in found],
            older="" if older is None else f"{here}?before={older}",
            feed=f"{here}/feed.atom",
        )

    return await desk.copies.get(("days", before, desk.language(request).code), make)


async def day(request: Request) -> Response:
    """Show what was popular on a day."""
    desk: Desk = request.app.state.desk
    asked = _day(request.path_params["day"])
    if asked is None:
        raise HTTPException(404)
    language = desk.language(request)

    async def make() -> Response:
        found = await desk.archive.day(asked)
        papers = [desk.entry_in(language, paper) for paper in found.papers]
        return desk.public(request, "day", day=found.date, papers=papers, here=desk.path("/archive"))

    return await desk.copies.get(("day", asked, language.code), make)


async def feed(request: Request) -> Response:
    """Return the last days as Atom or JSON Feed."""
    desk: Desk = request.app.state.desk
    form = request.path_params["form"]
    if form not in MEDIA_TYPES:
        raise HTTPException(404)

    async def make() -> Response:
        body = desk.outgoing.public(await desk.archive.newest(), cast("FeedForm", form))
        return Response(body, media_type=MEDIA_TYPES[cast("FeedForm", form)])

    made = await desk.copies.get(("feed", form), make)
    headers = {**desk.headers, "Cache-Control": "public, max-age=300"}
    tag = hashlib.sha256(made.body).hexdigest()
    return files.feed(request, tag, lambda: bytes(made.body), MEDIA_TYPES[cast("FeedForm", form)], headers)


def _day(text: str) -> date | None:
    """Return a day as it is written in the addresses of the archive, and in no other way."""
    with contextlib.suppress(ValueError):
        found = date.fromisoformat(text)
        return found if str(found) == text else None
    return None
