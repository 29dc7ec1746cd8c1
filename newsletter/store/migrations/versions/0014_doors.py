"""Links of a person that can be made new, and keys that are no longer in use."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Count how often people had their links made new, and until when an older key is read; all are in use so far."""
    op.add_column("subscribers", sa.Column("links", sa.Integer(), server_default="0", nullable=False))
    op.add_column("keys", sa.Column("until", sa.DateTime(timezone=True), nullable=True))
