"""A mail as a page, for readers whose program cuts it or shows it badly; GET alone, and nothing is changed."""

import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from newsletter.web.desk import Desk

_NUMBER = re.compile(r"[0-9]{1,18}")

# The styles of a mail stand in its elements, and are its operator's. Nothing is fetched: a logo is within the page, and
# a mail has no other picture.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


async def answer(request: Request) -> Response:
    """Show a mail as it came, or say that this cannot be done and where its papers are."""
    desk: Desk = request.app.state.desk
    token, number = request.path_params["token"], request.path_params["issue"]
    if _NUMBER.fullmatch(number) is None:
        raise HTTPException(404)
    person, page = await desk.web_versions.of(token, int(number))
    if page is None:
        papers = f"{desk.path(f'/papers/{token}')}?issue={int(number)}"
        return desk.page(request, "mail", person, 410, papers=papers)
    headers = {**desk.headers, "Content-Security-Policy": POLICY, "Content-Language": page.language}
    if not page.html:
        return PlainTextResponse(page.text, headers=headers)
    return HTMLResponse(page.html, headers=headers)
