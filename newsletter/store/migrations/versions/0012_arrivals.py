"""What each feed brought on each of its days, and what was found of it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the table of arrivals."""
    op.create_table(
        "arrivals",
        sa.Column("feed_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("asked_at", Moment, nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=True),
        sa.Column("usual", sa.Integer(), nullable=True),
        sa.Column("told_at", Moment, nullable=True),
        sa.CheckConstraint(
            "verdict IN ('usual', 'few', 'nothing', 'closed', 'unknown')", name=op.f("ck_arrivals_verdict")
        ),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], name=op.f("fk_arrivals_feed_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("feed_id", "day", name=op.f("pk_arrivals")),
    )
