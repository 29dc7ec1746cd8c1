"""Run schedules of claim, send, record, bounce and retry against the model of tests/delivery_model.py.

    python bench/model.py [--schedules N] [--steps N] [--seed S] [--processes N]

A schedule is up to --steps steps of a world in which workers die, hang and come back, servers refuse, bounce or say
nothing, people leave and return, and clocks jump; after each step the record is judged against what the server took.
Each block of schedules has a seed of its own, printed where one fails: `--seed S --schedules 250` plays it again, and
prints the shortest schedule that fails.
"""

import argparse
import asyncio
import concurrent.futures
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import structlog  # noqa: E402
from delivery_model import DeliveryModel, run  # noqa: E402
from hypothesis import HealthCheck, Phase, seed, settings  # noqa: E402
from hypothesis.stateful import run_state_machine_as_test  # noqa: E402
from newsroom import NOW  # noqa: E402

from newsletter.store import schema  # noqa: E402
from newsletter.store.database import Database  # noqa: E402

BLOCK = 250
# What is judged is the order of things, not the disk.
IN_MEMORY = next((folder for folder in ["/dev/shm"] if Path(folder).is_dir()), None)  # noqa: S108 - removed at the end


def run_block(number: int, schedules: int, steps: int) -> int:
    """Run schedules that follow from one seed, in a new database; raises what the first failing one found."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    drawn = settings(
        max_examples=schedules,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )

    def play(machine: type[DeliveryModel]) -> None:
        run_state_machine_as_test(seed(number)(machine), settings=drawn)

    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder, asyncio.Runner() as runner:
        database = Database.at("sqlite:///model.db", folder=Path(folder))
        runner.run(schema.migrate(database, NOW))
        run(runner, database, play=play)
    return schedules


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schedules", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    print(f"seed={options.seed}", flush=True)
    began, done = time.perf_counter(), 0
    sizes = [BLOCK] * (options.schedules // BLOCK) + [options.schedules % BLOCK] * bool(options.schedules % BLOCK)
    with concurrent.futures.ProcessPoolExecutor(options.processes) as pool:
        running = {
            pool.submit(run_block, options.seed + place, size, options.steps): options.seed + place
            for place, size in enumerate(sizes)
        }
        for block in concurrent.futures.as_completed(running):
            if block.exception() is not None:
                pool.shutdown(wait=False, cancel_futures=True)
                print(block.exception())
                sys.exit(f"A schedule failed: --seed {running[block]} --schedules {BLOCK} plays it again.")
            done += block.result()
            if done % 5_000 == 0:
                print(f"{done} schedules, none failed", flush=True)
    print(f"schedules={done} failed=0 elapsed={time.perf_counter() - began:.0f}")


if __name__ == "__main__":
    main()
