"""Schedules of claim, send, record, bounce and retry in any order lose nothing and repeat nothing.

A failing schedule is printed step by step; bench/model.py runs a hundred thousand, and bench/mutants.py shows what the
model finds.
"""

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
from delivery_model import model
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from newsletter.store.database import Database

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_is_lost_or_twice_in_any_order(engine: str, new_database: Callable[..., str]) -> None:
    drawn = settings(
        max_examples=100 if engine == "sqlite" else 30,
        stateful_step_count=15,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    with model(Database.at(new_database(engine))) as machine:
        run_state_machine_as_test(machine, settings=drawn)
        # It is worth something only if mail goes out, is left on its way, and is looked after by another run.
        assert {"queued to sent", "taken back", "begun after a take-back", "answered after its lease"} <= set(
            machine.reached
        )


@pytest.mark.parametrize("what", ["what is lost on its way is queued", "doubt is forgotten on failure"])
def test_the_model_finds_a_guard_that_is_gone(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    mutants = importlib.import_module("mutants")
    (mutant,) = [one for one in mutants.MUTANTS if one.what == what]
    assert mutants.fails(mutant, 250, 1).startswith("AssertionError")


def test_every_mutant_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    for mutant in importlib.import_module("mutants").MUTANTS:
        assert (ROOT / "newsletter" / mutant.file).read_text().count(mutant.old) == 1, mutant.what
