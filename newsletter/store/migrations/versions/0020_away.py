"""How each person wants their mail to look, who is away, and whether they want the best of that time afterwards."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make three columns; who is on a break counts as away."""
    # SQLite writes the table anew, and would leave its counter out.
    with op.batch_alter_table("subscribers", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.add_column(sa.Column("look", sa.String(length=16), nullable=True))
        table.add_column(sa.Column("away", sa.Boolean(), server_default=sa.text("false"), nullable=False))
        table.add_column(sa.Column("best_missed", sa.Boolean(), server_default=sa.text("true"), nullable=False))
        table.create_check_constraint(op.f("ck_subscribers_look"), "look IN ('comfortable', 'compact', 'plain')")
    op.execute("UPDATE subscribers SET away = true WHERE paused_until IS NOT NULL")
