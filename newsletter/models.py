"""The domain in frozen values: what the stages hand to each other; no I/O and no rules of any one stage."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from newsletter.bounds import HOURS, MINUTES, PAPERS, Bar, Look
from newsletter.cadences import Cadence

FOREVER = date.max


class Value(BaseModel):
    """A frozen value."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Link(Value):
    """An address that belongs to a paper; `said` only by its authors, in an abstract or a comment, and by no source."""

    kind: Literal["paper", "pdf", "code", "project", "other"]
    url: str
    said: bool = False


class Paper(Value):
    """One work, whatever the source and the version.

    `id`, `first_seen_at` and `taken_at` are the store's; what came late is taken in after it counts as first seen.
    `arxiv_id` has no version; without an address `url` is None; what is not `shared` is theirs whose search found it.
    """

    id: int | None = None
    title: str
    abstract: str = ""
    arxiv_id: str | None = None
    doi: str | None = None
    version: int | None = None
    url: str | None = None
    links: tuple[Link, ...] = ()
    authors: tuple[str, ...] = ()
    organization: str = ""
    summary: str = ""
    machine_summary: str = ""
    keywords: tuple[str, ...] = ()
    source: str = ""
    published_on: date | None = None
    votes: int = 0
    comments: int = 0
    stars: int = 0
    first_seen_at: datetime | None = None
    taken_at: datetime | None = None
    hidden: bool = False
    pinned: bool = False
    shared: bool = True


class Problem(Value):
    """Something in a feed that was left out, or read only in part: where it stands and what is wrong."""

    where: str
    what: str


class Habits(Value):
    """What a feed says of being asked: how long it may be kept, and on which days and in which hours it is not asked.

    `skip_days` count from 0, Monday; `skip_hours` are those of GMT.
    """

    ttl: timedelta | None = None
    skip_days: frozenset[int] = frozenset()
    skip_hours: frozenset[int] = frozenset()


class ParsedFeed(Habits):
    """What one file or response of a feed held, one paper an entry, in the order of the source.

    `updates` only tell of papers that may be on record, such as arXiv's replacements, and are no new papers. `entries`
    counts what it held, unreadable entries included, and `total` what the source has for the same question beyond this
    document; `said` is what the server wrote in place of papers; `next_page` is where it goes on.
    """

    layout: Literal["page", "hub-json", "json-feed", "atom", "rss", "unknown"]
    title: str = ""
    published_on: date | None = None
    papers: tuple[Paper, ...] = ()
    updates: tuple[Paper, ...] = ()
    problems: tuple[Problem, ...] = ()
    entries: int = 0
    total: int | None = None
    said: str = ""
    next_page: str | None = None


FeedKind = Literal["file", "web", "hub", "arxiv", "search"]


class Feed(Value):
    """A source of papers.

    `moved_to` is where its server said for good that it is. `next_poll_at` is None until it was asked; it is not asked
    before `not_before` whoever wants it, and once `gone_at` only if the operator does. `faulty_since` is when the fault
    that lasts began, and `told_at` when the operator was told of it. `subscriber_id` is whose own search it is.
    """

    id: int
    kind: FeedKind
    location: str
    subscriber_id: int | None = None
    title: str = ""
    etag: str = ""
    last_modified: str = ""
    added_at: datetime
    last_success_at: datetime | None = None
    last_fault: str = ""
    last_fault_at: datetime | None = None
    habits: Habits = Habits()
    moved_to: str = ""
    next_poll_at: datetime | None = None
    not_before: datetime | None = None
    faulty_since: datetime | None = None
    told_at: datetime | None = None
    gone_at: datetime | None = None


class Topic(Value):
    """What a person asked for: a slug of the catalogue or free words, with a weight from -1 to 1."""

    name: str
    weight: float = Field(default=1.0, ge=-1, le=1)


class Consent(StrEnum):
    """The state of a subscription."""

    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"


class Subscription(Value):
    """One change of the consent, with its evidence: how it came about, from which source, by whom, when."""

    state: Consent
    how: str
    source: str = ""
    at: datetime


class Subscriber(Value):
    """A person who gets the newsletter.

    `key` is an opaque name for links and files. `hour` is local to `timezone`. `paused_until` is the first local day
    on which they want mail again; `FOREVER` means until they resume by hand. `papers` is how many they want in an issue
    at most, None for as many as the settings have; `minutes` how long reading it may take, None for any time.
    `searches` are queries of arXiv whose papers come to them alone. `links` counts how often theirs were made new.
    `look` is None for that of the newsletter. `away` tells that they paused and had no issue since, `best_missed` that
    they want the best of that time then.
    """

    id: int
    key: str
    email: str
    language: str
    timezone: str
    cadence: Cadence
    hour: int = Field(ge=HOURS[0], le=HOURS[1])
    state: Consent
    topics: tuple[Topic, ...] = ()
    muted_words: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    muted_authors: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    papers: int | None = Field(default=None, ge=PAPERS[0], le=PAPERS[1])
    minutes: int | None = Field(default=None, ge=MINUTES[0], le=MINUTES[1])
    bar: Bar = "normal"
    look: Look | None = None
    paused_until: date | None = None
    away: bool = False
    best_missed: bool = True
    links: int = 0
    created_at: datetime
    subscribed_at: datetime | None = None

    def paused_on(self, day: date) -> bool:
        """Tell whether they asked for no mail on that local day."""
        return self.paused_until is not None and day < self.paused_until


Verdict = Literal["more", "less", "saved", "seen"]


class Feedback(Value):
    """What a reader said of a paper; that they had `seen` it says neither that they like it nor that they do not."""

    subscriber_id: int
    paper_id: int
    verdict: Verdict
    at: datetime


# An edition is one of issues, or of a notice; what a day without papers is told by is an issue without any.
EditionKind = Literal["issue", "welcome", "confirmation", "goodbye", "link", "known", "answer"]
Notice = Literal["welcome", "confirmation", "goodbye", "link", "known", "answer", "nothing"]

# Whom mail of each kind is for; nobody else may get it.
STATES_FOR: Mapping[EditionKind, tuple[Consent, ...]] = {
    "issue": (Consent.CONFIRMED,),
    "welcome": (Consent.CONFIRMED,),
    "confirmation": (Consent.UNCONFIRMED,),
    # Also if somebody has asked for them since: it may not have been them who did either.
    "goodbye": (Consent.UNSUBSCRIBED, Consent.UNCONFIRMED),
    "link": (Consent.CONFIRMED,),
    "known": (Consent.CONFIRMED,),
    "answer": (Consent.CONFIRMED,),
}


class Edition(Value):
    """One scheduled sending; its slot, a local date and a cadence, is unique among those of its kind."""

    id: int
    date: date
    cadence: Cadence
    kind: EditionKind = "issue"
    note: str = ""
    created_at: datetime


# Each mail has ten of these: a tuple is made and compared many times faster than a checked value.


class Reason(NamedTuple):
    """Why a paper is in an issue: the thing that moved its score most, and the words that show it.

    A `search` is one of their own that found it, and the subject its query. What is `outside` matches nothing that the
    reader asked for, and has the one place for such papers.
    """

    kind: Literal["topic", "like", "author", "search", "popular", "new", "outside"]
    subject: str = ""
    words: tuple[str, ...] = ()


class Pick(NamedTuple):
    """One paper in an issue; `position` counts from 1, and the score is there where it was asked for."""

    position: int
    paper: Paper
    reason: Reason
    score: float | None = None


Section = Literal["you", "best", "missed", "late", "both", "popular", "new", "outside"]

# In the order in which they stand in a mail. The reason of a paper tells its section, but of days without mail; what is
# popular and what is new stand under one heading, as `both`.
SECTIONS: tuple[Section, ...] = ("you", "best", "missed", "late", "both", "popular", "new", "outside")

_FOR_YOU: Section = "you"
SECTION_OF: dict[str, Section] = dict.fromkeys(("topic", "like", "author", "search"), _FOR_YOU)
SECTION_OF |= {"popular": "popular", "new": "new", "outside": "outside"}


class Told(NamedTuple):
    """What came of feedback since the last mail.

    So many `papers` are here because of `more` of a title, or not because of `less`; `others` had a part in it too.
    """

    verdict: Literal["more", "less"]
    title: str
    others: int
    papers: int


class Missed(NamedTuple):
    """The papers `first` to `last` are of days without mail, or a source that came `late`, or the `best` of a pause."""

    since: date
    first: int
    last: int
    late: bool = False
    best: bool = False


class Revision(NamedTuple):
    """A paper that its reader got before it came to this version."""

    paper: Paper
    version: int


class Beside(NamedTuple):
    """What stands in an issue beside its papers; in most there is nothing."""

    told: tuple[Told, ...] = ()
    missed: Missed | None = None
    revised: tuple[Revision, ...] = ()


NOTHING_BESIDE = Beside()


class Recipient(NamedTuple):
    """A subscriber, as far as their mail needs to know; `look` is empty for that of the newsletter."""

    id: int
    email: str
    language: str
    links: int = 0
    look: str = ""


class Issue(NamedTuple):
    """What one person gets in one edition; without picks it is a notice, and `said` has what that tells."""

    id: int
    edition: Edition
    recipient: Recipient
    picks: tuple[Pick, ...]
    beside: Beside = NOTHING_BESIDE
    said: Mapping[str, Any] = MappingProxyType({})

    @property
    def notice(self) -> Notice | None:
        """Which notice it is, if it is one."""
        if self.picks:
            return None
        return "nothing" if self.edition.kind == "issue" else self.edition.kind


class DeliveryState(StrEnum):
    """Where a message stands; docs/architecture.md has the moves between the states."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    UNKNOWN = "unknown"
    CAUGHT = "caught"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class Delivery(Value):
    """One message to one address and its state; `code`, `enhanced` and `text` are the server's last words."""

    id: int
    issue_id: int
    subscriber_id: int
    address: str
    message_id: str
    state: DeliveryState
    attempts: int = 0
    due_at: datetime
    queued_at: datetime
    at: datetime
    code: int | None = None
    enhanced: str = ""
    text: str = ""


Ending = Literal["sent", "caught", "deferred", "rejected", "unknown"]


class Outcome(NamedTuple):
    """What one SMTP attempt gave: sent, caught (by the built-in catcher), deferred, rejected, unknown.

    `code` and `enhanced` (RFC 3463) are None and empty where no server answered. `about` says whom a refusal is about:
    the reader (their address), or us (policy, authentication, quota); `suppress` that the address is dead for good.
    """

    delivery_id: int
    result: Ending
    code: int | None = None
    enhanced: str = ""
    text: str = ""
    about: Literal["reader", "us"] = "reader"
    suppress: bool = False


class Attempt(Value):
    """One attempt of a delivery that did not go straight through, as it is kept on record."""

    number: int
    at: datetime
    result: str
    code: int | None = None
    enhanced: str = ""
    text: str = ""
