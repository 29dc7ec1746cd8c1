"""The only caller of `now()`, and the clock that never steps; everything else is handed a clock."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class Machine:
    """A clock of the machine that never steps; all processes of one `boot` read the same."""

    boot: str

    def seconds(self) -> float:
        """Return the seconds since the machine was started, sleep included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def this_machine() -> Machine:
    """Return the clock of this machine."""
    return Machine(_BOOT.read_text().strip() if _BOOT.exists() else "")
