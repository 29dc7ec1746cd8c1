"""Ask the pages for a time what nobody asks: methods, paths, headers, bodies and tokens that Hypothesis thinks of.

PYTHONPATH=. .venv/bin/python bench/fuzz_pages.py --minutes 10 [--seed N] [--postgres] [--route PATH]...

What must hold of every answer stands in tests/webfuzz.py, which has a description of every page. A request that breaks
one of it is made as small as Hypothesis can and told with its seed. The last lines have the figures.
"""

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import postgres  # noqa: E402
import structlog  # noqa: E402
import webfuzz  # noqa: E402
from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402
from newsroom import NOW, open_newsroom  # noqa: E402
from webworld import World  # noqa: E402

from newsletter.store import schema  # noqa: E402
from newsletter.store.database import Database  # noqa: E402

BATCH = 300


class Figures:
    """What was asked so far, and what came of it."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.routes: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.slowest = (0.0, "")


def watched(world: World, figures: Figures) -> None:
    """Count what a world is asked."""
    plain = world.ask

    async def ask(method: str, *rest: object, **how: object) -> webfuzz.Answer:
        begun = time.perf_counter()
        answer = await plain(method, *rest, **how)  # type: ignore[arg-type]
        figures.slowest = max(figures.slowest, (time.perf_counter() - begun, f"{method} {rest[0]!r:.60}"))
        figures.statuses[answer.status] += 1
        return answer

    world.ask = ask  # type: ignore[method-assign]


def batch(runner: asyncio.Runner, world: World, number: int, routes: tuple[str, ...], figures: Figures) -> None:
    """Make the requests that follow from one seed; raises what the first one found that failed, made small."""
    known: dict[str, list[str]] | None = None

    @seed(number)
    @settings(
        max_examples=BATCH,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(webfuzz.asks(routes))
    def asked(ask: webfuzz.Ask) -> None:
        nonlocal known
        figures.routes[ask.route] += 1
        known, before = None, known
        known = runner.run(webfuzz.tried(world, ask, before))

    asked()


@contextlib.contextmanager
def database(folder: Path, *, on_postgres: bool) -> Iterator[str]:
    """Give the address of a migrated database."""
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{folder / 'newsletter.db'}"
        if on_postgres:
            url = stack.enter_context(postgres.server()).create()

        async def migrate() -> None:
            opened = Database.at(url)
            await schema.migrate(opened, NOW)
            await opened.close()

        asyncio.run(migrate())
        yield url


def main() -> int:
    """Fuzz for a time and return 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None, help="what decides every request; by default the time")
    parser.add_argument("--postgres", action="store_true", help="a PostgreSQL of its own in place of SQLite")
    parser.add_argument("--route", action="append", choices=list(webfuzz.PAGES), help="this page alone")
    options = parser.parse_args()
    first = time.time_ns() if options.seed is None else options.seed
    structlog.configure(processors=[_dropped])
    print(f"seed={first}", flush=True)
    chance, figures = random.Random(first), Figures()
    routes = tuple(options.route or webfuzz.PAGES)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        url = stack.enter_context(database(folder, on_postgres=options.postgres))
        runner = stack.enter_context(asyncio.Runner())
        opened = contextlib.AsyncExitStack()
        room = runner.run(opened.enter_async_context(open_newsroom(url, folder)))
        world = runner.run(World.of(room, folder))
        watched(world, figures)
        while time.monotonic() - begun < options.minutes * 60:
            number = chance.getrandbits(64)
            try:
                batch(runner, world, number, routes, figures)
            except Exception as error:
                what = f"{type(error).__name__}: {error}"[:200]
                figures.faults[what] += 1
                if figures.faults[what] <= 2:
                    print(what, *getattr(error, "__notes__", ()), sep="\n", flush=True)
            runner.run(world.heal())
        runner.run(opened.aclose())
    for route in routes:
        print(f"{figures.routes[route]:>7} {route}")
    print("statuses: " + ", ".join(f"{status} {number}" for status, number in sorted(figures.statuses.items())))
    print(
        f"requests={figures.statuses.total()} slowest={figures.slowest[0]:.2f}s ({figures.slowest[1]}) "
        f"faults={figures.faults.total()} kinds_of_fault={len(figures.faults)} elapsed={time.monotonic() - begun:.0f}s"
    )
    return 1 if figures.faults else 0


def _dropped(*_: object) -> str:
    raise structlog.DropEvent


if __name__ == "__main__":
    sys.exit(main())
