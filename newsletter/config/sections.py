"""Every setting with its meaning, its default and its bounds; nothing here reads a file or the environment."""

import re
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from newsletter.bounds import HOURS
from newsletter.cadences import Cadence, timezones
from newsletter.config.archive import Archive
from newsletter.config.contents import Brand, Feeds, Ranking, Rendering, Summaries
from newsletter.config.desk import Operator
from newsletter.config.forms import PORT, Address, Domain, File, OneLine, Section
from newsletter.config.forms import form as _form
from newsletter.config.hooks import Hooks
from newsletter.config.sending import Bounces, Delivery, Dkim, Rates, Smtp
from newsletter.config.signup import Signup


class Newsletter(Section):
    """Who writes, and what the newsletter is called."""

    name: OneLine = Field("Papers for you", min_length=1, description="The name that readers see.")
    from_address: Address = Field("papers@newsletter.example", description="The address that mail comes from.")
    reply_to: Address | None = Field(
        None,
        description="Where answers go; empty: to bounces.address if that is a box, else to from_address.",
    )
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


class Schedule(Section):
    """When `newsletter run` works."""

    tick_seconds: int = Field(60, ge=1, le=3600, description="How often it looks for what is due.")
    catch_up_hours: int = Field(
        36, ge=1, le=24 * 7, description="How late an issue may still go out after a stop of the program."
    )


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


class Web(Section):
    """The readers' pages."""

    base_url: Annotated[
        OneLine,
        _form(r"(https?://[^\s?#]+)?", "an http address without ? and #, such as https://papers.example.org"),
    ] = Field(
        "",
        description="Where readers see their pages, such as https://papers.example.org; it may have a path. Empty: "
        "no pages, and the mail offers mailto links.",
    )
    listen: Annotated[
        OneLine, _form(rf"((\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+):{PORT})?", "host:port, such as 127.0.0.1:8080")
    ] = Field(
        "127.0.0.1:8080",
        description="Where `newsletter run` serves the pages, for a proxy that adds TLS; empty: it does not, and "
        "another ASGI server does.",
    )
    grace_days: int = Field(
        90,
        ge=0,
        le=3650,
        description="For so long links are read that an older secret signed, after `newsletter secrets rotate`.",
    )
    proxies: int = Field(
        0,
        ge=0,
        le=9,
        description="How many proxies of yours stand before the pages: the address of who asks is that many from the "
        "end of X-Forwarded-For. 0: it is that of the connection.",
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
    hooks: Hooks = Hooks()
    feeds: Feeds = Feeds()
    ranking: Ranking = Ranking()
    rendering: Rendering = Rendering()
    summaries: Summaries = Summaries()
    brand: Brand = Brand()
    notices: Notices = Notices()
    schedule: Schedule = Schedule()
    web: Web = Web()
    operator: Operator = Operator()
    archive: Archive = Archive()
    signup: Signup = Signup()
    log: Log = Log()

    # Relative paths in the settings are relative to this folder, the one of the settings file.
    folder: Path = Field(Path(), exclude=True)

    def path(self, path: Path) -> Path:
        """Return a path of the settings as it is meant: relative to the folder of the settings file."""
        return self.folder / path.expanduser()
