"""The steps that variants' contents take on their way to pages."""

import sqlalchemy as sa
from alembic import op

revision = "0009_publications"
down_revision = "0008_holdout_mail"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Nothing was published so far."""
    op.create_table(
        "publications",
        sa.Column("entry", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("placement", sa.String, nullable=False),
        sa.Column("variant", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("entry", name="pk_publications"),
    )
    op.create_index("ix_publications_placement", "publications", ["placement", "at"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("publications")
