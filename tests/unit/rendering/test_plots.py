"""Charts are pictures that any browser shows, with nothing in them that runs."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.rendering.plots import COLOURS, plot

NUMBERS = st.none() | st.integers(0, 10**7) | st.floats(0, 100)


def words(svg: bytes) -> set[str | None]:
    """Return what stands in a chart."""
    return {element.text for element in ElementTree.fromstring(svg).iter()}


@settings(max_examples=40)
@given(
    kind=st.sampled_from(["line", "bars", "share"]),
    columns=st.integers(0, 8).flatmap(
        lambda size: st.lists(st.lists(NUMBERS, min_size=size, max_size=size), min_size=1, max_size=7)
    ),
)
def test_whatever_the_numbers_are_it_is_a_plain_picture(kind, columns) -> None:
    labels = [f"2026-01-{day:02}" for day in range(1, len(columns[0]) + 1)]
    root = ElementTree.fromstring(plot(kind, labels, columns))
    tags = {str(element.tag).rpartition("}")[2] for element in root.iter() if isinstance(element.tag, str)}
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not tags & {"script", "foreignObject", "image", "a"}
    assert not any(name.lower().startswith("on") for element in root.iter() for name in element.attrib)


def test_labels_stand_in_it_as_text() -> None:
    assert {"2026-01-01", "$place$"} <= words(plot("bars", ["2026-01-01", "$place$"], [[1, 2], [0, None]]))


@pytest.mark.parametrize("kind", ["line", "bars"])
def test_a_year_of_days_keeps_some_labels_only(kind) -> None:
    labels = [f"day {number}" for number in range(365)]
    svg = plot(kind, labels, [list(range(365))])
    assert 2 <= len([text for text in words(svg) if text and text.startswith("day ")]) <= 10


def test_the_legend_of_the_page_has_the_same_colours() -> None:
    style = (Path(__file__).parents[3] / "templates" / "web" / "style.css").read_text()
    for number, colour in enumerate(COLOURS):
        assert f".c{number} {{ --c: {colour}; }}" in style
