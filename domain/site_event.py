"""Events of the site and the shop: what somebody did there, by the ids that the site knows them by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.event import EventKind
from domain.ids import DecisionId, RecipientId


class Call(StrEnum):
    """The calls of the Segment spec."""

    TRACK = "track"
    IDENTIFY = "identify"
    PAGE = "page"
    SCREEN = "screen"
    ALIAS = "alias"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who did it, as far as the site knows: at least one of `user` and `anonymous` is given.

    `previous` is the id that an alias call says was the user's before; `address` is theirs by the call's traits.
    """

    user: str | None = None
    anonymous: str | None = None
    previous: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    """One product of an order. `amount` is what the whole line cost, in units of `currency` (ISO 4217); below 0: what was given back."""

    purchase_id: str
    item: str
    category: str | None
    quantity: float
    amount: float
    currency: str | None


@dataclass(frozen=True, slots=True)
class RefundLine:
    """A product that was given back. `quantity` and `amount` are above 0; None: as much as was bought, for what it cost."""

    item: str
    category: str | None
    quantity: float | None
    amount: float | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class Refund:
    """What was given back of an order: these products, or without any `total` of it, or without either all of it."""

    order: str
    lines: tuple[RefundLine, ...] = ()
    total: float | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class SiteEvent:
    """An event as it was read. `event_id` makes storing it idempotent; `raw` is its payload, traits included, and expires.

    `properties` is a JSON object of the few facts beside the columns that are worth keeping; nothing of the person.
    """

    event_id: str
    source: str
    call: Call
    kind: EventKind
    visitor: Visitor
    occurred_at: datetime
    received_at: datetime
    raw: str
    item: str | None = None
    category: str | None = None
    device: str | None = None
    channel: str | None = None
    properties: str = "{}"
    purchases: tuple[Purchase, ...] = ()
    refund: Refund | None = None
    decision_id: DecisionId | None = None  # as the page told it: whether it is this visitor's is looked at later
    machine: bool = False  # the program says itself that nobody sits before it


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """What came in and could not be read as an event: set aside with the reason."""

    refusal_id: str
    source: str
    reason: str
    raw: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class EventRates:
    """Events per second, over a minute, with one write key: in all, and from one network. 0: as many as come."""

    per_key: int = 0
    per_network: int = 0


@dataclass(frozen=True, slots=True)
class StoredEvents:
    """What became of what came in. `known`: events that were there already. `owners`: whose each event is, new or known, by its id."""

    new: int
    known: int
    refused: int
    owners: Mapping[str, RecipientId] = field(default_factory=dict, repr=False)
