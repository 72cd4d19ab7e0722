"""What became of a letter, as far as its ESP told: the highest of what was ever heard of it.

A lattice over a log to which is only ever added. No ESP promises an order, and all of them repeat themselves; the highest of a set
depends on neither. A letter that was delivered and bounced afterwards has bounced; one that was opened did arrive, whatever a forwarding
server had to say; a wish outranks every deed.
"""

from collections.abc import Iterable, Mapping

from domain.event import EventKind

RANKS: Mapping[EventKind, int] = {
    EventKind.ACCEPTED: 1,
    EventKind.DEFERRED: 2,
    EventKind.DROPPED: 3,
    EventKind.DELIVERED: 4,
    EventKind.BOUNCED: 5,
    EventKind.OPENED: 6,
    EventKind.CLICKED: 7,
    EventKind.UNSUBSCRIBED: 8,
    EventKind.COMPLAINED: 9,
}
"""Other kinds say nothing of what became of a letter."""


def standing_of(kinds: Iterable[EventKind]) -> EventKind | None:
    """The highest; None if nothing was heard."""
    return max((kind for kind in kinds if kind in RANKS), key=RANKS.__getitem__, default=None)


def joined(one: EventKind | None, other: EventKind | None) -> EventKind | None:
    """Where a letter stands that stood here by one part of the log and there by another: associative, commutative, idempotent."""
    return standing_of(kind for kind in (one, other) if kind is not None)
