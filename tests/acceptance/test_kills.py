"""A send that is killed again and again loses nothing and repeats nothing, by the server's own record."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "bench" / "kills.py"


def kills(*words: str) -> str:
    run = subprocess.run(
        [sys.executable, str(BENCH), "--kills", "10", "--subscribers", "400", *words],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    # The seed is printed, so that a failing round can be played again: bench/kills.py --seed S.
    print(run.stdout, run.stderr)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_nothing_is_lost_or_sent_twice(engine: str, new_database: Callable[..., str]) -> None:
    database = ["--database", new_database(engine, migrated=False)] if engine == "postgresql" else []
    last = kills(*database).splitlines()[-1]
    figures = dict(word.split("=") for word in last.split())
    assert figures["lost"] == figures["twice"] == figures["unsent"] == "0"
    assert figures["deliveries"] == "400"
    # Most of the ten came before the end of the send: a round in which nothing was killed would show nothing.
    assert int(figures["kills"]) >= 5


def test_with_resend_a_repeat_bears_the_same_message_id() -> None:
    last = kills("--unknown", "resend", "--seed", str(int.from_bytes(os.urandom(4)))).splitlines()[-1]
    figures = dict(word.split("=") for word in last.split())
    assert figures["lost"] == figures["unsent"] == figures["unknown"] == "0"
