"""Whether a holdout gets letters."""

import sqlalchemy as sa
from alembic import op

revision = "0008_holdout_mail"
down_revision = "0007_rollouts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every holdout so far got default content."""
    op.add_column("holdouts", sa.Column("mail", sa.String, nullable=False, server_default="default"))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("holdouts", "mail")
