"""The pages to which relays post bounces and complaints; they answer programs, in plain words."""

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from newsletter.pipeline.hooks import Hooks, RefusedError
from newsletter.web.desk import Desk
from newsletter.web.forms import body

log = structlog.get_logger()


async def answer(request: Request) -> Response:
    """Take in what a relay of the settings reports; any other has no page."""
    desk: Desk = request.app.state.desk
    hooks: Hooks = request.app.state.hooks
    relay = request.path_params["relay"]
    if relay not in hooks.relays:
        raise HTTPException(404)
    if request.method != "POST":
        raise HTTPException(405, headers={"Allow": "POST"})
    try:
        hooks.welcome(relay, request.headers)
        said = await hooks.take(relay, request.headers, await body(request, hooks.largest(relay), read_on=0))
    except RefusedError as error:
        # The operator has to see it if the relay and the settings do not agree.
        log.warning("a report was refused", relay=relay, status=error.status, why=error.message)
        # RFC 9110 section 11.6.1; and the body may be unread.
        asked = {"WWW_Authenticate": 'Basic realm="reports"'} if error.status == 401 else {}
        return desk.said(error.message, error.status, Connection="close", **asked)
    return desk.said(said)
