"""Signals: what somebody does on the site at this moment, and how much of it is one session."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson

from domain.event import EventKind
from domain.hashing import key_of
from domain.ids import RecipientId
from domain.site_event import SiteEvent

ANONYMOUS = "~a:"  # and the site's id: a visitor whom nobody knows. Ids of recipients are not written so
LONGEST_QUERY = 80  # characters of a search that are remembered

# What a session is made of. Purchases are in it because they empty the cart; scrolling says that somebody is there, and of nothing else.
KINDS = (
    EventKind.PAGE_VIEWED,
    EventKind.SEARCHED,
    EventKind.ADDED_TO_CART,
    EventKind.REMOVED_FROM_CART,
    EventKind.CART_VIEWED,
    EventKind.ADDED_TO_WISHLIST,
    EventKind.DWELLED,
    EventKind.SCROLLED,
    EventKind.PURCHASED,
)
SAYS_WHAT_IS_WANTED = frozenset({EventKind.SEARCHED, EventKind.ADDED_TO_CART, EventKind.ADDED_TO_WISHLIST})


@dataclass(frozen=True, slots=True)
class SessionRule:
    """What counts as one session. It ends after `idle` without an act; of a long one the acts within `longest`, and the last `most` of
    them, count. An act is worth half as much for its category a `half_life` later."""

    idle: timedelta = timedelta(minutes=30)
    longest: timedelta = timedelta(hours=4)
    half_life: timedelta = timedelta(minutes=10)
    most: int = 64


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that somebody did, as a session remembers it. `event_id` makes remembering it idempotent."""

    event_id: str
    kind: EventKind
    occurred_at: datetime
    received_at: datetime
    category: str | None = None
    query: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Signal:
    """An act and whose it is: a recipient's id, or ANONYMOUS and the site's. `was`: under which name the visitor was anonymous until
    now, so that what they did before belongs to them."""

    visitor: str
    act: Act
    was: str | None = None

    @property
    def recipient(self) -> RecipientId | None:
        """The recipient, if anybody knows who it is."""
        return None if self.visitor.startswith(ANONYMOUS) else RecipientId(self.visitor)


@dataclass(frozen=True, slots=True)
class SignalLag:
    """How far behind the consumers are. `waiting`: signals that nobody has taken; `taken`: taken and not finished. `oldest_seconds`: age
    of the oldest of either; `poison`: how many are set aside; `consumers`: how many live."""

    waiting: int
    taken: int
    oldest_seconds: float
    poison: int
    consumers: int


def signals_of(events: Iterable[SiteEvent], owners: Mapping[str, RecipientId], rule: SessionRule) -> tuple[Signal, ...]:
    """Those of the events that a running session can be about, by their `owners` (event_id → recipient).

    An event that tells of a time before the session could have begun is history, not a signal.
    """
    return tuple(
        signal
        for event in events
        if (event.kind in KINDS or _names(event)) and event.received_at - event.occurred_at <= rule.idle
        if (signal := _signal(event, owners.get(event.event_id)))
    )


def _names(event: SiteEvent) -> bool:
    """Whether it may tell who an anonymous visitor is."""
    return bool(event.visitor.user and event.visitor.anonymous)


def _signal(event: SiteEvent, owner: RecipientId | None) -> Signal | None:
    anonymous = f"{ANONYMOUS}{event.visitor.anonymous}" if event.visitor.anonymous else None
    visitor = owner or anonymous
    if visitor is None or (event.kind not in KINDS and owner is None):
        return None
    query = query_of(event.properties) if event.kind is EventKind.SEARCHED else None
    act = Act(event.event_id, event.kind, event.occurred_at, event.received_at, event.category, query)
    return Signal(visitor, act, anonymous if owner else None)


def query_of(properties: str) -> str | None:
    """What was searched for, by an event's properties (a JSON object); None if they do not say."""
    told = orjson.loads(properties).get("query")
    return str(told)[:LONGEST_QUERY] if told else None


def partition_of(visitor: str, partitions: int) -> int:
    """The stream of a visitor's signals, in [0, partitions): always the same, so that they stay in order."""
    return key_of(visitor) % partitions
