"""Settings of the page on which people subscribe."""

from pydantic import Field

from newsletter.config.forms import File, Section


class Signup(Section):
    """The page on which anybody may subscribe: who gets a mail by it, and how often."""

    open: bool = Field(True, description="Serve it, at /subscribe; needs web.base_url.")
    first_issue: bool = Field(
        True, description="Choose a first issue as soon as somebody has confirmed; else it comes at their hour."
    )
    disposable_domains: File | None = Field(
        None,
        description="A file with a domain a line whose addresses are not taken, nor those of domains below it; what "
        "follows a # is left out.",
    )
    keep_days: int = Field(7, ge=1, le=365, description="After so many days who did not confirm is deleted.")
    least_seconds: float = Field(
        2.0, ge=0, le=60, description="A form that comes back sooner was filled in by a program, and is shown again."
    )
    hourly: int = Field(
        20,
        ge=1,
        le=100_000,
        description="How many sign-ups, and how many examples, one network address may ask for in an hour.",
    )
    daily_mails: int = Field(
        3,
        ge=1,
        le=1000,
        description="How many sign-ups for one mailbox are looked at in a day, whoever sent them; a confirmation "
        "follows each, of at most nine, if the one before has gone out.",
    )
