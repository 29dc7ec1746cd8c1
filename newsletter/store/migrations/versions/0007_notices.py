"""Mail that is no issue: editions of another kind, and what such a mail says."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give editions a kind, and issues a place for what a notice says; what is on record are issues."""
    with op.batch_alter_table("editions") as table:
        table.add_column(sa.Column("kind", sa.String(length=16), server_default="issue", nullable=False))
        table.drop_constraint(op.f("uq_editions_date_cadence"), type_="unique")
        table.create_unique_constraint(op.f("uq_editions_date_cadence_kind"), ["date", "cadence", "kind"])
        table.create_check_constraint(
            op.f("ck_editions_kind"), "kind IN ('issue', 'welcome', 'confirmation', 'goodbye')"
        )
    op.add_column("issues", sa.Column("said", sa.Text(), nullable=True))
