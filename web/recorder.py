"""Stores events without keeping the reader waiting: a moment for the usual case, in the background for the rest."""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from domain.event import ReceivedEvent
from web.parts import Events

_log = logging.getLogger(__name__)
_MOMENT = 0.5  # seconds that a reader waits for the database at most
_MOST_WAITING = 1_000  # events, while the database is slow; more are counted as lost


class Recorder:
    """Writes events in one background thread. `lost`: events that could not be stored; each is logged, without the reader."""

    def __init__(self, events: Events, *, moment: float = _MOMENT, most_waiting: int = _MOST_WAITING) -> None:
        self._events, self._moment, self._most = events, moment, most_waiting
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._lock = threading.Lock()
        self._waiting = 0
        self.lost = 0

    def record(self, event: ReceivedEvent) -> None:
        """Store an event, now if that takes a moment, else soon. Never raises."""
        with self._lock:
            full = self._waiting >= self._most
            self._waiting += not full
        if full:
            self.lose("too many are waiting for the database")
        else:
            wait([self._thread.submit(self._store, [event])], timeout=self._moment)

    def lose(self, why: str) -> None:
        """Count an event that cannot be stored."""
        with self._lock:
            self.lost += 1
        _log.warning("an event was not stored: %s", why)

    def close(self) -> None:
        """Store what is waiting, then stop."""
        self._thread.shutdown()

    def _store(self, events: Sequence[ReceivedEvent]) -> None:
        try:
            self._events.append(events)
        except Exception as error:  # whatever it is, the reader was already sent on
            self.lose(type(error).__name__)
        finally:
            with self._lock:
                self._waiting -= 1
