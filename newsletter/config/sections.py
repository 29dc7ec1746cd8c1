"""Every setting with its meaning, its default and its bounds; nothing here reads a file or the environment."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from newsletter.bounds import HOURS, PAPERS
from newsletter.config.forms import Address, Domain, File, OneLine, Section
from newsletter.config.forms import form as _form
from newsletter.config.rates import Rates
from newsletter.models import Cadence, timezones


class Newsletter(Section):
    """Who writes, and what the newsletter is called."""

    name: OneLine = Field("Papers for you", min_length=1, description="The name that readers see.")
    from_address: Address = Field("papers@newsletter.example", description="The address that mail comes from.")
    reply_to: Address | None = Field(None, description="Where answers go, if not to from_address.")
    unsubscribe_address: Address | None = Field(
        None, description="Where a mail that unsubscribes goes, if not to from_address."
    )
    list_id: Domain | None = Field(
        None, description="The List-Id of RFC 2919; by default made of the domain of from_address."
    )
    postal_address: OneLine = Field(
        "", description="The postal address in the footer; the law of many countries wants one."
    )
    sender_id: Annotated[str, _form(r"([A-Za-z0-9._-]{5,15})?", "5 to 15 letters, digits, dots and hyphens")] = Field(
        "",
        description="The SenderId of Feedback-ID, under which Gmail's Postmaster Tools show complaints; by default "
        "made of the domain of from_address.",
    )
    complaints_address: Address | None = Field(
        None, description="Where receivers that know RFC 9477 report complaints; empty: they are not asked to."
    )
    precedence: Literal["", "bulk", "list"] = Field(
        "", description="bulk or list if you want the field Precedence; its use is contested. Empty: no such field."
    )
    language: OneLine = Field("en", description="The language of readers who chose none.")
    timezone: OneLine = Field("UTC", description="The time zone of readers who chose none.")
    hour: int = Field(7, ge=HOURS[0], le=HOURS[1], description="The local hour of readers who chose none.")
    cadence: Cadence = Field("daily", description="daily, weekdays or weekly:mon; for readers who chose none.")

    @field_validator("from_address")
    @classmethod
    def _has_a_domain(cls, value: str) -> str:
        try:
            value.rpartition("@")[2].encode("idna")
        except UnicodeError as error:
            raise ValueError("the part behind @ is no domain") from error
        return value

    @field_validator("timezone")
    @classmethod
    def _is_a_timezone(cls, value: str) -> str:
        if value not in timezones():
            raise ValueError(f"{value} is no time zone; names look like Europe/Berlin")
        return str(ZoneInfo(value).key)

    @property
    def domain(self) -> str:
        """The domain of the sender's address, in A-labels (RFC 5890), as headers want it."""
        return self.from_address.rpartition("@")[2].encode("idna").decode()

    @property
    def feedback_sender(self) -> str:
        """The SenderId of Feedback-ID, of 5 to 15 characters."""
        made = re.sub(r"[^a-z0-9]", "", self.domain.lower())
        return self.sender_id or (made if len(made) >= 5 else f"{made}papers")[:15]


class Database(Section):
    """Where the record is kept."""

    url: Annotated[OneLine, _form(r"(sqlite:///|postgresql://).+", "sqlite:///FILE or postgresql://USER@HOST/NAME")] = (
        Field(
            "sqlite:///newsletter.db",
            description="sqlite:///FILE (beside this file unless the path is absolute) or postgresql://USER@HOST/NAME.",
        )
    )
    password_file: File | None = Field(None, description="A file with the password of PostgreSQL.")


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


class Feeds(Section):
    """Where papers come from, and how they are taken in."""

    search_url: Annotated[
        OneLine, _form(r"https?://[^{}\s]*\{title\}[^{}\s]*", "an http address that has {title} in it once")
    ] = Field(
        "https://huggingface.co/papers?q={title}",
        description="Where the title of a paper leads that no source gave an address for.",
    )
    refresh_minutes: int = Field(60, ge=5, description="How often `newsletter run` looks at the feeds.")
    timeout: float = Field(30, gt=0, le=3600, description="Seconds that one feed may take.")
    largest: int = Field(64_000_000, ge=1000, description="Bytes of the largest file or response read.")
    contact: OneLine = Field("", description="An address or page that is named to the servers of feeds.")


class Ranking(Section):
    """How papers are chosen."""

    papers: int = Field(
        10,
        ge=PAPERS[0],
        le=PAPERS[1],
        description="How many papers an issue has at most, unless its reader asked for another number.",
    )
    window_days: int = Field(14, ge=1, le=365, description="For how many days a paper can be chosen once it came in.")
    popularity: float = Field(0.15, ge=0, le=1, description="How much votes weigh beside the topics.")
    freshness: float = Field(0.1, ge=0, le=1, description="How much newness weighs beside the topics.")
    least_score: float = Field(0.02, ge=0, le=1, description="A paper below this match is left out.")
    same: float = Field(0.85, ge=0, le=1, description="Of two papers more alike than this, an issue has one.")
    model: File | None = Field(
        None,
        description="The folder of a sentence-transformers model, which needs the extra `embeddings`; without, words "
        "and what readers share decide.",
    )
    outside: int = Field(
        1, ge=0, le=1, description="How many places of an issue are for a popular paper outside the reader's topics."
    )


class Rendering(Section):
    """How the mail looks."""

    templates: File | None = Field(None, description="A folder whose templates stand before the built-in ones.")
    abstract_characters: int = Field(320, ge=80, le=5000, description="About how much of an abstract is shown.")
    look: Literal["comfortable", "compact", "plain"] = Field(
        "comfortable", description="comfortable, compact, or plain: text alone, without HTML."
    )


class Brand(Section):
    """What is yours in the look of the mail."""

    accent: Annotated[str, _form("#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})", "a colour as CSS writes it, such as #1d4f91")] = (
        Field(
            "#1d4f91",
            description="The colour of links and marks. Where it is text it is made darker or lighter until it is easy "
            "to read.",
        )
    )
    logo: File | None = Field(
        None, description="A PNG, JPEG or GIF of at most 50 KB that stands for the name; it travels with every mail."
    )
    logo_width: int = Field(160, ge=16, le=552, description="How many pixels wide the logo is shown.")


class Summaries(Section):
    """Summaries by a machine, of chosen papers that come without one; each is made once, kept, and marked as such."""

    endpoint: Annotated[
        OneLine, _form(r"(https?://[^\s?#]+)?", "an http address such as http://localhost:11434/v1")
    ] = Field(
        "",
        description="An OpenAI-compatible endpoint, up to /chat/completions; empty: abstracts are shown.",
    )
    model: OneLine = Field("", description="What the endpoint calls the model.")
    key_file: File | None = Field(None, description="A file with the key that the endpoint wants.")
    timeout: float = Field(30.0, ge=1, le=600, description="Seconds to wait for one summary.")
    patience: float = Field(
        120.0, ge=1, le=3600, description="Seconds that mail waits for summaries before it goes out without the rest."
    )
    daily_tokens: int = Field(
        200_000,
        ge=0,
        le=1_000_000_000,
        description="So many tokens are spent in 24 hours at most, of question and answer.",
    )
    connections: int = Field(4, ge=1, le=64, description="How many summaries are asked for at once.")

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.endpoint and not self.model:
            raise ValueError("an endpoint needs the name of a model in summaries.model")
        return self


class Notices(Section):
    """Single mails beside the issues: the welcome, the goodbye, and that there is nothing today."""

    welcome: bool = Field(True, description="Welcome people who subscribe by themselves.")
    goodbye: bool = Field(True, description="Tell people who unsubscribe by themselves that they are out.")
    nothing_today: bool = Field(False, description="Tell people on a day without papers that there are none, and why.")
    from_address: Address | None = Field(
        None,
        description="The address that confirmations and goodbyes come from, if not newsletter.from_address; best of "
        "the same domain.",
    )


class Schedule(Section):
    """When `newsletter run` works."""

    tick_seconds: int = Field(60, ge=1, le=3600, description="How often it looks for what is due.")
    catch_up_hours: int = Field(
        36, ge=1, le=24 * 7, description="How late an issue may still go out after a stop of the program."
    )


class Web(Section):
    """The readers' pages."""

    base_url: Annotated[
        OneLine,
        _form(r"(https?://[^\s?#]+)?", "an http address without ? and #, such as https://papers.example.org"),
    ] = Field(
        "",
        description="Where pages of your own answer the links of the mail, since this version brings none; empty: the "
        "mail offers mailto links.",
    )


class Log(Section):
    """What operators read."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error.")
    format: Literal["auto", "console", "json"] = Field("auto", description="auto: console on a terminal, else json.")


class Settings(Section):
    """All settings; frozen, and passed to whoever needs a part."""

    newsletter: Newsletter = Newsletter()
    database: Database = Database()
    smtp: Smtp = Smtp()
    delivery: Delivery = Delivery()
    dkim: Dkim = Dkim()
    rates: Rates = Rates()
    bounces: Bounces = Bounces()
    feeds: Feeds = Feeds()
    ranking: Ranking = Ranking()
    rendering: Rendering = Rendering()
    summaries: Summaries = Summaries()
    brand: Brand = Brand()
    notices: Notices = Notices()
    schedule: Schedule = Schedule()
    web: Web = Web()
    log: Log = Log()

    # Relative paths in the settings are relative to this folder, the one of the settings file.
    folder: Path = Field(Path(), exclude=True)

    def path(self, path: Path) -> Path:
        """Return a path of the settings as it is meant: relative to the folder of the settings file."""
        return self.folder / path.expanduser()
