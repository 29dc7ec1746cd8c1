"""Turns that all processes of one user on this machine take one after the other, so far apart; knows no host."""

import asyncio
import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from newsletter.clock import Machine, this_machine
from newsletter.errors import FeedError

_LOOK_AGAIN_SECONDS = 0.1
_LONGEST_NOTE = 200


def default_folder() -> Path:
    """Return where turns are noted unless told otherwise: a folder of this user among the temporary files."""
    return Path(tempfile.gettempdir()) / f"paper-newsletter-{os.getuid()}"


class Turnstile:
    """Lets one through at a time, `seconds` after the one before ended, or began if it was killed.

    A file in `folder` has that moment and is locked as long as a turn lasts, so that a process
    that is killed in its turn gives it back. The moment is one of the machine's clock that never steps; `machine` is
    that clock.
    """

    def __init__(self, folder: Path, name: str, seconds: float, machine: Machine | None = None) -> None:
        self._folder = folder
        self._file = folder / name
        self._seconds = seconds
        self._machine = machine or this_machine()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for the turn, and have it; raises FeedError where the folder cannot be trusted."""
        file = self._open()
        try:
            while not _locked(file):  # noqa: ASYNC110 - what is waited for is in another process
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            await asyncio.sleep(self._left(file))
            self._note(file)
            try:
                yield
            finally:
                # Whenever in its turn the server was reached, the next one reaches it late enough.
                self._note(file)
        finally:
            # This gives the lock back.
            os.close(file)

    def _open(self) -> int:
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            found = self._folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
                raise FeedError(
                    f"{self._folder} is not a folder that this user alone may write, so turns cannot be noted there.",
                    next_step="Remove it; it is made anew.",
                )
            return os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise FeedError(
                f"Turns cannot be noted in {self._folder}: {error.strerror or error}.",
                next_step="Make that folder one that this user may write.",
            ) from error

    def _left(self, file: int) -> float:
        """Return how many seconds are left to wait."""
        boot, _, moment = os.pread(file, _LONGEST_NOTE, 0).decode("ascii", "replace").strip().partition(" ")
        try:
            passed = self._machine.seconds() - float(moment)
        except ValueError:
            return 0.0
        # A note of the machine's life before, or one that is ahead of its clock, says nothing.
        return self._seconds - passed if boot == self._machine.boot and 0 <= passed < self._seconds else 0.0

    def _note(self, file: int) -> None:
        # Not rounded: a moment ahead of the clock would say nothing.
        note = f"{self._machine.boot} {self._machine.seconds()!r}\n".encode("ascii", "replace")
        os.pwrite(file, note, 0)
        os.ftruncate(file, len(note))


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
