"""The first schema: recipients, sends and their ledger, contents, models, events."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    "recipients", "attributes", "suppressions", "holdouts", "holdout_members", "sends", "send_shards", "runs", "messages",
    "contents", "variants", "models", "events",
)  # fmt: skip


def upgrade() -> None:
    """Create every table."""
    _recipients()
    _holdouts()
    _sends()
    _messages()
    _contents()
    _models_and_events()


def downgrade() -> None:
    """Drop every table."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String, primary_key=True)


def _word(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String, nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _create(table: str, *columns: sa.Column[Any] | sa.UniqueConstraint) -> None:
    keys = [column.name for column in columns if isinstance(column, sa.Column) and column.primary_key]
    op.create_table(table, *columns, sa.PrimaryKeyConstraint(*keys, name=f"pk_{table}"))


def _recipients() -> None:
    _create(
        "recipients",
        _key("recipient_id"),
        _word("address"),
        _word("address_normalised"),
        _number("bucket"),
        _word("time_zone"),
        _word("locale"),
        sa.Column("consent", sa.Boolean, nullable=False),
        _instant("created_at", nullable=True),
        _text("attributes"),
        _instant("updated_at"),
        sa.UniqueConstraint("address_normalised", name="uq_recipients_address_normalised"),
    )
    op.create_index("ix_recipients_bucket", "recipients", ["bucket"])
    _create("attributes", _key("name"), _word("kind"), _instant("declared_at"))
    _create("suppressions", _key("address_normalised"), _word("reason"), _text("detail", nullable=True), _instant("suppressed_at"))


def _holdouts() -> None:
    share = sa.Column("share", sa.Float, nullable=False)
    since = sa.Column("since_at", sa.DateTime(timezone=True), primary_key=True)
    _create("holdouts", _key("campaign"), since, _word("salt"), share)
    _create("holdout_members", _key("salt"), _key("recipient_id"), _instant("since_at"))


def _sends() -> None:
    _create(
        "sends",
        _key("send_id"),
        _word("campaign"),
        _instant("scheduled_at"),
        _instant("as_of"),
        _word("content_version"),
        _word("model_version", nullable=True),
        _number("shards"),
        _word("esp"),
        _word("public_url"),
        _word("key_id"),
        _word("status"),
        _text("reason", nullable=True),
        _instant("opened_at"),
        _instant("changed_at"),
    )
    op.create_index("ix_sends_campaign", "sends", ["campaign"])
    shard = sa.Column("shard", sa.Integer, primary_key=True)
    _create("send_shards", _key("send_id"), shard, _key("stage"), _text("counts"), _instant("finished_at"))
    process = (_word("host"), _number("pid"), _word("process_started"))
    _create(
        "runs",
        _key("run_id"),
        _word("send_id"),
        *process,
        _instant("started_at"),
        _instant("heartbeat_at"),
        _instant("ended_at", nullable=True),
    )
    op.create_index("ix_runs_send_id", "runs", ["send_id"])


def _messages() -> None:
    _create(
        "messages",
        _key("message_id"),
        _word("send_id"),
        _word("recipient_id"),
        _number("shard"),
        _word("status"),
        _text("reason", nullable=True),
        _number("attempt"),
        _word("run_id", nullable=True),
        _word("batch", nullable=True),
        _word("payload_hash", nullable=True),
        _word("body_hash", nullable=True),
        _word("esp", nullable=True),
        _word("esp_message_id", nullable=True),
        _instant("claimed_at", nullable=True),
        _instant("answered_at", nullable=True),
    )
    op.create_index("ix_messages_recipient_answered", "messages", ["recipient_id", "answered_at"])
    op.create_index("ix_messages_send_status", "messages", ["send_id", "status"])


def _contents() -> None:
    _create("contents", _key("content_version"), _word("campaign"), _instant("compiled_at"), _text("document"))
    op.create_index("ix_contents_campaign", "contents", ["campaign"])
    state = (_word("content_version"), _word("category"), _word("state"))
    _create("variants", _key("placement"), _key("variant"), *state, _instant("first_seen_at"), _instant("changed_at"))


def _models_and_events() -> None:
    instants = (_instant("trained_at"), _instant("as_of"))
    _create("models", _key("model_version"), _word("campaign", nullable=True), _word("state"), *instants, _text("card"))
    op.create_index("ix_models_campaign", "models", ["campaign"])
    about = [_word(name, nullable=True) for name in ("recipient_id", "message_id", "decision_id")]
    _create(
        "events", _key("event_id"), _word("source"), _word("kind"), *about, _instant("occurred_at"), _instant("received_at"), _text("raw")
    )
    for column in ("recipient_id", "message_id", "received_at"):
        op.create_index(f"ix_events_{column}", "events", [column])
