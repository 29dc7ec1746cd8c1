"""The program at a time of the tests: `python tests/later.py FILE WORDS...`; FILE has the seconds from now to then.

All else is as it is: a process of its own that is called as `python -m newsletter WORDS...` is, and what it starts.
"""

import sys
from datetime import datetime, timedelta
from pathlib import Path

from newsletter import app
from newsletter.__main__ import main
from newsletter.cli.face import Face
from newsletter.clock import SystemClock

AWAY = Path(sys.argv[1])


class Later(SystemClock):
    """The clock of the machine, so many seconds later."""

    def now(self) -> datetime:
        """Return the moment that the tests want."""
        return super().now() + timedelta(seconds=float(AWAY.read_text("utf-8")))


def again(face: Face, *words: str) -> list[str]:
    """Return what starts the program once more, at that time too."""
    whole = started_again(face, *words)
    return [sys.executable, __file__, str(AWAY), *whole[whole.index("newsletter") + 1 :]]


if __name__ == "__main__":
    started_again = Face.again
    Face.again = again  # type: ignore[method-assign]
    app.SystemClock = Later  # type: ignore[misc]
    sys.argv = ["newsletter", *sys.argv[2:]]
    main()
