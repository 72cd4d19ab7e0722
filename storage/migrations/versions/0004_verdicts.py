"""Who is behind an event: a person or a machine."""

import sqlalchemy as sa
from alembic import op

revision = "0004_verdicts"
down_revision = "0003_site"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "verdicts",
        sa.Column("event_id", sa.String, nullable=False),
        sa.Column("send_id", sa.String, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("score", sa.Integer, nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("rule_version", sa.String, nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_verdicts"),
    )
    op.create_index("ix_verdicts_send_id", "verdicts", ["send_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("verdicts")
