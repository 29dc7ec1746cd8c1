"""The tables; what must never happen is refused here, by keys and checks, and not by the code above."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from newsletter.bounds import BARS, HOURS, MINUTES, PAPERS
from newsletter.models import STATE_FOR, Consent, DeliveryState
from newsletter.store.types import Id, Json, UtcDateTime

# `sqlite_autoincrement` where rows are deleted: SQLite would hand out an id again, and what was meant for one person
# would reach the next.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _one_of(column: str, *words: str) -> CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _from_to(column: str, least: int, most: int) -> CheckConstraint:
    return CheckConstraint(f"{column} BETWEEN {least} AND {most}", name=column)


# Secrets of this installation: they belong to the backup, since suppressions are worthless without theirs.
keys = Table(
    "keys",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

feeds = Table(
    "feeds",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("location", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False, server_default=""),
    Column("etag", Text, nullable=False, server_default=""),
    Column("last_modified", Text, nullable=False, server_default=""),
    Column("added_at", UtcDateTime, nullable=False),
    Column("last_success_at", UtcDateTime),  # null: never read so far
    Column("last_fault", Text, nullable=False, server_default=""),  # empty: the last look went well
    Column("last_fault_at", UtcDateTime),
    _one_of("kind", "file", "url"),
    sqlite_autoincrement=True,
)

papers = Table(
    "papers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("arxiv_id", String(40)),  # without version; null: not known to be on arXiv
    Column("doi", Text),
    Column("version", Integer),
    Column("title", Text, nullable=False),
    Column("title_key", Text, nullable=False),  # the normalised title
    Column("abstract", Text, nullable=False),
    Column("url", Text),  # null: no source named an address; a search link stands in
    Column("links", Json, nullable=False),
    Column("authors", Json, nullable=False),
    Column("organization", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("keywords", Json, nullable=False),
    Column("source", Text, nullable=False),
    Column("published_on", Date),
    Column("votes", Integer, nullable=False),
    Column("comments", Integer, nullable=False),
    Column("stars", Integer, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("revised_at", UtcDateTime),  # when a higher version came; null: none came since it was taken in
    Column("hidden", Boolean, nullable=False, server_default=text("false")),
    Column("pinned", Boolean, nullable=False, server_default=text("false")),
    # Two records that turned out to be one work: the later one points to the one that counts. It is kept
    # because picks of the past show it.
    Column("merged_into", Id, ForeignKey("papers.id")),
    CheckConstraint("merged_into <> id", name="merged_into"),
)
# One living record an arXiv id, and one a title where no id tells two works of that title apart.
Index(
    "uq_papers_arxiv_id",
    papers.c.arxiv_id,
    unique=True,
    sqlite_where=text("merged_into IS NULL AND arxiv_id IS NOT NULL"),
    postgresql_where=text("merged_into IS NULL AND arxiv_id IS NOT NULL"),
)
Index(
    "uq_papers_title_key",
    papers.c.title_key,
    unique=True,
    sqlite_where=text("merged_into IS NULL AND arxiv_id IS NULL"),
    postgresql_where=text("merged_into IS NULL AND arxiv_id IS NULL"),
)
Index("ix_papers_title_key", papers.c.title_key)  # a title is looked up among those with an id too
Index("ix_papers_first_seen_at", papers.c.first_seen_at)  # the window of candidates
_revised = text("revised_at IS NOT NULL")
Index("ix_papers_revised_at", papers.c.revised_at, sqlite_where=_revised, postgresql_where=_revised)
Index("ix_papers_merged_into", papers.c.merged_into)

# Titles that a paper bore before a revision or a merge: an old page may still bring it under one of them.
former_titles = Table(
    "former_titles",
    metadata,
    Column("title_key", Text, primary_key=True),
    Column("paper_id", Id, ForeignKey("papers.id"), primary_key=True, index=True),
)

# One vector a paper, by the model that made it last; without a model there are none.
vectors = Table(
    "vectors",
    metadata,
    Column("paper_id", Id, ForeignKey("papers.id", ondelete="CASCADE"), primary_key=True),
    Column("model", Text, nullable=False),
    Column("digest", String(32), nullable=False),  # of the text that was read
    Column("dimensions", Integer, nullable=False),
    Column("numbers", LargeBinary, nullable=False),  # float16, little-endian
    CheckConstraint("length(numbers) = 2 * dimensions", name="numbers"),
)

# What a machine wrote of a paper that no source summarises, and what it cost; without text it failed.
summaries = Table(
    "summaries",
    metadata,
    Column("paper_id", Id, ForeignKey("papers.id", ondelete="CASCADE"), primary_key=True),
    Column("model", Text, nullable=False),
    Column("digest", String(32), nullable=False),  # of the text that was read
    Column("text", Text, nullable=False),
    Column("fault", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("tokens", Integer, nullable=False),  # of all attempts
    Column("made_at", UtcDateTime, nullable=False, index=True),
)

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String(40), nullable=False, unique=True),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False, unique=True),  # the address as it is compared
    Column("language", String(35), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("cadence", String(16), nullable=False),
    Column("hour", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("paused_until", Date),  # null: not paused; 9999-12-31: until they resume
    Column("created_at", UtcDateTime, nullable=False),
    Column("subscribed_at", UtcDateTime),  # null: never confirmed
    Column("papers", Integer),  # null: as many as the settings have
    Column("minutes", Integer),  # null: however long it takes to read
    Column("bar", String(8), nullable=False, server_default="normal"),
    _one_of("state", *Consent),
    _from_to("hour", *HOURS),
    _from_to("papers", *PAPERS),
    _from_to("minutes", *MINUTES),
    _one_of("bar", *BARS),
    sqlite_autoincrement=True,
)

# Every change of a consent with its evidence; the latest is the state in `subscribers`.
subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("how", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    _one_of("state", *Consent),
)

preferences = Table(
    "preferences",
    metadata,
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),  # the order in which they were given
    Column("weight", Float, nullable=False),
    _one_of("kind", "topic", "muted_word", "author", "muted_author"),
    CheckConstraint("weight BETWEEN -1 AND 1", name="weight"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
    Column("paper_id", Id, ForeignKey("papers.id"), primary_key=True),
    Column("verdict", String(8), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    _one_of("verdict", "more", "less", "saved"),
)

editions = Table(
    "editions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("date", Date, nullable=False),  # the subscriber's local date
    Column("cadence", String(16), nullable=False),  # of notices always the same
    Column("note", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("kind", String(16), nullable=False, server_default="issue"),
    UniqueConstraint("date", "cadence", "kind"),
    _one_of("kind", *STATE_FOR),
)

issues = Table(
    "issues",
    metadata,
    Column("id", Id, primary_key=True),
    Column("edition_id", Id, ForeignKey("editions.id"), nullable=False),
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("empty", Boolean, nullable=False),  # nothing was found for them; a delivery, if any, tells them that
    Column("composed_at", UtcDateTime, nullable=False),
    Column("beside", Text),  # JSON of what it tells beside its papers; null: nothing, as in most
    Column("said", Text),  # what a notice says, as JSON; null: it is no notice
    UniqueConstraint("edition_id", "subscriber_id"),
    sqlite_autoincrement=True,
)

picks = Table(
    "picks",
    metadata,
    Column("issue_id", Id, ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("paper_id", Id, ForeignKey("papers.id"), nullable=False, index=True),
    Column("score", Float, nullable=False),
    Column("reason", Json, nullable=False),
    UniqueConstraint("issue_id", "paper_id"),
)

# The promise: one row, and so one mail, for a subscriber and a paper.
received = Table(
    "received",
    metadata,
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
    Column("paper_id", Id, ForeignKey("papers.id"), primary_key=True),
    Column("issue_id", Id, ForeignKey("issues.id", ondelete="CASCADE"), nullable=False, index=True),
)
Index("ix_received_paper_id", received.c.paper_id)  # two papers become one

# Versions of papers received earlier that an issue tells of: each once to a person.
revisions = Table(
    "revisions",
    metadata,
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
    Column("paper_id", Id, ForeignKey("papers.id"), primary_key=True, index=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("issue_id", Id, ForeignKey("issues.id", ondelete="CASCADE"), nullable=False, index=True),
)

# What mails were made of, as it went out: each part of a mail that readers share once, compressed, by its digest.
pieces = Table(
    "pieces",
    metadata,
    Column("digest", LargeBinary, primary_key=True),  # BLAKE2b, 16 bytes, of what is compressed in `content`
    Column("content", LargeBinary, nullable=False),
)

# One set of parts: in it, a name means one thing. Each run of sending begins one, and another where a part changes.
presses = Table(
    "presses",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("begun_at", UtcDateTime, nullable=False, index=True),
    Column("program", String(32), nullable=False),  # a digest of the code that makes mail
)

press_pieces = Table(
    "press_pieces",
    metadata,
    Column("press_id", Id, ForeignKey("presses.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("digest", LargeBinary, ForeignKey("pieces.digest"), nullable=False, index=True),
    sqlite_with_rowid=False,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("issue_id", Id, ForeignKey("issues.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("address", Text, nullable=False),
    Column("message_id", Text, nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("queued_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("at", UtcDateTime, nullable=False),  # when it came into its state
    Column("lease_owner", Text),  # null: nobody works on it
    Column("leased_until", UtcDateTime),
    Column("code", Integer),  # null: no server has answered
    Column("enhanced", String(12), nullable=False),
    Column("text", Text, nullable=False),
    # The set of parts that its message was made of when it was sent last, and what of it is its own; null: never sent,
    # or before such was kept. It is no foreign key: the delivery stays where its set is taken away one day, and a key
    # would cost each message, and each set that goes a look through all deliveries.
    Column("press_id", Id),
    Column("made_of", Text),
    _one_of("state", *DeliveryState),
    sqlite_autoincrement=True,
)
_waiting = text("state IN ('queued', 'deferred')")
Index(
    "ix_deliveries_waiting",
    deliveries.c.due_at,
    deliveries.c.id,
    sqlite_where=_waiting,
    postgresql_where=_waiting,
)
_leased = text("lease_owner IS NOT NULL")
Index("ix_deliveries_leased", deliveries.c.lease_owner, sqlite_where=_leased, postgresql_where=_leased)
_open = text("state NOT IN ('sent', 'caught')")
Index("ix_deliveries_open", deliveries.c.state, sqlite_where=_open, postgresql_where=_open)  # who did not get it

# Attempts that did not go straight through; one that was taken at once has its answer in the delivery alone.
attempts = Table(
    "attempts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("delivery_id", Id, ForeignKey("deliveries.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("result", String(16), nullable=False),
    Column("code", Integer),
    Column("enhanced", String(12), nullable=False),
    Column("text", Text, nullable=False),
)

# Addresses that must not be mailed, as HMACs, so that an erased person stays both unknown and unmailed.
suppressions = Table(
    "suppressions",
    metadata,
    Column("address_hmac", String(64), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

# Reports that came back about a person's mail: one row for a report and a delivery, however often it is read.
bounces = Table(
    "bounces",
    metadata,
    Column("id", Id, primary_key=True),
    Column("report", String(64), nullable=False),  # a digest of what the report says
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("delivery_id", Id, ForeignKey("deliveries.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("status", String(12), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("report", "delivery_id"),
    _one_of("kind", "hard", "soft", "complaint"),
)

# How fast mail went out lately, so that limits hold across restarts: one row for all mail ("") and one for a domain.
pace = Table(
    "pace",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("state", Json, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
