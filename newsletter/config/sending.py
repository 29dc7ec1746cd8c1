"""The settings of sending: the relay, retries, signatures, limits, and what comes back."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from newsletter.config.forms import Address, Domain, File, OneLine, Section


class Smtp(Section):
    """The relay that takes the mail. Without a host, the built-in catcher takes it and nobody is mailed."""

    host: OneLine = Field("", description="The relay's host name; empty: the built-in catcher, which mails nobody.")
    port: int = Field(587, ge=1, le=65535, description="587 for STARTTLS, 465 for TLS, 25 for your own relay.")
    security: Literal["starttls", "tls", "plain", "auto"] = Field(
        "auto",
        description="starttls, tls, plain; auto: tls on port 465, plain on a loopback host, else starttls.",
    )
    verify: bool = Field(True, description="Check the relay's certificate.")
    username: OneLine = Field("", description="The name to log in with; empty: no login.")
    password_file: File | None = Field(None, description="A file with the password of that login.")
    login: Literal["password", "xoauth2"] = Field("password", description="password, or xoauth2 with token_command.")
    token_command: tuple[OneLine, ...] = Field((), description="For xoauth2: a command that prints the token.")
    local_name: OneLine = Field("", description="The name given with EHLO; by default the machine's.")
    connections: int = Field(10, ge=1, le=500, description="How many connections are open at once at most.")
    messages_per_connection: int = Field(
        1000, ge=1, description="After so many messages a connection is made anew; some receivers want 20."
    )
    timeout: float = Field(60, gt=0, le=3600, description="Seconds to wait for an answer of the relay.")
    final_timeout: float = Field(
        600,
        gt=0,
        le=3600,
        description="Seconds to wait for the answer to a whole message; RFC 5321 asks for ten minutes.",
    )
    outbox: File = Field(Path("outbox"), description="Where the built-in catcher puts what it caught.")
    faults: bool = Field(
        False,
        description="The built-in catcher fails as the addresses ask, such as mute@example.org; docs/quickstart.md has "
        "the words.",
    )

    @model_validator(mode="after")
    def _login_is_whole(self) -> Self:
        if self.login == "xoauth2" and not (self.username and self.token_command):
            raise ValueError('login = "xoauth2" needs username and token_command')
        if self.username and self.login == "password" and self.password_file is None:
            raise ValueError("username needs password_file")
        return self

    @property
    def transport(self) -> Literal["starttls", "tls", "plain"]:
        """How the connection is secured once `auto` is resolved."""
        if self.security != "auto":
            return self.security
        if self.port == 465:
            return "tls"
        return "plain" if self.host in ("127.0.0.1", "::1", "localhost") else "starttls"


class Delivery(Section):
    """How mail is tried, and tried again."""

    on_unknown: Literal["hold", "resend"] = Field(
        "hold",
        description="What happens to mail that was in flight when the program died: hold it, or resend it with its "
        "Message-ID.",
    )
    lease: float = Field(60, ge=1, le=3600, description="Seconds until the work of a silent process is taken over.")
    batch: int = Field(200, ge=1, le=5000, description="How many deliveries are taken at once.")
    first_pause: float = Field(300, ge=1, le=30 * 86400, description="Seconds before the second try.")
    longest_pause: float = Field(
        4 * 3600, ge=1, le=30 * 86400, description="The pause doubles with each try, up to so many seconds."
    )
    give_up_after: float = Field(
        3 * 86400, ge=1, le=30 * 86400, description="Seconds until a temporary failure is final."
    )


class Dkim(Section):
    """Signatures that show receivers who answers for the mail. Without a domain nothing is signed."""

    domain: Domain | None = Field(
        None, description="The domain that signs: that of from_address, or one above it, else DMARC does not count it."
    )
    selector: Domain = Field("newsletter", description="The name of the key; its record is at SELECTOR._domainkey.")
    key_file: File | None = Field(
        None, description="The private key, RSA or Ed25519, in PEM; `newsletter dkim keygen` makes one."
    )
    second_selector: Domain = Field("newsletter2", description="The name of the second key.")
    second_key_file: File | None = Field(
        None, description="A second key: best RSA and Ed25519 together, since not every receiver knows the newer one."
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.domain is not None and self.key_file is None:
            raise ValueError("domain needs key_file")
        if self.domain is None and self.key_file is not None:
            raise ValueError("key_file needs domain")
        if self.second_key_file is not None and (self.key_file is None or self.selector == self.second_selector):
            raise ValueError("second_key_file needs key_file, and a selector of its own")
        return self


class DomainRate(Section):
    """What one receiving domain takes."""

    per_minute: int = Field(0, ge=0, description="Messages a minute at most; 0: no limit.")
    connections: int = Field(0, ge=0, description="Messages on their way there at once at most; 0: no limit.")


class Rates(Section):
    """How fast mail goes out. All of it is kept across restarts; 0 means no limit."""

    per_second: float = Field(0, ge=0, le=100_000, description="Messages a second at most.")
    window_messages: int = Field(0, ge=0, description="Messages in any window_seconds at most, as many relays want it.")
    window_seconds: int = Field(3600, ge=1, le=7 * 86400, description="The length of that sliding window.")
    domain_per_minute: int = Field(0, ge=0, description="Messages a minute to one receiving domain at most.")
    domain_connections: int = Field(0, ge=0, description="Messages on their way to one domain at once at most.")
    domains: Mapping[str, DomainRate] = Field(
        {},
        description='What single domains take, such as {"example.org" = {per_minute = 20, connections = 2}}; those '
        "below them share it.",
    )
    back_off: float = Field(
        60, ge=1, le=86400, description="Seconds that a domain is left alone after it said it gets too much; doubling."
    )
    longest_back_off: float = Field(3600, ge=1, le=86400, description="The longest such pause.")
    warm_up_from: date | None = Field(None, description="The first day of a new sending domain, such as 2026-11-21.")
    warm_up_first: int = Field(200, ge=1, description="Messages on that first day at most.")
    warm_up_growth: float = Field(
        1.5, gt=1, le=10, description="Each day takes so many times what the one before took."
    )

    def warm_up_on(self, day: date) -> int | None:
        """Return how many messages the warm-up lets through on a day; None: it is over, or there is none."""
        if self.warm_up_from is None:
            return None
        try:
            allowed = self.warm_up_first * self.warm_up_growth ** max(0, (day - self.warm_up_from).days)
        except OverflowError:
            return None
        return int(allowed) if allowed < 1_000_000_000 else None


class Bounces(Section):
    """Mail that comes back: where it comes to, and what follows from it."""

    address: Address | None = Field(
        None,
        description="The return path. Every message gets its own, bounces+TOKEN@example.org for bounces@example.org; "
        "empty: from_address for all.",
    )
    delimiter: Literal["+", "-"] = Field("+", description="What your mail server has between a name and its TOKEN.")
    maildir: File | None = Field(None, description="A Maildir that reports are delivered into.")
    imap_host: OneLine = Field("", description="A mailbox that reports are delivered into.")
    imap_port: int = Field(993, ge=1, le=65535, description="993 for TLS; on 143 STARTTLS is used.")
    imap_username: OneLine = Field("", description="The name to log in with.")
    imap_password_file: File | None = Field(None, description="A file with the password of that login.")
    imap_folder: OneLine = Field("INBOX", description="The folder that reports are in.")
    imap_done_folder: OneLine = Field(
        "", description="The folder that reports go to once they count; empty: they stay, marked as seen."
    )
    lmtp_port: int = Field(0, ge=0, le=65535, description="A port on loopback that takes reports by LMTP; 0: none.")
    poll_minutes: int = Field(5, ge=1, le=1440, description="How often `newsletter run` looks at maildir and mailbox.")
    soft_limit: int = Field(5, ge=1, le=1000, description="So many soft bounces within soft_days suppress an address.")
    soft_days: int = Field(30, ge=1, le=3650, description="The window in which soft bounces count.")

    @field_validator("address")
    @classmethod
    def _leaves_room_for_a_token(cls, value: str | None) -> str | None:
        local = "" if value is None else value.rpartition("@")[0]
        # RFC 5321 section 4.5.3.1.1: 64 octets; a delimiter and the longest token take 34 of them.
        if not local.isascii() or len(local) > 30:
            raise ValueError("the part before @ has at most 30 characters, of ASCII alone")
        return value

    @model_validator(mode="after")
    def _mailbox_is_whole(self) -> Self:
        if self.imap_host and not (self.imap_username and self.imap_password_file):
            raise ValueError("imap_host needs imap_username and imap_password_file")
        return self
