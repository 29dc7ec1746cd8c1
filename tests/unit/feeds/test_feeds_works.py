"""What is one work and what only looks like one: pairs of accounts, with precision before recall."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from accounts import ACCOUNTS, TRUTH
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds import distinct, parse
from newsletter.feeds.works import one_work
from newsletter.models import Paper

PAIRS: dict[str, list[dict[str, Any]]] = tomllib.loads(Path(__file__).with_name("pairs.toml").read_text("utf-8"))
# What the rule takes for two: a number, or a word as `application`, may tell a part of a work from the whole.
MISSED = {"name with a number dropped (real)", "cut (real)"}


def case(pair: dict[str, Any]) -> Any:
    return pytest.param(Paper(**pair["one"]), Paper(**pair["other"]), id=pair["why"])


@pytest.mark.parametrize(("one", "other"), [*map(case, PAIRS["different"])])
def test_two_works_that_look_alike_stay_two(one: Paper, other: Paper) -> None:
    assert not one_work(one, other)
    assert not one_work(other, one)


@pytest.mark.parametrize(("one", "other"), [case(pair) for pair in PAIRS["same"] if pair["why"] not in MISSED])
def test_accounts_of_one_work_are_one(one: Paper, other: Paper) -> None:
    assert one_work(one, other)
    assert one_work(other, one)


def test_the_pairs_are_many_and_nearly_all_of_one_work_are_found() -> None:
    assert min(map(len, PAIRS.values())) >= 60
    found = [one_work(Paper(**pair["one"]), Paper(**pair["other"])) for pair in PAIRS["same"]]
    assert len(found) - sum(found) == len(MISSED)


def test_real_works_without_their_ids_stay_as_many(shared: Path) -> None:
    files = [*(shared / "feeds").rglob("*.json"), *(shared / "feeds").rglob("*.atom")]
    found = distinct(paper for file in files for paper in parse(file.read_bytes(), today=date(2026, 11, 21)).papers)
    bare = [paper.model_copy(update={"arxiv_id": None, "url": None}) for paper in found]
    assert len(distinct(bare)) == len(bare) > 1000
    # And each is known again by a page that has its title in capitals.
    told = [Paper(title=paper.title.upper()) for paper in found]
    assert len(distinct([*found, *told])) == len(found)


@given(st.permutations([*ACCOUNTS, *ACCOUNTS[::3]]))
def test_whatever_the_order_of_accounts_the_same_works_come_of_them(told: list[Paper]) -> None:
    works = distinct(told)
    assert len(works) == len(TRUTH)
    assert len({work.abstract for work in works}) == len(TRUTH)
    assert distinct([*works, *told]) == works
