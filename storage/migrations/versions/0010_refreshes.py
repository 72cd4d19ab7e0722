"""Which surface a send is for: refreshes of a site's decisions stand beside letters."""

import sqlalchemy as sa
from alembic import op

revision = "0010_refreshes"
down_revision = "0009_publications"
branch_labels = None
depends_on = None

_OF_PAGES = sa.text("decision_id IS NOT NULL AND message_id IS NULL")


def upgrade() -> None:
    """Every send so far was of letters, and in one tier; nothing of pages named a decision."""
    op.add_column("sends", sa.Column("surface", sa.String, nullable=False, server_default="mail"))
    op.add_column("sends", sa.Column("tiers", sa.Integer, nullable=False, server_default="1"))
    op.create_index("ix_sends_surface", "sends", ["surface", "scheduled_at"])
    op.create_index("ix_events_page", "events", ["received_at"], sqlite_where=_OF_PAGES, postgresql_where=_OF_PAGES)


def downgrade() -> None:
    """Drop the indexes and columns."""
    op.drop_index("ix_events_page", "events")
    op.drop_index("ix_sends_surface", "sends")
    op.drop_column("sends", "tiers")
    op.drop_column("sends", "surface")
