"""A small listener that a mail server on this machine hands mail to (LMTP, RFC 2033); understands no mail itself."""

import functools
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP

from newsletter.delivery.incoming import LARGEST, Arrival
from newsletter.delivery.loopback import HOST, Loopback
from newsletter.errors import DeliveryError, NewsletterError

Take = Callable[[Arrival], Awaitable[object]]

log = structlog.get_logger()

MOST_RECIPIENTS = 50

_BODY_REFUSED = ("500 Line too long", "552 Error: Too much mail data")


class Listener:
    """Listens on loopback, and says yes to each recipient only once `take` has come to its end for them.

    `port` 0 takes any that is free; within `async with` it is the one in use.
    """

    host = HOST

    def __init__(self, port: int, take: Take) -> None:
        self.port = port
        self._take = take
        self._server = Loopback(functools.partial(_Session, self), ident="newsletter returns", largest=LARGEST)

    async def __aenter__(self) -> Self:
        """Start; raises DeliveryError where the port is taken."""
        try:
            self.port = await self._server.open(self.port)
        except OSError as error:
            raise DeliveryError(
                f"Nothing can listen on port {self.port} of this machine: {error.strerror or error}.",
                next_step="Set bounces.lmtp_port to one that is free, and end whatever else uses this one.",
            ) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and close what is still connected: what has no answer is handed over again."""
        await self._server.close()

    async def handle_EHLO(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        """Offer what RFC 2033 section 5 asks for."""
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", "250-ENHANCEDSTATUSCODES", *responses[1:]]

    async def handle_RCPT(  # noqa: N802 - as above
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take a recipient, whoever it is: the mail server decides what comes here."""
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802 - as above
        """Take a mail in for each recipient, and answer for each in their order (RFC 2033 section 4.2)."""
        answers = [await self._answer(Arrival("LMTP", envelope.original_content, to)) for to in envelope.rcpt_tos]
        return "\r\n".join(answers)

    async def _answer(self, arrival: Arrival) -> str:
        try:
            await self._take(arrival)
        except NewsletterError as error:
            log.error("not taken in", fault=error.message)
        except Exception:
            log.exception("not taken in")
        else:
            return "250 2.0.0 Taken in"
        # Ours, and for now (RFC 3463 section 3.4): the mail server keeps it and comes again.
        return "451 4.3.0 The record cannot be written now"


class _Session(LMTP):
    """One connection; aiosmtpd answers once to a message that it refuses, where LMTP wants that for each recipient."""

    # Reports quote what they bounce, and not everybody who writes mail keeps to 998 characters.
    line_length_limit = 1_000_000

    async def push(self, status: Any) -> None:
        recipients = self.envelope.rcpt_tos if self.envelope is not None else []
        if isinstance(status, str) and status.startswith(_BODY_REFUSED):
            # RFC 2033 section 4.2
            status = "\r\n".join([status] * len(recipients))
        await super().push(status)
