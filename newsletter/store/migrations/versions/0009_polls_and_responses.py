"""When each feed is asked next and what is known of its faults, and what feeds answered."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Moment = sa.DateTime(timezone=True)
OWN = {"sqlite_autoincrement": True}


def upgrade() -> None:
    """Name kinds of sources, add the columns of polls, and make the table of responses."""
    with op.batch_alter_table("feeds", table_kwargs=OWN) as table:
        table.drop_constraint(op.f("ck_feeds_kind"), type_="check")
        table.add_column(sa.Column("habits", Json, nullable=True))
        table.add_column(sa.Column("moved_to", sa.Text(), server_default="", nullable=False))
        for name in ("next_poll_at", "not_before", "faulty_since", "told_at", "gone_at"):
            table.add_column(sa.Column(name, Moment, nullable=True))
    op.execute("UPDATE feeds SET kind = 'web' WHERE kind = 'url'")
    op.execute("UPDATE feeds SET faulty_since = last_fault_at")
    with op.batch_alter_table("feeds", table_kwargs=OWN) as table:
        table.create_check_constraint(op.f("ck_feeds_kind"), "kind IN ('file', 'web', 'hub', 'arxiv', 'search')")
    op.create_table(
        "responses",
        sa.Column("id", Id, nullable=False),
        sa.Column("feed_id", Id, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], name=op.f("fk_responses_feed_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_responses")),
        sa.UniqueConstraint("feed_id", "address", "digest", name=op.f("uq_responses_feed_id_address_digest")),
    )
    op.create_index(op.f("ix_responses_seen_at"), "responses", ["seen_at"], unique=False)
