"""Commands out and replies in over an open transport, each reply matched to its command; knows nothing of messages."""

import asyncio
from collections import deque

from newsletter.delivery.policy import Reply, read

# RFC 5321 section 4.5.3.1.5 allows a line of 512 bytes; some servers say more. A reply has no limit there.
LONGEST_LINE = 2000
MOST_LINES = 100


# RFC 5321 section 4.2.1: three digits, the first 2 to 5, and a hyphen in all lines but the last.
_CODES = {b"%d" % code: code for code in range(200, 600)}
_MARKS = (b" ", b"-", b"")


class LostError(Exception):
    """The connection broke, or the server fell out of step or silent; the words say which."""


# The code of a reply, and its lines without it; most need not be read further.
Answer = tuple[int, bytes]


class Dialogue(asyncio.Protocol):
    """What is said over one connection from the moment that it is secured and logged in.

    Replies come in the order of the commands (RFC 2920 section 3.1), so each one counts against those that are owed.
    One that nobody asked for, or that is no reply at all, ends the dialogue: from there on nothing could be matched.
    What was answered before stays good. `fault` says why it ended.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._replies: deque[Answer] = deque()
        self._owed = 0
        self._part = b""
        self._code = 0
        self._lines: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self._paused = False
        self._resumed: asyncio.Future[None] | None = None
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._in_content = False
        self._after_dot = 0
        self._ending = False
        self.fault = ""
        self.early: Answer | None = None
        self.overtaken = False
        transport.set_protocol(self)

    @property
    def open(self) -> bool:
        """Tell whether more can be said."""
        return not self.fault and not self._transport.is_closing()

    @property
    def idle(self) -> bool:
        """Tell whether a command can be given: nothing is owed, and the server expects no content."""
        return self.open and not self._owed and not self._in_content

    def ask(self, commands: bytes, replies: int) -> None:
        """Write commands, whole lines, that so many replies are owed for."""
        if not self.fault:
            self._owed += replies
            self._transport.write(commands)

    def say(self, content: bytes) -> None:
        """Write content without its end, after 354; a reply that comes before the end is kept as `early`."""
        if not self.fault:
            self._transport.write(content)

    def end(self, commands: bytes = b"", replies: int = 0) -> None:
        """Write the dot that ends the content, and with it the commands that follow.

        `overtaken` tells later whether the reply to it came before it had left.
        """
        if self.fault:
            return
        self._in_content = False
        self._owed += 1 + replies
        self._after_dot = len(commands)
        self._ending = True
        self._transport.write(b".\r\n" + commands)

    @property
    def owes(self) -> bool:
        """Tell whether a reply is still to come."""
        return self._owed > 0

    def at_hand(self) -> Answer | None:
        """Return the next reply that is owed, if it came already."""
        return self._replies.popleft() if self._replies else None

    async def reply(self, seconds: float) -> Answer:
        """Return the next reply that is owed; raises LostError where none will come or none came in that time."""
        if not self._replies:
            if self.fault:
                raise LostError(self.fault)
            self._waiter = self._loop.create_future()
            timer = self._loop.call_later(seconds, self._fail, f"the server gave no answer in {seconds:g} seconds")
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
            if not self._replies:
                raise LostError(self.fault)
        return self._replies.popleft()

    async def caught_up(self, seconds: float) -> bool:
        """Wait for all replies that are owed; False where the server falls silent, so that one of them is missing.

        Where it ends the connection instead, those that came are what it had to say.
        """
        silent = False

        def late() -> None:
            nonlocal silent
            silent = True
            self._fail(f"the server gave no answer in {seconds:g} seconds")

        if self._owed and not self.fault:
            timer = self._loop.call_later(seconds, late)
            try:
                while self._owed and not self.fault:
                    self._waiter = self._loop.create_future()
                    await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        return not silent

    @property
    def heard(self) -> tuple[int, ...]:
        """The codes of the replies that came and were not asked for by `reply` so far."""
        return tuple([code for code, _ in self._replies])

    async def drained(self, seconds: float) -> None:
        """Wait until the network took most of what was written; ends the dialogue when it takes nothing for so long."""
        while self._paused and not self.fault:
            before = self._transport.get_write_buffer_size()
            self._resumed = self._loop.create_future()
            timer = self._loop.call_later(seconds, self._no_progress, before, seconds)
            try:
                await self._resumed
            finally:
                timer.cancel()
                self._resumed = None

    def close(self) -> None:
        """Close at once; what was written and has not left does not leave."""
        self._fail("the connection was closed")

    async def part(self, seconds: float) -> None:
        """Close in good order, and after so long in any case; no transport is left to its loop's end."""
        if not self.fault:
            self.fault = "the connection was closed"
            self._transport.close()
        timer = self._loop.call_later(seconds, self._transport.abort)
        try:
            await self._gone
        finally:
            timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Take what the server said, in pieces of any size."""
        if self.fault:
            return
        if self._ending and self._transport.get_write_buffer_size() > self._after_dot:
            self.overtaken = True
        lines = (self._part + data).split(b"\n")
        self._part = lines.pop()
        for line in lines:
            self._line(line)
            if self._ended:
                return
        if len(self._part) > LONGEST_LINE:
            self._fail("the server's answer was not SMTP")
        if self._replies:
            _wake(self._waiter)

    def eof_received(self) -> None:
        """Take notice that the server will say nothing more."""
        self._fail("the connection was lost")

    def connection_lost(self, exc: Exception | None) -> None:
        """Take notice that the connection is gone."""
        self._fail("the connection was lost")
        _wake(self._gone)

    def pause_writing(self) -> None:
        """Take notice that the network is slower than we are."""
        self._paused = True

    def resume_writing(self) -> None:
        """Take notice that the network caught up."""
        self._paused = False
        _wake(self._resumed)

    @property
    def _ended(self) -> bool:
        return bool(self.fault)

    def _line(self, line: bytes) -> None:
        said = line.removesuffix(b"\r")
        code, mark, text = _CODES.get(said[:3]), said[3:4], said[4:]
        if code is None or mark not in _MARKS or len(line) > LONGEST_LINE or len(self._lines) == MOST_LINES:
            self._fail("the server's answer was not SMTP")
            return
        if self._lines and code != self._code:
            self._fail("the server's answer was not SMTP")
        elif mark == b"-":
            self._code = code
            self._lines.append(text)
        elif self._lines:
            whole = b"\n".join([*self._lines, text])
            self._lines.clear()
            self._take(code, whole)
        else:
            self._take(code, text)

    def _take(self, code: int, text: bytes) -> None:
        if not self._owed:
            self.early = (code, text)
            self._fail(f"the server answered {described(understood(self.early))} without being asked")
            return
        self._owed -= 1
        self._ending = False
        self._in_content = code == 354
        self._replies.append((code, text))
        if code == 421:
            # RFC 5321 section 3.8: the server closes, whatever it was asked.
            self._fail(f"the server answered {described(understood((code, text)))}")

    def _no_progress(self, before: int, seconds: float) -> None:
        if self._transport.get_write_buffer_size() >= before:
            self._fail(f"the server took nothing in {seconds:g} seconds")
        _wake(self._resumed)

    def _fail(self, words: str) -> None:
        if not self.fault:
            self.fault = words
            self._transport.abort()
        _wake(self._waiter)
        _wake(self._resumed)


def understood(answer: Answer) -> Reply:
    """Return an answer with its enhanced code and words read."""
    code, text = answer
    return read(code, text.decode("utf-8", "surrogateescape"))


def described(reply: Reply) -> str:
    """Return a reply in one line, as its server said it."""
    return " ".join(part for part in (str(reply.code), reply.enhanced, reply.text) if part).rstrip(".")


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
