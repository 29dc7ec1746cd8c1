"""The secret of links on the command line: made new, with a time of grace or without."""

from pathlib import Path

import pytest

from test_cli import Place  # isort: skip


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(tmp_path)
    found.run("migrate")
    return found


def test_a_secret_is_made_new(place: Place) -> None:
    assert "those of before are read until" in place.run("secrets", "rotate").stdout
    assert place.one("secrets", "rotate", "--days", "5")["older"] == 2
    assert "none of before" not in place.run("secrets", "rotate", "--days", "0").stdout
    assert "-1 is not in the range" in place.run("secrets", "rotate", "--days", "-1", code=2).stderr


def test_a_leaked_one_is_read_no_more(place: Place) -> None:
    assert "none of before is read any more" in place.run("secrets", "rotate", "--days", "0").stdout
    place.run("subscribers", "add", "ada@example.org")
    place.run("subscribers", "erase", "ada@example.org", "--yes")
    place.run("secrets", "rotate")
    assert "must not be mailed" in place.run("subscribers", "add", "ada@example.org", code=2).stderr
