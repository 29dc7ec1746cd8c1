"""What is printed fits its width; what people copy is never broken, and nothing stands where it does not belong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from newsletter.cli.layout import GAP, Kind, folded, lines, widths

KINDS = st.builds(Kind, right=st.booleans(), long=st.booleans(), whole=st.booleans(), spare=st.booleans())
CELLS = st.one_of(
    st.text("ab 漢\n", max_size=60),
    st.sampled_from(["ada@example.org", "2026-11-21 14:56 UTC", "x" * 90 + "@example.org"]),
)
TABLES = st.lists(KINDS, min_size=1, max_size=7).flatmap(
    lambda kinds: st.tuples(
        st.just(kinds), st.lists(st.lists(CELLS, min_size=len(kinds), max_size=len(kinds)), min_size=1, max_size=8)
    )
)
ADDRESS = "a.very.long.name.of.a.person+newsletter@mathematics.department.university.example.org"


def shown(kinds: list[Kind], rows: list[list[str]], width: int) -> list[str]:
    """Return the lines of a table."""
    given = widths(kinds, rows, width)
    return ["".join(part.text for part in line) for row in rows for line in lines(kinds, row, given)]


@given(TABLES, st.integers(20, 200))
def test_columns_fit_the_width_or_there_is_no_table(table: tuple[list[Kind], list[list[str]]], available: int) -> None:
    kinds, rows = table
    given = widths(kinds, rows, available)
    natural = [max(cell_len(line) for row in rows for line in row[place].split("\n")) for place in range(len(kinds))]
    if given:
        assert sum(given.values()) + GAP * (len(given) - 1) <= available
    if sum(natural) + GAP * (len(kinds) - 1) <= available:
        assert given == dict(enumerate(natural))
    assert all(kinds[place].spare for place in range(len(kinds)) if given and place not in given)


@given(TABLES, st.integers(20, 200))
def test_what_is_whole_stands_in_one_piece_and_nothing_overlaps(
    table: tuple[list[Kind], list[list[str]]], available: int
) -> None:
    kinds, rows = table
    given = widths(kinds, rows, available)
    for row in rows:
        for line in lines(kinds, row, given):
            end = 0
            for part in line:
                begin = sum(width + GAP for place, width in given.items() if place < part.place)
                assert end == 0 or end + GAP <= begin + given[part.place]
                assert part.text.strip()
                end += cell_len(part.text)
        told = "\n".join("".join(part.text for part in line) for line in lines(kinds, row, given))
        for place in given:
            if kinds[place].whole and not kinds[place].long:
                assert all(line.strip() in told for line in row[place].split("\n"))


def test_one_long_address_costs_the_other_columns_nothing() -> None:
    kinds = [Kind(whole=True), Kind(), Kind(long=True)]
    rows = [["ada@example.org", "sent", "t" * 40], [ADDRESS, "sent", "t" * 40], *[["bob@example.org", "sent", "t"]] * 9]
    told = shown(kinds, rows, 80)
    assert told[0] == f"ada@example.org  sent  {'t' * 40}"
    assert told[1:3] == [ADDRESS, f"                 sent  {'t' * 40}"]


def test_a_spare_column_is_left_out_before_an_address_sticks_out() -> None:
    kinds = [Kind(whole=True), Kind(spare=True), Kind(long=True)]
    rows = [["someone@department.example.org", "2026-11-21", "t" * 40]]
    assert shown(kinds, rows, 50) == ["someone@department.example.org  ttttttttttttttttt…"]
    assert widths(kinds, rows, 20) == {}


def test_words_are_folded_between_words_and_commands_not_at_all() -> None:
    assert folded("one two three four", 9) == ["one two", "three", "four"]
    assert folded("    one two three", 11) == ["    one two", "    three"]
    told = folded("It waits; `newsletter deliveries retry --state caught` sends it once more.", 40)
    assert told == ["It waits;", "`newsletter deliveries retry --state caught`", "sends it once more."]
    assert folded(f"It went to {ADDRESS}, who has it.", 40) == ["It went to", f"{ADDRESS},", "who has it."]


def test_a_script_without_spaces_is_folded_anywhere_but_not_in_an_address() -> None:
    assert folded("漢字" * 10, 16) == ["漢字" * 4, "漢字" * 4, "漢字" * 2]
    assert folded("漢字" * 10 + "@例子.广告", 16) == ["漢字" * 10 + "@例子.广告"]


@pytest.mark.parametrize("width", [10, 25, 80])
@given(st.lists(st.text("abc漢", min_size=1, max_size=8), min_size=1, max_size=30))
def test_folding_loses_no_word(width: int, words: list[str]) -> None:
    told = folded(" ".join(words), width)
    assert "".join(told).replace(" ", "") == "".join(words)
    assert all(cell_len(line) <= max(width, 16) for line in told)
