"""A process is known to be gone only where its number means something."""

import os
import subprocess
import sys

from newsletter.pipeline import leases


def named(number: int | str) -> str:
    """Return the name of another process of this place."""
    place = leases.owner().rpartition("/")[0].rpartition("/")[0]
    return f"{place}/{number}/abc"


def gone() -> int:
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_each_run_has_a_name_of_its_own() -> None:
    assert leases.owner() != leases.owner()
    assert leases.owner().split("/")[-2] == str(os.getpid())


def test_a_process_that_ended_is_gone() -> None:
    dead = named(gone())
    assert leases.dead([dead, leases.owner(), named(os.getppid())]) == {dead}


def test_a_process_of_another_place_is_never_taken_for_gone() -> None:
    number = gone()
    assert leases.dead([f"elsewhere/boot/pid/{number}/abc", f"{number}/abc", f"/{number}/abc"]) == set()


def test_what_is_no_name_of_ours_is_left_alone() -> None:
    odd = ["", "x", "/", "//", named("nobody"), named("²"), named("-1"), named("")]
    assert leases.dead(odd) == set()
    assert leases.at_work(odd) == set()


def test_only_another_process_that_runs_looks_after_its_own() -> None:
    other = named(os.getppid())
    owners = [other, leases.owner(), named(gone()), "elsewhere/boot/pid/1/abc"]
    assert leases.at_work(owners) == {other}
