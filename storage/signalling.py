"""Events of the site that are told to whoever reacts, once they are stored.

The streams are told after the commit and by best effort: the answer to an event never depends on them. While they are away what was
missed is remembered, as much as fits, and told when they are back; a process that ends before that takes it along. Such events are stored
all the same: the next refresh knows them, only the session did not.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence

from domain.errors import UnavailableError
from domain.signal import SessionRule, Signal, signals_of
from domain.site_event import RefusedEvent, SiteEvent, StoredEvents
from storage.signals import SignalStreams
from storage.site_events import SiteEvents

_log = logging.getLogger(__name__)

_REST = 1.0  # seconds for which streams that did not answer are left alone
MOST_MISSED = 50_000  # signals that are remembered while the streams are away
_AT_ONCE = 2_000


class SignallingEvents:
    """A store of events that tells signals of what it has stored. An event that was stored before is told of again: whoever sent it
    again may have done so because the first time ended in between."""

    def __init__(self, store: SiteEvents, streams: SignalStreams, rule: SessionRule, *, most: int = MOST_MISSED) -> None:
        self._store, self._streams, self._rule, self._most = store, streams, rule, most
        self._missed: deque[Signal] = deque(maxlen=most)
        self._lock = threading.Lock()
        self._resting_until = 0.0
        self.lost = 0

    def append(self, given: Sequence[SiteEvent], refused: Sequence[RefusedEvent] = ()) -> StoredEvents:
        """See `SiteEvents.append`."""
        stored = self._store.append(given, refused)
        self.tell(signals_of(given, stored.owners, self._rule))
        return stored

    def tell(self, signals: Sequence[Signal]) -> None:
        """Tell of these, and before them of what was missed. Never raises, and waits for the streams' budget at most."""
        with self._lock:
            self.lost += max(0, len(self._missed) + len(signals) - self._most)
            self._missed.extend(signals)
            if not self._missed or time.monotonic() < self._resting_until:
                return
            batch = [self._missed.popleft() for _ in range(min(len(self._missed), max(_AT_ONCE, len(signals))))]
        try:
            self._streams.add(batch)
        except UnavailableError as error:
            _log.warning("signals wait: %s", error)
            with self._lock:
                self._missed.extendleft(reversed(batch))
                self._resting_until = time.monotonic() + _REST
