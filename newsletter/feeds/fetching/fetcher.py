"""Asks one address: its turn, redirects, limits, and words for what goes wrong; reads nothing of what it gets."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from newsletter import __version__
from newsletter.clock import Clock
from newsletter.errors import FeedError
from newsletter.feeds.fetching.answers import Answer, UnansweredError, moment, server_of, shown, wait_until
from newsletter.feeds.fetching.connecting import FAULTS, LATE, UNREACHED, Resolve, Resolver, Transport
from newsletter.feeds.fetching.manners import Known, Manners, Memory, is_arxiv
from newsletter.feeds.fetching.terms import Terms
from newsletter.feeds.fetching.unpacking import CODINGS, DamagedError, TooLargeError, Unpacker, unpacker

_REDIRECTS = (301, 302, 303, 307, 308)
# RFC 9110 section 15.4: these two mean that the address has changed for good.
_PERMANENT = (301, 308)
_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/json, application/xml;q=0.9, "
    "text/xml;q=0.9, */*;q=0.5"
)
_AGAIN = "It is tried again later; `newsletter feeds list` shows when, and what went wrong."
# What a server says of its refusal; arXiv does so in a feed.
_LARGEST_REFUSAL = 65_536
# Packed, a body is hardly ever longer than unpacked.
_ROOM = 65_536


class Fetcher:
    """Asks addresses, many side by side; `async with` opens and closes its connections.

    `clock` tells from when on a wait counts; `folder` is where turns of all processes of this machine are noted;
    `resolve` finds the addresses of names; `manners` are those of others in this process with whom turns are taken. All
    of these have defaults. `memory` keeps which servers are left alone beyond this process; with `spares_silent` one
    that does not answer is left alone too.
    """

    def __init__(
        self,
        terms: Terms,
        clock: Clock,
        *,
        folder: Path | None = None,
        resolve: Resolve | None = None,
        manners: Manners | None = None,
        memory: Memory | None = None,
        spares_silent: bool = False,
    ) -> None:
        self._terms = terms
        self._clock = clock
        self._memory = memory
        self._spares_silent = spares_silent
        self.manners = manners or Manners(clock, at_once=terms.at_once, gap=terms.gap, folder=folder)
        self._resolver = Resolver() if resolve is None else None
        self._resolve = resolve or self._resolver
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        """Return itself, ready to ask."""
        assert self._resolve is not None  # noqa: S101 - one of the two is there
        silence = httpx.Timeout(self._terms.silence, pool=None)
        # Redirects are followed here, and no server is to know what another one's cookies were.
        self._client = httpx.AsyncClient(
            transport=Transport(self._terms, self._resolve), timeout=silence, follow_redirects=False, trust_env=False
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        assert self._client is not None  # noqa: S101 - it was opened
        await self._client.aclose()
        if self._resolver is not None:
            self._resolver.close()

    async def ask(self, url: str, *, etag: str = "", last_modified: str = "") -> Answer:
        """Return what the server of an address answers, whatever its status; redirects are followed.

        The validators make it a conditional request (RFC 9110 section 13.1). Raises PausedError where the server asked
        for silence, SilentError where it is spared since it did not answer, and FeedError where there is no whole
        answer.
        """
        start = where = url
        permanent = True
        # Of the whole, turns that are waited for left out.
        left = self._terms.timeout
        for _ in range(self._terms.redirects + 1):
            parsed = _parsed(where, start)
            answer, took = await self._in_turn(parsed, start, left, _validators(etag, last_modified))
            left -= took
            if answer.status not in _REDIRECTS or not answer.headers.get("location"):
                moved = where if permanent and where != url and not _weaker(url, where) else ""
                return Answer(
                    where, answer.status, answer.reason, answer.headers, answer.data, moved, answer.wait_until
                )
            permanent = permanent and answer.status in _PERMANENT
            where = _joined(parsed, answer.headers["location"], start)
        raise FeedError(
            f"{shown(start)} leads on to other addresses without an end.",
            next_step="Look at the address in a browser, and add the feed anew with the one that it ends at.",
        )

    async def _in_turn(
        self, url: httpx.URL, start: str, left: float, validators: Mapping[str, str]
    ) -> tuple[Answer, float]:
        """Ask once when it is this question's turn, and return how many seconds that took besides."""
        server = server_of(str(url))
        async with self.manners.turn(url.host, server):
            # Not before: questions keep their order, and others may have learned something meanwhile.
            await self._recall(server)
            loop = asyncio.get_running_loop()
            began = loop.time()
            try:
                answer = await self._in_time(url, start, left, validators)
            except UnansweredError:
                # Within the turn: who waits for the next one must know.
                await self._did_not_answer(server)
                raise
            took = loop.time() - began
            if self.manners.answered(server) and self._memory is not None:
                await self._memory.answered(server)
            if answer.wait_until is not None:
                self.manners.pause(server, answer.wait_until)
                if self._memory is not None:
                    await self._memory.wants_silence(server, answer.wait_until)
        return answer, took

    async def _recall(self, server: str) -> None:
        known = None if self._memory is None else await self._memory.known(server)
        if known is not None:
            self.manners.learn(server, known if self._spares_silent else Known(known.not_before))
            self.manners.refuse(server)

    async def _did_not_answer(self, server: str) -> None:
        if self._spares_silent:
            silences, until = self.manners.did_not_answer(server)
            if self._memory is not None:
                await self._memory.did_not_answer(server, silences, until)

    async def _in_time(self, url: httpx.URL, start: str, left: float, validators: Mapping[str, str]) -> Answer:
        try:
            async with asyncio.timeout(left):
                return await self._asked(url, start, validators)
        except TimeoutError as error:
            raise UnansweredError(
                f"{shown(start)} took longer than {self._terms.timeout:g} seconds.", next_step=_AGAIN
            ) from error

    async def _asked(self, url: httpx.URL, start: str, validators: Mapping[str, str]) -> Answer:
        """Ask once, without following anything."""
        assert self._client is not None  # noqa: S101 - it was opened
        headers = {**self._headers(), **validators}
        if is_arxiv(url.host):
            # The connection ends with the turn, since the next one is perhaps another process's.
            headers["Connection"] = "close"
        try:
            request = self._client.build_request("GET", url, headers=headers)
            response = await self._client.send(request, stream=True)
            try:
                data = await self._body(response, start)
            finally:
                await response.aclose()
        except LATE as error:
            raise UnansweredError(f"{shown(start)} does not answer in time.", next_step=_AGAIN) from error
        except FAULTS as error:
            kind = UnansweredError if isinstance(error, UNREACHED) else FeedError
            raise kind(f"{shown(start)} cannot be reached: {_reason(error)}.", next_step=_AGAIN) from error
        finally:
            self._client.cookies.clear()
        found = {name.lower(): value for name, value in response.headers.items()}
        now = self._clock.now()
        return Answer(
            str(url),
            response.status_code,
            _line(response.reason_phrase),
            found,
            data,
            wait_until=wait_until(response.status_code, found, now),
        )

    async def _body(self, response: httpx.Response, start: str) -> bytes:
        if response.status_code == 200:
            return await self._whole(response, start, self._terms.largest)
        if response.status_code == 400:
            try:
                return await self._whole(response, start, min(_LARGEST_REFUSAL, self._terms.largest))
            except FeedError:
                # Then the status is all that is said.
                return b""
        return b""

    async def _whole(self, response: httpx.Response, start: str, largest: int) -> bytes:
        coding = response.headers.get("content-encoding", "")
        unpacking = unpacker(coding, largest)
        if unpacking is None:
            raise FeedError(
                f"{shown(start)} answered in the encoding {coding[:40]!r}, which was not asked for.", next_step=_AGAIN
            )
        try:
            return await _read(response, unpacking, largest)
        except TooLargeError as error:
            raise FeedError(
                f"{shown(start)} is larger than {largest:,} bytes.",
                next_step="Raise feeds.largest if that is right.",
            ) from error
        except DamagedError as error:
            words = "sent damaged gzip" if error.__cause__ else "broke off in the middle"
            raise FeedError(f"{shown(start)} {words}.", next_step=_AGAIN) from error

    def _headers(self) -> dict[str, str]:
        agent = f"paper-newsletter/{__version__}"
        if self._terms.contact and _sendable(self._terms.contact):
            agent += f" (+{self._terms.contact})"
        return {"User-Agent": agent, "Accept": _ACCEPT, "Accept-Encoding": CODINGS}


async def _read(response: httpx.Response, unpacking: Unpacker, largest: int) -> bytes:
    raw = 0
    async for part in response.aiter_raw():
        raw += len(part)
        if raw > largest + _ROOM:
            raise TooLargeError
        unpacking.feed(part)
    return unpacking.end()


def _validators(etag: str, last_modified: str) -> dict[str, str]:
    # What a server once sent is not sent back to it if it is no header.
    found = {"If-None-Match": etag, "If-Modified-Since": last_modified if moment(last_modified) else ""}
    return {name: value for name, value in found.items() if value and _sendable(value)}


def _sendable(value: str) -> bool:
    return value.isascii() and value.isprintable()


def _parsed(where: str, start: str) -> httpx.URL:
    """Return an address in parts; raises FeedError where it is none of the web."""
    try:
        parsed = httpx.URL(where)
        scheme, host = parsed.scheme, parsed.host
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise FeedError(f"{shown(where)} is no address.", next_step="Add the feed anew with a right one.") from error
    if scheme not in ("http", "https") or not host:
        if where == start:
            raise FeedError(f"{shown(where)} is no http or https address.", next_step="Add the feed anew with one.")
        raise FeedError(f"{shown(start)} leads to an address that is not http or https.", next_step=_AGAIN)
    return parsed


def _joined(base: httpx.URL, location: str, start: str) -> str:
    try:
        # RFC 9110 section 10.2.2; a fragment is not sent.
        return str(base.join(location).copy_with(fragment=None))
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise FeedError(f"{shown(start)} leads to what is no address.", next_step=_AGAIN) from error


def _weaker(before: str, after: str) -> bool:
    """Tell whether a move would give up TLS for good."""
    return urlsplit(before).scheme.lower() == "https" and urlsplit(after).scheme.lower() != "https"


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    # The words of OpenSSL stand in brackets, with their place in its sources in others.
    return _line(text).rstrip(".") or type(error).__name__


def _line(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:200]
