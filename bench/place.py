"""An installation in a folder, driven by its command line, for measures that kill and restart it."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from newsletter.store.database import Database

CONNECTIONS = 10


class Place:
    """An installation; with `database` on PostgreSQL, else on SQLite in the folder."""

    def __init__(self, folder: Path, port: int, database: str | None, unknown: str) -> None:
        self.folder = folder
        self._given = database
        self._url = database or "sqlite:///newsletter.db"
        self._port = port
        self._unknown = unknown
        self._copies = 0
        self._configure()

    def run(self, *words: str) -> str:
        """Run a command to its end and return what it printed."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"newsletter {' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def command(self, *words: str) -> list[str]:
        """Return the words of a command."""
        return [sys.executable, "-m", "newsletter", "--config", str(self.folder / "config.toml"), *words]

    def compose(self) -> None:
        """Put everybody's issue on record and send nothing."""
        # A port that nobody listens at: composing is done by then, and nothing is lost.
        self._configure(port=1)
        subprocess.run(self.command("send", "--quiet"), capture_output=True, check=False)
        self._configure()
        asyncio.run(self._queue())

    async def renew(self) -> None:
        """Go on with a copy of the database as it was when it was composed."""
        self._copies += 1
        if self._given is None:
            kept = self.folder / "composed.db"
            if self._copies == 1:
                shutil.copyfile(self.folder / "newsletter.db", kept)
            for end in ("", "-wal", "-shm"):
                (self.folder / f"newsletter.db{end}").unlink(missing_ok=True)
            shutil.copyfile(kept, self.folder / "newsletter.db")
            return
        head, _, name = self._given.rpartition("/")
        old, new = (f"{name.partition('?')[0]}_{number}" for number in (self._copies - 1, self._copies))
        tail = "?" + name.partition("?")[2] if "?" in name else ""
        source = name.partition("?")[0]
        await self._administer(f"{head}/postgres{tail}", f'DROP DATABASE IF EXISTS "{old}" WITH (FORCE)')
        await self._administer(f"{head}/postgres{tail}", f'CREATE DATABASE "{new}" TEMPLATE "{source}"')
        self._url = f"{head}/{new}{tail}"
        self._configure()

    def count(self, what: str) -> int:
        """Return how many rows there are of a table, with a condition if there is one behind its name."""
        return int(asyncio.run(self._scalar(f"SELECT count(*) FROM {what}")))  # noqa: S608 - our words

    def in_flight(self, pid: int) -> int:
        """Return how many messages a process had on their way."""
        return self.count(f"deliveries WHERE state = 'sending' AND lease_owner LIKE '%/{pid}/%'")

    def deliveries(self) -> list[dict]:
        """Return all deliveries as the program tells of them."""
        return [json.loads(line) for line in self.run("deliveries", "list", "--json").splitlines()]

    def _configure(self, port: int | None = None) -> None:
        (self.folder / "config.toml").write_text(
            f'[newsletter]\nfrom_address = "papers@newsletter.example"\n'
            f'[database]\nurl = "{self._url}"\n'
            f'[smtp]\nhost = "127.0.0.1"\nport = {port or self._port}\nsecurity = "plain"\n'
            f"connections = {CONNECTIONS}\n"
            f'[delivery]\non_unknown = "{self._unknown}"\nlease = 5\n'
        )

    async def _queue(self) -> None:
        database = Database.at(self._url, folder=self.folder)
        async with database.begin() as connection:
            await connection.execute(text("UPDATE deliveries SET due_at = queued_at"))
        await database.close()

    async def _scalar(self, statement: str) -> object:
        database = Database.at(self._url, folder=self.folder)
        try:
            async with database.connect() as connection:
                return (await connection.execute(text(statement))).scalar_one()
        finally:
            await database.close()

    @staticmethod
    async def _administer(url: str, statement: str) -> None:
        engine = create_async_engine(
            url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT"
        )
        async with engine.connect() as connection:
            await connection.execute(text(statement))
        await engine.dispose()


class Worker:
    """A `newsletter send` in a process of its own; its EHLO name tells the server which one it is."""

    def __init__(self, place: Place, number: int) -> None:
        self._process = subprocess.Popen(
            place.command("send", "--quiet"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "NEWSLETTER_SMTP__LOCAL_NAME": f"worker{number}"},
        )
        self.pid = self._process.pid
        self._complaints: bytes | None = None

    @property
    def alive(self) -> bool:
        """Tell whether it is at work."""
        return self._process.poll() is None

    def wait(self, seconds: float) -> None:
        """Wait for its end, at most so long."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def strike(self) -> None:
        """Send it SIGKILL."""
        self._process.kill()

    def reap(self) -> bool:
        """Wait for its end, and tell whether it was killed; one that failed by itself ends the measure."""
        if self._complaints is None:
            self._complaints = self._process.communicate()[1]
        if self._process.returncode > 0:
            sys.exit(f"send ended with {self._process.returncode}: {self._complaints.decode()[-2000:]}")
        return self._process.returncode < 0
