"""How much a person wants to read, and how well it must fit."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add three columns to the people; who is on record has no wish."""
    # SQLite writes the table anew, and would leave its counter out.
    with op.batch_alter_table("subscribers", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.add_column(sa.Column("papers", sa.Integer(), nullable=True))
        table.add_column(sa.Column("minutes", sa.Integer(), nullable=True))
        table.add_column(sa.Column("bar", sa.String(length=8), server_default="normal", nullable=False))
        table.create_check_constraint(op.f("ck_subscribers_papers"), "papers BETWEEN 1 AND 100")
        table.create_check_constraint(op.f("ck_subscribers_minutes"), "minutes BETWEEN 2 AND 600")
        table.create_check_constraint(op.f("ck_subscribers_bar"), "bar IN ('few', 'normal', 'many')")
