"""The fields of a form out of the body of a request, small and soon; knows no page.

Both encodings are read here, since RFC 8058 section 3.2 lets receivers send either and the fields are few and short.
"""

import asyncio
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

LARGEST = 16_384
SECONDS = 10
# So much more is read of what is too large, since an answer may be lost with what was not (RFC 9112 section 9.6).
READ_ON = 1_048_576
MOST_FIELDS = 20

_BOUNDARY = re.compile(r'\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_NAME = re.compile(rb'(?:^|\n)content-disposition:[^\n]*?[;\s]name=(?:"([^"\n]{1,80})"|([^\s;"]{1,80}))', re.IGNORECASE)


class UnreadError(Exception):
    """The body is no form, or one that is too large or too slow; `status` is that of the answer (RFC 9110)."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def fields(request: Request, *, largest: int = LARGEST, most: int = MOST_FIELDS) -> dict[str, str]:
    """Return the fields of a form, the first of each name; raises UnreadError."""
    return dict(reversed(await pairs(request, largest=largest, most=most)))


async def pairs(request: Request, *, largest: int = LARGEST, most: int = MOST_FIELDS) -> list[tuple[str, str]]:
    """Return the fields of a form in their order, of which one name may have several; raises UnreadError."""
    return listed(request.headers.get("content-type", ""), await body(request, largest), most)


def wants_best(asked: Mapping[str, str], before: bool | None = None) -> bool | None:
    """Return whether a form wants the best of a pause afterwards; `before` where it does not ask."""
    # A box without a tick is not sent, so that the form says that it has one.
    return "best" in asked if "best.asked" in asked else before


def parse(kind: str, body: bytes, most: int = MOST_FIELDS) -> dict[str, str]:
    """Return the fields of a body of a media type, the first of each name; raises UnreadError."""
    return dict(reversed(listed(kind, body, most)))


def listed(kind: str, body: bytes, most: int = MOST_FIELDS) -> list[tuple[str, str]]:
    """Return the fields of a body of a media type, at most so many; raises UnreadError."""
    if not kind.strip().lower().startswith("multipart/"):
        try:
            return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=most)
        except ValueError as error:
            raise UnreadError(400) from error
    boundary = _BOUNDARY.search(kind)
    if boundary is None:
        raise UnreadError(400)
    return _parts(body, (boundary[1] or boundary[2]).encode(), most)


def _parts(body: bytes, boundary: bytes, most: int) -> list[tuple[str, str]]:
    """Return the fields of multipart/form-data (RFC 7578 section 4), whatever its lines end with."""
    found: list[tuple[str, str]] = []
    for part in (b"\n" + body.replace(b"\r\n", b"\n")).split(b"\n--" + boundary)[1:]:
        if part.startswith(b"--"):
            break
        head, _, content = part.partition(b"\n\n")
        name = _NAME.search(head)
        if name is None or len(found) == most:
            raise UnreadError(400)
        found.append(((name[1] or name[2]).decode("utf-8", "replace"), content.decode("utf-8", "replace")))
    return found


async def body(request: Request, largest: int = LARGEST, *, read_on: int = READ_ON) -> bytes:
    """Return the body of a request of at most so many bytes; raises UnreadError.

    Up to `read_on` bytes beyond are read before that, for people: a browser has to see the page that says so.
    """
    declared = request.headers.get("content-length", "0")
    if not declared.isascii() or not declared.isdigit() or int(declared[:20]) > largest + read_on:
        raise UnreadError(413)
    too_large = int(declared) > largest
    # RFC 9110 section 10.1.1: who asks before they send need not send it.
    if too_large and "expect" in request.headers:
        raise UnreadError(413)
    read, came = bytearray(), 0
    try:
        async with asyncio.timeout(SECONDS):
            async for part in request.stream():
                came += len(part)
                if came > largest + read_on:
                    break
                if came <= largest:
                    read += part
    except TimeoutError as error:
        raise UnreadError(413 if too_large or came > largest else 408) from error
    except ClientDisconnect as error:
        raise UnreadError(400) from error
    if came > largest:
        raise UnreadError(413)
    return bytes(read)
