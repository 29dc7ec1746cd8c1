"""The page on security has every section of its standard, and names tests that there are."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
ROWS = re.findall(r"^\| ([\d., ]+) \| (.+?) \| (.+?) \| (.+) \|$", PAGE, re.MULTILINE)
NAMED = sorted(set(re.findall(r"`(tests/[\w/.]+?\.py)::(\w+)`", PAGE)))

# How many sections each chapter of ASVS 4.0.3 has; the first is about how software is made.
SECTIONS = {2: 10, 3: 7, 4: 3, 5: 5, 6: 4, 7: 4, 8: 3, 9: 2, 10: 3, 11: 1, 12: 6, 13: 4, 14: 5}
# Of level 3.
ABOVE = {"10.1"}


def points(row: tuple[str, ...]) -> list[str]:
    """Return the points of a row."""
    return row[0].split(", ")


def test_every_section_of_the_standard_is_there() -> None:
    wanted = {f"{chapter}.{number + 1}" for chapter, count in SECTIONS.items() for number in range(count)}
    found = {".".join(point.split(".")[:2]) for row in ROWS for point in points(row)}
    assert wanted - ABOVE == found


def test_each_point_is_one_of_the_standard_and_in_its_order() -> None:
    for row in ROWS:
        for point in points(row):
            assert re.fullmatch(r"\d{1,2}\.\d{1,2}(\.\d{1,2})?", point), row
    chapters = [int(points(row)[0].split(".")[0]) for row in ROWS]
    assert chapters == sorted(chapters)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_names_a_test_or_says_why_there_is_none(row: tuple[str, ...]) -> None:
    _, asked, how, told = row
    assert asked
    if how.startswith("held"):
        assert "`tests/" in told
    elif how == "-":
        assert len(told) > 10
    else:
        # Not met, or not ours to meet: then the reason stands behind it.
        assert re.match(r"(no|you): .{10,}", how), how


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_is_named_is_there(file: str, name: str) -> None:
    path = ROOT / file
    assert path.is_file()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = {node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, functions)}
    assert name in found
