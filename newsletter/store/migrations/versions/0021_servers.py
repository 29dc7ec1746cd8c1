"""Which servers want to be left alone or did not answer, and by what each answer is asked for again."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make a table, and two columns."""
    op.create_table(
        "servers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("silences", sa.Integer(), server_default="0", nullable=False),
        sa.Column("silent_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_servers")),
    )
    for name in ("etag", "last_modified"):
        op.add_column("responses", sa.Column(name, sa.Text(), server_default="", nullable=False))
