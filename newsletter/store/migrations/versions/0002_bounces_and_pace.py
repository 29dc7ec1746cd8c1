"""Reports that came back, and how fast mail went out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make two tables; nothing else changes."""
    op.create_table(
        "bounces",
        sa.Column("id", Id, nullable=False),
        sa.Column("report", sa.String(length=64), nullable=False),
        sa.Column("subscriber_id", Id, nullable=False),
        sa.Column("delivery_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.CheckConstraint("kind IN ('hard', 'soft', 'complaint')", name=op.f("ck_bounces_kind")),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_bounces_delivery_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_bounces_subscriber_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bounces")),
        sa.UniqueConstraint("report", "delivery_id", name=op.f("uq_bounces_report_delivery_id")),
    )
    op.create_index(op.f("ix_bounces_delivery_id"), "bounces", ["delivery_id"], unique=False)
    op.create_index(op.f("ix_bounces_subscriber_id"), "bounces", ["subscriber_id"], unique=False)
    op.create_table(
        "pace",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("state", Json, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pace")),
    )
