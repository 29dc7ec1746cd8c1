"""A full disk, a database that goes away, a clock that steps: a run stops with a clear word or waits, the next goes on.

What became of the mail is judged by the server's own record: lost is what it never got and the ledger does not hold,
twice is what it got two times.
"""

import asyncio
import contextlib
import resource
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import pytest
from newsroom import Newsroom, papers
from servers import Server
from sqlalchemy.engine import make_url

from newsletter.clock import SystemClock

READERS = 60
CONNECTIONS = 2
WAITING = {"queued", "deferred", "sending"}

# The program, with less patience than it has, and on request with a database that cannot grow.
PROGRAM = """
import sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from newsletter.store import database
busy, pages = float(sys.argv[1]), int(sys.argv[2])
database.BUSY_SECONDS = busy
if pages:
    @event.listens_for(Engine, "connect")
    def small(connection, _):
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA max_page_count={pages}")
        cursor.close()
from newsletter.__main__ import main
sys.argv[1:] = sys.argv[3:]
main()
"""


class Place:
    """A newsletter with mail to send, a server that takes it, and the program in processes of its own."""

    def __init__(self, room: Newsroom, server: Server, folder: Path) -> None:
        self.room = room
        self.server = server
        self.folder = folder
        self.at_message: dict[int, Callable[[], object]] = {}
        server.rules["MAIL"] = self._count
        self._mails = 0

    def _count(self, _: str) -> None:
        self._mails += 1
        act = self.at_message.pop(self._mails, None)
        if act is not None:
            act()

    async def send(self, url: str, *, busy: float = 30, pages: int = 0, largest: int = 0) -> tuple[int, str]:
        """Run `newsletter send` and return its exit code and what it said."""
        config = self.folder / "config.toml"
        config.write_text(
            f'[database]\nurl = "{url}"\n[newsletter]\nfrom_address = "papers@lists.example"\n'
            f'[smtp]\nhost = "127.0.0.1"\nport = {self.server.port}\nconnections = {CONNECTIONS}\ntimeout = 20\n'
            "[delivery]\nbatch = 10\nlease = 2\n"
        )

        def limited() -> None:
            if largest:
                # Else a write beyond it would end the process.
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

        words = ["-c", PROGRAM, str(busy), str(pages), "--config", str(config), "send"]
        child = await asyncio.create_subprocess_exec(
            sys.executable, *words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=limited
        )
        try:
            said, _ = await asyncio.wait_for(child.communicate(), 90)
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        return child.returncode or 0, said.decode()

    async def judge(self) -> dict[str, str]:
        """Hold the ledger against the server's record; return the states."""
        got = Counter(self.server.recipients)
        states = {one.delivery.address: str(one.delivery.state) for one in await self.room.records()}
        assert len(states) == READERS
        assert [address for address, number in got.items() if number > 1] == []
        lost = [address for address, state in states.items() if state in ("sent", "caught") and not got[address]]
        assert lost == []
        # What the server took and the ledger does not know of is unknown, or would be found so by the next run.
        taken = [state for address, state in states.items() if got[address] and state != "sent"]
        assert set(taken) <= {"unknown", "sending"}
        assert len(taken) <= CONNECTIONS
        return states

    async def finish(self, url: str) -> None:
        """Run again with everything in order, and see that everyone has theirs but what is unknown."""
        self.server.rules.pop("RCPT", None)
        code, said = await self.send(url)
        assert code == 0, said
        states = Counter((await self.judge()).values())
        assert states["unknown"] <= CONNECTIONS
        assert states["sent"] + states["unknown"] + states["deferred"] == READERS


@pytest.fixture
async def place(room: Newsroom, tmp_path: Path) -> AsyncIterator[Place]:
    """Sixty readers with an issue each that waits; on both engines."""
    async with _place(room, tmp_path) as place:
        yield place


@pytest.fixture
async def small_place(small_room: Newsroom, tmp_path: Path) -> AsyncIterator[Place]:
    """The same on SQLite."""
    async with _place(small_room, tmp_path) as place:
        yield place


@contextlib.asynccontextmanager
async def _place(room: Newsroom, folder: Path) -> AsyncIterator[Place]:
    room.clock.moment = SystemClock().now()
    await room.take_in(*papers(0, 1, 2))
    for number in range(READERS):
        await room.subscribe(f"reader{number}")
    await room.compose()
    async with Server() as server:
        yield Place(room, server, folder)


def clear(said: str) -> None:
    """See that what was said is a sentence with a next step, and no traceback."""
    assert "Traceback" not in said, said
    assert "database" in said, said


# A full disk


async def test_a_database_that_cannot_grow_stops_the_run_and_with_room_it_goes_on(
    small_place: Place, database_url_of: Callable[[Newsroom], str]
) -> None:
    place = small_place
    url = database_url_of(place.room)
    # Each of these leaves words of the server in the record, which need room.
    place.server.rules["RCPT"] = lambda address: f"450 4.2.1 {'Later. ' * 60}" if int(address[6]) % 2 else None
    await place.room.database.close()
    with contextlib.closing(sqlite3.connect(str(place.room.database.file))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        ((pages,),) = connection.execute("PRAGMA page_count")
    code, said = await place.send(url, pages=pages)
    assert code == 1, said
    clear(said)
    assert "is full" in said
    assert "Make room" in said
    states = Counter((await place.judge()).values())
    assert states.keys() & WAITING
    await place.finish(url)


async def test_a_file_that_may_not_grow_stops_the_run_and_with_room_it_goes_on(
    small_place: Place, database_url_of: Callable[[Newsroom], str]
) -> None:
    place = small_place
    url = database_url_of(place.room)
    await place.room.database.close()
    with contextlib.closing(sqlite3.connect(str(place.room.database.file))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    code, said = await place.send(url, largest=120_000)
    assert code == 1, said
    clear(said)
    states = Counter((await place.judge()).values())
    assert 0 < len(place.server.messages) < READERS
    assert states["queued"] > 0
    await place.finish(url)


# A database that goes away


async def test_a_database_that_is_locked_for_longer_than_anyone_waits(
    small_place: Place, database_url_of: Callable[[Newsroom], str]
) -> None:
    place = small_place
    url = database_url_of(place.room)
    with contextlib.closing(sqlite3.connect(str(place.room.database.file), isolation_level=None)) as other:
        other.execute("PRAGMA busy_timeout=5000")
        place.at_message[15] = lambda: other.execute("BEGIN IMMEDIATE")
        code, said = await place.send(url, busy=0.5)
        assert code == 1, said
        clear(said)
        assert "locked by another process" in said
        other.execute("ROLLBACK")
    await place.judge()
    assert 10 <= len(place.server.messages) < READERS
    await place.finish(url)


async def test_a_database_that_is_locked_for_a_moment_makes_the_run_wait(
    small_place: Place, database_url_of: Callable[[Newsroom], str]
) -> None:
    place = small_place
    with contextlib.closing(sqlite3.connect(str(place.room.database.file), isolation_level=None)) as other:
        other.execute("PRAGMA busy_timeout=5000")

        def lock() -> None:
            other.execute("BEGIN IMMEDIATE")
            asyncio.get_running_loop().call_later(1.0, other.execute, "ROLLBACK")

        place.at_message[15] = lock
        code, said = await place.send(database_url_of(place.room))
    assert code == 0, said
    assert set((await place.judge()).values()) == {"sent"}


class Proxy:
    """A way to a PostgreSQL that can be cut, with what is on it, and mended."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._pipes: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = True
        self.port = 0
        self.cuts = 0

    @property
    def url(self) -> str:
        """The address of the database by this way."""
        kept = self._url.difference_update_query(["host", "port"])
        return kept.set(host="127.0.0.1", port=self.port).render_as_string(hide_password=False)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def cut(self) -> None:
        """Break every connection, and let none through."""
        self._open = False
        self.cuts += 1
        for pipe in list(self._pipes):
            pipe.transport.abort()

    def mend(self) -> None:
        """Let connections through again."""
        self._open = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there: asyncio.StreamWriter | None = None
        try:
            if self._open:
                back, there = await self._there()
                self._pipes |= {writer, there}
                await asyncio.gather(_pump(reader, there), _pump(back, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for pipe in (writer, there):
                if pipe is not None:
                    self._pipes.discard(pipe)
                    pipe.transport.abort()

    async def _there(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host = str(self._url.query.get("host") or self._url.host or "")
        port = int(str(self._url.query.get("port") or self._url.port or 5432))
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.write_eof()


@pytest.mark.parametrize("seconds", [0.0, 1.5])
async def test_a_database_server_that_goes_away_in_the_midst_of_a_send(
    new_database: Callable[..., str], tmp_path: Path, seconds: float
) -> None:
    from newsroom import open_newsroom

    url = new_database("postgresql")
    async with open_newsroom(url, tmp_path) as room, _place(room, tmp_path) as place, Proxy(url) as proxy:

        def away() -> None:
            proxy.cut()
            asyncio.get_running_loop().call_later(seconds, proxy.mend)

        place.at_message[20] = away
        code, said = await place.send(proxy.url)
        assert proxy.cuts == 1
        if code:
            clear(said)
            assert "password" not in said
        await place.judge()
        proxy.mend()
        # A lease of the run that ended is free once it ran out, or its process is found gone.
        await place.finish(proxy.url)


# A clock that steps


@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(days=1)])
async def test_a_clock_that_steps_in_the_midst_of_a_run_loses_and_repeats_nothing(
    place: Place, step: timedelta
) -> None:
    room = place.room
    room.relay(place.server, connections=CONNECTIONS)
    room.set("delivery", batch=10)
    place.server.rules["RCPT"] = lambda address: "450 4.2.1 Later" if address.startswith("reader7@") else None
    place.at_message[15] = lambda: room.clock.step(seconds=step.total_seconds())
    await room.deliver()
    states = Counter((await place.judge()).values())
    # To a clock that went back, what is left is due in an hour; to one that is ahead, all of it is due.
    assert states["deferred"] == 1
    assert states["sent"] + states["queued"] == READERS - 1
    assert states["sent"] >= (15 if step < timedelta() else READERS - 1)
    # Set right again, all goes on.
    place.server.rules.pop("RCPT")
    room.clock.step(seconds=-step.total_seconds())
    for _ in range(3):
        await room.deliver()
        room.clock.step(days=1)
    assert set((await place.judge()).values()) == {"sent"}


async def test_a_lease_of_a_clock_that_was_far_ahead_does_not_hold_mail_back_for_ever(place: Place) -> None:
    room = place.room
    room.relay(place.server, connections=CONNECTIONS)
    ahead = room.clock.now() + timedelta(days=30)
    await room.say(
        "UPDATE deliveries SET lease_owner = 'elsewhere/boot/pid:[1]/1/x', leased_until = :until",
        until=ahead if place.room.database.on_sqlite is False else str(ahead.replace(tzinfo=None)),
    )
    room.clock.step(seconds=3700)
    await room.deliver()
    assert set((await place.judge()).values()) == {"sent"}


@pytest.fixture
def database_url_of() -> Callable[[Newsroom], str]:
    """A function that returns the URL of a newsroom's database, as settings have it."""

    def url(room: Newsroom) -> str:
        if room.database.on_sqlite:
            return f"sqlite:///{room.database.file}"
        found: Any = room.database.url.set(drivername="postgresql")
        return str(found.render_as_string(hide_password=False))

    return url
