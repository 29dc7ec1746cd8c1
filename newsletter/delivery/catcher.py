"""The built-in mail server that mails nobody: it puts what it is sent into a folder, or fails as the address asks.

It knows nothing of deliveries.
"""

import asyncio
import os
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP

from newsletter.delivery.failing import FailingHandler, FailingSession, Play
from newsletter.delivery.loopback import HOST, Loopback
from newsletter.delivery.pictures import html_alone
from newsletter.errors import DeliveryError

_LARGEST = 50_000_000
_NUMBERED = re.compile(r"\.?(\d+)-")
_UNSAFE = re.compile(r"[^A-Za-z0-9@._+-]+")


class Catcher:
    """A mail server on loopback that keeps each message as NNNN-RECIPIENT.eml, and its HTML beside it.

    It says yes only once the message is on the disk. `host` and `port` hold within `async with`. With `play`, the
    address of the recipient chooses a failure.
    """

    host = HOST

    def __init__(self, outbox: Path, play: Play | None = None) -> None:
        self._outbox = outbox
        self._play = play
        self._numbers: Iterator[int] = count(1)
        self._server = Loopback(self._session, ident="newsletter mail catcher", largest=_LARGEST)
        self.port = 0

    async def __aenter__(self) -> Self:
        """Start; raises DeliveryError where the folder cannot be used."""
        try:
            self._numbers = count(await asyncio.to_thread(_next_number, self._outbox))
            self.port = await self._server.open()
        except OSError as error:
            raise DeliveryError(
                f"The built-in mail catcher cannot start with the folder {self._outbox}: {error.strerror or error}.",
                next_step="Set smtp.outbox to a folder that can be written, or smtp.host to a mail server.",
            ) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and close what is still connected."""
        await self._server.close()

    async def handle_EHLO(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, session: Any, envelope: Any, name: str, answer: list[str]
    ) -> list[str]:
        """Offer PIPELINING (RFC 2920): commands are read one after another, and answered in their order."""
        session.host_name = name
        return [*answer[:-1], "250-PIPELINING", answer[-1]]

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep a message, and answer when it is kept."""
        recipient = envelope.rcpt_tos[0] if envelope.rcpt_tos else ""
        try:
            name = await asyncio.to_thread(self._keep, recipient, envelope.original_content)
        except OSError as error:
            # RFC 3463 section 3.4: the server's storage, for now.
            return f"451 4.3.1 The outbox cannot be written: {error.strerror or 'it fails'}"
        return f"250 2.0.0 Kept as {name}"

    def _session(self, **options: Any) -> SMTP:
        if self._play is None:
            return SMTP(self, **options)
        return FailingSession(FailingHandler(self.handle_EHLO, self.handle_DATA, self._play), **options)

    def _keep(self, recipient: str, content: bytes) -> str:
        name, partial = self._claim(_safe(recipient))
        try:
            html = html_alone(content)
            if html is not None:
                (self._outbox / f"{name}.html").write_text(html, encoding="utf-8", errors="replace")
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(self._outbox / f"{name}.eml")
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        _sync_folder(self._outbox)
        return name

    def _claim(self, recipient: str) -> tuple[str, Path]:
        """Take a name that no message has, also beside another catcher on the same folder."""
        for number in self._numbers:
            name = f"{number:04}-{recipient}"
            partial = self._outbox / f".{name}.partial"
            try:
                partial.touch(exist_ok=False)
            except FileExistsError:
                continue
            # Kept by another catcher before this one could claim it.
            if (self._outbox / f"{name}.eml").exists():
                partial.unlink()
                continue
            return name, partial
        raise AssertionError("numbers do not end")


def _next_number(outbox: Path) -> int:
    outbox.mkdir(parents=True, exist_ok=True)
    found = (_NUMBERED.match(path.name) for path in outbox.iterdir())
    return max((int(match[1]) for match in found if match), default=0) + 1


def _safe(recipient: str) -> str:
    return _UNSAFE.sub("_", recipient).strip(".")[:80] or "nobody"


def _sync_folder(folder: Path) -> None:
    # The new name itself has to be on the disk too; where folders cannot be opened this is not needed or not possible.
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
