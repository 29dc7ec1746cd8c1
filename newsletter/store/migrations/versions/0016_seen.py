"""Readers may say that they had seen a paper elsewhere."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let `seen` be said of a paper."""
    with op.batch_alter_table("feedback") as table:
        table.drop_constraint(op.f("ck_feedback_verdict"), type_="check")
        table.create_check_constraint(op.f("ck_feedback_verdict"), "verdict IN ('more', 'less', 'saved', 'seen')")
