"""Serving placements to pages: what is read for a visitor, what can be in the way of that, and how fast it goes."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from domain.ids import SendId, VariantId


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """What the decision store holds for a recipient and placement. `expires_at`: seconds since 1970, from when on it is stale."""

    variants: tuple[VariantId, ...]
    send_id: SendId
    expires_at: int


class Trouble(StrEnum):
    """Why the decision store could not be read in time."""

    SLOW = "redis_slow"  # it was asked, and took longer than the budget
    AWAY = "redis_away"  # there is no connection to it, or it was lost while it was asked
    OPEN = "breaker_open"  # it was too slow several times in a row, and is left alone until it answers in time again


class Circuit(IntEnum):
    """The breaker before the decision store. Its numbers are those of the metric."""

    CLOSED = 0  # every request asks
    HALF_OPEN = 1  # a probe of our own is under way; no visitor waits for it
    OPEN = 2  # nobody asks


@dataclass(frozen=True, slots=True)
class ServedLatency:
    """How fast one process of `letterpress serve` answered for placements over the last minutes, measured within it."""

    process: str  # host and pid
    at: datetime
    minutes: float
    requests: int
    p99_ms: float
    defaults: int = 0  # answered with the default because of the decision store
