"""When papers were taken in beside the day for which they count, and updates of papers that are not on record yet."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make a column and a table; of what is on record it is not known that any of it came late."""
    op.add_column("papers", sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "updates",
        sa.Column("arxiv_id", sa.String(length=40), nullable=False),
        sa.Column("title_key", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("arxiv_id", name=op.f("pk_updates")),
    )
    op.create_index(op.f("ix_updates_title_key"), "updates", ["title_key"], unique=False)
    op.create_index(op.f("ix_updates_at"), "updates", ["at"], unique=False)
