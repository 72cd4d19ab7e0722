"""When it happened, by the clock of who tells it and by ours. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # a clock that says less was never set
_MILLISECONDS = 10_000_000_000  # numbers above are milliseconds since 1970, below seconds


def occurred_at(call: Mapping[str, object], received_at: datetime, *, sent_at: object = None) -> datetime:
    """When an event happened: received − (sent − original), so that a wrong clock of the sender's cancels out.

    What has both `timestamp` and `originalTimestamp` was corrected already by who passes it on. Without `sentAt`, as when history
    is loaded, the instant is taken as it is. Nothing happened after it was received; an instant that cannot be read is that of
    reception. (Segment spec, common fields: timestamps.)
    """
    told, original = instant(call.get("timestamp")), instant(call.get("originalTimestamp"))
    if told and original:
        return _within(told, received_at)
    happened, sent = original or told, instant(call.get("sentAt")) or instant(sent_at)
    if happened is None:
        return received_at
    if sent is None:
        return _within(happened, received_at)
    age = max(sent - happened, timedelta())  # a negative age is two clocks, not one that is wrong
    return _within(received_at - min(age, received_at - _EARLIEST), received_at)


def instant(value: object) -> datetime | None:
    """An ISO 8601 text, or a number of seconds or milliseconds since 1970, as an aware instant; naive ones are UTC."""
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat(value.strip())
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            read = datetime.fromtimestamp(value / 1000 if abs(value) > _MILLISECONDS else value, UTC)
        else:
            return None
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _within(told: datetime, received_at: datetime) -> datetime:
    return received_at if told > received_at or told < _EARLIEST else told
