"""Run schedules of claim, send, record, bounce and retry against the model of tests/delivery_model.py.

    python bench/model.py [--schedules N] [--steps N] [--seed S] [--processes N]

A schedule is a series of steps in a world in which processes die, hang and come back, servers refuse, bounce or say
nothing, people leave and return, and clocks jump; after each step the record is judged against what the server took.
Each block of schedules has a seed of its own, printed where one fails: `--seed S --schedules 250` plays it again, and
prints the shortest schedule that fails. At the end stands how many schedules came to which point.
"""

import argparse
import asyncio
import concurrent.futures
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import structlog  # noqa: E402
from delivery_model import model  # noqa: E402
from hypothesis import HealthCheck, Phase, seed, settings  # noqa: E402
from hypothesis.stateful import run_state_machine_as_test  # noqa: E402
from newsroom import NOW  # noqa: E402

from newsletter.store import schema  # noqa: E402
from newsletter.store.database import Database  # noqa: E402

BLOCK = 250
EACH = 1_000
# What is judged is the order of things, not the disk.
IN_MEMORY = next((folder for folder in ["/dev/shm"] if Path(folder).is_dir()), None)  # noqa: S108 - removed at the end


def run_block(number: int, schedules: int, steps: int, *, shrink: bool = True) -> Counter[str]:
    """Run schedules that follow from one seed, in a new database, and return how many came to which point.

    Raises what the first one found that failed.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    drawn = settings(
        max_examples=schedules,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        database = Database.at("sqlite:///model.db", folder=Path(folder))
        asyncio.run(_migrate(database))
        with model(database) as machine:
            run_state_machine_as_test(seed(number)(machine), settings=drawn)
            return machine.reached


async def _migrate(database: Database) -> None:
    await schema.migrate(database, NOW)
    await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schedules", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--unshrunk", action="store_true", help="look for no shorter schedule that fails")
    options = parser.parse_args()
    print(f"seed={options.seed}", flush=True)
    began, done, reached = time.perf_counter(), 0, Counter[str]()
    sizes = [BLOCK] * (options.schedules // BLOCK) + [options.schedules % BLOCK] * bool(options.schedules % BLOCK)
    with concurrent.futures.ProcessPoolExecutor(options.processes) as pool:
        running = {
            pool.submit(run_block, options.seed + place, size, options.steps, shrink=not options.unshrunk): (
                options.seed + place,
                size,
            )
            for place, size in enumerate(sizes)
        }
        for block in concurrent.futures.as_completed(running):
            number, size = running[block]
            if (error := block.exception()) is not None:
                pool.shutdown(wait=False, cancel_futures=True)
                print(f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ()), sep="\n")
                sys.exit(
                    f"A schedule failed: --seed {number} --schedules {size} --steps {options.steps} plays it again."
                )
            reached += block.result()
            if (done := done + size) % EACH < size:
                print(f"{done} schedules, none failed, {time.perf_counter() - began:.0f} s", flush=True)
    for what, number in reached.most_common():
        print(f"{number:>9} {what}")
    print(f"schedules={done} failed=0 elapsed={time.perf_counter() - began:.0f}")


if __name__ == "__main__":
    main()
