"""The page on deliverability has every row of the list of its sources, and names tests and settings that there are."""

import ast
import re
from pathlib import Path

import pytest

from newsletter.cli.main import COMMANDS
from newsletter.config import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "deliverability.md").read_text("utf-8")
ROWS = re.findall(r"^\| (\d+) \| (.+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
NAMED = sorted(set(re.findall(r"`(tests/[\w/.]+?\.py)(?:::(\w+))?`", PAGE)))


def test_all_24_rows_are_there_in_order() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, 25))
    assert all(cell.strip() for row in ROWS for cell in row)


def test_it_has_the_rows_of_the_list_that_it_answers(shared: Path) -> None:
    listed = (
        (shared / "PEERS.md").read_text("utf-8").partition("## Deliverability must-do list")[2].partition("\n## ")[0]
    )
    assert re.findall(r"^\| (\d+) \|", listed, re.MULTILINE) == [row[0] for row in ROWS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"row-{row[0]}")
def test_a_row_names_a_test_or_says_why_there_is_none(row: tuple[str, ...]) -> None:
    done, told = row[2], row[3]
    assert "`tests/" in told or "you" in done or "not yet" in done or "there is none" in done or "no link" in done


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_is_named_is_there(file: str, name: str) -> None:
    path = ROOT / file
    assert path.is_file()
    if name:
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        found = {node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, functions)}
        assert name in found


def test_settings_and_commands_are_spelled_as_they_are() -> None:
    sections = "|".join(Settings.model_fields)
    for section, key in re.findall(rf"`({sections})\.([a-z_]+)`", PAGE):
        assert key in type(Settings.model_fields[section].default).model_fields, f"{section}.{key}"
    commands = re.findall(r"(?:`|^ {4})newsletter ([a-z]+)", PAGE, re.MULTILINE)
    assert "dkim" in commands
    assert set(commands) <= set(COMMANDS)
