"""Time choosing apart from sending: who is due, profiles, scores, reasons, and what is put on record.

    python bench/compose.py [--subscribers N] [--papers P] [--likes N] [--searches N] [--database URL | --postgres]

The real `Composer` chooses for N readers with three topics each (and --likes papers that they liked) among P papers of
the window, and puts issues, picks, `received` and deliveries on record with durable commits.  With --searches, so many
of them have a search of their own, which found three papers more for them alone.  Preparing runs in a
process of its own.  Stages are told in seconds, and `record TABLE` is what the inserts into that table took.  The last
line has `elapsed=` and `cpu=` in seconds for all of it, and `peak=` in MB of resident memory.
"""

import argparse
import contextlib
import json
import random
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from made_up import Reader
from prepare import DOMAIN, add_people, bulk, settle
from rank import Library
from sender import cpu_seconds, forget_peak, peak_megabytes, quiet
from sqlalchemy import event
from workshop import workshop

from newsletter import config
from newsletter.app import open_app, run
from newsletter.models import Topic
from newsletter.pipeline import compose
from newsletter.pipeline.chooser import Chooser
from newsletter.pipeline.due import due_by_hand
from newsletter.store import papers as paper_rows
from newsletter.store import schema, searches, tables
from newsletter.store.database import Database

PART = 5_000
FOUND = 3
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_WRITTEN = re.compile(r"INSERT INTO (\w+)")


class Stages:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextlib.contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add what happens within to a stage."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - began

    def forget_statements(self) -> None:
        """Leave out statements so far: they are part of stages that were timed as a whole."""
        for stage in [*self.seconds]:
            if stage.startswith(("record ", "read, ")):
                del self.seconds[stage]

    def watch(self, database: Database) -> None:
        """Add the statements that write to a stage named after their table, and all others that run to `read`."""
        engine = database.engine.sync_engine

        @event.listens_for(engine, "before_cursor_execute")
        def before(_connection: Any, _cursor: Any, _words: str, _values: Any, context: Any, _many: bool) -> None:
            context.bench_began = time.perf_counter()

        @event.listens_for(engine, "after_cursor_execute")
        def after(_connection: Any, _cursor: Any, words: str, _values: Any, context: Any, _many: bool) -> None:
            found = _WRITTEN.match(words)
            stage = f"record {found[1]}" if found else "read, delete, lock"
            self.seconds[stage] += time.perf_counter() - context.bench_began


class Timed:
    """A chooser whose work is timed."""

    def __init__(self, chooser: Chooser, stages: Stages) -> None:
        self._chooser = chooser
        self._stages = stages

    def profile(self, *words: Any, **named: Any) -> Any:
        """Return what is known of a person."""
        with self._stages.timed("profiles"):
            return self._chooser.profile(*words, **named)

    def choose(self, *words: Any, **named: Any) -> Any:
        """Return what each gets."""
        with self._stages.timed("rank"):
            return self._chooser.choose(*words, **named)

    def reasons(self, profile: Any, papers: Any) -> Any:
        """Return why."""
        with self._stages.timed("reasons"):
            return self._chooser.reasons(profile, papers)

    def __getattr__(self, name: str) -> Any:
        """Return what takes no part in choosing for all."""
        return getattr(self._chooser, name)


async def prepare(folder: Path, subscribers: int, count: int, likes: int, searching: int) -> None:
    """Put papers and readers on record, and what they liked: papers that are older than the window."""
    settings = config.load(folder / "config.toml", {})
    database = Database.at(settings.database.url, folder=folder)
    now = datetime.now(UTC)
    await schema.migrate(database, now)
    library = Library(1)
    made = [library.paper(number).model_copy(update={"id": None, "first_seen_at": LONG_AGO}) for number in range(2_000)]
    made += [library.paper(number).model_copy(update={"id": None, "first_seen_at": now}) for number in range(count)]
    async with database.begin() as connection:
        known = [paper_rows.Known(paper, f"{place} {paper.title}") for place, paper in enumerate(made)]
        ids = await paper_rows.add(connection, known, now)
    chance = random.Random(2)
    names = [" ".join(theme[:2]) for theme in library.themes] + [theme[3] for theme in library.themes]
    for start in range(1, subscribers + 1, PART):
        people = [
            Reader(
                number, f"reader{number}@example.org", tuple(Topic(name=name) for name in chance.sample(names, 3)), ()
            )
            for number in range(start, min(start + PART, subscribers + 1))
        ]
        async with database.begin() as connection:
            await add_people(connection, people, now)
            said = (
                {"subscriber_id": one.number, "paper_id": paper, "verdict": "more", "at": now}
                for one in people
                for paper in chance.sample(ids[:2_000], likes)
            )
            await bulk(connection, tables.feedback, said)
    await _search(database, library, [subscribers - back for back in range(searching)], 2_000 + count, now)
    await settle(database)
    await database.close()


async def _search(database: Database, library: Library, people: list[int], first: int, now: datetime) -> None:
    """Give each of these people a search of their own, and what it found."""
    async with database.begin() as connection:
        await searches.write(connection, {person: (f"all:reader{person}",) for person in people}, now)
        made = [library.paper(first + at).model_copy(update={"id": None}) for at in range(FOUND * len(people))]
        known = [paper_rows.Known(paper, f"{first + at} {paper.title}") for at, paper in enumerate(made)]
        ids = await paper_rows.add(connection, known, now, shared=False)
        for at, person in enumerate(people):
            (search,) = await searches.of(connection, person)
            await searches.note(connection, [search.id], ids[FOUND * at : FOUND * (at + 1)], now)


async def choose(folder: Path, stages: Stages) -> dict[str, float]:
    """Choose for everyone who is due, and return the figures."""
    async with open_app(config.load(folder / "config.toml", {})) as app:
        stages.watch(app.database)
        forget_peak()
        cpu, began = cpu_seconds(), time.perf_counter()
        with stages.timed("who is due, in all"):
            due = await due_by_hand(app.database, app.clock.now())
        with stages.timed("learn the words, in all"):
            ranker = await app.ranker()
        stages.forget_statements()
        report = await compose.Composer(
            app.database, app.clock, app.settings, Timed(ranker, stages), app.placing()
        ).compose(due)
        elapsed, cpu = time.perf_counter() - began, cpu_seconds() - cpu
    return {"composed": report.composed, "elapsed": elapsed, "cpu": cpu, "peak": peak_megabytes()}


def main() -> None:
    """Prepare in one process, choose in another, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--papers", type=int, default=100)
    parser.add_argument("--likes", type=int, default=3)
    parser.add_argument("--searches", type=int, default=0)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--database", metavar="URL")
    where.add_argument("--postgres", action="store_true")
    parser.add_argument("--step", choices=["prepare", "choose"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step == "prepare":
        run(prepare(options.folder, options.subscribers, options.papers, options.likes, options.searches))
    elif options.step == "choose":
        quiet()
        _choose(options)
    else:
        with workshop(options.database, postgres=options.postgres) as (folder, url):
            (folder / "config.toml").write_text(
                f'[newsletter]\nfrom_address = "papers@{DOMAIN}"\n[database]\nurl = {json.dumps(url)}\n'
            )
            for step in ("prepare", "choose"):
                words = [sys.executable, __file__, *sys.argv[1:], "--step", step, "--folder", folder]
                if subprocess.run(words, check=False).returncode:
                    sys.exit(f"The step {step} failed.")


def _choose(options: argparse.Namespace) -> None:
    stages = Stages()
    figures = run(choose(options.folder, stages))
    told = stages.seconds | {"the rest": figures["elapsed"] - sum(stages.seconds.values())}
    for stage, seconds in told.items():
        print(f"{stage:28}{seconds:9.3f} s{seconds / options.subscribers * 1000:9.4f} s per 1000 readers")
    if not figures["composed"]:
        sys.exit("Nothing was composed.")
    print(
        f"{options.subscribers} readers by {options.papers} papers, {figures['composed']} issues: "
        f"elapsed={figures['elapsed']:.3f} cpu={figures['cpu']:.3f} peak={figures['peak']:.1f}"
    )


if __name__ == "__main__":
    main()
