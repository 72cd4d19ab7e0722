"""The one place where the time of day is read and waited for. Tests put a clock of their own in its place."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What time it is, and waiting until it is later."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed on this clock."""
        ...


class _Wall:
    """The machine's own."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


_clock: Clock = _Wall()


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return _clock.now()


def sleep(seconds: float) -> None:
    """Wait."""
    _clock.sleep(seconds)


@contextmanager
def running_on(clock: Clock) -> Iterator[None]:
    """Within, this process goes by another clock, all of its threads included."""
    global _clock  # noqa: PLW0603 - there is one time of day per process, and this is where it is kept
    before, _clock = _clock, clock
    try:
        yield
    finally:
        _clock = before
