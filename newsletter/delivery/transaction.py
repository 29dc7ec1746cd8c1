"""One message: its content, its commands for a server, and what the answers mean; knows nothing of connections."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from newsletter.delivery.addresses import needs_smtputf8, on_the_wire
from newsletter.delivery.dialogue import Answer, described, understood
from newsletter.delivery.policy import About, Reply, Stage, judge
from newsletter.delivery.wire import head, is_ascii, transparent
from newsletter.errors import DeliveryError, NewsletterError
from newsletter.models import Ending, Outcome


class Message(NamedTuple):
    """One message to one address.

    `sender` is the return path (RFC 5321 section 4.4). `content` is the whole message, or what makes it at the last
    moment, there and then or, where it gives an awaitable, elsewhere.
    """

    delivery_id: int
    sender: str
    recipient: str
    content: bytes | Callable[[], bytes | Awaitable[bytes]]


class Result(NamedTuple):
    """How a transaction ended.

    Without an `outcome` the message was not attempted: it is no longer ours (nothing else is set), or the connection
    `broke` before the end of the body, or the server would refuse every message (`stop` says why). `committed` tells
    whether its sending was recorded before. `against_us` is a refusal for good that is not the reader's. `reply` is the
    last word of a server that broke off, `fault` is why the message could not be made.
    """

    outcome: Outcome | None = None
    broke: str = ""
    stop: str = ""
    committed: bool = False
    against_us: bool = False
    reply: Reply | None = None
    fault: Exception | None = None


class Extensions(Protocol):
    """What a server offers of what a message may need; `largest` is in bytes, None where it has no fixed limit."""

    smtputf8: bool
    eight_bit: bool
    declares_size: bool
    largest: int | None


class Parcel:
    """A message whose content is made, or is being made."""

    __slots__ = ("content", "envelope", "fault", "making", "message", "size")

    def __init__(self, message: Message) -> None:
        """Begin to make the content; what goes wrong is kept as `fault`."""
        self.message = message
        self.content = b""
        self.size = 0
        # MAIL and RCPT for the server that it is put before.
        self.envelope: tuple[bytes, bytes] = (b"", b"")
        self.fault: Exception | None = None
        self.making: asyncio.Future[bytes] | None = None
        try:
            content = message.content if isinstance(message.content, bytes) else message.content()
            if isinstance(content, bytes):
                self._fill(content)
            else:
                self.making = asyncio.ensure_future(content)
        except Exception as error:
            self.fault = error

    async def made(self, seconds: float | None = None) -> bool:
        """Wait until the content is made, or for so long; tell whether it is, or failed."""
        if self.making is None:
            return True
        if not self.making.done():
            await asyncio.wait([self.making], timeout=seconds)
            if not self.making.done():
                return False
        making, self.making = self.making, None
        try:
            self._fill(making.result())
        except asyncio.CancelledError:
            self.fault = ValueError("it was broken off")
        except Exception as error:
            self.fault = error
        return True

    def drop(self) -> Message:
        """Let go of the content and return the message."""
        if self.making is not None:
            self.making.cancel()
        self.content = b""
        return self.message

    def unmade(self) -> Result | None:
        """Return the outcome of a message that cannot be made; raises what is not the fault of this message alone."""
        if self.fault is None:
            return None
        if not isinstance(self.fault, NewsletterError | ValueError):
            raise self.fault
        words = f"The message cannot be made: {self.fault}"
        outcome = Outcome(delivery_id=self.message.delivery_id, result="deferred", text=words, about="us")
        return Result(outcome, against_us=True, fault=self.fault)

    def _fill(self, content: bytes) -> None:
        self.size = len(content)
        self.content = transparent(content)


class UnfitError(Exception):
    """The message cannot be put before this server; the words say why."""

    def __init__(self, words: str, about: About = "us", *, against_us: bool = False) -> None:
        super().__init__(words)
        self.about: About = about
        self.against_us = against_us

    def result(self, delivery_id: int) -> Result:
        """Return what becomes of the message."""
        outcome = Outcome(delivery_id=delivery_id, result="rejected", text=str(self), about=self.about)
        return Result(outcome, against_us=self.against_us)


def commands(server: Extensions, parcel: Parcel) -> tuple[bytes, bytes]:
    """Return MAIL and RCPT for a message, whole lines.

    Raises UnfitError where this server cannot take this message, and DeliveryError where the sender's address is not
    usable.
    """
    message = parcel.message
    try:
        sender = on_the_wire(message.sender)
    except ValueError as error:
        raise DeliveryError(
            f"The sender's address is not usable: {error}.", next_step="Check newsletter.from_address."
        ) from error
    try:
        recipient = on_the_wire(message.recipient)
    except ValueError as error:
        raise UnfitError(f"The mail server was not asked: {error}.", "reader") from error
    options = ""
    if server.declares_size:
        # RFC 1870 section 3.
        options = f" SIZE={parcel.size}"
        if server.largest is not None and parcel.size > server.largest:
            words = f"The message has {parcel.size} bytes, and the mail server takes {server.largest} at most."
            raise UnfitError(words, against_us=True)
    ascii_only = is_ascii(parcel.content)
    if not ascii_only:
        if not server.eight_bit:
            raise UnfitError("The mail server takes 7 bits only (it offers no 8BITMIME).", against_us=True)
        options += " BODY=8BITMIME"
    if needs_smtputf8(sender) and not server.smtputf8:
        raise DeliveryError(
            "The sender's address is international, and the mail server does not offer SMTPUTF8.",
            next_step="Choose another newsletter.from_address, or another mail server.",
        )
    if needs_smtputf8(sender) or needs_smtputf8(recipient) or not (ascii_only or head(parcel.content).isascii()):
        # RFC 6531 section 3.1.
        if not server.smtputf8:
            raise UnfitError("Their address is international, and the mail server does not offer SMTPUTF8.")
        options += " SMTPUTF8"
    return f"MAIL FROM:<{sender}>{options}\r\n".encode(), f"RCPT TO:<{recipient}>\r\n".encode()


def refusal(delivery_id: int, stage: Stage, answer: Answer, *, committed: bool = False) -> Result:
    """Return what a refusal of MAIL, RCPT, DATA or the body (`data`) makes of a message."""
    reply = understood(answer)
    verdict = judge(stage, reply)
    if verdict.stop:
        return Result(stop=described(reply), committed=committed)
    against_us = verdict.about == "us" and not reply.temporary
    outcome = _outcome(delivery_id, verdict.result, reply, verdict.about, suppress=verdict.suppress)
    return Result(outcome, committed=committed, against_us=against_us)


def final(delivery_id: int, answer: Answer, *, caught: bool, overtaken: bool = False) -> Result:
    """Return what the answer to the end of a body makes of its message; `caught` is what the built-in catcher took.

    Only 250 to 259 say yes to it (RFC 5321 sections 4.2.1 and 4.3.2): a server that goes says 221, and took nothing.
    An answer that `overtaken` marks as older than that end can refuse the message but not take it.
    """
    code = answer[0]
    if 250 <= code < 260 and not overtaken:
        outcome = _outcome(delivery_id, "caught" if caught else "sent", understood(answer), "reader")
        return Result(outcome, committed=True)
    if 400 <= code < 600:
        # The transaction is over with the answer to the body, whatever it was (RFC 5321 section 4.1.1.4).
        return refusal(delivery_id, "data", answer, committed=True)
    reply = understood(answer)
    outcome = _outcome(delivery_id, "unknown", reply, "us")
    return Result(outcome, broke=f"the server answered {described(reply)}", committed=True)


def unknown(delivery_id: int, why: str) -> Result:
    """Return what becomes of a message whose end was written and never answered."""
    words = f"The message was under way when it broke off: {why}."
    outcome = Outcome(delivery_id=delivery_id, result="unknown", text=words, about="us")
    return Result(outcome, broke=why, committed=True)


def _outcome(delivery_id: int, result: Ending, reply: Reply, about: About, *, suppress: bool = False) -> Outcome:
    return Outcome(delivery_id, result, reply.code, reply.enhanced, reply.text, about, suppress)
