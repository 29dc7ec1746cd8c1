"""The page behind a link of one hour: all that is on record about a reader, as a file, and its end."""

from starlette.requests import Request
from starlette.responses import Response

from newsletter.web import files
from newsletter.web.desk import Desk
from newsletter.web.forms import UnreadError, fields


async def answer(request: Request) -> Response:
    """Show the ways, or erase at once; GET never acts."""
    desk: Desk = request.app.state.desk
    token = request.path_params["token"]
    file = desk.path(f"/data/{token}/data.json")
    if request.method != "POST":
        return desk.page(request, "data", await desk.own.person(token), stage="ask", file=file)
    asked = await fields(request)
    if asked.get("act") != "erase":
        raise UnreadError(400)
    if asked.get("sure") != "yes":
        return desk.page(request, "data", await desk.own.person(token), 422, stage="unsure", file=file)
    return desk.page(request, "data", await desk.own.erase(token), stage="erased", file=file)


async def file(request: Request) -> Response:
    """Return everything as JSON."""
    desk: Desk = request.app.state.desk
    content = await desk.own.export(request.path_params["token"])
    return files.download(content, "my-data.json", "application/json", desk.headers)
