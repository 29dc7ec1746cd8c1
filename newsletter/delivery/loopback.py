"""A mail server within this process, on loopback: opens, makes a session for each connection, and closes them all.

What is answered is the sessions' business.
"""

import asyncio
import logging
from collections.abc import Callable
from weakref import WeakSet

from aiosmtpd.smtp import SMTP

HOST = "127.0.0.1"


class Loopback:
    """Listens from `open` to `close`; `session` makes an aiosmtpd session from the options that are given here."""

    def __init__(self, session: Callable[..., SMTP], *, ident: str, largest: int) -> None:
        self._make = session
        self._ident = ident
        self._largest = largest
        self._sessions: WeakSet[SMTP] = WeakSet()
        self._server: asyncio.Server | None = None

    async def open(self, port: int = 0) -> int:
        """Listen on a port, 0 for any that is free, and return it; raises OSError where it is taken."""
        # aiosmtpd tells every command with its addresses to this logger, and those it does not know as warnings.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        self._server = await asyncio.get_running_loop().create_server(self._session, HOST, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Listen no more, and close what is still connected."""
        if self._server is not None:
            self._server.close()
            for session in list(self._sessions):
                if session.transport is not None:
                    session.transport.close()
            await self._server.wait_closed()
            self._server = None

    def _session(self) -> SMTP:
        session = self._make(
            hostname="localhost",
            ident=self._ident,
            data_size_limit=self._largest,
            enable_SMTPUTF8=True,
            auth_exclude_mechanism=["LOGIN", "PLAIN"],
            loop=asyncio.get_running_loop(),
        )
        self._sessions.add(session)
        return session
