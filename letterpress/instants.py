"""Instants as users write them."""

from datetime import UTC, datetime

from domain.errors import InputError
from runtime.clock import now


def instant(text: str | None, option: str = "--at") -> datetime:
    """The instant of an option; without a zone it is UTC; now, to the second, if left out. InputError for what is none."""
    if text is None:
        return now().replace(microsecond=0)
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is no instant", where=option, hint="write it as 2026-11-23T09:00:00Z") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
