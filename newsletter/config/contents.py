"""The settings of what stands in a mail: sources, choosing, looks, the brand, summaries."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from newsletter.bounds import PAPERS, Look
from newsletter.config.forms import Address, Domain, File, OneLine, Section
from newsletter.config.forms import form as _form


class Feeds(Section):
    """Where papers come from, and how they are taken in."""

    search_url: Annotated[
        OneLine, _form(r"https?://[^{}\s]*\{title\}[^{}\s]*", "an http address that has {title} in it once")
    ] = Field(
        "https://huggingface.co/papers?q={title}",
        description="Where the title of a paper leads that no source gave an address for.",
    )
    refresh_minutes: int = Field(
        60, ge=5, description="How often a feed is asked at most; its server may want it less often."
    )
    follow_days: int = Field(
        3,
        ge=0,
        le=30,
        description="For how many days a paper of the hub is asked for again, so that its votes and comments follow.",
    )
    timeout: float = Field(30, gt=0, le=3600, description="Seconds that one answer may take, redirects included.")
    silence: float = Field(15, gt=0, le=3600, description="Seconds that a server may send nothing meanwhile.")
    largest: int = Field(64_000_000, ge=1000, description="Bytes of the largest file or response read, unpacked.")
    contact: OneLine = Field("", description="An address or page that is named to the servers of feeds.")
    per_host: int = Field(2, ge=1, le=16, description="How many requests go to one host at once; to arXiv always one.")
    gap: float = Field(
        1.0, ge=0, le=3600, description="Seconds between two requests to one host; to arXiv three at least."
    )
    allow_hosts: tuple[
        Annotated[str, _form(r"[A-Za-z0-9_:.-]+", "the name or the address of a host, without a port")], ...
    ] = Field(
        (),
        description="Hosts that are asked although their addresses are private, of this machine or otherwise not of "
        "the public internet.",
    )
    proxy: Annotated[
        OneLine,
        _form(r"(https?://[^\s/?#]+/?)?", "the address of an HTTP proxy, such as http://proxy.example.org:3128"),
    ] = Field(
        "",
        description="The HTTP proxy that feeds are asked through; empty: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and "
        "NO_PROXY of the environment hold.",
    )
    patience_hours: int = Field(
        24, ge=0, le=24 * 90, description="For how long a feed is broken before it is told, in the log and by status."
    )
    keep_days: int = Field(
        30, ge=1, le=3650, description="How long what feeds answered is kept, for `newsletter feeds replay`."
    )
    holidays: tuple[date, ...] = Field(
        (),
        description="Days on which sources may bring nothing, beside weekends and arXiv's own holidays, such as "
        "2027-12-24; for arXiv that of the evening without announcement.",
    )
    tell: Address | None = Field(
        None,
        description="Where `newsletter run` and `newsletter feeds refresh` mail the operator once when a source brings "
        "nothing or far less than usual, or stays broken; empty: the log and status tell it.",
    )
    resolve: bool = Field(
        False,
        description="Whether `newsletter run` looks up papers that are known by title alone; their titles go to the "
        "services of resolvers.",
    )
    resolvers: Annotated[tuple[Literal["arxiv", "hub", "crossref"], ...], Field(min_length=1)] = Field(
        ("arxiv", "hub", "crossref"),
        description="The services that are asked for a title, in this order: arxiv, hub, crossref.",
    )
    resolve_hourly: int = Field(
        60, ge=1, le=1000, description="About how many papers at most `newsletter run` looks up in an hour."
    )

    @field_validator("resolvers")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("a service stands there twice")
        return value


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
    look: Look = Field(
        "comfortable",
        description="comfortable, compact, or plain: text alone, without HTML; for readers who did not choose theirs.",
    )
    link_hosts: tuple[Domain, ...] = Field(
        (),
        description="Hosts that an address in an abstract may be linked to, beside those of its source, arXiv, DOI and "
        "known hosts of code; any other is shown as text.",
    )


class Brand(Section):
    """What is yours in the look of the mail and of the pages."""

    accent: Annotated[str, _form("#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})", "a colour as CSS writes it, such as #1d4f91")] = (
        Field(
            "#1d4f91",
            description="The colour of links and marks. Where it is text it is made darker or lighter until it is easy "
            "to read.",
        )
    )
    logo: File | None = Field(
        None,
        description="A PNG, JPEG or GIF of at most 50 KB that stands for the name; it travels with every mail, and "
        "stands on every page.",
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
    timeout: float = Field(30.0, ge=1, le=600, description="Seconds to wait for the whole of one summary.")
    patience: float = Field(
        120.0, ge=1, le=3600, description="Seconds that mail waits for summaries before it goes out without the rest."
    )
    daily_tokens: int = Field(
        200_000,
        ge=0,
        le=1_000_000_000,
        description="So many tokens are spent in 24 hours at most, of question and answer; what failed counts as well.",
    )
    connections: int = Field(4, ge=1, le=64, description="How many summaries are asked for at once.")

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.endpoint and not self.model:
            raise ValueError("an endpoint needs the name of a model in summaries.model")
        return self
