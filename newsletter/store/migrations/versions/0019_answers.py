"""Answers to what readers ask for by mail."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let editions be of one kind more."""
    with op.batch_alter_table("editions") as table:
        table.drop_constraint(op.f("ck_editions_kind"), type_="check")
        table.create_check_constraint(
            op.f("ck_editions_kind"),
            "kind IN ('issue', 'welcome', 'confirmation', 'goodbye', 'link', 'known', 'answer')",
        )
