"""Feeds, how their last look went, and what they answered."""

from sqlalchemy import (
    Column,
    Date,
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

from newsletter.store.tables.base import metadata, one_of
from newsletter.store.types import Id, Json, UtcDateTime

feeds = Table(
    "feeds",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("location", Text, nullable=False),
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE")),  # null: it is everybody's
    Column("title", Text, nullable=False, server_default=""),
    Column("etag", Text, nullable=False, server_default=""),
    Column("last_modified", Text, nullable=False, server_default=""),
    Column("added_at", UtcDateTime, nullable=False),
    Column("last_success_at", UtcDateTime),  # null: never read so far
    Column("last_fault", Text, nullable=False, server_default=""),  # empty: the last look went well
    Column("last_fault_at", UtcDateTime),
    Column("habits", Json),  # null: it never told any
    Column("moved_to", Text, nullable=False, server_default=""),
    Column("next_poll_at", UtcDateTime),  # null: never asked so far
    Column("not_before", UtcDateTime),  # null: its server wants no silence
    Column("faulty_since", UtcDateTime),
    Column("told_at", UtcDateTime),  # null: the operator need not know so far
    Column("gone_at", UtcDateTime),  # null: it is not gone
    one_of("kind", "file", "web", "hub", "arxiv", "search"),
    sqlite_autoincrement=True,
)
# A location stands there once for everybody, and once for each person whose own search it is.
_everybodys, _theirs = text("subscriber_id IS NULL"), text("subscriber_id IS NOT NULL")
Index("uq_feeds_location", feeds.c.location, unique=True, sqlite_where=_everybodys, postgresql_where=_everybodys)
Index(
    "uq_feeds_subscriber_id_location",
    feeds.c.subscriber_id,
    feeds.c.location,
    unique=True,
    sqlite_where=_theirs,
    postgresql_where=_theirs,
)

# What holds for all feeds of a server, and for whatever else asks it.
servers = Table(
    "servers",
    metadata,
    Column("name", Text, primary_key=True),  # the host, with the port where it is not the usual one
    Column("not_before", UtcDateTime),  # null: it wants no silence
    Column("silences", Integer, nullable=False, server_default="0"),  # tries in a row without an answer
    Column("silent_until", UtcDateTime),  # null: it answers
)

# Which papers people's own searches found, those of everybody too.
found_for = Table(
    "found_for",
    metadata,
    Column("feed_id", Id, ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True),
    Column("paper_id", Id, ForeignKey("papers.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("at", UtcDateTime, nullable=False),
)

responses = Table(
    "responses",
    metadata,
    Column("id", Id, primary_key=True),
    Column("feed_id", Id, ForeignKey("feeds.id", ondelete="CASCADE"), nullable=False),
    Column("address", Text, nullable=False),
    Column("day", Date),
    Column("digest", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False, index=True),
    Column("size", Integer, nullable=False),
    # By these its server tells whether it has changed.
    Column("etag", Text, nullable=False, server_default=""),
    Column("last_modified", Text, nullable=False, server_default=""),
    Column("body", LargeBinary, nullable=False),
    # What has not changed is kept once.
    UniqueConstraint("feed_id", "address", "digest"),
)

# A row says that the feed was asked on that day of its own, or for it.
arrivals = Table(
    "arrivals",
    metadata,
    Column("feed_id", Id, ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("entries", Integer, nullable=False),
    Column("new", Integer, nullable=False),  # papers that were not on record
    Column("asked_at", UtcDateTime, nullable=False),
    Column("verdict", String(10)),  # null: not judged so far
    Column("usual", Integer),  # null: nothing can be said of what is usual
    Column("told_at", UtcDateTime),  # null: no mail to the operator has it
    one_of("verdict", "usual", "few", "nothing", "closed", "unknown"),
)

# New versions of papers that were not on record when they were told of, for when some source brings these.
updates = Table(
    "updates",
    metadata,
    Column("arxiv_id", String(40), primary_key=True),
    Column("title_key", Text, nullable=False, index=True),  # the normalised title
    Column("told", Text, nullable=False),  # a `models.Paper` in JSON
    Column("at", UtcDateTime, nullable=False, index=True),
)

# The days of a source's past that are on record as a whole; one that was interrupted is not here.
imported_days = Table(
    "imported_days",
    metadata,
    Column("source", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("entries", Integer, nullable=False),
    Column("new", Integer, nullable=False),  # papers that were not on record
    Column("done_at", UtcDateTime, nullable=False),
)
