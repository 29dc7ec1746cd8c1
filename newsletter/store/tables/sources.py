"""Feeds and how their last look went."""

from sqlalchemy import Column, Date, Integer, String, Table, Text

from newsletter.store.tables.base import metadata, one_of
from newsletter.store.types import Id, UtcDateTime

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
    one_of("kind", "file", "url"),
    sqlite_autoincrement=True,
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
