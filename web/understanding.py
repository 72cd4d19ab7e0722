"""Understands in the background what webhooks brought: one thread, awake as long as anything waits."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from delivery.webhooks.reading import SLICE, Inbox, understand_waiting
from domain.errors import UnavailableError

_log = logging.getLogger(__name__)
_LOOKS_EVERY = 2.0  # seconds: another process may have kept posts and died
_GATHERS = 0.25  # seconds in which posts gather after the inbox was emptied: few large transactions instead of many small ones
_AFTER_A_FAULT = 5.0  # seconds


class Understanding:
    """The thread. What it cannot do now it does later: nothing is lost, the inbox waits."""

    def __init__(self, inbox: Inbox, clock: Callable[[], datetime]) -> None:
        self._inbox, self._clock = inbox, clock
        self._wake, self._ends = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="understanding", daemon=True)

    def start(self) -> None:
        """Start with what waits already."""
        self._thread.start()

    def wake(self) -> None:
        """Something was kept."""
        self._wake.set()

    def close(self) -> None:
        """Finish the transaction under way, then stop."""
        self._ends.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ends.is_set():
            self._wake.clear()
            pause = self._understood()
            if pause is None:
                self._wake.wait(_LOOKS_EVERY)
            elif pause:
                self._ends.wait(pause)

    def _understood(self) -> float | None:
        """Understand some; how many seconds to wait then, or None: until something comes."""
        try:
            stored = understand_waiting(self._inbox, self._clock)
            return None if stored is None else 0.0 if stored.new + stored.known >= SLICE else _GATHERS
        except UnavailableError as error:
            _log.warning("webhooks wait to be understood: %s", error)
        except Exception as error:  # nobody else would ever hear of it
            _log.error("webhooks cannot be understood: %s", type(error).__name__)
        return _AFTER_A_FAULT
