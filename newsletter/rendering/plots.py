"""Charts as pictures: SVG without scripts, readable in light and dark; knows no record and no page."""

import io
from collections.abc import Sequence
from threading import Lock
from typing import Any, Literal
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Inches, as the library has them: 900 by 320 points of CSS.
_SIZE = (9.375, 3.333)
_SVG = "http://www.w3.org/2000/svg"
# Told apart with any sight, on white as on black (Okabe and Ito, Color Universal Design); the page has them too.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#8b8c90")
_INK = "#4d4d48"
# So many labels have room below.
_MOST_LABELS = 10
# The library's style is one for all threads.
_STYLES = Lock()
_STYLE: Any = {
    # Text stays text, in the fonts of the page.
    "svg.fonttype": "none",
    "svg.hashsalt": "newsletter",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["Segoe UI", "Roboto", "Helvetica", "Arial", "DejaVu Sans"],
    "font.size": 10,
    # A dollar sign in a name begins no formula.
    "text.parse_math": False,
}
# The picture is apart from the page, and so has its own dark side.
_DARK = (
    "@media (prefers-color-scheme: dark) "
    f"{{ text {{ fill: #ecebe7 !important }} path[style*='{_INK}'] {{ stroke: #8b8c90 !important }} }}"
)


def plot(
    kind: Literal["line", "bars", "share"], labels: Sequence[str], columns: Sequence[Sequence[float | None]]
) -> bytes:
    """Return a chart of columns of numbers under labels, as SVG.

    `line` draws lines, `bars` bars on top of each other, and `share` bars of a hundred. Columns have `COLOURS` in turn
    and no names: a page can set them in any script, and reads them out.
    """
    with _STYLES, mpl.rc_context(_STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        _draw(axes, kind, len(labels), columns)
        _frame(axes, labels)
        drawn = io.BytesIO()
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(drawn, format="svg", transparent=True, metadata=nothing)
    return _with_dark_side(drawn.getvalue())


def _draw(axes: Axes, kind: str, size: int, columns: Sequence[Sequence[float | None]]) -> None:
    places = range(size)
    below = [0.0] * size
    for numbers, colour in zip(columns, COLOURS * 2, strict=False):
        if kind == "line":
            known = [float("nan") if number is None else number for number in numbers]
            axes.plot(places, known, color=colour, linewidth=2, marker="o" if size < 2 else None)
            continue
        known = [number or 0.0 for number in numbers]
        axes.bar(places, known, bottom=below, color=colour, width=0.8)
        if kind == "bars":
            below = [under + number for under, number in zip(below, known, strict=True)]


def _frame(axes: Axes, labels: Sequence[str]) -> None:
    every = max(1, -(-len(labels) // _MOST_LABELS))
    axes.set_xticks(range(0, len(labels), every), labels[::every])
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=_INK, alpha=0.25, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_INK)
    axes.tick_params(colors=_INK, length=0)


def _with_dark_side(svg: bytes) -> bytes:
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(svg)  # noqa: S314 - made here, a line before
    style = ElementTree.SubElement(root, f"{{{_SVG}}}style")
    style.text = _DARK
    return ElementTree.tostring(root)
