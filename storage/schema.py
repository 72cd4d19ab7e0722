"""The database's tables (SQLAlchemy Core), one definition for SQLite and PostgreSQL.

Migrations under `storage/migrations` create exactly this; a test compares the two. Instants are aware UTC
(`UtcDateTime`): SQLite would give naive ones back.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

metadata = sa.MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_name)s", "uq": "uq_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s"}
)


class UtcDateTime(sa.TypeDecorator[datetime]):
    """Aware instants in, aware UTC instants out, on both databases. Naive ones are refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime given to an instant column")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# JSON text rather than a JSON column: read set-wise by DuckDB, the same bytes on both databases.
recipients = sa.Table(
    "recipients",
    metadata,
    sa.Column("recipient_id", sa.String, primary_key=True),
    sa.Column("address", sa.String, nullable=False),
    sa.Column("address_normalised", sa.String, nullable=False, unique=True),
    sa.Column("bucket", sa.Integer, nullable=False, index=True),  # domain.hashing.bucket_of
    sa.Column("time_zone", sa.String, nullable=False),
    sa.Column("locale", sa.String, nullable=False),
    sa.Column("consent", sa.Boolean, nullable=False),
    sa.Column("created_at", UtcDateTime),
    sa.Column("attributes", sa.Text, nullable=False),  # a JSON object
    sa.Column("updated_at", UtcDateTime, nullable=False),
)

attributes = sa.Table(
    "attributes",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),  # AttributeKind
    sa.Column("declared_at", UtcDateTime, nullable=False),
)

suppressions = sa.Table(
    "suppressions",
    metadata,
    sa.Column("address_normalised", sa.String, primary_key=True),
    sa.Column("reason", sa.String, nullable=False),  # SuppressionReason
    sa.Column("detail", sa.Text),
    sa.Column("suppressed_at", UtcDateTime, nullable=False),
)

holdouts = sa.Table(  # history of the holdout's definition
    "holdouts",
    metadata,
    sa.Column("campaign", sa.String, primary_key=True),
    sa.Column("since_at", UtcDateTime, primary_key=True),
    sa.Column("salt", sa.String, nullable=False),
    sa.Column("share", sa.Float, nullable=False),
)

holdout_members = sa.Table(  # who was kept in a holdout, from their first send on
    "holdout_members",
    metadata,
    sa.Column("salt", sa.String, primary_key=True),
    sa.Column("recipient_id", sa.String, primary_key=True),
    sa.Column("since_at", UtcDateTime, nullable=False),
)

sends = sa.Table(
    "sends",
    metadata,
    sa.Column("send_id", sa.String, primary_key=True),
    sa.Column("campaign", sa.String, nullable=False, index=True),
    sa.Column("scheduled_at", UtcDateTime, nullable=False),
    sa.Column("as_of", UtcDateTime, nullable=False),
    sa.Column("content_version", sa.String, nullable=False),
    sa.Column("model_version", sa.String),
    sa.Column("shards", sa.Integer, nullable=False),
    sa.Column("esp", sa.String, nullable=False),
    sa.Column("public_url", sa.String, nullable=False),
    sa.Column("key_id", sa.String, nullable=False),
    sa.Column("sender_domain", sa.String, nullable=False, server_default=""),
    sa.Column("opened_by", sa.String),
    sa.Column("status", sa.String, nullable=False),  # SendStatus
    sa.Column("reason", sa.Text),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
)

send_shards = sa.Table(  # what is done; true counts, because Prefect drops events past about 1,000 tasks
    "send_shards",
    metadata,
    sa.Column("send_id", sa.String, primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True),
    sa.Column("stage", sa.String, primary_key=True),  # audience | decisions | handoff
    sa.Column("counts", sa.Text, nullable=False),  # a JSON object: name → count
    sa.Column("finished_at", UtcDateTime, nullable=False),
)

runs = sa.Table(  # processes at work on a send; a claim whose run is dead is UNKNOWN
    "runs",
    metadata,
    sa.Column("run_id", sa.String, primary_key=True),
    sa.Column("send_id", sa.String, nullable=False, index=True),
    sa.Column("host", sa.String, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("process_started", sa.String, nullable=False),  # tells a reused pid from the one that claimed
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("heartbeat_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
)

waves = sa.Table(  # how far a send in waves has come: a soak goes on where it was after a restart
    "waves",
    metadata,
    sa.Column("send_id", sa.String, primary_key=True),
    sa.Column("wave", sa.Integer, primary_key=True),  # 1, 2, …
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),  # all its letters that were due are settled
)

approvals = sa.Table(  # bound to what was approved: another audience or content has none
    "approvals",
    metadata,
    sa.Column("send_id", sa.String, primary_key=True),
    sa.Column("content_version", sa.String, nullable=False),
    sa.Column("audience_hash", sa.String, nullable=False),
    sa.Column("approved_by", sa.String, nullable=False),
    sa.Column("approved_at", UtcDateTime, nullable=False),
)

audit = sa.Table(  # who did what, and why; only ever added to
    "audit",
    metadata,
    sa.Column("entry", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("what", sa.String, nullable=False),  # domain.audit.Deed
    sa.Column("send_id", sa.String, index=True),
    sa.Column("why", sa.Text),
    sa.Column("detail", sa.Text, nullable=False),  # a JSON object, without personal data of recipients
)

messages = sa.Table(  # the ledger
    "messages",
    metadata,
    sa.Column("message_id", sa.String, primary_key=True),
    sa.Column("send_id", sa.String, nullable=False),
    sa.Column("recipient_id", sa.String, nullable=False),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("status", sa.String, nullable=False),  # MessageStatus
    sa.Column("reason", sa.Text),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("run_id", sa.String),
    sa.Column("batch", sa.String),
    sa.Column("payload_hash", sa.String),
    sa.Column("body_hash", sa.String),
    sa.Column("esp", sa.String),
    sa.Column("esp_message_id", sa.String),
    sa.Column("claimed_at", UtcDateTime),
    sa.Column("answered_at", UtcDateTime),
)
# Two indexes serve every question to the ledger; a third would only slow the claims down.
sa.Index("ix_messages_recipient_answered", messages.c.recipient_id, messages.c.answered_at)
sa.Index("ix_messages_send_status", messages.c.send_id, messages.c.status)

contents = sa.Table(
    "contents",
    metadata,
    sa.Column("content_version", sa.String, primary_key=True),
    sa.Column("campaign", sa.String, nullable=False, index=True),
    sa.Column("compiled_at", UtcDateTime, nullable=False),
    sa.Column("document", sa.Text, nullable=False),  # domain.content.Content as JSON
)

variants = sa.Table(  # publication state, one row per variant as last compiled
    "variants",
    metadata,
    sa.Column("placement", sa.String, primary_key=True),
    sa.Column("variant", sa.String, primary_key=True),
    sa.Column("content_version", sa.String, nullable=False),
    sa.Column("category", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("first_seen_at", UtcDateTime, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
)

models = sa.Table(
    "models",
    metadata,
    sa.Column("model_version", sa.String, primary_key=True),
    sa.Column("campaign", sa.String, index=True),
    sa.Column("state", sa.String, nullable=False),  # candidate | incumbent | rejected | retired
    sa.Column("trained_at", UtcDateTime, nullable=False),
    sa.Column("as_of", UtcDateTime, nullable=False),
    sa.Column("card", sa.Text, nullable=False),  # JSON: metrics, window, features, code version
)

events = sa.Table(  # as received; the lake's events are collected from here
    "events",
    metadata,
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),  # EventKind
    sa.Column("recipient_id", sa.String, index=True),
    sa.Column("message_id", sa.String, index=True),
    sa.Column("decision_id", sa.String),
    sa.Column("occurred_at", UtcDateTime, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False, index=True),
    sa.Column("raw", sa.Text, nullable=False),
    sa.Column("send_id", sa.String),  # of the message it is about: gates count by it
)
sa.Index("ix_events_send_kind", events.c.send_id, events.c.kind)
