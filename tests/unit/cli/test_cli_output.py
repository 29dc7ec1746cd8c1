"""What is printed fits the terminal, is whole in a pipe, and never obeys what a title or a server says."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.cli.output import Column, Output, lasting, printable, shown

COLUMNS = (Column("id", "id", right=True), Column("title", "title", long=True))
ROWS = [{"id": 1, "title": "A title"}, {"id": 20, "title": "x" * 300}]


@given(st.text())
def test_what_is_printed_has_nothing_that_a_terminal_obeys(text: str) -> None:
    assert not set(printable(text)) & {chr(number) for number in (*range(10), *range(11, 32), *range(127, 160))}


def test_colours_titles_and_turned_text_of_others_are_not_obeyed() -> None:
    assert printable("a\x1b[31mb\x9b0mc\u202ed\re\x07") == "a [31mb 0mc d e "
    assert printable("Schrödinger λ 漢字 👩‍🔬") == "Schrödinger λ 漢字 👩‍🔬"


def test_in_a_pipe_a_table_is_whole_and_plain(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table(COLUMNS, ROWS)
    assert capsys.readouterr().out.splitlines() == ["id  title", " 1  A title", f"20  {'x' * 300}"]


def test_cells_of_several_lines_stay_in_their_column(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table(COLUMNS, [{"id": 1, "title": "one\ntwo"}, {"id": 2, "title": "漢字"}])
    assert capsys.readouterr().out.splitlines() == ["id  title", " 1  one", "    two", " 2  漢字"]


def test_as_json_a_record_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    moment = datetime(2026, 11, 21, 7, tzinfo=UTC)
    out = Output(json=True)
    out.table(COLUMNS, [*ROWS, {"at": moment, "on": date(2026, 11, 21), "title": "two\nlines \x1b[0m ö"}])
    out.say("not for programs")
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines[:2]] == ROWS
    assert json.loads(lines[2]) == {
        "at": moment.isoformat(),
        "on": "2026-11-21",
        "title": "two\nlines \x1b[0m ö",
    }
    assert len(lines) == 3


def test_quiet_leaves_what_went_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(quiet=True)
    out.say("all is well")
    out.record({"well": True}, "all is well")
    out.warn("something is not")
    assert capsys.readouterr() == ("", "something is not\n")


def test_hints_are_commands_that_can_be_typed_as_they_stand(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(program="newsletter --config 'my papers.toml'")
    out.say("`newsletter send` sends what waits.")
    out.table((Column("title", "title"),), [{"title": "On `newsletter send`, by others"}])
    out.warn("`newsletter migrate` mends it.")
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "`newsletter --config 'my papers.toml' send` sends what waits.",
        "title",
        "On `newsletter send`, by others",
    ]
    assert told.err == "`newsletter --config 'my papers.toml' migrate` mends it.\n"


def test_facts_stand_below_each_other_and_several_have_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    Output().facts({"a": 1, "unknown": None, "links": ["one", "two"], "names": ("x", "y")})
    assert capsys.readouterr().out.splitlines() == ["a      1", "links  one", "       two", "names  x, y"]


def test_where_there_is_nothing_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table(COLUMNS, [], empty="Nothing is there.")
    assert capsys.readouterr().out == "Nothing is there.\n"


def test_without_a_terminal_there_is_no_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with Output().progress("Sending", 2) as progress:
        progress(1)
        progress(2, 2)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, ""),
        ((), ""),
        (0, "0"),
        (True, "yes"),
        (("a", "b"), "a, b"),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02 03:04 UTC"),
    ],
)
def test_values_are_shown_as_people_read_them(value: Any, words: str) -> None:
    assert shown(value) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (0.4, "1 s"), (59.2, "1 min"), (80, "1 min 20 s"), (3600, "1 h"), (7501, "2 h 5 min")],
)
def test_a_span_of_time_is_told_as_people_read_it(seconds: float, words: str) -> None:
    assert lasting(timedelta(seconds=seconds)) == words
