"""One sending process under measure: it builds what `newsletter send` builds, waits for a word, and sends.

    python bench/sender.py FOLDER [--profile FILE]

It prints `ready`, reads a line, and prints a line of JSON: when it began and ended (seconds of the machine's monotonic
clock), CPU seconds of that span and of the event loop's thread in it, the largest resident memory in MB, and how many
deliveries came into which state.
"""

import argparse
import cProfile
import json
import logging
import os
import pstats
import resource
import sys
import threading
import time
from pathlib import Path

import structlog

from newsletter import config
from newsletter.app import open_app, run

STATUS = Path("/proc/self/status")


class Profile:
    """Where the CPU time of the event loop's thread goes, and in a second file that of threads begun since."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._loop = cProfile.Profile(time.thread_time)
        self._others: list[cProfile.Profile] = []

    def begin(self) -> None:
        """Look at this thread and at those to come."""
        threading.setprofile(self._join)
        self._loop.enable()

    def end(self) -> None:
        """Look no more."""
        self._loop.disable()
        threading.setprofile(None)

    def write(self) -> None:
        """Write what was seen, as the module pstats reads it."""
        self._loop.dump_stats(self._file)
        if self._others:
            pstats.Stats(*self._others).dump_stats(self._file.with_suffix(".threads" + self._file.suffix))

    def _join(self, *_: object) -> None:
        self._others.append(cProfile.Profile(time.thread_time))
        self._others[-1].enable()


async def send(folder: Path, profile: "Profile | None") -> dict:
    """Run the pipeline once and return its figures."""
    async with open_app(config.load(folder / "config.toml", {})) as app:
        sending = await app.sending()
        async with app.courier() as courier:
            print("ready", flush=True)
            sys.stdin.readline()
            forget_peak()
            cpu, loop, began = cpu_seconds(), time.thread_time(), time.monotonic()
            if profile is not None:
                profile.begin()
            report = await sending.run(courier)
            if profile is not None:
                profile.end()
            ended, loop, cpu = time.monotonic(), time.thread_time() - loop, cpu_seconds() - cpu
    return {
        "began": began,
        "ended": ended,
        "cpu": cpu,
        "loop": loop,
        "peak": peak_megabytes(),
        "states": report.states,
        "fault": report.fault and str(report.fault),
    }


def quiet() -> None:
    """Let the log tell of faults only."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def cpu_seconds() -> float:
    """Return user and system seconds of this process, its threads, and processes that it started."""
    own = sum(
        resource.getrusage(who)[0] + resource.getrusage(who)[1]
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own + sum(map(_cpu_of, _children()))


def forget_peak() -> None:
    """Let the peak be counted from now on, where the system can (proc(5), clear_refs)."""
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")


def peak_megabytes() -> float:
    """Return the largest resident memory since `forget_peak`, with that of processes that this one started."""
    if not STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return sum(_peak_of(Path("/proc", process)) for process in ("self", *_children()))


def _peak_of(process: Path) -> float:
    lines = (process / "status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def _children() -> list[str]:
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        return []
    lists = [task / "children" for task in tasks.iterdir()]
    # Not every kernel has them.
    return [child for children in lists if children.exists() for child in children.read_text().split()]


def _cpu_of(process: str) -> float:
    fields = Path("/proc", process, "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--profile", type=Path)
    options = parser.parse_args()
    quiet()
    profile = Profile(options.profile) if options.profile else None
    print(json.dumps(run(send(options.folder, profile))), flush=True)
    if profile is not None:
        profile.write()


if __name__ == "__main__":
    main()
