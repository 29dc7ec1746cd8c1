"""One message over one open connection: MAIL, RCPT, DATA; knows nothing of pools, retries or the database."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from newsletter.delivery.addresses import needs_smtputf8, on_the_wire
from newsletter.delivery.policy import About, Reply, Stage, judge
from newsletter.delivery.smtp import Connection, LostError, described
from newsletter.errors import DeliveryError, NewsletterError
from newsletter.models import Outcome


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one address.

    `sender` is the return path (RFC 5321 section 4.4). `content` is the whole message, or what makes it at the last
    moment.
    """

    delivery_id: int
    sender: str
    recipient: str
    content: bytes | Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Result:
    """How a transaction ended.

    Without an `outcome` the message was not attempted: it is no longer ours (nothing else is set), or the connection
    `broke` before the body, or the server would refuse every message (`stop` says why). `committed` tells whether its
    sending was recorded before. `against_us` is a refusal for good that is not the reader's.
    """

    outcome: Outcome | None = None
    broke: str = ""
    stop: str = ""
    committed: bool = False
    against_us: bool = False


class _UnfitError(Exception):
    """The message cannot be put before this server; the words say why."""

    def __init__(self, words: str, about: About = "us", *, against_us: bool = False) -> None:
        super().__init__(words)
        self.about: About = about
        self.against_us = against_us


async def transact(
    connection: Connection, message: Message, sending: Callable[[int], Awaitable[bool]], *, caught: bool = False
) -> Result:
    """Send one message and return how it ended.

    `sending` is awaited between the answer to RCPT and DATA, so that a refused address costs no commit; it tells
    whether the delivery is still ours, and what it raises is passed on. What the server takes is `caught` or sent.
    Raises DeliveryError where the sender's address is not usable, before anything is said.
    """
    delivery_id = message.delivery_id
    try:
        content = message.content if isinstance(message.content, bytes) else message.content()
    except (NewsletterError, ValueError) as error:
        words = f"The message cannot be made: {error}"
        return Result(Outcome(delivery_id=delivery_id, result="deferred", text=words, about="us"), against_us=True)
    try:
        mail, rcpt = _commands(connection, message, content)
    except _UnfitError as error:
        outcome = Outcome(delivery_id=delivery_id, result="rejected", text=str(error), about=error.about)
        return Result(outcome, against_us=error.against_us)
    committed = False
    try:
        reply = await connection.command(*mail)
        if reply.code != 250:
            return await _refused(connection, delivery_id, "mail", reply, committed)
        reply = await connection.command(*rcpt)
        # RFC 5321 section 3.4: 251 is a yes too.
        if reply.code not in (250, 251):
            return await _refused(connection, delivery_id, "rcpt", reply, committed)
        if not await sending(delivery_id):
            await _reset(connection)
            return Result()
        committed = True
        reply = await connection.command("DATA")
    except LostError as error:
        return Result(broke=str(error), committed=committed)
    if reply.code != 354:
        return await _refused(connection, delivery_id, "data", reply, committed)
    return await _body(connection, delivery_id, content, caught)


async def _body(connection: Connection, delivery_id: int, content: bytes, caught: bool) -> Result:
    try:
        reply = await connection.body(content)
    except LostError as error:
        words = f"The message was under way when it broke off: {error}."
        return Result(
            Outcome(delivery_id=delivery_id, result="unknown", text=words, about="us"), broke=str(error), committed=True
        )
    if 200 <= reply.code < 300:
        outcome = _outcome(delivery_id, "caught" if caught else "sent", reply, "reader")
        return Result(outcome, committed=True)
    if 400 <= reply.code < 600:
        # The transaction is over with the answer to the body, whatever it was (RFC 5321 section 4.1.1.4).
        return _judged(delivery_id, "data", reply, committed=True)
    connection.close()
    outcome = _outcome(delivery_id, "unknown", reply, "us")
    return Result(outcome, broke=f"the server answered {described(reply)}", committed=True)


async def _refused(connection: Connection, delivery_id: int, stage: Stage, reply: Reply, committed: bool) -> Result:
    if not 400 <= reply.code < 600:
        connection.close()
        return Result(broke=f"the server answered {described(reply)}", committed=committed)
    if reply.code == 421 and not committed:
        # RFC 5321 section 3.8: the service closes, which says nothing of this message.
        return Result(broke=f"the server answered {described(reply)}")
    await _reset(connection)
    return _judged(delivery_id, stage, reply, committed)


def _judged(delivery_id: int, stage: Stage, reply: Reply, committed: bool) -> Result:
    verdict = judge(stage, reply)
    if verdict.stop:
        return Result(stop=described(reply), committed=committed)
    against_us = verdict.about == "us" and not reply.temporary
    outcome = _outcome(delivery_id, verdict.result, reply, verdict.about)
    return Result(outcome, committed=committed, against_us=against_us)


async def _reset(connection: Connection) -> None:
    if not connection.open:
        return
    try:
        reply = await connection.command("RSET")
    except LostError:
        return
    if reply.code != 250:
        connection.close()


def _commands(connection: Connection, message: Message, content: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        sender = on_the_wire(message.sender)
    except ValueError as error:
        raise DeliveryError(
            f"The sender's address is not usable: {error}.", next_step="Check newsletter.from_address."
        ) from error
    try:
        recipient = on_the_wire(message.recipient)
    except ValueError as error:
        raise _UnfitError(f"The mail server was not asked: {error}.", "reader") from error
    options = []
    if connection.declares_size:
        # RFC 1870 section 3.
        options.append(f"SIZE={len(content)}")
        if connection.largest is not None and len(content) > connection.largest:
            words = f"The message has {len(content)} bytes, and the mail server takes {connection.largest} at most."
            raise _UnfitError(words, against_us=True)
    if not content.isascii():
        if not connection.eight_bit:
            raise _UnfitError("The mail server takes 7 bits only (it offers no 8BITMIME).", against_us=True)
        options.append("BODY=8BITMIME")
    if needs_smtputf8(sender) and not connection.smtputf8:
        raise DeliveryError(
            "The sender's address is international, and the mail server does not offer SMTPUTF8.",
            next_step="Choose another newsletter.from_address, or another mail server.",
        )
    if needs_smtputf8(sender) or needs_smtputf8(recipient) or not _head(content).isascii():
        # RFC 6531 section 3.1.
        if not connection.smtputf8:
            raise _UnfitError("Their address is international, and the mail server does not offer SMTPUTF8.")
        options.append("SMTPUTF8")
    return ("MAIL", f"FROM:<{sender}>", *options), ("RCPT", f"TO:<{recipient}>")


def _head(content: bytes) -> bytes:
    return content[: content.find(b"\r\n\r\n")]


def _outcome(delivery_id: int, result: str, reply: Reply, about: About) -> Outcome:
    return Outcome.model_validate(
        {
            "delivery_id": delivery_id,
            "result": result,
            "code": reply.code,
            "enhanced": reply.enhanced,
            "text": reply.text,
            "about": about,
        }
    )
