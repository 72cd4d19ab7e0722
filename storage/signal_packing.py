"""Signals and acts as bytes, and back. Pure; what cannot be read is None or an error, never half a signal."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from domain.event import EventKind
from domain.signal import Act, Signal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


def packed(signal: Signal) -> bytes:
    """A signal as bytes."""
    act = signal.act
    return orjson.dumps([signal.visitor, signal.was, *packed_act(act), act.event_id])


def packed_act(act: Act) -> list[object]:
    """An act without its id, as JSON can hold it."""
    return [act.kind.value, _us(act.occurred_at), _us(act.received_at), act.category, act.query]


def act_of(event_id: str, told: Sequence[Any]) -> Act:
    """The inverse of `packed_act`. ValueError, TypeError or IndexError for what is none."""
    kind, occurred, received, category, query = told
    texts_or_none = all(one is None or isinstance(one, str) for one in (category, query))
    if not texts_or_none or not isinstance(event_id, str):
        raise TypeError("a word is no text")
    return Act(event_id, EventKind(kind), _instant(occurred), _instant(received), category, query)


def unpacked(raw: bytes) -> Signal | None:
    """The inverse of `packed`; None for what is no signal."""
    try:
        visitor, was, *told, event_id = orjson.loads(raw)
        if not isinstance(visitor, str) or not visitor or not (was is None or isinstance(was, str)):
            return None
        return Signal(visitor, act_of(event_id, told), was)
    except (ValueError, TypeError, OverflowError):
        return None


def _us(at: datetime) -> int:
    return (at - _EPOCH) // _US


def _instant(us: Any) -> datetime:
    if not isinstance(us, int) or isinstance(us, bool):
        raise TypeError("an instant is no number")
    return _EPOCH + us * _US
