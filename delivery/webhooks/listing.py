"""What most providers' posts have in common: a JSON document of one event or of many, each read by itself."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from delivery.webhooks.values import UNREADABLE, document_of, items_of, key_of, raw_of, raw_text
from domain.bounce import Bounce, BounceClass
from domain.event import EventKind, Heard
from domain.message import SuppressionReason

Reader = Callable[[Mapping[str, Any], str], Heard]
"""Reads one event, given beside its raw text."""

TOO_DEEP = "nested too deeply"

_WISHES: Mapping[EventKind, SuppressionReason] = {
    EventKind.COMPLAINED: SuppressionReason.COMPLAINED,
    EventKind.UNSUBSCRIBED: SuppressionReason.UNSUBSCRIBED,
}


def heard_by(body: bytes, read: Reader, items: Callable[[Any], list[Any]] = items_of) -> Iterator[Heard]:
    """Every event of a body, one by one. What is no JSON, or no object, is one UNKNOWN that keeps it."""
    document = document_of(body)
    if document is UNREADABLE:
        yield unknown(raw_text(body), "not JSON")
        return
    yield from (_read_one(item, read, body) for item in items(document))


def _read_one(item: Any, read: Reader, body: bytes) -> Heard:
    try:
        raw = raw_of(item)
        return read(item, raw) if isinstance(item, dict) else unknown(raw, "no JSON object")
    except RecursionError:
        return unknown(raw_text(body), TOO_DEEP)


def unknown(raw: str, reason: str) -> Heard:
    """Something that cannot be read as an event, kept."""
    return Heard(EventKind.UNKNOWN, key_of("unknown", raw), raw, reason=reason)


def if_unknown(kind: EventKind, name: str) -> str | None:
    """What the ESP calls an event that we have no word for: its reason."""
    return (name or "without a name") if kind is EventKind.UNKNOWN else None


def suppression_of(kind: EventKind, bounce: Bounce | None) -> SuppressionReason | None:
    """What an event means for the next letter to its address, unless its ESP says more."""
    if kind is EventKind.BOUNCED and bounce is not None and bounce.kind is BounceClass.HARD:
        return SuppressionReason.HARD_BOUNCED
    return _WISHES.get(kind)
