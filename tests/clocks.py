"""A clock that tests set: waiting on it takes no time."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta


class SteeredClock:
    """Stands still but for those who wait on it, who find it later by at least `stride`; `on_sleep` sees each wait before it."""

    def __init__(self, at: datetime, *, stride: timedelta = timedelta(0), on_sleep: Callable[[datetime], object] | None = None) -> None:
        self._at, self._stride, self._on_sleep = at, stride, on_sleep
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """What it shows."""
        with self._lock:
            return self._at

    def sleep(self, seconds: float) -> None:
        """Set it forward."""
        if self._on_sleep:
            self._on_sleep(self._at)
        with self._lock:
            self._at += max(timedelta(seconds=seconds), self._stride)

    def set(self, at: datetime) -> None:
        """Set it."""
        with self._lock:
            self._at = at
