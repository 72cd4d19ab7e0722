"""Rollouts, the looks that were taken at them, and which of them a send was part of."""

import sqlalchemy as sa
from alembic import op

revision = "0007_rollouts"
down_revision = "0006_preferences"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables and the columns."""
    op.create_table(
        "rollouts",
        sa.Column("campaign", sa.String, nullable=False),
        sa.Column("candidate", sa.String, nullable=False),
        sa.Column("incumbent", sa.String, nullable=False),
        sa.Column("salt", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("stage", sa.Integer),
        sa.Column("stages", sa.Text, nullable=False),
        sa.Column("control", sa.Float, nullable=False),
        sa.Column("began_at", _INSTANT, nullable=False),
        sa.Column("stage_since", _INSTANT, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("settled", sa.Boolean, nullable=False),
        sa.Column("ended_at", _INSTANT),
        sa.PrimaryKeyConstraint("campaign", "candidate", name="pk_rollouts"),
    )
    going_on = sa.text("ended_at IS NULL")
    op.create_index("uq_rollouts_going_on", "rollouts", ["campaign"], unique=True, sqlite_where=going_on, postgresql_where=going_on)
    op.create_table(
        "rollout_looks",
        sa.Column("look_id", sa.String, nullable=False),
        sa.Column("campaign", sa.String, nullable=False),
        sa.Column("candidate", sa.String, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("figures", sa.Text, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("stage", sa.Integer),
        sa.Column("sends", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("look_id", name="pk_rollout_looks"),
    )
    op.create_index("ix_rollout_looks_campaign", "rollout_looks", ["campaign", "candidate"])
    op.add_column("sends", sa.Column("candidate_version", sa.String))
    op.add_column("sends", sa.Column("rollout_salt", sa.String, nullable=False, server_default=""))
    op.add_column("sends", sa.Column("rollout_share", sa.Float, nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop all of it."""
    for column in ("rollout_share", "rollout_salt", "candidate_version"):
        op.drop_column("sends", column)
    op.drop_table("rollout_looks")
    op.drop_table("rollouts")
