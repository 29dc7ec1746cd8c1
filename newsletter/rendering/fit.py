"""Which papers of a mail are shown in full where not all have room; knows sizes alone."""

from collections.abc import Callable, Sequence

# Gmail shows so many bytes of HTML, and what follows only behind a link.
SHOWN = 102 * 1024

# How much of a paper is shown: all, all but its summary, or number, title and reason.
FULL, SHORT, LINE = FORMS = ("full", "short", "line")
LEFT_OUT = ""


def fit(sizes: Sequence[tuple[int, ...]], room: int, rest: Callable[[int], int]) -> list[str]:
    """Return for each paper its form, or `LEFT_OUT`, so that all together take `room` at most.

    `sizes` has what a paper takes in each of `FORMS`, and `rest` tells what takes the line that stands for so many
    papers left out, all in bytes. From the last paper on they lose their summaries, then all but a line, then their
    place: no more of them than must be. The first one stays in any case.
    """
    forms = [FULL] * len(sizes)
    total = sum(size[0] for size in sizes)
    for shorter in (1, 2):
        for at in reversed(range(len(sizes))):
            if total <= room:
                return forms
            total += sizes[at][shorter] - sizes[at][shorter - 1]
            forms[at] = FORMS[shorter]
    for left_out, at in enumerate(reversed(range(1, len(sizes)))):
        if total + (rest(left_out) if left_out else 0) <= room:
            return forms
        total -= sizes[at][2]
        forms[at] = LEFT_OUT
    return forms
