"""What a person may ask for, and how much of it, in plain values: `--help` reads them without pydantic."""

from typing import Final, Literal, get_args

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# How well a paper must fit before a reader gets it, seen from what else fits them.
Bar = Literal["few", "normal", "many"]
BARS: Final[tuple[Bar, ...]] = get_args(Bar)

# How a mail looks; plain is text alone.
Look = Literal["comfortable", "compact", "plain"]
LOOKS: Final[tuple[Look, ...]] = get_args(Look)

# The least and the most: local hours, papers in an issue, and minutes of reading.
HOURS: Final = (0, 23)
PAPERS: Final = (1, 100)
MINUTES: Final = (2, 600)
