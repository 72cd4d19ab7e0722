"""The lake's tables, column by column. A table that is not listed here takes the columns it is given.

Nullable means the fact may be unknown; everything else is always there.
"""

from typing import Any, TypeAlias

import pyarrow as pa

Kind: TypeAlias = "pa.DataType | pa.Field[Any]"

INSTANT = pa.timestamp("us", tz="UTC")


def _table(**columns: Kind) -> pa.Schema:
    return pa.schema([_field(name, kind) for name, kind in columns.items()])


def _field(name: str, kind: Kind) -> "pa.Field[Any]":
    return kind.with_name(name) if isinstance(kind, pa.Field) else pa.field(name, kind, nullable=False)


def _maybe(kind: pa.DataType) -> "pa.Field[Any]":
    return pa.field("", kind, nullable=True)


_TEXT = pa.string()

DECISIONS = _table(
    decision_id=_TEXT,
    send_id=_TEXT,
    recipient_id=_TEXT,
    placement=_TEXT,
    position=pa.int16(),
    variant=_TEXT,
    category=_TEXT,
    arm=_maybe(_TEXT),
    score=_maybe(pa.float32()),
    propensity=_maybe(pa.float64()),
    prefix_propensity=_maybe(pa.float64()),
    candidates=_maybe(pa.int16()),
    decided_at=INSTANT,
    received_at=INSTANT,
    model_version=_maybe(_TEXT),
    content_version=_maybe(_TEXT),
    source=_TEXT,
)

OUTCOMES = _table(
    decision_id=_TEXT,
    recipient_id=_TEXT,
    kind=_TEXT,
    value=_maybe(pa.float64()),
    currency=_maybe(_TEXT),
    occurred_at=INSTANT,
    received_at=INSTANT,
    source=_TEXT,
)

EVENTS = _table(
    event_id=_TEXT,
    kind=_TEXT,
    recipient_id=_TEXT,
    message_id=_maybe(_TEXT),
    decision_id=_maybe(_TEXT),
    category=_maybe(_TEXT),
    item=_maybe(_TEXT),
    device=_maybe(_TEXT),
    channel=_maybe(_TEXT),
    occurred_at=INSTANT,
    received_at=INSTANT,
    source=_TEXT,
    properties=_TEXT,
)

PURCHASES = _table(
    purchase_id=_TEXT,
    recipient_id=_TEXT,
    item=_TEXT,
    category=_maybe(_TEXT),
    quantity=pa.float64(),
    amount=pa.float64(),
    currency=_maybe(_TEXT),
    occurred_at=INSTANT,
    received_at=INSTANT,
    source=_TEXT,
)

AUDIENCE = _table(
    recipient_id=_TEXT,
    bucket=pa.int32(),
    exclusion=_maybe(_TEXT),
    arm=_maybe(_TEXT),
    address=_TEXT,
    time_zone=_TEXT,
    locale=_TEXT,
    created_at=_maybe(INSTANT),
    attributes=_TEXT,
)

VISITORS = _table(**{field.name: field for field in AUDIENCE}, active_at=INSTANT)  # whom a refresh may decide for, before its budget

EXPOSURES = _table(
    recipient_id=_TEXT,
    placement=_TEXT,
    variant=_TEXT,
    category=_TEXT,
    within_days=pa.int64(),
    within_messages=pa.int64(),
)

PRICES = _table(
    placement=_TEXT,
    variant=_TEXT,
    limit_per_send=pa.int64(),
    price=pa.float64(),
    expected=pa.float64(),
    deviation=pa.float64(),
)

SHADOW_SCORES = _table(  # of what was shown to those in the shadow
    decision_id=_TEXT,
    recipient_id=_TEXT,
    placement=_TEXT,
    position=pa.int16(),
    score=pa.float32(),
    candidate_score=pa.float32(),
)

SCHEMAS = {
    "decisions": DECISIONS,
    "refreshed_decisions": DECISIONS,  # all that a refresh decided; `decisions` gets what people saw of it
    "session_decisions": DECISIONS,  # decided anew within a session, on top of a refresh
    "shadow_decisions": DECISIONS,  # a candidate's, which nobody was shown
    "shadow_scores": SHADOW_SCORES,
    "republished_decisions": DECISIONS,  # the incumbent's, in place of a candidate's that was rolled back
    "outcomes": OUTCOMES,
    "events": EVENTS,
    "purchases": PURCHASES,
    "audience": AUDIENCE,
    "visitors": VISITORS,
    "exposures": EXPOSURES,
    "prices": PRICES,
}
