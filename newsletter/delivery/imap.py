"""A mailbox that is read over IMAP (RFC 3501), always by TLS; reads and marks mails, and understands none."""

import asyncio
import base64
import contextlib
import functools
import imaplib
import re
import ssl
from collections.abc import AsyncGenerator, Callable
from typing import Any, TypeVar

from newsletter.delivery.incoming import LARGEST, Arrival
from newsletter.errors import DeliveryError

Result = TypeVar("Result")

_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
# In names of folders: all but printable ASCII, and the sign that begins what is written otherwise, where it does not.
_OTHER = re.compile(r"&(?![A-Za-z0-9+,]*-)|[^ -~]+")
_UID = re.compile(r"UID (\d+) of ")
STARTTLS_PORT = 143


class Mailbox:
    """A folder of a mailbox: what is in it and was not seen so far.

    What is taken is marked as seen and, with `done_folder`, goes there. The rest stays as it is, unseen, and is not
    fetched a second time while this object lives. `timeout` is in seconds. `context` says which certificates are
    trusted; by default those of the system.
    """

    def __init__(
        self,
        host: str,
        port: int,
        username: str,
        password: str,
        *,
        folder: str = "INBOX",
        done_folder: str = "",
        timeout: float = 60,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._login = (username, password)
        self._folder = folder
        self._done_folder = done_folder
        self._timeout = timeout
        self._context = context
        self._server: imaplib.IMAP4 | None = None
        self._offers: set[str] = set()
        # The last UID that was read, in the numbering (UIDVALIDITY) in which it means something.
        self._passed = 0
        self._numbering = b""

    async def mails(self) -> AsyncGenerator[Arrival]:
        """Go through the mails; raises DeliveryError with what the server said where that fails."""
        try:
            uids = await self._do(self._open)
            for uid in uids:
                content = await self._do(functools.partial(self._fetch, uid))
                yield Arrival(f"UID {uid} of {self._folder}", content)
                self._passed = uid
        finally:
            await asyncio.to_thread(self._close)

    async def taken(self, arrival: Arrival) -> None:
        """Mark a mail as seen, and move it."""
        found = _UID.match(arrival.name)
        if found is not None:
            await self._do(lambda: self._mark(found[1]))

    async def _do(self, act: Callable[[], Result]) -> Result:
        try:
            return await asyncio.to_thread(act)
        except (imaplib.IMAP4.error, OSError) as error:
            words = str(error) or type(error).__name__
            raise DeliveryError(
                f"The mailbox of {self._login[0]} at {self._host} cannot be read: {words.strip(' .')[:300]}.",
                next_step="Look at imap_host, imap_port, imap_username and imap_folder in [bounces]; nothing is lost.",
            ) from error

    def _open(self) -> list[int]:
        self._server = server = self._connected()
        self._log_in(server)
        # Most servers offer more once they know who asks.
        self._offers = set(b" ".join(_ok(server.capability())).decode().upper().split())
        _ok(server.select(_quoted(self._folder)))
        numbering = (server.response("UIDVALIDITY")[1] or [b""])[0] or b""
        if numbering != self._numbering:
            self._numbering, self._passed = numbering, 0
        # `n:*` always has the last mail in it (RFC 3501 section 6.4.8).
        found = _ok(server.uid("SEARCH", "UNSEEN", "UNDELETED", "UID", f"{self._passed + 1}:*"))[0] or b""
        return sorted(uid for uid in map(int, filter(bytes.isdigit, found.split())) if uid > self._passed)

    def _log_in(self, server: imaplib.IMAP4) -> None:
        if "".join(self._login).isascii():
            server.login(*self._login)
            return
        # LOGIN says nothing of other letters; this says UTF-8 (RFC 4616 section 2).
        told = "\0".join(("", *self._login)).encode()
        server.authenticate("PLAIN", lambda _: told)

    def _connected(self) -> imaplib.IMAP4:
        context = self._context or ssl.create_default_context()
        if self._port != STARTTLS_PORT:
            return imaplib.IMAP4_SSL(self._host, self._port, ssl_context=context, timeout=self._timeout)
        server = imaplib.IMAP4(self._host, self._port, timeout=self._timeout)
        server.starttls(context)
        return server

    def _fetch(self, uid: int) -> bytes | None:
        server = self._open_server()
        told = b" ".join(
            part for part in _ok(server.uid("FETCH", str(uid), "(RFC822.SIZE)")) if isinstance(part, bytes)
        )
        size = _SIZE.search(told)
        if size is not None and int(size[1]) > LARGEST:
            return None
        # PEEK leaves it unseen.
        parts = _ok(server.uid("FETCH", str(uid), "(BODY.PEEK[])"))
        return next((bytes(part[1]) for part in parts if isinstance(part, tuple)), b"")

    def _mark(self, uid: str) -> None:
        server = self._open_server()
        _ok(server.uid("STORE", uid, "+FLAGS.SILENT", r"(\Seen)"))
        if not self._done_folder:
            return
        folder = _quoted(self._done_folder)
        if "MOVE" in self._offers:  # RFC 6851
            _ok(server.uid("MOVE", uid, folder))
            return
        _ok(server.uid("COPY", uid, folder))
        _ok(server.uid("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)"))
        # Without UIDPLUS (RFC 4315) an EXPUNGE would take what others have marked, too.
        if "UIDPLUS" in self._offers:
            _ok(server.uid("EXPUNGE", uid))

    def _open_server(self) -> imaplib.IMAP4:
        if self._server is None:
            raise imaplib.IMAP4.error("the connection is closed")
        return self._server

    def _close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            with contextlib.suppress(imaplib.IMAP4.error, OSError):
                server.logout()


def _ok(answer: tuple[str, Any]) -> list[Any]:
    """Return the data of an answer; raises the error of imaplib where it is no OK."""
    said, data = answer
    if said != "OK":
        words = b" ".join(part for part in data if isinstance(part, bytes)).decode("utf-8", "replace")
        raise imaplib.IMAP4.error(words or said)
    return list(data)


def _quoted(folder: str) -> str:
    named = _OTHER.sub(_in_ascii, folder)
    escaped = named.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _in_ascii(found: re.Match[str]) -> str:
    # RFC 3501 section 5.1.3: UTF-16 in an alphabet like that of Base64.
    if found[0] == "&":
        return "&-"
    coded = base64.b64encode(found[0].encode("utf-16-be"), b"+,").decode().rstrip("=")
    return f"&{coded}-"
