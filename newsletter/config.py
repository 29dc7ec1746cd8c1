"""The settings as one checked value: TOML first, then `NEWSLETTER_*` of the environment, secrets from files.

Nothing else in the program reads a setting from anywhere.
"""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from newsletter.errors import SettingsError
from newsletter.models import Cadence, timezones

ENVIRONMENT = "NEWSLETTER_"
CONFIG_VARIABLE = "NEWSLETTER_CONFIG"
DEFAULT_FILE = Path("config.toml")

# Read by other programs than this one under the same prefix.
FOREIGN_VARIABLES = ("NEWSLETTER_CONFIG", "NEWSLETTER_TEST_")


def _form(pattern: str, what: str) -> AfterValidator:
    """Hold a setting to a pattern; `what` says in words what it has to be."""

    def check(value: Any) -> Any:
        if re.fullmatch(pattern, str(value)) is None:
            raise ValueError(f"this has to be {what}")
        return value

    return AfterValidator(check)


# A control character in any setting could end up in a header or a command (RFC 5322 section 2.2).
# U+0085, U+2028 and U+2029 end a line for Python's email package.
LINE = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*"
OneLine = Annotated[str, _form(LINE, "one line without control characters")]
File = Annotated[Path, _form(LINE, "a path without control characters")]
Address = Annotated[
    str,
    _form(r"[^\s@<>,;:\x00-\x1f\x7f-\x9f]+@[^\s@<>,;:\x00-\x1f\x7f-\x9f]+", "an address like papers@example.org"),
]
Domain = Annotated[str, _form(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", "a name like papers.example.org")]


class Section(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True, allow_inf_nan=False
    )


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
    language: OneLine = Field("en", description="The language of readers who chose none.")
    timezone: OneLine = Field("UTC", description="The time zone of readers who chose none.")
    hour: int = Field(7, ge=0, le=23, description="The local hour of readers who chose none.")
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
    outbox: File = Field(Path("outbox"), description="Where the built-in catcher puts what it caught.")

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

    papers: int = Field(10, ge=1, le=100, description="How many papers an issue has at most.")
    window_days: int = Field(14, ge=1, le=365, description="For how many days a paper can be chosen once it came in.")
    popularity: float = Field(0.15, ge=0, le=1, description="How much votes weigh beside the topics.")
    freshness: float = Field(0.1, ge=0, le=1, description="How much newness weighs beside the topics.")
    least_score: float = Field(0.02, ge=0, le=1, description="A paper below this match is left out.")
    same: float = Field(0.85, ge=0, le=1, description="Of two papers more alike than this, an issue has one.")


class Rendering(Section):
    """How the mail looks."""

    templates: File | None = Field(None, description="A folder whose templates stand before the built-in ones.")
    abstract_characters: int = Field(320, ge=80, le=5000, description="About how much of an abstract is shown.")


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
    feeds: Feeds = Feeds()
    ranking: Ranking = Ranking()
    rendering: Rendering = Rendering()
    schedule: Schedule = Schedule()
    web: Web = Web()
    log: Log = Log()

    # Relative paths in the settings are relative to this folder, the one of the settings file.
    folder: Path = Field(Path(), exclude=True)

    def path(self, path: Path) -> Path:
        """Return a path of the settings as it is meant: relative to the folder of the settings file."""
        return self.folder / path.expanduser()


def find(given: Path | None = None, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the settings file in use: the one given, else `NEWSLETTER_CONFIG`, else ./config.toml if any."""
    if given is not None:
        return given
    if named := environment.get(CONFIG_VARIABLE):
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def load(file: Path | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the settings.

    `file` is a TOML file, or None for the defaults; variables of `environment` such as
    `NEWSLETTER_SMTP__HOST` stand above it. Raises SettingsError with every fault at once, each with its
    dotted path.
    """
    document = _read(file) if file is not None else {}
    above, faults = _from_environment(environment)
    if document.pop("folder", None) is not None:
        faults.append("folder: there is no such setting")
    merged = _merge(document, above)
    try:
        settings = Settings(**merged, folder=(file.absolute().parent if file is not None else Path.cwd()))
    except ValidationError as error:
        faults += [_sentence(fault) for fault in error.errors(include_url=False, include_input=False)]
        settings = None
    if settings is None or faults:
        where = str(file) if file is not None else "the environment"
        raise SettingsError(
            f"The settings in {where} have {len(faults)} fault{'s' if len(faults) > 1 else ''}.",
            faults=tuple(faults),
            next_step="docs/configuration.md and config.example.toml list every setting.",
        )
    return settings


def secret(path: Path, what: str) -> SecretStr:
    """Read a secret from a file, without the line end at its end."""
    try:
        return SecretStr(path.read_text(encoding="utf-8").rstrip("\r\n"))
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{what} cannot be read from {path}: {getattr(error, 'strerror', None) or 'it is not text'}.",
            next_step="Write the secret into that file, readable by this user alone.",
        ) from error


def example() -> str:
    """Return `config.example.toml`: every setting with its meaning and its default."""
    lines = ["# Every setting with its default. Copy what you change to config.toml.", ""]
    for name, field in Settings.model_fields.items():
        section = field.default
        if not isinstance(section, Section):
            continue
        lines += [f"# {type(section).__doc__}", f"[{name}]"]
        for key, inner in type(section).model_fields.items():
            lines.append(f"# {inner.description}")
            value = getattr(section, key)
            lines.append(f"# {key} =" if value is None else f"{key} = {_toml(value)}")
        lines.append("")
    return "\n".join(lines)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"There is no settings file {file}.", next_step="`newsletter init` writes one.") from error
    except OSError as error:
        raise SettingsError(f"The settings file {file} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is not TOML: {error}.", next_step="Mend that line.") from error


def _from_environment(environment: Mapping[str, str]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the settings that variables name, and a fault for each that names none, most often a slip."""
    found: dict[str, dict[str, Any]] = {}
    faults = []
    for variable in sorted(environment):
        if not variable.startswith(ENVIRONMENT) or variable.startswith(FOREIGN_VARIABLES):
            continue
        section, _, key = variable.removeprefix(ENVIRONMENT).lower().partition("__")
        known = Settings.model_fields.get(section)
        if known is None or not isinstance(known.default, Section):
            faults.append(f"{variable}: there is no such section")
        elif key not in type(known.default).model_fields:
            faults.append(
                f"{variable}: there is no setting {section}.{key}" if key else f"{variable}: name one setting"
            )
        elif isinstance(getattr(known.default, key), tuple):
            try:
                found.setdefault(section, {})[key] = json.loads(environment[variable])
            except ValueError:
                faults.append(f'{variable}: this has to be a list as in JSON, such as ["one", "two"]')
        else:
            found.setdefault(section, {})[key] = environment[variable]
    return found, faults


def _merge(below: dict[str, Any], above: dict[str, dict[str, Any]]) -> dict[str, Any]:
    merged = dict(below)
    for section, values in above.items():
        under = merged.get(section, {})
        # What is no table stays, to be told as a fault.
        merged[section] = {**under, **values} if isinstance(under, dict) else under
    return merged


def _sentence(fault: Any) -> str:
    path = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"{path}: there is no such setting"
    return f"{path}: {fault['msg'].removeprefix('Value error, ')}"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
