"""Editions, issues, deliveries, and what came back."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from newsletter.models import STATES_FOR, DeliveryState
from newsletter.store.tables.base import metadata, one_of
from newsletter.store.types import Id, Json, UtcDateTime

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
    one_of("kind", *STATES_FOR),
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
    one_of("state", *DeliveryState),
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
    one_of("kind", "hard", "soft", "complaint"),
)

# How fast mail went out lately, so that limits hold across restarts: one row for all mail ("") and one for a domain.
pace = Table(
    "pace",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("state", Json, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
