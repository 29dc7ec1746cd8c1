"""A folder, and on PostgreSQL a database, for one measure; both go away however the measure ends, killed or not.

Run as a program it removes what its arguments name once its standard input ends.
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

if TYPE_CHECKING:
    from postgres import Server

# Names of file systems that keep their files in memory, where a commit costs nothing.
IN_MEMORY = ("tmpfs", "ramfs")


@contextlib.contextmanager
def workshop(database: str | None = None, *, postgres: bool = False) -> Iterator[tuple[Path, str]]:
    """Give a new folder on a disk and the address of an empty database.

    `database` is an address on a PostgreSQL server in which databases may be made; `postgres` starts a server for this
    measure alone. Without either the database is an SQLite file in the folder.
    """
    with contextlib.ExitStack() as stack:
        if postgres:
            database = stack.enter_context(_own_server())
        folder = Path(tempfile.mkdtemp(prefix="newsletter-bench-", dir=disk()))
        url = "sqlite:///newsletter.db" if database is None else _server(database).create()
        if database is not None and _forgetful(database):
            print("This server does not keep its commits (fsync is off): the figures say little.", file=sys.stderr)
        words = [sys.executable, __file__, str(folder), *([] if database is None else [database, url])]
        keeper = subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True)
        try:
            yield folder, url
        finally:
            assert keeper.stdin is not None
            keeper.stdin.close()
            keeper.wait()


def disk() -> Path:
    """Return a folder for temporary files that is on a disk."""
    places = (Path(tempfile.gettempdir()), Path("/var/tmp"), Path.cwd())  # noqa: S108 - a new folder is made in it
    return next((place for place in places if place.is_dir() and _kind(place) not in IN_MEMORY), places[0])


def _kind(place: Path) -> str:
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return ""
    rows = [line.split()[1:3] for line in mounts.read_text().splitlines()]
    above = [(point, kind) for point, kind in rows if place.resolve().is_relative_to(point)]
    return max(above, key=lambda row: len(row[0]), default=("", ""))[1]


def _server(address: str) -> "Server":
    from postgres import Server

    return Server(address)


def _forgetful(address: str) -> bool:
    import psycopg

    with psycopg.connect(address) as connection:
        return "off" in [
            connection.execute(f"SHOW {setting}").fetchone()[0] for setting in ("fsync", "full_page_writes")
        ]


@contextlib.contextmanager
def _own_server() -> Iterator[str]:
    """Start the tests' PostgreSQL, and let it keep its commits as a server does that people rely on."""
    import psycopg
    from postgres import server
    from sqlalchemy.engine import make_url

    with server() as started:
        url = started.create()
        address = make_url(url).set(database="postgres").render_as_string(hide_password=False)
        started.drop(url)
        with psycopg.connect(address, autocommit=True) as connection:
            for setting in ("fsync", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM RESET {setting}")
            connection.execute("SELECT pg_reload_conf()")
        yield address


def _clear() -> None:
    sys.stdin.read()
    folder, *database = sys.argv[1:]
    if database:
        server, url = database
        with contextlib.suppress(Exception):
            _server(server).drop(url)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _clear()
