"""Round trips per message: the pipeline sends to a server that is far away, and to one that is further.

    python bench/latency.py [--rtt MS] [--connections N] [--messages FEW MANY] [--database URL | --postgres]

Between the sender and smtp-sink stands a proxy that delays what passes by half of --rtt each way, at any bandwidth.
A run of FEW messages and one of MANY are timed by bench/send.py; what the second took longer is due to its further
messages alone, since both connect, greet and end alike:

    round trips = (seconds of MANY - seconds of FEW) * connections / (MANY - FEW) / rtt

The last line has `round_trips=`.
"""

import argparse
import asyncio
import re
import sys
from collections import deque
from pathlib import Path

from relay import smtp_sink

SEND = Path(__file__).resolve().with_name("send.py")


class Late(asyncio.Protocol):
    """One side of a connection: what comes in goes out at the other side so many seconds later."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._under_way: deque[tuple[float, bytes | None]] = deque()
        self._waking = False
        self.other: Late | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Put bytes on their way."""
        self._send(data)

    def eof_received(self) -> bool:
        """Let the end arrive after what was said before it."""
        self._send(None)
        return True

    def connection_lost(self, _error: Exception | None) -> None:
        """End the other side too."""
        self._send(None)

    def _send(self, data: bytes | None) -> None:
        self._under_way.append((asyncio.get_running_loop().time() + self._delay, data))
        if not self._waking:
            self._wake()

    def _wake(self) -> None:
        # One timer at a time keeps the order.
        self._waking = bool(self._under_way)
        if self._under_way:
            asyncio.get_running_loop().call_at(self._under_way[0][0], self._arrive)

    def _arrive(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._under_way and self._under_way[0][0] <= now:
            _, data = self._under_way.popleft()
            if self.other is None or self.other.transport is None or self.other.transport.is_closing():
                continue
            if data is None:
                self.other.transport.close()
            else:
                self.other.transport.write(data)
        self._wake()


async def proxy(port: int, rtt: float) -> asyncio.Server:
    """Listen on loopback and pass everything on to a port, late."""
    loop = asyncio.get_running_loop()
    joining: set[asyncio.Task[None]] = set()

    class Near(Late):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            task = asyncio.create_task(join(self))
            joining.add(task)
            task.add_done_callback(joining.discard)

    async def join(near: Late) -> None:
        far = Late(rtt / 2)
        near.other, far.other = far, near
        await loop.create_connection(lambda: far, "127.0.0.1", port)

    return await loop.create_server(lambda: Near(rtt / 2), "127.0.0.1", 0)


async def seconds(port: int, messages: int, options: argparse.Namespace) -> float:
    """Send so many messages and return what `bench/send.py` says it took."""
    words = ["--port", port, "--subscribers", messages, "--connections", options.connections]
    words += ["--database", options.database] if options.database else ["--postgres"] if options.postgres else []
    process = await asyncio.create_subprocess_exec(
        sys.executable, SEND, *map(str, words), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    if process.returncode:
        sys.exit(f"bench/send.py ended with {process.returncode}: {out.decode()[-500:]}")
    return float(re.findall(rb"\belapsed=([\d.]+)", out)[-1])


async def measure(options: argparse.Namespace) -> None:
    """Run both and print."""
    rtt = options.rtt / 1000
    few, many = options.messages
    with smtp_sink() as (name, port):
        server = await proxy(port, rtt)
        own = server.sockets[0].getsockname()[1]
        short, long = await seconds(own, few, options), await seconds(own, many, options)
        server.close()
    each = (long - short) * options.connections / (many - few)
    print(f"{name}: {few} messages in {short:.3f} s, {many} in {long:.3f} s, {each * 1000:.1f} ms a message")
    print(f"{options.connections} connections, {options.rtt:.0f} ms: round_trips={each / rtt:.2f}")


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rtt", type=float, default=50, metavar="MS")
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--messages", type=int, nargs=2, default=[500, 2500], metavar=("FEW", "MANY"))
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--database", metavar="URL")
    where.add_argument("--postgres", action="store_true")
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
