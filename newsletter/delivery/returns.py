"""Where mail that came in lies: a Maildir, files, or the standard input; reads and marks, and understands nothing."""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import IO

from newsletter.delivery.incoming import LARGEST, Arrival
from newsletter.errors import DeliveryError, UsageError


class Maildir:
    """A Maildir (https://cr.yp.to/proto/maildir.html): what is in it and was not seen so far.

    What is taken goes to `cur` with the flag S, in one rename: whoever else reads the box sees that it was read. All
    else stays where it is, and is not read a second time while this object lives.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._passed: set[str] = set()

    async def mails(self) -> AsyncGenerator[Arrival]:
        """Go through the mails; raises DeliveryError where the folder is no Maildir that can be read."""
        for path in await asyncio.to_thread(self._unseen):
            try:
                content = await asyncio.to_thread(_read_file, path)
            except FileNotFoundError:
                # Another program took it, or moved it from new to cur.
                continue
            except OSError as error:
                raise _unreadable(self._folder, error) from error
            yield Arrival(str(path), content)
            self._passed.add(_unique(path))

    async def taken(self, arrival: Arrival) -> None:
        """Mark a mail as seen."""
        path = Path(arrival.name)
        try:
            await asyncio.to_thread(path.rename, self._folder / "cur" / _seen(path.name))
        except FileNotFoundError:
            # Another program moved it; what is read again counts once.
            return
        except OSError as error:
            raise _unreadable(self._folder, error) from error

    def _unseen(self) -> list[Path]:
        try:
            found = [path for part in ("new", "cur") for path in (self._folder / part).iterdir()]
        except OSError as error:
            raise _unreadable(self._folder, error) from error
        waiting = [path for path in found if not path.name.startswith(".") and "S" not in _flags(path.name)]
        # What is gone or seen need not be remembered.
        self._passed &= {_unique(path) for path in waiting}
        return sorted((path for path in waiting if _unique(path) not in self._passed), key=_unique)


class MailFile:
    """A file with one mail, an mbox, or a folder of such files; it is only read, and stays as it is."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def mails(self) -> AsyncGenerator[Arrival]:
        """Go through the mails; raises UsageError where the file cannot be read."""
        found = await asyncio.to_thread(self._files)
        for path in found:
            mails = self._in(path)
            while (arrival := await asyncio.to_thread(next, mails, None)) is not None:
                yield arrival

    async def taken(self, arrival: Arrival) -> None:
        """Do nothing: what is read twice counts once."""

    def _files(self) -> list[Path]:
        if not self._path.is_dir():
            return [self._path]
        return sorted(path for path in self._path.iterdir() if path.is_file() and not path.name.startswith("."))

    def _in(self, path: Path) -> Iterator[Arrival]:
        try:
            with path.open("rb") as file:
                if file.read(5) == b"From ":
                    file.seek(0)
                    yield from _mbox(file, str(path))
                    return
            yield Arrival(str(path), _read_file(path))
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from error


class Piped:
    """One mail on a stream, as a mail server hands it to a program."""

    def __init__(self, stream: IO[bytes], recipient: str = "") -> None:
        self._stream = stream
        self._recipient = recipient

    async def mails(self) -> AsyncGenerator[Arrival]:
        """Read the mail."""
        content = await asyncio.to_thread(self._stream.read, LARGEST + 1)
        yield Arrival("the standard input", content if len(content) <= LARGEST else None, self._recipient)

    async def taken(self, arrival: Arrival) -> None:
        """Do nothing: the exit code tells."""


def box_at(path: Path) -> Maildir | MailFile:
    """Return what a path is: a Maildir, or else a file or a folder of files."""
    return Maildir(path) if (path / "new").is_dir() and (path / "cur").is_dir() else MailFile(path)


def _unreadable(folder: Path, error: OSError) -> DeliveryError:
    return DeliveryError(
        f"The Maildir {folder} cannot be used: {error.strerror or error}.",
        next_step="Name a folder with cur, new and tmp in it that this user may read and write.",
    )


def _read_file(path: Path) -> bytes | None:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size > LARGEST:
            return None
        content = file.read(LARGEST + 1)
    return content if len(content) <= LARGEST else None


def _mbox(file: IO[bytes], name: str) -> Iterator[Arrival]:
    """Cut an mbox at the lines that begin with `From ` after an empty one (RFC 4155, appendix A)."""
    number, size, after_empty = 0, 0, True
    lines: list[bytes] = []

    def whole() -> Arrival:
        return Arrival(f"{name}, mail {number}", b"".join(lines) if size <= LARGEST else None)

    # A line has no bound either.
    while line := file.readline(LARGEST):
        if after_empty and line.startswith(b"From "):
            if number:
                yield whole()
            number, size, lines = number + 1, 0, []
        else:
            size += len(line)
            if size <= LARGEST:
                # `>From ` is a line that began with it.
                lines.append(line[1:] if line.lstrip(b">").startswith(b"From ") else line)
            else:
                lines.clear()
        after_empty = line in (b"\n", b"\r\n")
    if number:
        yield whole()


def _unique(path: Path) -> str:
    return path.name.partition(":")[0]


def _flags(name: str) -> str:
    return name.partition(":2,")[2]


def _seen(name: str) -> str:
    # Flags stand in the order of their letters.
    return f"{name.partition(':')[0]}:2,{''.join(sorted({*_flags(name), 'S'}))}"
