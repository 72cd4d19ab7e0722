"""How a send leaves: waves, approvals, an audit trail; and events by the send they are about."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what a send's departure is kept in."""
    op.add_column("sends", sa.Column("sender_domain", sa.String, nullable=False, server_default=""))
    op.add_column("sends", sa.Column("opened_by", sa.String))
    _waves()
    _approvals()
    _audit()
    op.add_column("events", sa.Column("send_id", sa.String))
    op.execute("UPDATE events SET send_id = (SELECT messages.send_id FROM messages WHERE messages.message_id = events.message_id)")
    op.create_index("ix_events_send_kind", "events", ["send_id", "kind"])


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_events_send_kind", "events")
    op.drop_column("events", "send_id")
    for table in ("audit", "approvals", "warm_up_shares", "waves"):
        op.drop_table(table)
    op.drop_column("sends", "opened_by")
    op.drop_column("sends", "sender_domain")


def _waves() -> None:
    op.create_table(
        "waves",
        sa.Column("send_id", sa.String, nullable=False),
        sa.Column("wave", sa.Integer, nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("send_id", "wave", name="pk_waves"),
    )
    op.create_table(
        "warm_up_shares",
        sa.Column("sender_domain", sa.String, nullable=False),
        sa.Column("day", sa.String, nullable=False),
        sa.Column("send_id", sa.String, nullable=False),
        sa.Column("letters", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("sender_domain", "day", "send_id", name="pk_warm_up_shares"),
    )


def _approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("send_id", sa.String, nullable=False),
        sa.Column("content_version", sa.String, nullable=False),
        sa.Column("audience_hash", sa.String, nullable=False),
        sa.Column("approved_by", sa.String, nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("send_id", name="pk_approvals"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("entry", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("send_id", sa.String),
        sa.Column("why", sa.Text),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("entry", name="pk_audit"),
    )
    op.create_index("ix_audit_send_id", "audit", ["send_id"])
