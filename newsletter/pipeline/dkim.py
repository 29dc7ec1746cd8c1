"""Make DKIM keys, and tell what has to stand in the DNS for them; knows nothing of signing and asks no DNS."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from newsletter.config import Settings
from newsletter.delivery import dkim_keys
from newsletter.delivery.dkim_keys import Kind
from newsletter.errors import NewsletterError, UsageError


class Published(NamedTuple):
    """A key and its record in the DNS: `value` is the text as a whole, `zone_line` the line for a zone file."""

    domain: str
    selector: str
    kind: Kind
    bits: int
    file: Path
    name: str
    value: str
    zone_line: str


def make(wanted: Sequence[tuple[Kind, str]], domain: str, folder: Path) -> list[Published]:
    """Make keys, a type and a selector each, and write them into a folder, readable by this user alone.

    Nothing is ever overwritten: raises UsageError where a file is there, and then no key is made.
    """
    files = [folder / f"dkim-{selector}.pem" for _, selector in wanted]
    for file in files:
        if file.exists() or file.is_symlink():
            raise _taken(file)
    made = []
    with ExitStack() as undone:
        for (kind, selector), file in zip(wanted, files, strict=True):
            key = dkim_keys.make(kind, selector)
            _write(file, dkim_keys.pem(key))
            undone.callback(file.unlink, missing_ok=True)
            made.append(_published(key, domain, file))
        undone.pop_all()
    return made


def records(settings: Settings) -> list[Published]:
    """Return the keys of the settings with their records; raises SettingsError for one that cannot be used."""
    domain = settings.dkim.domain
    return [_published(one.key, domain, one.file) for one in dkim_keys.held(settings)] if domain else []


def doubts(settings: Settings) -> tuple[str, ...]:
    """Return a sentence for each thing about the keys of the settings that should be better."""
    return dkim_keys.doubts(settings, dkim_keys.held(settings)) if settings.dkim.domain else ()


def _published(key: dkim_keys.Key, domain: str, file: Path) -> Published:
    record = dkim_keys.record(key, domain)
    return Published(domain, key.selector, key.kind, key.bits, file, record.name, record.value, record.zone_line)


def _write(file: Path, content: bytes) -> None:
    try:
        # Exclusive, and private from the first moment on.
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except FileExistsError as error:
        raise _taken(file) from error
    except OSError as error:
        raise NewsletterError(f"{file} cannot be written: {error.strerror or error}.") from error


def _taken(file: Path) -> UsageError:
    return UsageError(
        f"{file} is there already, and no key is ever overwritten.",
        next_step="Give a new key a selector of its own with --selector; docs/deliverability.md says how.",
    )
