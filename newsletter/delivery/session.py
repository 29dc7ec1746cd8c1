"""Messages over one open connection, one round trip each; knows nothing of pools, retries or the database."""

import asyncio
from collections.abc import Callable, Container

from newsletter.delivery.dialogue import Answer, LostError, described, understood
from newsletter.delivery.policy import Stage
from newsletter.delivery.smtp import Connection
from newsletter.delivery.supply import Ledger, Supply
from newsletter.delivery.transaction import Parcel, Result, UnfitError, commands, final, refusal, unknown
from newsletter.errors import DeliveryError

# RFC 5321 section 4.2.1: the first digit says yes, the second that it is the mail system's; 251 and 252 are such.
_YES: dict[Stage, Container[int]] = {"mail": range(250, 260), "rcpt": range(250, 260), "data": (354,)}


class Session:
    """One connection and the messages that go over it.

    With PIPELINING (RFC 2920) the envelope of the next message leaves with the dot of this one, and the answers come
    back together. The body leaves as soon as the server wants it, but its dot only once `sending` is durable: a body
    without its dot is not delivered (RFC 5321 section 4.1.1.4). The outcome of a message is told before `sending` of
    the next one is asked, so at most one message of a connection can ever be in doubt.

    `settle` is told how each message ended, and may raise; `most` is how many messages the connection may carry;
    `caught` says that the server is the built-in catcher. `unsettled` has the messages that were taken and neither told
    to `settle` nor begun to be recorded, at first the one to send: what is left there was not attempted.
    """

    def __init__(
        self,
        connection: Connection,
        supply: Supply,
        ledger: Ledger,
        settle: Callable[[Parcel, Result], None],
        *,
        most: int,
        caught: bool,
        unsettled: list[Parcel],
    ) -> None:
        self._connection = connection
        self._dialogue = connection.dialogue
        self._supply = supply
        self._ledger = ledger
        self._settle = settle
        self._most = most
        self._caught = caught
        self._unsettled = unsettled

    async def send(self, parcel: Parcel) -> None:
        """Send a made message, and then those that were ready in time to leave with the one before.

        Raises what the ledger and `settle` raise, and DeliveryError where the sender's address is not usable.
        """
        try:
            parcel.envelope = commands(self._connection, parcel)
        except UnfitError as error:
            self._end(parcel, error.result(parcel.message.delivery_id))
            return
        if self._connection.pipelining:
            self._dialogue.ask(_group(parcel), 3)
        self._supply.look_ahead()
        following: Parcel | None = parcel
        while following is not None:
            parcel = following
            result = await self._answers(parcel)
            if result is not None:
                self._end(parcel, result)
                return
            following = await self._body(parcel)

    def _end(self, parcel: Parcel, result: Result) -> None:
        self._unsettled.remove(parcel)
        self._settle(parcel, result)

    async def _answers(self, parcel: Parcel) -> Result | None:
        """Return how the message ended with its envelope, or None where its body may follow."""
        dialogue = self._dialogue
        refused: Result | None = None
        codes: list[int] = []
        for stage, command in zip(_YES, (*parcel.envelope, b"DATA\r\n"), strict=True):
            if not self._connection.pipelining:
                if refused is not None:
                    break
                dialogue.ask(command, 1)
            try:
                answer = dialogue.at_hand() or await dialogue.reply(self._connection.timeout)
            except LostError as error:
                return Result(broke=str(error)) if refused is None else refused._replace(broke=str(error))
            codes.append(answer[0])
            if refused is None and answer[0] not in _YES[stage]:
                refused = self._refused(parcel, stage, answer)
                if refused.broke:
                    return refused
        if refused is not None:
            await self._take_back(codes)
        return refused

    def _refused(self, parcel: Parcel, stage: Stage, answer: Answer) -> Result:
        code = answer[0]
        if 400 <= code < 600 and code != 421:
            return refusal(parcel.message.delivery_id, stage, answer)
        # RFC 5321 section 3.8: 421 says nothing of this message. The rest are no answers to such a command.
        self._dialogue.close()
        reply = understood(answer)
        return Result(broke=f"the server answered {described(reply)}", reply=reply if code == 421 else None)

    async def _take_back(self, codes: list[int]) -> None:
        """End a transaction that was refused at one of its commands, whatever the server made of the others."""
        dialogue = self._dialogue
        try:
            if codes[-1] != 354:
                dialogue.ask(b"RSET\r\n", 1)
                if (await dialogue.reply(self._connection.timeout))[0] != 250:
                    dialogue.close()
            elif codes[1] in _YES["rcpt"]:
                # It refused the sender and would take a message all the same.
                dialogue.close()
            else:
                # RFC 2920 section 3.1: nobody to take it, and yet the server wants content. It gets none.
                dialogue.end()
                await dialogue.reply(self._connection.final_timeout)
        except LostError:
            return

    async def _body(self, parcel: Parcel) -> Parcel | None:
        """Send content that the server waits for; return the message whose envelope left with its end."""
        connection, dialogue = self._connection, self._dialogue
        delivery_id = parcel.message.delivery_id
        dialogue.say(parcel.content)
        ours = self._ledger.sending(delivery_id)
        # From here on its state is that of the record.
        self._unsettled.remove(parcel)
        following = await self._following()
        if not await ours:
            dialogue.close()
            self._settle(parcel, Result())
            return None
        await dialogue.drained(connection.timeout)
        if dialogue.fault:
            self._settle(parcel, self._broken_off(delivery_id))
            return None
        if following is None:
            dialogue.end()
        else:
            dialogue.end(_group(following), 3)
        connection.messages += 1
        parcel.content = b""
        self._supply.look_ahead()
        try:
            answer = await dialogue.reply(connection.final_timeout)
        except LostError as error:
            self._settle(parcel, unknown(delivery_id, str(error)))
            return None
        result = final(delivery_id, answer, caught=self._caught, overtaken=dialogue.overtaken)
        try:
            if following is not None and not await self._in_step(answer):
                result = unknown(delivery_id, "an answer of the server was missing")
        except asyncio.CancelledError:
            # It was answered, and whoever stops us now must not make it unknown.
            self._settle(parcel, result)
            raise
        over = answer[0] == 421 or result.broke or dialogue.overtaken
        if over:
            dialogue.close()
        self._settle(parcel, result)
        return None if over else following

    async def _in_step(self, answer: Answer) -> bool:
        """Tell whether the answers to the next envelope fit it; `answer` is the one before them.

        Where a server leaves one out, what seems to answer the dot is the answer to MAIL.
        """
        dialogue = self._dialogue
        complete = not dialogue.owes or await dialogue.caught_up(self._connection.timeout)
        heard = dialogue.heard
        if len(heard) < 3 and understood(answer).enhanced.startswith("2.1."):
            # What is said of an address (RFC 3463 section 3.2) answers MAIL or RCPT, and never a dot.
            return False
        if not complete:
            # It may be slow over the next one. An answer is missing only if what stands for that to RCPT cannot be it.
            return len(heard) < 2 or 200 <= heard[1] < 300
        mail, rcpt, data = (*heard, 0, 0, 0)[:3]
        return not (300 <= mail < 400 or 300 <= rcpt < 400 or 200 <= data < 300)

    async def _following(self) -> Parcel | None:
        """Return the message whose envelope can leave with this dot; one that is at fault waits until its turn."""
        connection = self._connection
        if not connection.pipelining or connection.messages + 1 >= self._most:
            return None
        parcel = await self._supply.peek()
        if parcel is None:
            return None
        try:
            parcel.envelope = commands(connection, parcel)
        except (UnfitError, DeliveryError):
            return None
        self._supply.skip()
        self._unsettled.append(parcel)
        return parcel

    def _broken_off(self, delivery_id: int) -> Result:
        early = self._dialogue.early
        if early is not None and 400 <= early[0] < 600 and early[0] != 421:
            return refusal(delivery_id, "data", early, committed=True)
        return Result(broke=self._dialogue.fault, committed=True)


def _group(parcel: Parcel) -> bytes:
    # RFC 2920 section 3.1: DATA comes last in a group.
    return b"".join((*parcel.envelope, b"DATA\r\n"))
