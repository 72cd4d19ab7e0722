"""Posts of ESPs, and how bounces were read."""

import sqlalchemy as sa
from alembic import op

revision = "0005_inbox"
down_revision = "0004_verdicts"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_WAITING = sa.text("understood_at IS NULL")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "webhook_posts",
        sa.Column("post_id", sa.String, nullable=False),
        sa.Column("about", sa.String),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("provider", sa.String, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("understood_at", _INSTANT),
        sa.PrimaryKeyConstraint("post_id", name="pk_webhook_posts"),
    )
    op.create_index("ix_webhook_posts_waiting", "webhook_posts", ["received_at"], sqlite_where=_WAITING, postgresql_where=_WAITING)
    op.create_table(
        "bounces",
        sa.Column("event_id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("cause", sa.String, nullable=False),
        sa.Column("status", sa.String),
        sa.Column("said", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_bounces"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("bounces")
    op.drop_table("webhook_posts")
