"""Links of a person that can be made new, keys that are no longer in use, and the mail that brings a link."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Count how often people had their links made new, and until when an older key is read; all are in use so far."""
    op.add_column("subscribers", sa.Column("links", sa.Integer(), server_default="0", nullable=False))
    op.add_column("keys", sa.Column("until", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("editions") as table:
        table.drop_constraint(op.f("ck_editions_kind"), type_="check")
        table.create_check_constraint(
            op.f("ck_editions_kind"), "kind IN ('issue', 'welcome', 'confirmation', 'goodbye', 'link')"
        )
