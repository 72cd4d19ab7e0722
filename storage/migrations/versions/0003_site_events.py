"""Events of the site and the shop, whose they are, what was collected of them, and who was erased."""

import sqlalchemy as sa
from alembic import op

revision = "0003_site"
down_revision = "0002"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    _identities()
    _site_events()
    _purchases()
    _set_aside()
    _collected()
    _erasures()


def downgrade() -> None:
    """Drop them."""
    for table in ("erasures", "erased_addresses", "collected", "set_aside", "purchases", "site_events", "identities"):
        op.drop_table(table)


def _identities() -> None:
    op.create_table(
        "identities",
        sa.Column("alias", sa.String, nullable=False),
        sa.Column("belongs_to", sa.String, nullable=False),
        sa.Column("linked_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("alias", name="pk_identities"),
    )
    op.create_index("ix_identities_belongs_to", "identities", ["belongs_to"])


def _site_events() -> None:
    texts = [sa.Column(name, sa.String) for name in ("item", "category", "device", "channel")]
    op.create_table(
        "site_events",
        sa.Column("event_id", sa.String, nullable=False),
        sa.Column("identity", sa.String, nullable=False),
        sa.Column("call", sa.String, nullable=False),
        *texts,
        sa.Column("properties", sa.Text, nullable=False),
        sa.Column("known_at", _INSTANT),
        sa.PrimaryKeyConstraint("event_id", name="pk_site_events"),
    )
    op.create_index("ix_site_events_known_at", "site_events", ["known_at"])
    op.create_index("ix_site_events_identity_known", "site_events", ["identity", "known_at"])


def _purchases() -> None:
    op.create_table(
        "purchases",
        sa.Column("purchase_id", sa.String, nullable=False),
        sa.Column("event_id", sa.String, nullable=False),
        sa.Column("item", sa.String, nullable=False),
        sa.Column("category", sa.String),
        sa.Column("quantity", sa.Float, nullable=False),
        sa.Column("amount", sa.Float, nullable=False),
        sa.Column("currency", sa.String),
        sa.PrimaryKeyConstraint("purchase_id", name="pk_purchases"),
    )
    op.create_index("ix_purchases_event_id", "purchases", ["event_id"])


def _set_aside() -> None:
    op.create_table(
        "set_aside",
        sa.Column("refusal_id", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("raw", sa.Text, nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("refusal_id", name="pk_set_aside"),
    )
    op.create_index("ix_set_aside_received_at", "set_aside", ["received_at"])


def _collected() -> None:
    op.create_table(
        "collected",
        sa.Column("day", sa.String, nullable=False),
        sa.Column("events", sa.Integer, nullable=False),
        sa.Column("purchases", sa.Integer, nullable=False),
        sa.Column("collected_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_collected"),
    )


def _erasures() -> None:
    op.create_table(
        "erased_addresses",
        sa.Column("address_hash", sa.String, nullable=False),
        sa.Column("salt", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("erased_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("address_hash", name="pk_erased_addresses"),
    )
    op.create_table(
        "erasures",
        sa.Column("tombstone", sa.String, nullable=False),
        sa.Column("erased_at", _INSTANT, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tombstone", name="pk_erasures"),
    )
