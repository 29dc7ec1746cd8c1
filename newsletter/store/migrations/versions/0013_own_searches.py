"""Searches of one person, and papers that only such searches brought."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Let a feed be one person's; all that is on record is everybody's."""
    with op.batch_alter_table("feeds", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.drop_constraint(op.f("uq_feeds_location"), type_="unique")
        table.add_column(sa.Column("subscriber_id", Id, nullable=True))
        table.create_foreign_key(
            op.f("fk_feeds_subscriber_id"), "subscribers", ["subscriber_id"], ["id"], ondelete="CASCADE"
        )
    everybodys, theirs = sa.text("subscriber_id IS NULL"), sa.text("subscriber_id IS NOT NULL")
    op.create_index(
        "uq_feeds_location",
        "feeds",
        ["location"],
        unique=True,
        sqlite_where=everybodys,
        postgresql_where=everybodys,
    )
    op.create_index(
        "uq_feeds_subscriber_id_location",
        "feeds",
        ["subscriber_id", "location"],
        unique=True,
        sqlite_where=theirs,
        postgresql_where=theirs,
    )
    op.add_column("papers", sa.Column("shared", sa.Boolean(), server_default=sa.text("true"), nullable=False))
    op.create_table(
        "found_for",
        sa.Column("feed_id", Id, nullable=False),
        sa.Column("paper_id", Id, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], name=op.f("fk_found_for_feed_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_found_for_paper_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("feed_id", "paper_id", name=op.f("pk_found_for")),
    )
    op.create_index(op.f("ix_found_for_paper_id"), "found_for", ["paper_id"], unique=False)
