"""Charts are pictures that any browser shows, with nothing in them that runs."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.rendering.plots import COLOURS, plot

NUMBERS = st.none() | st.integers(0, 10**7) | st.floats(0, 100)


def elements(svg: bytes) -> list[ElementTree.Element]:
    """Return what a chart is made of, itself first."""
    return list(ElementTree.fromstring(svg).iter())  # noqa: S314 - our own


def words(svg: bytes) -> set[str | None]:
    """Return what stands in a chart."""
    return {element.text for element in elements(svg)}


@settings(max_examples=40)
@given(
    kind=st.sampled_from(["line", "bars", "share"]),
    columns=st.integers(0, 8).flatmap(
        lambda size: st.lists(st.lists(NUMBERS, min_size=size, max_size=size), min_size=1, max_size=7)
    ),
)
def test_whatever_the_numbers_are_it_is_a_plain_picture(kind, columns) -> None:
    labels = [f"2026-01-{day:02}" for day in range(1, len(columns[0]) + 1)]
    found = elements(plot(kind, labels, columns))
    tags = {str(element.tag).rpartition("}")[2] for element in found}
    assert found[0].tag == "{http://www.w3.org/2000/svg}svg"
    assert not tags & {"script", "foreignObject", "image", "a"}
    assert not any(name.lower().startswith("on") for element in found for name in element.attrib)


def test_labels_stand_in_it_as_text() -> None:
    assert {"2026-01-01", "$place$"} <= words(plot("bars", ["2026-01-01", "$place$"], [[1, 2], [0, None]]))


@pytest.mark.parametrize("kind", ["line", "bars"])
def test_a_year_of_days_keeps_some_labels_only(kind) -> None:
    labels = [f"day {number}" for number in range(365)]
    svg = plot(kind, labels, [list(range(365))])
    assert 2 <= len([text for text in words(svg) if text and text.startswith("day ")]) <= 10


def test_several_at_once_look_as_each_alone() -> None:
    numbers = [[1, 2, 3]]
    alone = plot("bars", ["a", "b", "c"], numbers)
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: plot("bars", ["a", "b", "c"], numbers), range(12))) == {alone}


def test_the_legend_of_the_page_has_the_same_colours() -> None:
    style = (Path(__file__).parents[3] / "templates" / "web" / "style.css").read_text()
    for number, colour in enumerate(COLOURS):
        assert f".c{number} {{ --c: {colour}; }}" in style
