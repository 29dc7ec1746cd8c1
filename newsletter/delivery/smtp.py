"""A connection to the mail server: opened, secured, logged in, closed; knows nothing of messages, retries or pools."""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal, cast

import aiosmtplib
from pydantic import SecretStr

from newsletter.config import Smtp
from newsletter.delivery.dialogue import Dialogue, LostError, described
from newsletter.delivery.policy import read
from newsletter.errors import DeliveryError

Token = Callable[[], Awaitable[str]]

_HOST_NAME = re.compile(r"[A-Za-z0-9.:\[\]-]*")
_GOODBYE_SECONDS = 5.0


class UnreachableError(Exception):
    """No connection could be made this time; the words say why, and another try may fare better."""


class Connection:
    """An open connection, secured and logged in; what its server offers, and the dialogue with it.

    `timeout` and `final_timeout` are the seconds to wait for an answer, and for the one to a whole message.
    """

    def __init__(self, client: aiosmtplib.SMTP, timeout: float, final_timeout: float) -> None:
        """Take the connection over; raises UnreachableError where the server said more than it was asked."""
        transport, protocol = client.transport, client.protocol
        if transport is None or protocol is None or transport.is_closing():
            raise UnreachableError("it closed the connection")
        # What aiosmtplib has read and nobody asked for would be taken for the answer to our first command.
        if protocol._buffer:  # noqa: SLF001 - no public name
            raise UnreachableError("it answered what it was not asked")
        self.timeout = timeout
        self.final_timeout = final_timeout
        self.messages = 0
        self.pipelining = client.supports_extension("pipelining")
        self.smtputf8 = client.supports_extension("smtputf8")
        self.eight_bit = client.supports_extension("8bitmime")
        self.declares_size = client.supports_extension("size")
        size = client.esmtp_extensions.get("size", "")
        # RFC 1870 section 3: 0 or no number means no fixed limit.
        self.largest = int(size) if size.isascii() and size.isdigit() and int(size) > 0 else None
        self.dialogue = Dialogue(cast("asyncio.Transport", transport))

    @property
    def open(self) -> bool:
        """Tell whether it can take another command."""
        return self.dialogue.open

    async def quit(self) -> None:
        """Say goodbye if the server can hear it, and close; never raises for what the server does."""
        if self.dialogue.idle:
            self.dialogue.ask(b"QUIT\r\n", 1)
            with suppress(LostError):
                await self.dialogue.reply(min(self.timeout, _GOODBYE_SECONDS))
        else:
            self.dialogue.close()
        await self.dialogue.part(_GOODBYE_SECONDS)


class Relay:
    """The mail server of the settings, and how to be let in.

    `at` stands in for host and port of the settings with the catcher's, which wants no login and no TLS. `token` is
    awaited for an access token where the settings say XOAUTH2; it is kept until the server refuses it.
    """

    def __init__(
        self,
        settings: Smtp,
        *,
        password: SecretStr | None = None,
        token: Token | None = None,
        at: tuple[str, int] | None = None,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self._host, self._port = at or (settings.host, settings.port)
        self._transport: Literal["starttls", "tls", "plain"] = "plain" if at else settings.transport
        self._username = "" if at else settings.username
        self._password = password
        self._token = token if settings.login == "xoauth2" else None
        self._kept_token = ""
        self._asking = asyncio.Lock()
        self._timeout = settings.timeout
        self._final_timeout = settings.final_timeout
        self._local_name = settings.local_name
        self._tls_context = tls_context or (_tls_context(settings.verify) if self._transport != "plain" else None)
        if not self._host:
            raise DeliveryError("There is no mail server in the settings.", next_step="Set smtp.host.")
        if not _HOST_NAME.fullmatch(self._local_name):
            raise DeliveryError("smtp.local_name is not a host name.", next_step="Leave it empty or name this machine.")
        if self._username and self._transport == "plain" and not _is_loopback(self._host):
            raise DeliveryError(
                f"The login for the mail server {self.where} would cross the network unencrypted.",
                next_step='Set smtp.security to "starttls" or "tls".',
            )
        if self._username and self._token is None and password is None:
            raise DeliveryError(
                f"There is no password for the mail server {self.where}.", next_step="Set smtp.password_file."
            )

    @property
    def where(self) -> str:
        """Name the server as people write it."""
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    async def connect(self) -> Connection:
        """Open a connection, secured and logged in as the settings want it.

        Raises UnreachableError where another try may help, and DeliveryError where someone has to mend something.
        """
        if not self._local_name:
            self._local_name = await asyncio.to_thread(_name_of_this_machine)
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            local_hostname=self._local_name,
            timeout=self._timeout,
            use_tls=self._transport == "tls",
            start_tls=False,
            tls_context=self._tls_context,
        )
        try:
            await client.connect()
            await _greet(client)
            if self._transport == "starttls":
                await self._start_tls(client)
            if self._username:
                await self._log_in(client)
            return Connection(client, self._timeout, self._final_timeout)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            client.close()
            certificate = _cause(error, ssl.SSLCertVerificationError)
            if certificate is not None:
                raise DeliveryError(
                    f"The certificate of the mail server {self.where} is not to be trusted: "
                    f"{certificate.verify_message or certificate.reason}.",
                    next_step="Check smtp.host; smtp.verify = false trusts any certificate.",
                ) from error
            raise UnreachableError(_reason(error, self._timeout)) from error
        except BaseException:
            client.close()
            raise

    async def _start_tls(self, client: aiosmtplib.SMTP) -> None:
        if not client.supports_extension("starttls"):
            raise DeliveryError(
                f"The mail server {self.where} does not offer STARTTLS, and mail is not sent unencrypted.",
                next_step='Set smtp.security to "tls" with port 465, or to "plain" for a server of your own.',
            )
        await client.starttls()
        # RFC 3207 section 4.2: what was said before TLS counts no more.
        await _greet(client)

    async def _log_in(self, client: aiosmtplib.SMTP) -> None:
        wanted = {"xoauth2"} if self._token else {method.lower() for method in client.AUTH_METHODS}
        if not wanted & set(client.server_auth_methods):
            offered = ", ".join(sorted(client.server_auth_methods)).upper() or "none"
            raise DeliveryError(
                f"The mail server {self.where} offers no login of the kind in the settings (it offers: {offered}).",
                next_step="Check smtp.login, smtp.port and smtp.security.",
            )
        try:
            await self._authenticate(client)
        except aiosmtplib.SMTPAuthenticationError as error:
            reply = read(error.code, error.message)
            if reply.temporary:
                raise
            raise DeliveryError(
                f"The mail server {self.where} refused the login: {described(reply)}.",
                next_step="Check smtp.username and the password or token.",
            ) from error

    async def _authenticate(self, client: aiosmtplib.SMTP) -> None:
        if self._token is None:
            secret = self._password.get_secret_value() if self._password else ""
            await client.login(self._username, secret)
            return
        async with self._asking:
            tried = self._kept_token = self._kept_token or await self._token()
        try:
            await client.auth_xoauth2(self._username, tried)
        except aiosmtplib.SMTPAuthenticationError:
            # It may only have run out: one new token, and if that one is refused too, it is the login.
            async with self._asking:
                if self._kept_token == tried:
                    self._kept_token = await self._token()
            if self._kept_token == tried:
                raise
            await client.auth_xoauth2(self._username, self._kept_token)


async def _greet(client: aiosmtplib.SMTP) -> None:
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        # RFC 5321 section 3.2: an old server knows HELO only.
        if not client.is_connected:
            raise
        await client.helo()


def _tls_context(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _name_of_this_machine() -> str:
    name = socket.getfqdn()
    # RFC 5321 section 4.1.3: a machine without a proper name gives its address.
    return name if re.fullmatch(r"[A-Za-z0-9.-]+", name) and "." in name else "[127.0.0.1]"


def _cause(error: BaseException, kind: type[ssl.SSLCertVerificationError]) -> ssl.SSLCertVerificationError | None:
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, kind):
            return below
        below = below.__cause__ or below.__context__
    return None


def _reason(error: Exception, timeout: float) -> str:
    below = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"it answered {described(read(error.code, error.message))}"
    if isinstance(error, aiosmtplib.SMTPTimeoutError | TimeoutError):
        return f"it gave no answer in {timeout:g} seconds"
    if isinstance(below, socket.gaierror | UnicodeError):
        return "its name is not known"
    if isinstance(below, ConnectionRefusedError):
        return "it refuses connections"
    if isinstance(below, ssl.SSLError):
        return f"it does not speak TLS as expected ({below.reason or 'handshake failed'})"
    if isinstance(below, OSError) and below.strerror:
        return below.strerror
    return "it closed the connection"
