"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make all tables of the first version."""

    op.create_table(
        "editions",
        sa.Column("id", Id, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("cadence", sa.String(length=16), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_editions")),
        sa.UniqueConstraint("date", "cadence", name=op.f("uq_editions_date_cadence")),
    )
    op.create_table(
        "feeds",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("etag", sa.Text(), server_default="", nullable=False),
        sa.Column("last_modified", sa.Text(), server_default="", nullable=False),
        sa.Column("added_at", Moment, nullable=False),
        sa.Column("last_success_at", Moment, nullable=True),
        sa.Column("last_fault", sa.Text(), server_default="", nullable=False),
        sa.Column("last_fault_at", Moment, nullable=True),
        sa.CheckConstraint("kind IN ('file', 'url')", name=op.f("ck_feeds_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feeds")),
        sa.UniqueConstraint("location", name=op.f("uq_feeds_location")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "keys",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_keys")),
    )
    op.create_table(
        "papers",
        sa.Column("id", Id, nullable=False),
        sa.Column("arxiv_id", sa.String(length=40), nullable=True),
        sa.Column("doi", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("title_key", sa.Text(), nullable=False),
        sa.Column("abstract", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("links", Json, nullable=False),
        sa.Column("authors", Json, nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("keywords", Json, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=True),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.Column("comments", sa.Integer(), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", Moment, nullable=False),
        sa.Column("hidden", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("pinned", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("merged_into", Id, nullable=True),
        sa.CheckConstraint("merged_into <> id", name=op.f("ck_papers_merged_into")),
        sa.ForeignKeyConstraint(["merged_into"], ["papers.id"], name=op.f("fk_papers_merged_into")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_papers")),
    )
    op.create_index("ix_papers_first_seen_at", "papers", ["first_seen_at"], unique=False)
    op.create_index("ix_papers_merged_into", "papers", ["merged_into"], unique=False)
    op.create_index("ix_papers_title_key", "papers", ["title_key"], unique=False)
    op.create_index(
        "uq_papers_arxiv_id",
        "papers",
        ["arxiv_id"],
        unique=True,
        sqlite_where=sa.text("merged_into IS NULL AND arxiv_id IS NOT NULL"),
        postgresql_where=sa.text("merged_into IS NULL AND arxiv_id IS NOT NULL"),
    )
    op.create_index(
        "uq_papers_title_key",
        "papers",
        ["title_key"],
        unique=True,
        sqlite_where=sa.text("merged_into IS NULL AND arxiv_id IS NULL"),
        postgresql_where=sa.text("merged_into IS NULL AND arxiv_id IS NULL"),
    )
    op.create_table(
        "former_titles",
        sa.Column("title_key", sa.Text(), nullable=False),
        sa.Column("paper_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_former_titles_paper_id")),
        sa.PrimaryKeyConstraint("title_key", "paper_id", name=op.f("pk_former_titles")),
    )
    op.create_index(op.f("ix_former_titles_paper_id"), "former_titles", ["paper_id"], unique=False)
    op.create_table(
        "subscribers",
        sa.Column("id", Id, nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("cadence", sa.String(length=16), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("paused_until", sa.Date(), nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("subscribed_at", Moment, nullable=True),
        sa.CheckConstraint("state IN ('unconfirmed', 'confirmed', 'unsubscribed')", name=op.f("ck_subscribers_state")),
        sa.CheckConstraint("hour BETWEEN 0 AND 23", name=op.f("ck_subscribers_hour")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscribers")),
        sa.UniqueConstraint("email_key", name=op.f("uq_subscribers_email_key")),
        sa.UniqueConstraint("key", name=op.f("uq_subscribers_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "suppressions",
        sa.Column("address_hmac", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("address_hmac", name=op.f("pk_suppressions")),
    )
    op.create_table(
        "feedback",
        sa.Column("subscriber_id", Id, nullable=False),
        sa.Column("paper_id", Id, nullable=False),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.CheckConstraint("verdict IN ('more', 'less', 'saved')", name=op.f("ck_feedback_verdict")),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_feedback_paper_id")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_feedback_subscriber_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "paper_id", name=op.f("pk_feedback")),
    )
    op.create_table(
        "issues",
        sa.Column("id", Id, nullable=False),
        sa.Column("edition_id", Id, nullable=False),
        sa.Column("subscriber_id", Id, nullable=False),
        sa.Column("empty", sa.Boolean(), nullable=False),
        sa.Column("composed_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["edition_id"], ["editions.id"], name=op.f("fk_issues_edition_id")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_issues_subscriber_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issues")),
        sa.UniqueConstraint("edition_id", "subscriber_id", name=op.f("uq_issues_edition_id_subscriber_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_issues_subscriber_id"), "issues", ["subscriber_id"], unique=False)
    op.create_table(
        "preferences",
        sa.Column("subscriber_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('topic', 'muted_word', 'author', 'muted_author')", name=op.f("ck_preferences_kind")
        ),
        sa.CheckConstraint("weight BETWEEN -1 AND 1", name=op.f("ck_preferences_weight")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.id"],
            name=op.f("fk_preferences_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "kind", "name", name=op.f("pk_preferences")),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", Id, nullable=False),
        sa.Column("subscriber_id", Id, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.CheckConstraint(
            "state IN ('unconfirmed', 'confirmed', 'unsubscribed')", name=op.f("ck_subscriptions_state")
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.id"],
            name=op.f("fk_subscriptions_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
    )
    op.create_index(op.f("ix_subscriptions_subscriber_id"), "subscriptions", ["subscriber_id"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", Id, nullable=False),
        sa.Column("issue_id", Id, nullable=False),
        sa.Column("subscriber_id", Id, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("queued_at", Moment, nullable=False),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("leased_until", Moment, nullable=True),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("enhanced", sa.String(length=12), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'deferred', 'failed', 'suppressed', "
            "'unknown', 'caught', 'bounced', 'complained')",
            name=op.f("ck_deliveries_state"),
        ),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_deliveries_issue_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.id"],
            name=op.f("fk_deliveries_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("issue_id", name=op.f("uq_deliveries_issue_id")),
        sa.UniqueConstraint("message_id", name=op.f("uq_deliveries_message_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_deliveries_leased",
        "deliveries",
        ["lease_owner"],
        unique=False,
        sqlite_where=sa.text("lease_owner IS NOT NULL"),
        postgresql_where=sa.text("lease_owner IS NOT NULL"),
    )
    op.create_index(
        "ix_deliveries_open",
        "deliveries",
        ["state"],
        unique=False,
        sqlite_where=sa.text("state NOT IN ('sent', 'caught')"),
        postgresql_where=sa.text("state NOT IN ('sent', 'caught')"),
    )
    op.create_index(op.f("ix_deliveries_subscriber_id"), "deliveries", ["subscriber_id"], unique=False)
    op.create_index(
        "ix_deliveries_waiting",
        "deliveries",
        ["due_at", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('queued', 'deferred')"),
        postgresql_where=sa.text("state IN ('queued', 'deferred')"),
    )
    op.create_table(
        "picks",
        sa.Column("issue_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("paper_id", Id, nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("reason", Json, nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_picks_issue_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_picks_paper_id")),
        sa.PrimaryKeyConstraint("issue_id", "position", name=op.f("pk_picks")),
        sa.UniqueConstraint("issue_id", "paper_id", name=op.f("uq_picks_issue_id_paper_id")),
    )
    op.create_index(op.f("ix_picks_paper_id"), "picks", ["paper_id"], unique=False)
    op.create_table(
        "received",
        sa.Column("subscriber_id", Id, nullable=False),
        sa.Column("paper_id", Id, nullable=False),
        sa.Column("issue_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_received_issue_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_received_paper_id")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_received_subscriber_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "paper_id", name=op.f("pk_received")),
    )
    op.create_index(op.f("ix_received_issue_id"), "received", ["issue_id"], unique=False)
    op.create_index("ix_received_paper_id", "received", ["paper_id"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("id", Id, nullable=False),
        sa.Column("delivery_id", Id, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("result", sa.String(length=16), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("enhanced", sa.String(length=12), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_attempts_delivery_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_delivery_id"), "attempts", ["delivery_id"], unique=False)
