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

preferences = sa.Table(  # what people asked to be spared
    "preferences",
    metadata,
    sa.Column("address_normalised", sa.String, primary_key=True),
    sa.Column("topic", sa.String, primary_key=True),  # empty: every topic
    sa.Column("until_at", UtcDateTime),  # missing: for good
    sa.Column("set_at", UtcDateTime, nullable=False),
)

holdouts = sa.Table(  # history of the holdout's definition
    "holdouts",
    metadata,
    sa.Column("campaign", sa.String, primary_key=True),
    sa.Column("since_at", UtcDateTime, primary_key=True),
    sa.Column("salt", sa.String, nullable=False),
    sa.Column("share", sa.Float, nullable=False),
    sa.Column("mail", sa.String, nullable=False, server_default="default"),  # domain.campaign.HoldoutMail
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
    sa.Column("topic", sa.String),
    sa.Column("candidate_version", sa.String),
    sa.Column("rollout_salt", sa.String, nullable=False, server_default=""),
    sa.Column("rollout_share", sa.Float, nullable=False, server_default="0"),
    sa.Column("surface", sa.String, nullable=False, server_default="mail"),  # domain.campaign.Surface
    sa.Column("tiers", sa.Integer, nullable=False, server_default="1"),
    sa.Column("status", sa.String, nullable=False),  # SendStatus
    sa.Column("reason", sa.Text),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
)

sa.Index("ix_sends_surface", sends.c.surface, sends.c.scheduled_at)  # refreshes by the thousand stand beside letters

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

warm_up_shares = sa.Table(  # how many letters of a day's cap are set aside for a send, what it mailed that day included
    "warm_up_shares",
    metadata,
    sa.Column("sender_domain", sa.String, primary_key=True),
    sa.Column("day", sa.String, primary_key=True),  # 2026-11-23, UTC
    sa.Column("send_id", sa.String, primary_key=True),  # empty: the row that whoever shares out holds
    sa.Column("letters", sa.Integer, nullable=False),
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

publications = sa.Table(  # steps of variants' contents on their way to pages; only ever added to
    "publications",
    metadata,
    sa.Column("entry", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("placement", sa.String, nullable=False),
    sa.Column("variant", sa.String, nullable=False),
    sa.Column("digest", sa.String, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("state", sa.String, nullable=False),  # domain.publication.PublicationState
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("reason", sa.Text),
)
sa.Index("ix_publications_placement", publications.c.placement, publications.c.at)

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

rollouts = sa.Table(  # a candidate's way to everyone, or back
    "rollouts",
    metadata,
    sa.Column("campaign", sa.String, primary_key=True),
    sa.Column("candidate", sa.String, primary_key=True),
    sa.Column("incumbent", sa.String, nullable=False),
    sa.Column("salt", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),  # domain.rollout.RolloutState
    sa.Column("stage", sa.Integer),  # missing: in the shadow
    sa.Column("stages", sa.Text, nullable=False),  # a JSON list of shares
    sa.Column("control", sa.Float, nullable=False),
    sa.Column("began_at", UtcDateTime, nullable=False),
    sa.Column("stage_since", UtcDateTime, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("settled", sa.Boolean, nullable=False),  # whether all that follows from its last step was done
    sa.Column("ended_at", UtcDateTime),
)
sa.Index(  # a campaign has one rollout at a time
    "uq_rollouts_going_on",
    rollouts.c.campaign,
    unique=True,
    sqlite_where=rollouts.c.ended_at.is_(None),
    postgresql_where=rollouts.c.ended_at.is_(None),
)

rollout_looks = sa.Table(  # what was seen of a rollout, and what that led to; only ever added to
    "rollout_looks",
    metadata,
    sa.Column("look_id", sa.String, primary_key=True),  # domain.rollout.Look
    sa.Column("campaign", sa.String, nullable=False),
    sa.Column("candidate", sa.String, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("verdict", sa.String, nullable=False),  # domain.rollout.Verdict
    sa.Column("reasons", sa.Text, nullable=False),  # a JSON list
    sa.Column("who", sa.String, nullable=False),
    sa.Column("figures", sa.Text, nullable=False),  # a JSON object: metric → name → figure
    sa.Column("state", sa.String, nullable=False),
    sa.Column("stage", sa.Integer),
    sa.Column("sends", sa.Text, nullable=False),  # a JSON list
)
sa.Index("ix_rollout_looks_campaign", rollout_looks.c.campaign, rollout_looks.c.candidate)

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
_OF_PAGES = sa.and_(events.c.decision_id.is_not(None), events.c.message_id.is_(None))
sa.Index("ix_events_page", events.c.received_at, sqlite_where=_OF_PAGES, postgresql_where=_OF_PAGES)  # views and clicks of placements

identities = sa.Table(  # who is behind an anonymous or a user's id; the latest link holds
    "identities",
    metadata,
    sa.Column("alias", sa.String, primary_key=True),  # a:ANONYMOUS, u:USER
    sa.Column("belongs_to", sa.String, nullable=False, index=True),  # another alias, or m:ADDRESS
    sa.Column("linked_at", UtcDateTime, nullable=False),
)

site_events = sa.Table(  # what events of the site and the shop were read as; outlives their raw payload in `events`
    "site_events",
    metadata,
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("identity", sa.String, nullable=False),  # an alias
    sa.Column("call", sa.String, nullable=False),  # domain.site_event.Call
    sa.Column("item", sa.String),
    sa.Column("category", sa.String),
    sa.Column("device", sa.String),
    sa.Column("channel", sa.String),
    sa.Column("properties", sa.Text, nullable=False),  # a JSON object, without traits
    sa.Column("known_at", UtcDateTime, index=True),  # since when it is known whose it is: nobody could use it before
)
sa.Index("ix_site_events_identity_known", site_events.c.identity, site_events.c.known_at)

purchases = sa.Table(
    "purchases",
    metadata,
    sa.Column("purchase_id", sa.String, primary_key=True),
    sa.Column("event_id", sa.String, nullable=False, index=True),
    sa.Column("item", sa.String, nullable=False),
    sa.Column("category", sa.String),
    sa.Column("quantity", sa.Float, nullable=False),
    sa.Column("amount", sa.Float, nullable=False),
    sa.Column("currency", sa.String),
)

set_aside = sa.Table(  # what came in and could not be read, until its raw payload expires
    "set_aside",
    metadata,
    sa.Column("refusal_id", sa.String, primary_key=True),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("raw", sa.Text, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False, index=True),
)

collected = sa.Table(  # the days whose events and purchases are in the lake
    "collected",
    metadata,
    sa.Column("day", sa.String, primary_key=True),  # 2026-11-23, UTC
    sa.Column("events", sa.Integer, nullable=False),
    sa.Column("purchases", sa.Integer, nullable=False),
    sa.Column("collected_at", UtcDateTime, nullable=False),
)

erased_addresses = sa.Table(  # erased people who are not to be written to: no address, only its salted hash
    "erased_addresses",
    metadata,
    sa.Column("address_hash", sa.String, primary_key=True),
    sa.Column("salt", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),  # SuppressionReason
    sa.Column("erased_at", UtcDateTime, nullable=False),
)

erasures = sa.Table(  # that somebody was erased, when, and how much was; who, only until it is done
    "erasures",
    metadata,
    sa.Column("tombstone", sa.String, primary_key=True),
    sa.Column("erased_at", UtcDateTime, nullable=False),
    sa.Column("counts", sa.Text, nullable=False),  # a JSON object: place → rows
)

verdicts = sa.Table(  # who is behind an event; can be made again from the events as long as their raw payloads are kept
    "verdicts",
    metadata,
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("send_id", sa.String, nullable=False, index=True),
    sa.Column("verdict", sa.String, nullable=False),  # domain.machine.Verdict
    sa.Column("score", sa.Integer, nullable=False),
    sa.Column("reasons", sa.Text, nullable=False),  # a JSON list
    sa.Column("rule_version", sa.String, nullable=False),
    sa.Column("judged_at", UtcDateTime, nullable=False),
)

webhook_posts = sa.Table(  # posts of ESPs as they came; emptied once their events are in `events`, so that raw payloads are kept once
    "webhook_posts",
    metadata,
    sa.Column("post_id", sa.String, primary_key=True),  # domain.ids: of the body, or of a token that is good for one thing
    sa.Column("about", sa.String),  # that thing
    sa.Column("account", sa.String, nullable=False),
    sa.Column("provider", sa.String, nullable=False),
    sa.Column("headers", sa.Text, nullable=False),  # a JSON object, without what vouched for it
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("understood_at", UtcDateTime),
)
sa.Index(
    "ix_webhook_posts_waiting",
    webhook_posts.c.received_at,
    sqlite_where=webhook_posts.c.understood_at.is_(None),
    postgresql_where=webhook_posts.c.understood_at.is_(None),
)

bounces = sa.Table(  # how bounces and deferrals among the events were read; nothing of the person
    "bounces",
    metadata,
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),  # domain.bounce.BounceClass
    sa.Column("cause", sa.String, nullable=False),  # BounceCause
    sa.Column("status", sa.String),  # the enhanced code
    sa.Column("said", sa.Text, nullable=False),  # the server's words, without addresses
)
