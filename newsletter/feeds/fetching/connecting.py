"""Connects to what may be asked: names are resolved, checked, and the checked address itself is connected to."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from newsletter.errors import FeedError, SettingsError
from newsletter.feeds.fetching.answers import shown
from newsletter.feeds.fetching.guard import objection
from newsletter.feeds.fetching.terms import Terms

# Returns the addresses of a name; raises OSError where it has none.
Resolve = Callable[[str, int], Awaitable[list[str]]]

# Of a name with many addresses so many are tried.
_MOST_ADDRESSES = 4
_RESOLVERS = 16
_ALLOW = "Name the host in feeds.allow_hosts if it may be asked all the same."


class Resolver:
    """The resolver of the system, in threads of its own: a slow one must not hold up what else needs a thread."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve")

    async def __call__(self, host: str, port: int) -> list[str]:
        """Return the addresses of a name, in the order in which to try them."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def close(self) -> None:
        """End the threads that wait for nothing."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Opens connections for httpcore, to checked addresses only; TLS on top still checks the name.

    `let_through` are hosts that are not checked, such as a proxy of the settings.
    """

    def __init__(self, terms: Terms, resolve: Resolve, *, let_through: frozenset[str] = frozenset()) -> None:
        self._terms = terms
        self._resolve = resolve
        self._let_through = let_through
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a host that may be asked and answers."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolve(host.strip("[]"), port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"the name {host} is not resolved in time") from error
        except (OSError, UnicodeError) as error:
            words = getattr(error, "strerror", None) or "it is no name"
            raise httpcore.ConnectError(f"the name {host} cannot be resolved: {words}") from error
        last: Exception = httpcore.ConnectError(f"the name {host} has no address")
        open_ones = self._open(host, addresses)[:_MOST_ADDRESSES]
        for number, address in enumerate(open_ones):
            try:
                share = timeout and timeout / (len(open_ones) - number)
                return await self._network.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        """Refuse: no feed is behind a socket of this machine."""
        raise httpcore.ConnectError("sockets of this machine are not asked")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def _open(self, host: str, addresses: list[str]) -> list[str]:
        if host in self._let_through or self._terms.allows(host):
            return addresses
        found = [(address, objection(address)) for address in addresses]
        if addresses and all(what for _, what in found):
            address, what = found[0]
            meant = "" if address == host.strip("[]") else f" ({address})"
            raise FeedError(f"{host} is not asked, since its address{meant} is {what}.", next_step=_ALLOW)
        return [address for address, what in found if not what]


class Transport(httpx.AsyncBaseTransport):
    """Carries httpx's requests over guarded pools of httpcore, one for each proxy; faults stay httpcore's."""

    def __init__(self, terms: Terms, resolve: Resolve) -> None:
        self._terms = terms
        self._resolve = resolve
        self._tls: ssl.SSLContext | None = None
        self._pools: dict[tuple[bool, str], httpcore.AsyncConnectionPool] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return the answer with its body still to come, packed as it is."""
        url = request.url
        carried = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        if url.scheme == "https" and self._tls is None:
            # To read all authorities takes a while; mail goes out meanwhile.
            self._tls = await asyncio.to_thread(httpx.create_ssl_context)
        answer = await self._pool(url.scheme == "https", proxy_for(url, self._terms)).handle_async_request(carried)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    async def __aenter__(self) -> Self:
        """Open nothing: pools are made when they are needed."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        """Close all connections."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            with contextlib.suppress(Exception):
                await pool.aclose()
        self._pools.clear()

    def _pool(self, tls: bool, proxy: str) -> httpcore.AsyncConnectionPool:
        if (tls, proxy) not in self._pools:
            self._pools[tls, proxy] = self._through(proxy) if proxy else self._direct()
        return self._pools[tls, proxy]

    def _direct(self) -> httpcore.AsyncConnectionPool:
        network = GuardedNetwork(self._terms, self._resolve)
        return httpcore.AsyncConnectionPool(ssl_context=self._tls, network_backend=network)

    def _through(self, proxy: str) -> httpcore.AsyncConnectionPool:
        url = httpx.URL(proxy)
        user = (url.username.encode(), url.password.encode()) if url.username else None
        network = GuardedNetwork(self._terms, self._resolve, let_through=frozenset({url.raw_host.decode()}))
        where = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=b"/")
        return httpcore.AsyncHTTPProxy(proxy_url=where, proxy_auth=user, ssl_context=self._tls, network_backend=network)


def proxy_for(url: httpx.URL, terms: Terms) -> str:
    """Return the address of the proxy that a URL is asked through, or an empty string.

    The one of the settings stands for all; else the variables HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY hold.
    Hosts that are let through by name are asked directly. What a proxy resolves is not seen here: of what goes through
    one, only addresses that stand in the URL itself are checked. Raises FeedError for those, and SettingsError for a
    proxy that cannot be used.
    """
    host = url.raw_host.decode("ascii")
    if terms.allows(host):
        return ""
    proxy = terms.proxy
    if not proxy and not proxy_bypass(host):
        found = getproxies()
        proxy = found.get(url.scheme) or found.get("all") or ""
    if not proxy:
        return ""
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if httpx.URL(proxy).scheme not in ("http", "https"):
        raise SettingsError(
            f"The proxy {shown(proxy)} is not one of HTTP.", next_step="Set feeds.proxy to http://HOST:PORT."
        )
    _refuse_literal(host)
    return proxy


def _refuse_literal(host: str) -> None:
    # A point at the end is the root of all names.
    bare = host.strip("[]").rstrip(".")
    if bare == "localhost" or bare.endswith(".localhost"):
        raise FeedError(f"{host} is not asked, since it is this machine.", next_step=_ALLOW)
    try:
        # As the system reads it: 127.1 and 0x7f.1 are addresses too.
        literal = socket.getaddrinfo(bare, None, flags=socket.AI_NUMERICHOST)
    except OSError:
        return
    if what := objection(str(literal[0][4][0])):
        raise FeedError(f"{host} is not asked, since its address is {what}.", next_step=_ALLOW)


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._answer.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._answer.aclose()


# What the network can do to a request; httpx raises its own where a URL or an answer is beyond it.
FAULTS = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    ssl.SSLError,
    OSError,
    UnicodeError,
    ValueError,
)
UNREACHED = (httpx.ConnectError, httpcore.ConnectError)
LATE = (httpx.TimeoutException, httpcore.TimeoutException)
