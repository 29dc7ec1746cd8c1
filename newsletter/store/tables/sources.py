"""Feeds and how their last look went."""

from sqlalchemy import Column, String, Table, Text

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
