"""Gets the bytes of a feed, over HTTP or from disk, within limits; does not know what is in them."""

import asyncio
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from newsletter import __version__
from newsletter.errors import FeedError
from newsletter.models import Feed, Problem

if TYPE_CHECKING:
    import httpx

_MOST_REDIRECTS = 5
_ACCEPT = "application/atom+xml, application/rss+xml, application/json, application/xml;q=0.9, */*;q=0.5"
_AGAIN = "It is tried again at the next refresh; `newsletter feeds list` shows what went wrong."


class Body(NamedTuple):
    """One file or response: where it is from, for people to read, and its bytes."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a feed gave: its bodies (several for a folder), or word that it has not changed.

    `etag` and `last_modified` are for the next time; `problems` names the files of a folder that could not be read.
    """

    bodies: tuple[Body, ...] = ()
    not_modified: bool = False
    etag: str = ""
    last_modified: str = ""
    problems: tuple[Problem, ...] = ()


async def fetch(
    feed: Feed,
    *,
    timeout: float,  # noqa: ASYNC109 - it is a setting, and stands in the words of the error
    largest: int,
    contact: str = "",
    client: "httpx.AsyncClient | None" = None,
) -> Fetched:
    """Return what a feed holds now.

    `timeout` is in seconds and for everything together; `largest` is in bytes, after decompression, and for all files
    of a folder together; `contact` is named to the server. Raises FeedError where nothing can be had.
    """
    try:
        async with asyncio.timeout(timeout):
            if feed.kind == "file":
                return await asyncio.to_thread(_from_disk, Path(feed.location), largest)
            return await _from_web(feed, largest, contact, client)
    except TimeoutError as error:
        raise FeedError(f"{_shown(feed)} took longer than {timeout:g} seconds.", next_step=_AGAIN) from error


def files(path: Path) -> list[Path]:
    """Return the files that a path stands for: itself, or those in the folder and below in order, hidden ones not.

    Raises FeedError where there is no such path.
    """
    try:
        if not path.is_dir():
            path.stat()
            return [path]
        return sorted(each for each in path.rglob("*") if each.is_file() and not each.name.startswith("."))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def read(path: Path, *, largest: int) -> bytes:
    """Return the bytes of a file. Raises FeedError where it is larger than `largest` bytes, or no plain file."""
    try:
        # Before it is opened: a pipe waits for ever, and a device never ends.
        if not stat.S_ISREG(path.stat().st_mode):
            raise FeedError(f"{path} is no plain file.", next_step="Name a file or a folder.")
        with path.open("rb") as file:
            data = file.read(largest + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if len(data) > largest:
        raise FeedError(
            f"{path} is larger than {largest:,} bytes.",
            next_step="Raise feeds.largest if it is to be read all the same.",
        )
    return data


def _from_disk(path: Path, largest: int) -> Fetched:
    found = files(path)
    if found == [path]:
        return Fetched(bodies=(Body(path.name, read(path, largest=largest)),))
    bodies, problems, room = [], [], largest
    for each in found:
        try:
            bodies.append(Body(each.name, read(each, largest=room)))
            room -= len(bodies[-1].data)
        except FeedError as error:
            problems.append(Problem(where=each.name, what=str(error)))
    return Fetched(bodies=tuple(bodies), problems=tuple(problems))


async def _from_web(feed: Feed, largest: int, contact: str, client: "httpx.AsyncClient | None") -> Fetched:
    # Imported here: commands that fetch nothing need not wait for it.
    import httpx

    try:
        if urlsplit(feed.location).scheme.lower() not in ("http", "https"):
            raise FeedError(f"{_shown(feed)} is no http or https address.", next_step="Add the feed anew with one.")
        if client is not None:
            return await _requested(feed, largest, contact, client)
        # No limits of its own: `fetch` limits the whole.
        own = httpx.AsyncClient(max_redirects=_MOST_REDIRECTS, timeout=None)  # noqa: S113
        async with own:
            return await _requested(feed, largest, contact, own)
    except httpx.TooManyRedirects as error:
        raise FeedError(f"{_shown(feed)} leads on to other addresses without an end.", next_step=_AGAIN) from error
    except httpx.UnsupportedProtocol as error:
        raise FeedError(f"{_shown(feed)} leads to an address that is not http or https.", next_step=_AGAIN) from error
    except httpx.TimeoutException as error:
        raise FeedError(f"{_shown(feed)} does not answer in time.", next_step=_AGAIN) from error
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FeedError(f"{_shown(feed)} cannot be reached: {reason}.", next_step=_AGAIN) from error


async def _requested(feed: Feed, largest: int, contact: str, client: "httpx.AsyncClient") -> Fetched:
    async with client.stream("GET", feed.location, headers=_headers(feed, contact), follow_redirects=True) as response:
        etag, last_modified = response.headers.get("etag", ""), response.headers.get("last-modified", "")
        if response.status_code == 304:
            return Fetched(not_modified=True, etag=etag or feed.etag, last_modified=last_modified or feed.last_modified)
        if response.status_code != 200:
            status = f"{response.status_code} {response.reason_phrase}".strip()
            raise FeedError(f"{_shown(feed)} answered {status}.", next_step=_AGAIN)
        data = await _body(feed, response, largest)
    return Fetched(bodies=(Body(_address(feed.location), data),), etag=etag[:500], last_modified=last_modified[:500])


async def _body(feed: Feed, response: "httpx.Response", largest: int) -> bytes:
    """Return the body, decompressed here: a few bytes can stand for gigabytes, and libraries unpack a chunk at once."""
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "", "gzip", "x-gzip"):
        raise FeedError(f"{_shown(feed)} answered in the encoding {coding[:40]!r}, which was not asked for.")
    # 16 for the header of gzip (RFC 1952).
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS) if "gzip" in coding else None
    data = bytearray()
    async for chunk in response.aiter_raw():
        try:
            data += unpacker.decompress(chunk, largest + 1 - len(data)) if unpacker else chunk
        except zlib.error as error:
            raise FeedError(f"{_shown(feed)} sent damaged gzip.", next_step=_AGAIN) from error
        if len(data) > largest:
            raise FeedError(
                f"{_shown(feed)} is larger than {largest:,} bytes.", next_step="Raise feeds.largest if that is right."
            )
    if unpacker is not None and not unpacker.eof:
        raise FeedError(f"{_shown(feed)} broke off in the middle.", next_step=_AGAIN)
    return bytes(data)


def _headers(feed: Feed, contact: str) -> dict[str, str]:
    agent = f"paper-newsletter/{__version__}"
    if contact and contact.isascii() and contact.isprintable():
        agent += f" (+{contact})"
    headers = {"User-Agent": agent, "Accept": _ACCEPT, "Accept-Encoding": "gzip"}
    # RFC 9110 section 13.1. What a server once sent is not sent back to it if it is no header.
    validators = {"If-None-Match": feed.etag, "If-Modified-Since": feed.last_modified}
    return headers | {
        name: value for name, value in validators.items() if value and value.isascii() and value.isprintable()
    }


def _shown(feed: Feed) -> str:
    return f"The feed {_address(feed.location) if feed.kind == 'url' else feed.location}"


def _address(location: str) -> str:
    """Return an address without what may be secret in it: user, password, query."""
    try:
        parts = urlsplit(location)
        host = parts.hostname or ""
        return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"
    except ValueError:
        return "with an address that cannot be read"


def _unreadable(path: Path, error: Exception) -> FeedError:
    if isinstance(error, FileNotFoundError):
        return FeedError(f"There is no file or folder {path}.", next_step="Check the path.")
    return FeedError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no path'}.")
