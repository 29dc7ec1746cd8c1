"""Gets the bytes of files and folders, within limits; does not know what is in them."""

import stat
from pathlib import Path
from typing import NamedTuple

from newsletter.errors import FeedError
from newsletter.models import Problem


class Body(NamedTuple):
    """One file or response: where it is from, for people to read, and its bytes."""

    name: str
    data: bytes


def everything(path: Path, *, largest: int) -> tuple[list[Body], list[Problem]]:
    """Return what a path holds, and which files of a folder could not be read; `largest` is in bytes, for all together.

    Raises FeedError where nothing can be had.
    """
    found = files(path)
    if found == [path]:
        return [Body(path.name, read(path, largest=largest))], []
    bodies, problems, room = [], [], largest
    for each in found:
        try:
            bodies.append(Body(each.name, read(each, largest=room)))
            room -= len(bodies[-1].data)
        except FeedError as error:
            problems.append(Problem(where=each.name, what=str(error)))
    return bodies, problems


def files(path: Path) -> list[Path]:
    """Return the files that a path stands for: itself, or those in the folder and below in order, hidden ones not.

    Hidden is what a dot begins the name of, below the folder: a file, or a folder with all that is in it.
    Raises FeedError where there is no such path.
    """
    try:
        if not path.is_dir():
            path.stat()
            return [path]
        return sorted(each for each in path.rglob("*") if each.is_file() and not _is_hidden(each.relative_to(path)))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def read(path: Path, *, largest: int) -> bytes:
    """Return the bytes of a file. Raises FeedError where it is larger than `largest` bytes, or no plain file."""
    try:
        # Before it is opened: a pipe waits for ever, and a device never ends.
        if not stat.S_ISREG(path.stat().st_mode):
            raise FeedError(f"{path} is no plain file.", next_step="Name a file or a folder.")
        with path.open("rb") as file:
            data = file.read(largest + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if len(data) > largest:
        raise FeedError(
            f"{path} is larger than {largest:,} bytes.",
            next_step="Raise feeds.largest if it is to be read all the same.",
        )
    return data


def _is_hidden(inside: Path) -> bool:
    # Older versions, wastebaskets and repositories, such as `.stversions`.
    return any(part.startswith(".") for part in inside.parts)


def _unreadable(path: Path, error: Exception) -> FeedError:
    if isinstance(error, FileNotFoundError):
        return FeedError(f"There is no file or folder {path}.", next_step="Check the path.")
    return FeedError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no path'}.")
