# ruff: noqa: N802 - the names of the methods are aiosmtpd's
"""The built-in catcher's connections that go wrong, as the address of the recipient asks; keeps no message itself."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from aiosmtpd.smtp import SMTP

from newsletter.clock import Clock
from newsletter.delivery import faults, reports
from newsletter.delivery.faults import Fault, Step

Greet = Callable[[SMTP, Any, Any, str, list[str]], Awaitable[list[str]]]
Keep = Callable[[SMTP, Any, Any], Awaitable[str]]


class Play(NamedTuple):
    """What failures on demand need: the Maildir that reports come back into, if there is one, and the clock."""

    maildir: Path | None
    clock: Clock


class FailingHandler:
    """What the catcher does with a message, with the failure that its recipient asks for."""

    def __init__(self, greet: Greet, keep: Keep, play: Play) -> None:
        self.handle_EHLO = greet
        self._keep = keep
        self._play = play

    async def handle_DATA(self, server: "FailingSession", session: Any, envelope: Any) -> str:
        """Keep the message unless it is to be refused, and send back what is to come back."""
        fault = server.fault
        if fault is not None and fault.way == "refuse" and fault.step == "body":
            return server.refusal(fault)
        answer = await self._keep(server, session, envelope)
        if fault is None or not answer.startswith("250"):
            return answer
        if fault.way in ("bounce", "complain", "away"):
            return await self._come_back(fault, envelope) or answer
        # What is answered late or never is kept all the same: only the server knows.
        await server.instead("body")
        return answer

    async def _come_back(self, fault: Fault, envelope: Any) -> str:
        """Put a report into the Maildir; return a refusal where there is none."""
        if self._play.maildir is None:
            return "451 4.3.0 There is no bounces.maildir that a report could come back into"
        taken = reports.Taken(envelope.mail_from or "", envelope.rcpt_tos[0], envelope.original_content)
        now = self._play.clock.now()
        if fault.way == "bounce":
            words = faults.said(fault.status, fault.status)
            report = reports.bounce(taken, fault.status, words, now)
        else:
            write = reports.complaint if fault.way == "complain" else reports.away
            report = write(taken, now)
        try:
            await asyncio.to_thread(_deliver, self._play.maildir, report, now)
        except OSError as error:
            return f"451 4.3.1 The Maildir of the reports cannot be written: {error.strerror or 'it fails'}"
        return ""


class FailingSession(SMTP):
    """A connection whose answers go wrong as the recipient of the message asks."""

    # Long enough for what was sent in one piece, short for those who wait for the answer to MAIL.
    _AHEAD_SECONDS = 0.2

    fault: Fault | None = None
    _twist = ""

    async def push(self, status: str | bytes) -> None:
        """Say something, twisted where the fault says so; 421 closes (RFC 5321 section 3.8)."""
        if self.transport is None or self.transport.is_closing():
            return
        line = status.encode("utf-8", "surrogateescape") if isinstance(status, str) else status
        twist, self._twist = self._twist, ""
        if twist == "garbage":
            line = b"\x00\xff What is this?"
        elif twist == "twice":
            line += b"\r\n" + line
        elif twist == "lines":
            code, (second, last) = line[:3], map(str.encode, faults.MORE_LINES)
            line = b"%s-%s.\r\n%s-%s\r\n%s %s" % (code, line[4:], code, second, code, last)
        await super().push(line)
        if line.startswith(b"421"):
            await self._end()

    def refusal(self, fault: Fault) -> str:
        """Return the lines of a refusal."""
        return "\r\n".join(fault.answer)

    async def instead(self, step: Step) -> bool:
        """Do what the fault says for a step; False where the server is to go on by itself after that."""
        fault = self.fault
        if fault is None or fault.step != step:
            return False
        if fault.way == "refuse":
            await self.push(self.refusal(fault))
            return True
        if fault.way in ("cut", "close"):
            await self._end()
        if fault.way == "mute":
            # Until the client goes, which ends this task.
            await asyncio.get_running_loop().create_future()
        elif fault.way == "late":
            await asyncio.sleep(fault.seconds)
        elif fault.way in ("twice", "garbage", "lines"):
            self._twist = fault.way
        return False

    async def _end(self) -> NoReturn:
        """Close, and take no further command: the loss of the connection ends the task that waits here."""
        if self.transport is not None:
            self.transport.close()
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody sets it")

    async def smtp_MAIL(self, arg: str | None) -> None:
        # Only the recipient names the failure: an answer that may go wrong waits for what was sent along with MAIL.
        ahead = b""
        with suppress(TimeoutError):
            ahead = await asyncio.wait_for(self._reader.readuntil(), self._AHEAD_SECONDS)
        command, _, rest = ahead.decode("utf-8", "surrogateescape").strip().partition(" ")
        self.fault = _fault(rest) if command.upper() == "RCPT" else None
        if not await self.instead("mail"):
            await super().smtp_MAIL(arg)
        if ahead:
            method = self._smtp_methods.get(command.upper())
            await (method(rest or None) if method else self.push("500 5.5.1 Unknown command"))

    async def smtp_RCPT(self, arg: str | None) -> None:
        try:
            self.fault = faults.asked_by(_path(arg))
        except faults.UnknownWordError as error:
            self.fault = None
            await self.push(f"550 5.1.3 {error}")
            return
        if not await self.instead("rcpt"):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str | None) -> None:
        cut = self.fault is not None and self.fault.way == "cut" and self.fault.step == "body"
        if self.envelope is None or not self.envelope.rcpt_tos:
            # Nobody is there to ask for a failure.
            await super().smtp_DATA(arg)
        elif cut:
            await self.push("354 Go on")
            # Our end goes with the answer, so that who sends learns it before their dot has left, however busy we are.
            if isinstance(self.transport, asyncio.WriteTransport) and self.transport.can_write_eof():
                self.transport.write_eof()
            await self._reader.readuntil(b"\n")
            await self._end()
        elif not await self.instead("data"):
            await super().smtp_DATA(arg)


def _path(arg: str | None) -> str:
    return (arg or "").partition("<")[2].partition(">")[0]


def _fault(arg: str) -> Fault | None:
    try:
        return faults.asked_by(_path(arg))
    except faults.UnknownWordError:
        return None


def _deliver(maildir: Path, report: bytes, now: datetime) -> None:
    """Put a report into a Maildir, also beside others that do: whole in tmp first, then in new under its last name."""
    for folder in ("tmp", "new", "cur"):
        (maildir / folder).mkdir(parents=True, exist_ok=True)
    name = f"{int(now.timestamp())}.{secrets.token_hex(8)}.catcher"
    (maildir / "tmp" / name).write_bytes(report)
    (maildir / "tmp" / name).rename(maildir / "new" / name)
