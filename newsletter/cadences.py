"""When people may want their mail, as words; and the names of time zones."""

from datetime import date
from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import StringConstraints

from newsletter.bounds import WEEKDAYS

Cadence = Annotated[str, StringConstraints(pattern=rf"^(daily|weekdays|weekly:({'|'.join(WEEKDAYS)}))$")]


def falls_on(cadence: str, day: date) -> bool:
    """Tell whether a cadence (`daily`, `weekdays`, `weekly:mon`) has an issue on that local day."""
    if cadence == "daily":
        return True
    if cadence == "weekdays":
        return day.weekday() < 5
    return cadence == f"weekly:{WEEKDAYS[day.weekday()]}"


@cache
def timezones() -> frozenset[str]:
    """Return the names of all time zones; they are looked up on the disk once."""
    return frozenset(available_timezones())
