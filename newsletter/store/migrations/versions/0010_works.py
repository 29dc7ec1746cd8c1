"""What finds accounts of one work that have neither its id nor its title, and titles that authors tell apart."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table of signs; those of papers on record are written when the next papers are taken in."""
    op.add_column("papers", sa.Column("signed", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    unsigned = sa.text("NOT signed")
    op.create_index("ix_papers_unsigned", "papers", ["id"], sqlite_where=unsigned, postgresql_where=unsigned)
    op.add_column("former_titles", sa.Column("title", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "signs",
        sa.Column("sign", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("paper_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_signs_paper_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sign", "paper_id", name=op.f("pk_signs")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_signs_paper_id"), "signs", ["paper_id"], unique=False)
    op.create_table(
        "apart",
        sa.Column("paper_id", Id, nullable=False),
        sa.Column("other_id", Id, nullable=False),
        sa.CheckConstraint("other_id <> paper_id", name=op.f("ck_apart_other_id")),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_apart_paper_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["other_id"], ["papers.id"], name=op.f("fk_apart_other_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("paper_id", "other_id", name=op.f("pk_apart")),
    )
    op.create_index(op.f("ix_apart_other_id"), "apart", ["other_id"], unique=False)
    op.drop_index("ix_papers_merged_into", table_name="papers")
    double = sa.text("merged_into IS NOT NULL")
    op.create_index("ix_papers_merged_into", "papers", ["merged_into"], sqlite_where=double, postgresql_where=double)
    op.drop_index("uq_papers_title_key", table_name="papers")
    alone = sa.text(
        "merged_into IS NULL AND arxiv_id IS NULL AND doi IS NULL AND url IS NULL AND CAST(authors AS TEXT) = '[]'"
    )
    op.create_index(
        "uq_papers_title_key", "papers", ["title_key"], unique=True, sqlite_where=alone, postgresql_where=alone
    )
