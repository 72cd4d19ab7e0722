"""Events from outside, and what they are read as."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.ids import DecisionId, MessageId, RecipientId, SendId


class EventKind(StrEnum):
    """What happened. Unknown kinds are kept as UNKNOWN with their raw payload, never dropped."""

    DELIVERED = "delivered"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    OPENED = "opened"
    CLICKED = "clicked"
    PAGE_VIEWED = "page_viewed"
    SEARCHED = "searched"
    ADDED_TO_CART = "added_to_cart"
    PURCHASED = "purchased"
    UNKNOWN = "unknown"


class OutcomeKind(StrEnum):
    """A fact attributed to a decision."""

    CLICK = "click"
    CONVERSION = "conversion"


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event as received. `event_id` makes storing it idempotent; `raw` is the payload before it was understood."""

    event_id: str
    source: str
    kind: EventKind
    recipient_id: RecipientId | None
    message_id: MessageId | None
    decision_id: DecisionId | None
    occurred_at: datetime
    received_at: datetime
    raw: str
    send_id: SendId | None = None
