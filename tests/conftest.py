"""What all tests share."""

import asyncio
import contextlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import postgres
import pytest
import structlog
from hypothesis import settings

from newsletter.store import schema
from newsletter.store.database import Database

if TYPE_CHECKING:
    from newsroom import Newsroom
    from playwright.async_api import Browser

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

# A deadline would fail tests on a busy machine only; all else stays as Hypothesis has it here or in CI.
settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def log_of_all_levels() -> None:
    """Forget what a command that ran in this process wanted of the log."""
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real pages, feeds and measures that stands beside the checkout."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("needs the real pages and feeds of ../shared, which is not here")
    return folder


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL with a migrated template: one of the tests' own, or the one of NEWSLETTER_TEST_POSTGRES."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(postgres.server())
        except postgres.NotStartedError as error:
            pytest.skip(str(error))
        template = server.create()
        _migrate(template)
        server.template = template
        yield server
        server.drop(template)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database, migrated once and copied for each test."""
    file = tmp_path_factory.mktemp("migrated") / "newsletter.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """The engine of the database: what asks for it runs on both."""
    return str(request.param)


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """A function that makes a database of an engine, migrated unless told otherwise, and returns its URL."""
    made: list[str] = []

    def make(engine: str, *, migrated: bool = True) -> str:
        if engine == "postgresql":
            server: postgres.Server = request.getfixturevalue("postgres_server")
            made.append(server.create(server.template if migrated else None))
            return made[-1]
        file = tmp_path / f"{secrets.token_hex(4)}.db"
        if migrated:
            shutil.copyfile(request.getfixturevalue("migrated_file"), file)
        return f"sqlite:///{file}"

    yield make
    for url in made:
        request.getfixturevalue("postgres_server").drop(url)


@pytest.fixture
def database_url(engine: str, new_database: Callable[..., str]) -> str:
    """The URL of a migrated database, as settings name it; the test runs on both engines."""
    return new_database(engine)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated database; the test runs on both engines."""
    database = Database.at(database_url)
    yield database
    await database.close()


@pytest.fixture
async def room(database_url: str, tmp_path: Path) -> AsyncIterator["Newsroom"]:
    """A newsletter with nothing in it, a clock that stands still, and no mail server; the test runs on both engines."""
    # Imported here: most tests need no more than a stage.
    from newsroom import open_newsroom

    async with open_newsroom(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def small_room(new_database: Callable[..., str], tmp_path: Path) -> AsyncIterator["Newsroom"]:
    """The same on SQLite alone, for what does not depend on the engine."""
    from newsroom import open_newsroom

    async with open_newsroom(new_database("sqlite"), tmp_path) as opened:
        yield opened


@pytest.fixture
async def browser() -> AsyncIterator["Browser"]:
    """Chromium."""
    from reading import chromium

    async with chromium() as found:
        yield found


def _migrate(url: str) -> None:
    async def migrate() -> None:
        database = Database.at(url)
        await schema.migrate(database, datetime(2026, 1, 1, tzinfo=UTC))
        await database.close()

    # In a thread: a fixture may be asked for from within a running loop.
    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, migrate()).result()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let no test be skipped in CI: a tool that is missing there is a fault of CI."""
    return _never_skipped_in_ci((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let no module of tests be skipped in CI."""
    return _never_skipped_in_ci((yield))


def _never_skipped_in_ci(report: Report) -> Report:
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"In CI every test runs. {reason}"
    return report
