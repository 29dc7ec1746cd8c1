"""Sign-ups on a page, the words that people saw, how often somebody tried, and mail to who is subscribed already."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Add the tables, and one kind of edition more."""
    op.create_table(
        "signups",
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("wishes", Json, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('asked', 'mailed', 'confirmed')", name=op.f("ck_signups_state")),
        sa.PrimaryKeyConstraint("email_key", name=op.f("pk_signups")),
    )
    op.create_index(op.f("ix_signups_state"), "signups", ["state"], unique=False)
    op.create_table(
        "wordings",
        sa.Column("version", sa.String(length=16), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_wordings")),
    )
    op.create_table(
        "tries",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tries")),
    )
    op.create_index(op.f("ix_tries_since"), "tries", ["since"], unique=False)
    with op.batch_alter_table("editions") as table:
        table.drop_constraint(op.f("ck_editions_kind"), type_="check")
        table.create_check_constraint(
            op.f("ck_editions_kind"), "kind IN ('issue', 'welcome', 'confirmation', 'goodbye', 'link', 'known')"
        )
