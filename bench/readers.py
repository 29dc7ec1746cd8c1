"""Time the readers' pages while an edition goes out, and the edition without and with them.

    python bench/readers.py [--subscribers N] [--rate R] [--readers N] [--every S] [--days D] [--seed S]
                             [--closing]

A newsletter on SQLite whose edition waits, and `newsletter run` in a process of its own, with its pages on loopback and
`rates.per_second` set to R. First the edition goes out alone. Then it is queued once more, and so many readers, with
mails of D days behind them, ask meanwhile, each for a page every S seconds from a moment of their own on: an open loop
in another process (bench/asking.py), with a connection a reader that stays open, or with --closing one an ask. What
they ask for is in `MIX`; who polls a feed does nothing else.

Latency is counted from the moment for which an ask was planned, of all that were planned between the release of the
edition and its end. Lost is what got no answer in time, or another status than 200 and 304. An edition lasts from its
first outcome on record to its last, and all of its mails have to be sent. `cpu` is what an ask costs the program in
milliseconds: all of its CPU time with readers, less that without, by the number of asks.

The last line has `requests= lost= median= p99=` (milliseconds) `edition= edition_alone=` (seconds) `later=` (per cent).
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple
from urllib.parse import urlsplit

import send
import shelves
from asking import Ask
from prepare import prepare
from relay import smtp_sink
from sqlalchemy import func, select, update
from workshop import workshop

from newsletter import config
from newsletter.app import App, open_app, run
from newsletter.models import DeliveryState
from newsletter.pipeline.reader_links import Addresses
from newsletter.store import tables

HERE = Path(__file__).resolve().parent

# What readers ask for, and how often of a hundred times.
MIX = {
    "paper": 32,
    "say": 20,
    "papers": 14,
    "search": 6,
    "settings": 10,
    "save": 4,
    "one-click": 2,
    "subscribe": 6,
    "archive": 6,
}
# Of a hundred readers, so many are programs that ask for a feed.
FEEDS = 8
LEAVERS = 200
# Readers begin so many seconds before the edition, and nobody waits longer than this for its end.
AHEAD = 3.0
LONGEST = 600.0

Answer = tuple[float, str, int, float]


class Edition(NamedTuple):
    """How an edition went out: seconds to the first outcome, and from that to the last; CPU seconds; moments."""

    waited: float
    lasted: float
    cpu: float
    released: float
    ended: float


class Program:
    """`newsletter run` in a process of its own; what it logs goes to a file."""

    def __init__(self, folder: Path, port: int) -> None:
        self._log = folder / "run.log"
        words = [sys.executable, "-m", "newsletter", "--config", str(folder / "config.toml"), "run"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.port = port
        self._wait()

    def cpu(self) -> float:
        """Return the CPU seconds of the program and of the processes that it started."""
        return sum(map(_cpu, _family(self._process.pid)))

    def stop(self) -> None:
        """Ask it to end, and wait for that."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)

    def fail(self, words: str) -> None:
        """End this program with what that one logged last."""
        sys.exit(f"{words}\n{self._log.read_text()[-3000:]}")

    def _wait(self) -> None:
        for _ in range(600):
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as asked:
                asked.sendall(b"GET /robots.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                if asked.recv(100).startswith(b"HTTP/1.1 200"):
                    return
            time.sleep(0.1)
        self.fail("The pages did not come up.")


def main() -> None:
    """Prepare, send alone, send with readers, print."""
    options = read_options()
    with workshop() as (folder, url), smtp_sink() as (_, sink):
        port = _free_port()
        configure(folder, url, options, port=port, sink=sink)
        began = time.monotonic()
        run(_prepare(folder, options))
        print(f"prepared in {time.monotonic() - began:.1f} s", flush=True)
        program = Program(folder, port)
        try:
            alone = edition(program, folder, options)
            print(f"alone: began after {alone.waited:.1f} s, cpu={alone.cpu:.1f}", flush=True)
            with asking(folder, port, options) as process:
                time.sleep(AHEAD)
                beside = edition(program, folder, options)
                out, _ = process.communicate("\n", timeout=LONGEST)
        finally:
            program.stop()
    tell([tuple(one) for one in json.loads(out)], alone, beside)


def configure(folder: Path, url: str, options: argparse.Namespace, *, port: int, sink: int) -> None:
    """Write the settings."""
    more = {
        "web": {"listen": f"127.0.0.1:{port}"},
        "rates": {"per_second": options.rate},
        "schedule": {"tick_seconds": 1},
        "archive": {"public": True},
    }
    send.configure(folder, url, send.read_options(["--port", str(sink)]), port=sink, more=more)


async def _prepare(folder: Path, options: argparse.Namespace) -> None:
    await prepare(folder, options.subscribers)
    await shelves.fill(
        folder, subscribers=options.subscribers, readers=options.readers, days=options.days, leavers=LEAVERS
    )
    async with open_app(config.load(folder / "config.toml", {})) as app:
        await _release(app, options.subscribers, datetime.now(UTC) + timedelta(days=30))
        asks = await plan(app, options)
    (folder / "plan").write_text("".join(f"{json.dumps(one)}\n" for one in asks))


async def plan(app: App, options: argparse.Namespace) -> list[Ask]:
    """Return what readers will ask for, in order."""
    chance = Random(options.seed)
    doors, links = await app.doors(), Addresses(app.settings, await app.signer())
    async with app.database.connect() as connection:
        from newsletter.store import issues, subscribers

        people = await subscribers.by_ids(connection, range(1, options.readers + 1))
        mails = await issues.load(connection, people)
        days = list((await connection.execute(select(tables.editions.c.date).distinct())).scalars())
    leavers = itertools.cycle(range(options.subscribers + 1, options.subscribers + LEAVERS + 1))
    rounds = int((LONGEST + AHEAD) / options.every)
    found: list[Ask] = []
    for number, person in people.items():
        phase, language = chance.random() * options.every, chance.choice(("en-GB,en;q=0.9", "de-DE,de;q=0.8,en;q=0.5"))
        feedback = links.feedback(number, mails[number].issue.picks)
        before, behind = feedback.more
        settings, feed = doors.settings(person), f"/feed/{doors.feed(person)}/{chance.choice(('atom', 'json'))}"
        programmed = number % 100 < FEEDS
        for turn in range(rounds):
            kind = "feed" if programmed else chance.choices(list(MIX), MIX.values())[0]
            paper = urlsplit(f"{before}{chance.choice(feedback.marks)}{behind}").path
            words = {
                "paper": ("GET", paper),
                "say": ("POST", paper, f"act={chance.choice(('more', 'less', 'saved', 'seen'))}"),
                "papers": ("GET", f"/papers/{settings}"),
                "search": ("GET", f"/papers/{settings}?q={chance.choice(('sparse+graphs', 'robots', 'zz', 'Wang'))}"),
                "settings": ("GET", f"/settings/{settings}"),
                "save": ("POST", f"/settings/{settings}", f"group=amount&act=save&papers={chance.randint(5, 15)}"),
                "subscribe": ("GET", chance.choice(("/subscribe", "/subscribe?search=graph"))),
                "archive": ("GET", chance.choice(("/archive", f"/archive/{min(days)}", "/archive/feed.atom"))),
                "feed": ("GET", feed),
            }
            if kind == "one-click":
                path = urlsplit(links.of(next(leavers)).unsubscribe[0]).path
                words[kind] = ("POST", path, "List-Unsubscribe=One-Click")
            method, path, *body = words[kind]
            found.append(Ask(phase + turn * options.every, kind, method, path, "".join(body), language, number))
    return sorted(found)


@contextlib.contextmanager
def asking(folder: Path, port: int, options: argparse.Namespace) -> Iterator[subprocess.Popen[str]]:
    """Let the readers begin."""
    words = [sys.executable, str(HERE / "asking.py"), str(folder / "plan"), str(port), *["--closing"] * options.closing]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout.readline() != "ready\n":
                sys.exit("The readers did not come up.")
            process.stdin.write("\n")
            process.stdin.flush()
            yield process
        finally:
            process.kill()


def edition(program: Program, folder: Path, options: argparse.Namespace) -> Edition:
    """Queue everybody's mail, and return how it went out."""
    settings = config.load(folder / "config.toml", {})

    async def whole() -> Edition:
        async with open_app(settings) as app:
            cpu = program.cpu()
            released, moment = time.monotonic(), datetime.now(UTC)
            await _release(app, options.subscribers, moment)
            while await _waiting(app, options.subscribers):
                if time.monotonic() - released > LONGEST:
                    program.fail("The edition did not come to its end.")
                await asyncio.sleep(0.25)
            ended, cpu = time.monotonic(), program.cpu() - cpu
            first, last = await _span(app, options.subscribers)
            waited, lasted = (first - moment).total_seconds(), (last - first).total_seconds()
            return Edition(waited, lasted, cpu, released, ended)

    return run(whole())


async def _release(app: App, subscribers: int, due: datetime) -> None:
    """Put on record that nothing of the edition was sent so far, and when it is due."""
    waiting = {"state": DeliveryState.QUEUED, "attempts": 0, "code": None, "enhanced": "", "text": "", "due_at": due}
    async with app.database.begin() as connection:
        of_edition = update(tables.deliveries).where(tables.deliveries.c.id <= subscribers)
        await connection.execute(of_edition.values(**waiting))


async def _waiting(app: App, subscribers: int) -> bool:
    deliveries = tables.deliveries
    unsent = deliveries.c.state != DeliveryState.SENT
    async with app.database.connect() as connection:
        found = await connection.execute(select(deliveries.c.id).where(deliveries.c.id <= subscribers, unsent).limit(1))
        return found.first() is not None


async def _span(app: App, subscribers: int) -> tuple[datetime, datetime]:
    deliveries = tables.deliveries
    async with app.database.connect() as connection:
        statement = select(func.min(deliveries.c.at), func.max(deliveries.c.at)).where(deliveries.c.id <= subscribers)
        first, last = (await connection.execute(statement)).one()
    return first, last


def tell(answers: Sequence[Answer], alone: Edition, beside: Edition) -> None:
    """Print the figures; ends the program with 1 if anything was lost."""
    counted = [one for one in answers if beside.released <= one[0] <= beside.ended]
    if len(counted) < 2:
        sys.exit("Nobody asked while the edition went out.")
    for kind in sorted({one[1] for one in counted}):
        told = [seconds * 1000 for _, what, _, seconds in counted if what == kind]
        print(f"{kind:10}{len(told):6} asks, median {statistics.median(told):7.1f} ms, longest {max(told):7.1f} ms")
    lost = [one for one in counted if one[2] not in (200, 304)]
    for kind, status in sorted({(what, status) for _, what, status, _ in lost}):
        print(f"lost: {kind}, status {status}")
    # What was never answered took for ever.
    taken = sorted(float("inf") if one in lost else one[3] * 1000 for one in counted)
    cpu = (beside.cpu - alone.cpu) / len(counted) * 1000
    print(f"with readers: began after {beside.waited:.1f} s, cpu={beside.cpu:.1f}, {cpu:.1f} ms CPU an ask")
    print(
        f"requests={len(counted)} lost={len(lost)} median={taken[len(taken) // 2]:.1f}"
        f" p99={taken[-(len(taken) // 100) - 1]:.1f} edition={beside.lasted:.2f} edition_alone={alone.lasted:.2f}"
        f" later={(beside.lasted / alone.lasted - 1) * 100:.1f}"
    )
    if lost:
        sys.exit(1)


def _family(pid: int) -> list[int]:
    """Return a process and all that came of it."""
    tasks = Path("/proc", str(pid), "task")
    if not tasks.exists():
        return [pid]
    lists = [(task / "children").read_text() for task in tasks.iterdir() if (task / "children").exists()]
    return [pid, *(one for listed in lists for child in listed.split() for one in _family(int(child)))]


def _cpu(pid: int) -> float:
    stat = Path("/proc", str(pid), "stat")
    fields = stat.read_text().rpartition(")")[2].split() if stat.exists() else ["0"] * 13
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def read_options(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=500, help="messages a second")
    parser.add_argument("--readers", type=int, default=1000)
    parser.add_argument("--every", type=float, default=10, help="seconds from one page of a reader to the next")
    parser.add_argument("--days", type=int, default=60, help="days of mail that the readers had before")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--closing", action="store_true", help="a connection an ask, not a reader")
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
