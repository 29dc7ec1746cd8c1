"""What mails were made of, so that they can be shown again: parts by their digests, sets of them, and what is own."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make three tables and two columns; of what went out before, nothing is kept."""
    op.create_table(
        "pieces",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_pieces")),
    )
    op.create_table(
        "presses",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("program", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_presses")),
    )
    op.create_index(op.f("ix_presses_begun_at"), "presses", ["begun_at"], unique=False)
    op.create_table(
        "press_pieces",
        sa.Column("press_id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["press_id"], ["presses.id"], name=op.f("fk_press_pieces_press_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["digest"], ["pieces.digest"], name=op.f("fk_press_pieces_digest")),
        sa.PrimaryKeyConstraint("press_id", "name", name=op.f("pk_press_pieces")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_press_pieces_digest"), "press_pieces", ["digest"], unique=False)
    op.add_column("deliveries", sa.Column("press_id", Id, nullable=True))
    op.add_column("deliveries", sa.Column("made_of", sa.Text(), nullable=True))
