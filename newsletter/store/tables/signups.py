"""People who ask for the newsletter on a page, what they saw when they did, and how often others tried."""

from sqlalchemy import Column, Integer, String, Table, Text

from newsletter.store.tables.base import metadata, one_of
from newsletter.store.types import Json, UtcDateTime

SIGNUP_STATES = ("asked", "mailed", "confirmed")

# One for an address, the latest: asked until a mail about it is queued, mailed until its link is used, and confirmed
# until the first issue is chosen. Its wishes touch nobody's record before that.
signups = Table(
    "signups",
    metadata,
    Column("email_key", Text, primary_key=True),  # the address as it is compared
    Column("email", Text, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("wishes", Json, nullable=False),
    Column("source", Text, nullable=False),  # for the evidence
    Column("at", UtcDateTime, nullable=False),
    one_of("state", *SIGNUP_STATES),
)

# What people were told before they pressed the button; evidence names it.
wordings = Table(
    "wordings",
    metadata,
    Column("version", String(16), primary_key=True),
    Column("words", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),  # when it was shown first
)

# How often something was tried of late by whom or for whom, as keyed hashes.
tries = Table(
    "tries",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("since", UtcDateTime, nullable=False, index=True),
)
