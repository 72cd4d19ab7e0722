"""A clock that others set: waiting on it takes hardly any time. Tests and benchmarks go by it."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta


class SteeredClock:
    """Stands still but for those who wait on it, who find it later by at least `stride`; `on_sleep` sees each wait before it.

    `nap`: seconds that a wait takes at most by the wall's clock, for others who go by that one.
    """

    def __init__(
        self, at: datetime, *, stride: timedelta = timedelta(0), on_sleep: Callable[[datetime], object] | None = None, nap: float = 0.0
    ) -> None:
        self._at, self._stride, self._on_sleep, self._nap = at, stride, on_sleep, nap
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
        if self._nap:
            time.sleep(min(seconds, self._nap))

    def set(self, at: datetime) -> None:
        """Set it."""
        with self._lock:
            self._at = at
