"""Subscribers, what they consented to, asked for and said; addresses that must not be mailed."""

from sqlalchemy import Boolean, CheckConstraint, Column, Date, Float, ForeignKey, Integer, String, Table, Text, text

from newsletter.bounds import BARS, HOURS, LOOKS, MINUTES, PAPERS
from newsletter.models import Consent
from newsletter.store.tables.base import from_to, metadata, one_of
from newsletter.store.types import Id, UtcDateTime

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
    Column("links", Integer, nullable=False, server_default="0"),  # how often they had their links made new
    Column("look", String(16)),  # null: that of the newsletter
    Column(
        "away", Boolean, nullable=False, server_default=text("false")
    ),  # they paused, and had no issue with papers since
    Column("best_missed", Boolean, nullable=False, server_default=text("true")),  # they want the best of that time then
    one_of("state", *Consent),
    from_to("hour", *HOURS),
    from_to("papers", *PAPERS),
    from_to("minutes", *MINUTES),
    one_of("bar", *BARS),
    one_of("look", *LOOKS),
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
    one_of("state", *Consent),
)

preferences = Table(
    "preferences",
    metadata,
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),  # the order in which they were given
    Column("weight", Float, nullable=False),
    one_of("kind", "topic", "muted_word", "author", "muted_author"),
    CheckConstraint("weight BETWEEN -1 AND 1", name="weight"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
    Column("paper_id", Id, ForeignKey("papers.id"), primary_key=True),
    Column("verdict", String(8), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    one_of("verdict", "more", "less", "saved", "seen"),
)

# Addresses that must not be mailed, as HMACs, so that an erased person stays both unknown and unmailed.
suppressions = Table(
    "suppressions",
    metadata,
    Column("address_hmac", String(64), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
