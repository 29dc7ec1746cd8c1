"""Answers that are files, feeds and the logo: names, media types, and what need not be sent again."""

import re
from collections.abc import AsyncIterator, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from newsletter.web.desk import Desk

# RFC 9110 section 8.8.3.
_TAGS = re.compile(r'(?:W/)?("[^"]*")')


def feed(
    request: Request, content: str, body: Callable[[], bytes], media_type: str, headers: dict[str, str]
) -> Response:
    """Return a feed, or without it that it is as it was when it was asked for last.

    `content` is a digest, in ASCII, of all that `body` makes the feed from.
    """
    tag = f'"{content[:32]}"'
    asked = request.headers.get("if-none-match", "")
    # RFC 9110 section 13.1.2: compared weakly.
    same = asked.strip() == "*" or tag in _TAGS.findall(asked)
    headers = {**headers, "ETag": tag}
    return Response(status_code=304, headers=headers) if same else Response(body(), 200, headers, media_type)


def download(content: bytes | AsyncIterator[str], name: str, media_type: str, headers: dict[str, str]) -> Response:
    """Return a file that is kept under a name (ASCII letters, digits, dots and hyphens)."""
    # RFC 6266.
    headers = {**headers, "Content-Disposition": f'attachment; filename="{name}"'}
    if isinstance(content, bytes):
        return Response(content, 200, headers, media_type)
    return StreamingResponse(content, 200, headers, media_type)


async def logo(request: Request) -> Response:
    """Answer with the operator's logo, which browsers may keep: another one has another address."""
    desk: Desk = request.app.state.desk
    if desk.logo is None or request.path_params["file"] != desk.logo.file:
        raise HTTPException(404)
    headers = {
        **desk.headers,
        "Cache-Control": "public, max-age=31536000, immutable",  # RFC 8246
        # It is in every mail, so nobody's secret; a page in a frame that is apart (sandbox) could not show it else.
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    return Response(desk.logo.content, 200, headers, f"image/{desk.logo.kind}")
