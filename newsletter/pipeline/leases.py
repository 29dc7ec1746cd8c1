"""Who works on a delivery: the name of a process, and whether the process behind a name is gone."""

import os
import secrets
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PROCESSES = Path("/proc/self/ns/pid")


def owner() -> str:
    """Return a new name for work that this process does: the place where its number means something, and the number."""
    return f"{_place()}/{os.getpid()}/{secrets.token_hex(8)}"


def dead(owners: Iterable[str]) -> set[str]:
    """Return the owners that ran in this place and are gone; of others only the end of their lease tells."""
    return {name for name, number in _here(owners) if not _runs(number)}


def at_work(owners: Iterable[str]) -> set[str]:
    """Return the owners that are other processes of this place and run: they look after what is theirs."""
    return {name for name, number in _here(owners) if number != os.getpid() and _runs(number)}


def _here(owners: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Return the owners of this place with the numbers of their processes."""
    place = _place()
    for name in owners:
        where, _, number = name.rpartition("/")[0].rpartition("/")
        if where == place and number.isascii() and number.isdigit():
            yield name, int(number)


def _place() -> str:
    # A process number means something within one boot and one process namespace only (containers share host names).
    boot = _BOOT.read_text().strip() if _BOOT.exists() else ""
    namespace = _PROCESSES.readlink().name if _PROCESSES.is_symlink() else ""
    return f"{socket.gethostname()}/{boot}/{namespace}"


def _runs(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
