"""Vectors of papers by a model of embeddings."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make one table; nothing else changes."""
    op.create_table(
        "vectors",
        sa.Column("paper_id", Id, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("dimensions", sa.Integer(), nullable=False),
        sa.Column("numbers", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(numbers) = 2 * dimensions", name=op.f("ck_vectors_numbers")),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_vectors_paper_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("paper_id", name=op.f("pk_vectors")),
    )
