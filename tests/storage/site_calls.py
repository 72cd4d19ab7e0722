"""Events of a site as tests write them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.event import EventKind
from domain.ids import event_id_of
from domain.site_event import Call, Purchase, SiteEvent, Visitor

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


def call(
    name: str, *, hours: float = 0, kind: EventKind = EventKind.PAGE_VIEWED, purchases: tuple[Purchase, ...] = (), **who: Any
) -> SiteEvent:
    """An event of a message id, received so many hours after AT, of `user`, `anonymous`, `previous`, `address`."""
    at = AT + timedelta(hours=hours)
    spoken = Call.IDENTIFY if "address" in who else Call.ALIAS if "previous" in who else Call.TRACK
    return SiteEvent(event_id_of("shop", name), "shop", spoken, kind, Visitor(**who), at, at, '{"secret": "trait"}', purchases=purchases)
