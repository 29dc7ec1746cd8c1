"""What belongs to the installation as a whole."""

from sqlalchemy import Column, LargeBinary, String, Table

from newsletter.store.tables.base import metadata
from newsletter.store.types import UtcDateTime

# Secrets of this installation: they belong to the backup, since suppressions are worthless without theirs.
keys = Table(
    "keys",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime),  # null: in use; else what it signed is read until then
)
