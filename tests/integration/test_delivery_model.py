"""Schedules of claim, send, record, bounce and retry in any order lose nothing and repeat nothing.

A failing schedule is printed step by step; bench/model.py runs a hundred thousand.
"""

import asyncio
from collections.abc import Callable

from delivery_model import DeliveryModel, run
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from newsletter.store.database import Database


def test_nothing_is_lost_or_twice_in_any_order(engine: str, new_database: Callable[..., str]) -> None:
    drawn = settings(
        max_examples=60 if engine == "sqlite" else 20,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    def play(machine: type[DeliveryModel]) -> None:
        run_state_machine_as_test(machine, settings=drawn)

    with asyncio.Runner() as runner:
        run(runner, Database.at(new_database(engine)), play=play)
