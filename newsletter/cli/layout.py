"""Lays out prose and tables for a width in cells of a terminal; prints nothing and knows no domain.

What people copy is never broken: words, addresses, and commands between backticks. Where one does not fit, it sticks
out, and what stands to the right of it in a table goes to the next line, still under its title.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len, chop_cells, set_cell_size

# The space between two columns of a table, and the width below which no column is cut while others can give way.
GAP = 2
SHORTEST = 16
# A table is not made narrower elsewhere for the sake of few addresses that are longer than this.
USUAL = 40

# A word or a command between backticks, with the space before it.
_PIECE = re.compile(r"\s*(?:[^\s`]*`[^`]{1,120}`[^\s`]*|\S+)")


class Kind(NamedTuple):
    """How a column may give way: `long` is cut, `whole` never cut or folded, `spare` left out where it is narrow."""

    right: bool = False
    long: bool = False
    whole: bool = False
    spare: bool = False


class Placed(NamedTuple):
    """A part of a line of a table: its text with the space before it, and the place of its column."""

    text: str
    place: int


def folded(prose: str, width: int) -> list[str]:
    """Return prose in lines that fit a width, as far as its words do; all are indented as the first."""
    if cell_len(prose) <= width:
        return [prose]
    hanging = " " * (len(prose) - len(prose.lstrip()))
    lines, line = [], ""
    for piece in _pieces(prose, width - cell_len(hanging)):
        if line.strip() and cell_len(line + piece) > width:
            lines.append(line)
            line = hanging + piece.lstrip()
        else:
            line += piece
    return [*lines, line]


def widths(kinds: Sequence[Kind], rows: Sequence[Sequence[str]], available: int) -> dict[int, int]:
    """Return the width of each column that is shown; the first row has the titles.

    Where not all has room, the `whole` columns are as wide as most of their cells, the `long` ones are cut, the others
    are folded between words, the `spare` ones are left out from the right, and only then may cells stick out. Nothing
    is returned where that is too narrow for a table.
    """
    natural = [max(map(_natural, cells)) for cells in zip(*rows, strict=True)]
    shown = list(range(len(kinds)))
    if sum(natural) + GAP * (len(shown) - 1) <= available:
        return dict(zip(shown, natural, strict=True))
    choices = [_usual(kind, [row[place] for row in rows]) for place, kind in enumerate(kinds)]
    least = [_least(kind, [row[place] for row in rows]) for place, kind in enumerate(kinds)]

    def room(floors: Sequence[int]) -> int:
        return available - GAP * (len(shown) - 1) - sum(floors[place] for place in shown)

    wanted, floors = natural, least
    for choice in zip(*choices, strict=True):
        wanted = list(choice)
        floors = [wanted[place] if kind.whole else least[place] for place, kind in enumerate(kinds)]
        if room(floors) >= 0:
            break
    for place in reversed(range(len(kinds))):
        if kinds[place].spare and room(floors) < 0:
            shown.remove(place)
    longs = [place for place in shown if kinds[place].long]
    texts = [place for place in shown if not (kinds[place].long or kinds[place].whole)]
    wholes = [place for place in shown if kinds[place].whole]
    fitted = wanted
    for places, floor in ((longs, least), (texts, least), (wholes, [SHORTEST] * len(kinds))):
        fitted = _narrowed(fitted, places, floor, room(fitted))
    return {place: fitted[place] for place in shown} if room(fitted) >= 0 else {}


def lines(kinds: Sequence[Kind], row: Sequence[str], given: dict[int, int]) -> Iterator[list[Placed]]:
    """Return the lines of a row, each as the parts that stand in it."""
    cells = {place: _cell(row[place], kinds[place], width) for place, width in given.items()}
    for place, cell in cells.items():
        for number, text in enumerate(cell):
            if cell_len(text) > given[place]:
                # What stands to the right of it goes one line down.
                for right in (right for right in cells if right > place and number < len(cells[right])):
                    cells[right].insert(number, "")
    for number in range(max(map(len, cells.values()), default=0)):
        line: list[Placed] = []
        start = end = 0
        for place, width in given.items():
            text = cells[place][number].rstrip() if number < len(cells[place]) else ""
            if text:
                before = start - end + (max(0, width - cell_len(text)) if kinds[place].right else 0)
                line.append(Placed(" " * before + text, place))
                end += before + cell_len(text)
            start += width + GAP
        yield line


def _cell(text: str, kind: Kind, width: int) -> list[str]:
    """Return the lines of a cell; those of a `whole` one may be wider."""
    if kind.long:
        return [line if cell_len(line) <= width else f"{_begin(line, width - 1)}…" for line in text.split("\n")]
    if kind.whole:
        return text.split("\n")
    return [line for part in text.split("\n") for line in folded(part, width)]


def _begin(text: str, width: int) -> str:
    return set_cell_size(text, max(0, width)).rstrip()


def _pieces(prose: str, width: int) -> Iterator[str]:
    for piece in _PIECE.findall(prose):
        # Scripts without spaces may be broken anywhere; an address may not.
        if cell_len(piece) > max(width, len(piece)) and not re.search(r"@|://|`", piece):
            yield from chop_cells(piece, max(2, width))
        else:
            yield piece


def _natural(cell: str) -> int:
    return max(map(cell_len, cell.split("\n")))


def _usual(kind: Kind, cells: Sequence[str]) -> tuple[int, int, int]:
    """Return the widths that a column may have: for all of its cells, for nine of ten, for those of a usual width."""
    found = sorted(map(_natural, cells))
    if not kind.whole:
        return found[-1], found[-1], found[-1]
    return found[-1], found[len(found) * 9 // 10], max((width for width in found if width <= USUAL), default=SHORTEST)


def _least(kind: Kind, cells: Iterable[str]) -> int:
    """Return the width below which a column is not folded or cut while others can give way."""
    if kind.long:
        return min(SHORTEST, max(map(_natural, cells)))
    return min(USUAL, max((cell_len(piece.lstrip()) for cell in cells for piece in _PIECE.findall(cell)), default=1))


def _narrowed(given: Sequence[int], places: Sequence[int], floors: Sequence[int], room: int) -> list[int]:
    """Return widths of which the widest of some gave way, one cell at a time, until there is room or none can."""
    fitted = list(given)
    while room < 0 and (left := [place for place in places if fitted[place] > floors[place]]):
        fitted[max(left, key=fitted.__getitem__)] -= 1
        room += 1
    return fitted
