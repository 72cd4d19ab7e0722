"""What people asked to be spared, and what sends are about."""

import sqlalchemy as sa
from alembic import op

revision = "0006_preferences"
down_revision = "0005_inbox"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table and the column."""
    op.create_table(
        "preferences",
        sa.Column("address_normalised", sa.String, nullable=False),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("until_at", _INSTANT),
        sa.Column("set_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("address_normalised", "topic", name="pk_preferences"),
    )
    op.add_column("sends", sa.Column("topic", sa.String))


def downgrade() -> None:
    """Drop both."""
    op.drop_column("sends", "topic")
    op.drop_table("preferences")
