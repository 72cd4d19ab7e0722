"""Time zones by their IANA names."""

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo


def zone_of(name: str) -> tzinfo:
    """The IANA zone; UTC for a name that is none, so that one bad row does not stop a send."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # KeyError covers ZoneInfoNotFoundError; the others are names that are paths
        return UTC
