"""Events from outside, and what they are read as."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.bounce import Bounce
from domain.ids import DecisionId, MessageId, RecipientId, SendId
from domain.message import SuppressionReason


class EventKind(StrEnum):
    """What happened. Unknown kinds are kept as UNKNOWN with their raw payload, never dropped."""

    ACCEPTED = "accepted"  # the ESP has taken the letter: evidence for one whose answer was lost
    DROPPED = "dropped"  # taken and then not sent: on the ESP's own list, not to be rendered, against its rules
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    RESUBSCRIBED = "resubscribed"  # said to the ESP; lifts no suppression of ours
    PREFERRED = "preferred"  # asked for fewer letters, or for some again, without leaving
    OPENED = "opened"
    CLICKED = "clicked"
    SHOWN = "shown"  # a placement of a page came into view, with what was decided for it
    PAGE_VIEWED = "page_viewed"
    SEARCHED = "searched"
    ADDED_TO_CART = "added_to_cart"
    REMOVED_FROM_CART = "removed_from_cart"
    CART_VIEWED = "cart_viewed"
    ADDED_TO_WISHLIST = "added_to_wishlist"
    DWELLED = "dwelled"  # stayed on a page for a while
    SCROLLED = "scrolled"
    PURCHASED = "purchased"
    REFUNDED = "refunded"  # an order, or a part of it
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


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that an ESP told, in our words. Pure reading: nothing is looked up yet.

    `key` tells it apart from everything else that this ESP tells, and is the same however often it is told. `raw` is its payload as a JSON
    text where it came as JSON. `message_id` is our id, if it came back; `machine` what the ESP itself says of who opened or clicked,
    None if it says nothing. `suppresses`: what it means for further letters to `address`.
    """

    kind: EventKind
    key: str
    raw: str = field(repr=False)
    occurred_at: datetime | None = None
    message_id: MessageId | None = None
    esp_message_id: str | None = None
    address: str | None = field(default=None, repr=False)
    bounce: Bounce | None = None
    reason: str | None = None
    url: str | None = field(default=None, repr=False)
    machine: bool | None = None
    user_agent: str | None = field(default=None, repr=False)
    ip: str | None = field(default=None, repr=False)
    suppresses: SuppressionReason | None = None
