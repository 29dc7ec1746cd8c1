"""What stands in an issue beside its papers: feedback that was answered, days that were missed, and revisions."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make one table and two columns; what is on record has nothing beside it, and no revision is known of."""
    op.add_column("papers", sa.Column("revised_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_papers_revised_at",
        "papers",
        ["revised_at"],
        sqlite_where=sa.text("revised_at IS NOT NULL"),
        postgresql_where=sa.text("revised_at IS NOT NULL"),
    )
    op.add_column("issues", sa.Column("beside", sa.Text(), nullable=True))
    op.create_table(
        "revisions",
        sa.Column("subscriber_id", Id, nullable=False),
        sa.Column("paper_id", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("issue_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_revisions_subscriber_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_revisions_paper_id")),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_revisions_issue_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("subscriber_id", "paper_id", "version", name=op.f("pk_revisions")),
    )
    op.create_index(op.f("ix_revisions_paper_id"), "revisions", ["paper_id"], unique=False)
    op.create_index(op.f("ix_revisions_issue_id"), "revisions", ["issue_id"], unique=False)
