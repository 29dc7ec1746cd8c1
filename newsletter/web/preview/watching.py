"""Notices that files change, by looking at them again and again: that works on every disk; knows nothing of mail."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

SECONDS = 0.5

# What tells two states of a file apart: when it was written, its length, and which file it is, since editors often
# write a new one and put it in the place of the old.
Stamp = tuple[int, int, int]


def stamps(paths: Iterable[Path]) -> dict[Path, Stamp]:
    """Return the states of files, and of those in folders at any depth; what is not there, or hidden, is left out."""
    found: dict[Path, Stamp] = {}
    for path in paths:
        if not path.is_dir():
            _note(path, found)
            continue
        for folder, below, names in os.walk(path):
            below[:] = [name for name in below if not _passing(name)]
            for name in names:
                if not _passing(name):
                    _note(Path(folder, name), found)
    return found


def changed(before: dict[Path, Stamp], after: dict[Path, Stamp]) -> set[Path]:
    """Return the files that were written, came or went."""
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


async def changes(paths: Callable[[], Iterable[Path]], seconds: float = SECONDS) -> AsyncIterator[set[Path]]:
    """Go on giving the files that changed since the last look; `paths` are asked for anew each time."""
    before = await asyncio.to_thread(stamps, paths())
    while True:
        await asyncio.sleep(seconds)
        after = await asyncio.to_thread(stamps, paths())
        if found := changed(before, after):
            before = after
            yield found


def _note(path: Path, found: dict[Path, Stamp]) -> None:
    try:
        told = path.stat()
    except OSError:
        # It went meanwhile.
        return
    found[path] = told.st_mtime_ns, told.st_size, told.st_ino


def _passing(name: str) -> bool:
    """Tell whether a file is one that editors and Python leave beside others."""
    return name.startswith((".", "#")) or name.endswith(("~", ".swp", ".tmp")) or name == "__pycache__"
